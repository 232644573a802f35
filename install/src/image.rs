//! What is installed, as bytes: one EFI program, or a kernel and an initramfs.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use firstlight::formats::bytes::{le32, slice};
use firstlight::formats::compression::Compression as Format;
use firstlight::image::decompress::decompress;
use initramfs::modules::Source;
use initramfs::{Compression, Recipe, Signer, UkiRecipe, build, build_uki, default_stub};

use crate::InstallError;
use crate::arguments::Options;
use crate::enrolled::{Key, pem};
use crate::error::refuse;
use crate::facts::{Facts, Kernel};
use crate::system::System;

/// firstlight's program for images, where packages have it.
const INIT: &str = "/usr/lib/firstlight/init";

/// The stub of unified kernel images, where packages have it.
const STUB: &str = "/usr/lib/firstlight/stub.efi";

/// The settings of the running system go along.
const CONFIG: &str = "/etc/firstlight.conf";

/// The line of firstlight's in `.sbat` (shim's SBAT.md): the generation goes up when an older one must not start any more.
const SBAT: &str = concat!("firstlight,1,firstlight,firstlight,", env!("CARGO_PKG_VERSION"), ",-\n");

/// No kernel is larger than this when it is unpacked, in bytes.
const KERNEL_LIMIT: u64 = 256 << 20;

/// A kernel and what it starts with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    /// Release of the kernel, or the name of its file.
    pub release: String,
    /// The kernel's file.
    pub kernel: PathBuf,
    /// The initramfs.
    pub initramfs: Vec<u8>,
    /// The kernel's command line.
    pub cmdline: String,
}

/// Builds the initramfs for a firmware kernel, or for the distribution's.
///
/// # Errors
/// A file is missing; there is no kernel.
pub fn parts(system: &System, facts: &Facts, options: &Options, newest: bool) -> Result<Parts, InstallError> {
    let (kernel, release, modules) = match &options.kernel {
        Some(file) => (file.clone(), name(file), None),
        None => {
            let Kernel { release, file, modules } = chosen(facts, newest)?;
            let groups = None;
            let machine = Some(facts.requests.clone());
            let source = Source { directory: modules, version: release.clone(), groups, machine };
            (file, release, Some(source))
        }
    };
    let binary = options.init.clone().unwrap_or_else(|| system.path(INIT));
    if !binary.is_file() {
        return refuse(format!(
            "{}: missing: it is firstlight's program for images; scripts/install.sh and the package install it, and --init names \
             another",
            binary.display()
        ));
    }
    let config = options.config.clone().or_else(|| Some(system.path(CONFIG)).filter(|path| path.is_file()));
    let read = |path: PathBuf| {
        fs::read_to_string(&path)
            .map_err(|error| InstallError::Read { path: path.display().to_string(), error })
    };
    let config = config.map(read).transpose()?;
    let recipe = Recipe { binary, config, modules, compression: Compression::Zstd, ..Recipe::default() };
    let words = facts.consoles.iter().cloned().chain(["quiet".to_owned()]).chain(options.cmdline.clone());
    let cmdline = words.collect::<Vec<_>>().join(" ");
    Ok(Parts { release, kernel, initramfs: build(&recipe)?.bytes, cmdline })
}

/// The kernel that runs is known to boot this machine; an update is about a newer one.
fn chosen(facts: &Facts, newest: bool) -> Result<Kernel, InstallError> {
    let running = facts.kernels.iter().find(|kernel| Some(&kernel.release) == facts.running.as_ref());
    match running.filter(|_| !newest).or_else(|| facts.kernels.first()) {
        Some(kernel) => Ok(kernel.clone()),
        None => {
            refuse("no kernel of this system with modules was found; name a firmware kernel with --kernel")
        }
    }
}

fn name(file: &Path) -> String {
    file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// One EFI program of these parts, signed where there is a key.
///
/// # Errors
/// The stub is missing, the kernel is none for EFI, or it cannot be signed.
pub fn uki(
    system: &System,
    options: &Options,
    parts: &Parts,
    key: Option<&Key>,
) -> Result<Vec<u8>, InstallError> {
    // bootctl knows firstlight behind its own stub only; where that is not installed, systemd's starts the kernel as well.
    let own = Some(system.path(STUB)).filter(|path| path.is_file());
    let stub = match options.stub.clone().or(own) {
        Some(stub) => stub,
        None => system.path(default_stub(&parts.kernel)?),
    };
    if !stub.is_file() {
        return refuse(format!(
            "{}: missing: firstlight's own stub is installed by scripts/install.sh and the package as {STUB}, and systemd's by \
             systemd-boot-efi (Debian, Ubuntu), systemd-boot-unsigned (Fedora) or systemd (Arch); or name one with --stub",
            stub.display()
        ));
    }
    let io = |error: std::io::Error| InstallError::Read { path: "a temporary directory".into(), error };
    let scratch = tempfile::tempdir().map_err(io)?;
    let initramfs = scratch.path().join("initramfs");
    fs::write(&initramfs, &parts.initramfs).map_err(io)?;
    let sbat = scratch.path().join("sbat");
    fs::write(&sbat, SBAT).map_err(io)?;
    let recipe = UkiRecipe {
        stub,
        kernel: parts.kernel.clone(),
        initramfs,
        cmdline: parts.cmdline.clone(),
        os_release: None,
        uname: None,
        sections: vec![(".sbat".into(), sbat)],
    };
    let image = build_uki(&recipe)?;
    let Some(key) = key else { return Ok(image) };
    let certificate = scratch.path().join("certificate.pem");
    fs::write(&certificate, pem(&key.der)).map_err(io)?;
    let signer = Signer { key: key.key.clone(), certificate, sbsign: "sbsign".into() };
    Ok(signer.sign(&image)?)
}

/// Whether a kernel itself starts only signed kernels, by the configuration that it carries (kernel/configs.c): one that carries
/// none, as distributions' kernels do, depends on lockdown, which the image's command line does not set.
#[must_use]
pub fn enforces_signatures(kernel: &[u8]) -> bool {
    const BEGIN: &[u8] = b"IKCFG_ST";
    let enforces = || {
        // Documentation/arch/x86/boot.rst: setup_sects, payload_offset, payload_length.
        let setup = usize::from(*kernel.get(0x1f1)?).checked_add(1)?.checked_mul(512)?;
        let start = setup.checked_add(usize::try_from(le32(kernel, 0x248)?).ok()?)?;
        let payload = slice(kernel, start, usize::try_from(le32(kernel, 0x24c)?).ok()?)?;
        let format = Format::recognise(payload)?;
        let mut plain = Vec::new();
        // After the compressed bytes is their unpacked size: what was unpacked until then counts.
        let _ = decompress(format, payload, &mut plain, KERNEL_LIMIT);
        let at = plain.windows(BEGIN.len()).position(|piece| piece == BEGIN)?.checked_add(BEGIN.len())?;
        let mut config = Vec::new();
        let _ = decompress(Format::Gzip, plain.get(at..)?.take(1 << 20), &mut config, KERNEL_LIMIT);
        let config = String::from_utf8_lossy(&config).into_owned();
        Some(config.lines().any(|line| line == "CONFIG_KEXEC_SIG_FORCE=y"))
    };
    enforces().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A bzImage whose payload carries a configuration, laid out by Documentation/arch/x86/boot.rst.
    fn kernel(config: &str) -> Vec<u8> {
        let packed = |bytes: &[u8]| {
            let mut gzip = std::process::Command::new("gzip");
            let directory = tempfile::tempdir().unwrap();
            let file = directory.path().join("plain");
            fs::write(&file, bytes).unwrap();
            gzip.arg("-c").arg(&file).output().unwrap().stdout
        };
        let payload =
            packed(&[b"kernel IKCFG_ST", &packed(config.as_bytes())[..], b"IKCFG_ED more"].concat());
        let mut head = vec![0; 0x400];
        head[0x1f1] = 1;
        head[0x248..0x24c].copy_from_slice(&8_u32.to_le_bytes());
        head[0x24c..0x250].copy_from_slice(&u32::try_from(payload.len()).unwrap().to_le_bytes());
        [head, vec![0x90; 8], payload, vec![0; 100]].concat()
    }

    #[test]
    fn a_kernel_says_itself_whether_it_enforces_signatures() {
        assert!(enforces_signatures(&kernel("CONFIG_KEXEC=y\nCONFIG_KEXEC_SIG_FORCE=y\n")));
        assert!(!enforces_signatures(&kernel("CONFIG_KEXEC=y\n# CONFIG_KEXEC_SIG_FORCE is not set\n")));
        let whole = kernel("CONFIG_KEXEC_SIG_FORCE=y\n");
        for length in [0, 0x1f2, 0x24f, 0x408, 0x420] {
            assert!(!enforces_signatures(&whole[..length]));
        }
    }
}
