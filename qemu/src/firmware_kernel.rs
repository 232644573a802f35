//! The kernel below firstlight with its drivers built in, for benchmarks and tests: Debian's source of Linux 6.12 with what
//! `qemu/kernel/*.config` says on top of `make allnoconfig`.
//!
//! It is built once in an unpacked Debian root ([`crate::roots`]) with that release's own compiler, and kept for all
//! checkouts of this machine by the hash of its configuration and the version of its source: some seven minutes on two
//! processors. The variant that enforces signatures costs one of them, since it is made of the same objects.

use std::fs;
use std::path::{Path, PathBuf};

use crate::cache::{self, Recipe};
use crate::error::{Context, Error};
use crate::roots::Root;
use crate::{Result, tool};

const SUITE: &str = "trixie";

/// The source first: its version is the kernel's. Essential packages are in no root by themselves.
const PACKAGES: &[&str] = &[
    "linux-source-6.12",
    "gcc",
    "libc6-dev",
    "make",
    "flex",
    "bison",
    "bc",
    "libelf-dev",
    "libssl-dev",
    "openssl",
    "perl",
    "mawk",
    "zstd",
    "xz-utils",
    "cpio",
    "bash",
    "coreutils",
    "dash",
    "diffutils",
    "findutils",
    "grep",
    "gzip",
    "sed",
    "tar",
];

const FIRMWARE: &str = include_str!("../kernel/firmware.config");
const ENFORCING: &str = include_str!("../kernel/enforcing.config");

/// The kernel's notes about its own build, which would differ each time.
const ORIGIN: [(&str, &str); 3] = [
    ("KBUILD_BUILD_TIMESTAMP", "1970-01-01"),
    ("KBUILD_BUILD_USER", "firstlight"),
    ("KBUILD_BUILD_HOST", "firstlight"),
];

/// Where `enforcing.config` has the certificate, below the directory that is built in.
const CERTIFICATE: &str = "certs/trusted.pem";

/// A built kernel and its variants.
#[derive(Clone, Debug)]
pub struct FirmwareKernel(PathBuf);

impl FirmwareKernel {
    /// The kernel of these configurations, built now if it is not there.
    ///
    /// # Errors
    /// When the root cannot be had, a line of a configuration is not taken (the error names it), or a program fails.
    pub fn build() -> Result<Self> {
        let root = Root::unpack(SUITE, PACKAGES)?;
        let source = PACKAGES.first().copied().unwrap_or_default();
        let version =
            root.version(source).ok_or_else(|| Error::Other(format!("{SUITE}: no version of {source}")))?;
        let origin = format!("{ORIGIN:?}");
        let recipe = Recipe::new(&version).and(FIRMWARE).and(ENFORCING).and(origin);
        let name = format!("linux-{version}");
        cache::kept("kernels", &name, &recipe, |directory| make(&root, directory)).map(Self)
    }

    /// The kernel itself, a bzImage for x86_64.
    #[must_use]
    pub fn kernel(&self) -> PathBuf {
        self.0.join("bzImage")
    }

    /// The same, but its `kexec_file_load` takes only what is signed with [`Self::key`].
    #[must_use]
    pub fn enforcing(&self) -> PathBuf {
        self.0.join("bzImage-enforcing")
    }

    /// The private key whose certificate is built into [`Self::enforcing`], RSA in PEM without a password.
    #[must_use]
    pub fn key(&self) -> PathBuf {
        self.0.join("trusted.key")
    }

    /// That certificate, X.509 in PEM.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.0.join("trusted.pem")
    }
}

fn make(root: &Root, directory: &Path) -> Result<()> {
    let (source, build) = (directory.join("source"), directory.join("build"));
    for path in [&source, &build.join("certs")] {
        fs::create_dir_all(path).context(|| format!("making {}", path.display()))?;
    }
    let shared = &[directory];
    let archive = "/usr/src/linux-source-6.12.tar.xz";
    let mut tar = root.command(shared, "tar");
    tool::finish(tar.args(["--strip-components=1", "-xf", archive, "-C"]).arg(&source))?;

    let certificate = build.join(CERTIFICATE);
    let mut openssl = root.command(shared, "openssl");
    openssl.args(["req", "-new", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "36500"]);
    openssl.args(["-subj", "/CN=firstlight test", "-keyout"]).arg(directory.join("trusted.key"));
    tool::finish(openssl.arg("-out").arg(&certificate))?;
    copy(&certificate, &directory.join("trusted.pem"))?;

    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    let both = format!("{FIRMWARE}\n{ENFORCING}");
    for (name, fragment) in [("bzImage", FIRMWARE), ("bzImage-enforcing", &both)] {
        let fragment_file = directory.join("fragment");
        fs::write(&fragment_file, fragment).context(|| format!("writing {}", fragment_file.display()))?;
        let kbuild = || {
            let mut make = root.command(shared, "make");
            make.arg("-s").arg("-C").arg(&source).arg(format!("O={}", build.display())).arg("ARCH=x86_64");
            make.envs(ORIGIN).env("KCONFIG_ALLCONFIG", &fragment_file);
            make
        };
        tool::finish(kbuild().arg("allnoconfig"))?;
        let config = build.join(".config");
        let config = fs::read_to_string(&config).context(|| format!("reading {}", config.display()))?;
        all_taken(fragment, &config)?;
        let what = format!("building the firmware kernel ({name}), minutes, once");
        tool::finish_logged(kbuild().arg(format!("-j{jobs}")).arg("bzImage"), "firmware-kernel", &what)?;
        copy(&build.join("arch/x86/boot/bzImage"), &directory.join(name))?;
        fs::remove_file(&fragment_file).context(|| format!("removing {}", fragment_file.display()))?;
    }
    [source, build]
        .iter()
        .try_for_each(|path| fs::remove_dir_all(path).context(|| format!("removing {}", path.display())))
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).map(drop).context(|| format!("copying {} to {}", from.display(), to.display()))
}

/// Whether every line of a fragment is so in the kernel's configuration. Kconfig itself is silent about an option that does
/// not exist, or that something else keeps from being set.
fn all_taken(fragment: &str, config: &str) -> Result<()> {
    let unset = |line: &str| Some(line.strip_prefix("# ")?.strip_suffix(" is not set")?.to_owned() + "=");
    let is_taken = |line: &str| match unset(line) {
        // An option that cannot be set at all is not in the configuration.
        Some(option) => !config.lines().any(|other| other.starts_with(&option)),
        None => config.lines().any(|other| other == line),
    };
    let settings = fragment.lines().map(str::trim_end);
    let settings = settings.filter(|line| line.starts_with("CONFIG_") || unset(line).is_some());
    let lost: Vec<&str> = settings.filter(|line| !is_taken(line)).collect();
    if lost.is_empty() {
        return Ok(());
    }
    Err(Error::Other(format!(
        "the firmware kernel's configuration does not take these lines of qemu/kernel: {}; see what they depend on in \
         the kernel's Kconfig files",
        lost.join(", ")
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a .config that Linux 6.12 wrote.
    const CONFIG: &str = "\
CONFIG_CC_VERSION_TEXT=\"gcc (Debian 14.2.0-19) 14.2.0\"
CONFIG_LOCALVERSION=\"-firstlight\"
# CONFIG_LOCALVERSION_AUTO is not set
CONFIG_USB_HID=y
CONFIG_USB_HIDDEV=y
# CONFIG_SMP is not set
";

    #[test]
    fn a_line_that_is_not_taken_is_named() {
        let fragment = "\
# A sentence about what is not set
CONFIG_LOCALVERSION=\"-firstlight\"
# CONFIG_SMP is not set
# CONFIG_MODULES is not set
CONFIG_USB_HID=y
";
        all_taken(fragment, CONFIG).unwrap();
        for (line, named) in [
            ("CONFIG_HID=y", "CONFIG_HID=y"),
            ("CONFIG_SMP=y", "CONFIG_SMP=y"),
            ("CONFIG_LOCALVERSION=\"-first\"", "CONFIG_LOCALVERSION=\"-first\""),
            ("# CONFIG_USB_HID is not set", "# CONFIG_USB_HID is not set"),
            ("CONFIG_A=y\nCONFIG_USB_HID=y\nCONFIG_B=y", "CONFIG_A=y, CONFIG_B=y"),
        ] {
            let error = all_taken(&format!("{fragment}{line}\n"), CONFIG).unwrap_err().to_string();
            assert!(error.contains(&format!("qemu/kernel: {named};")), "{line}: {error}");
        }
    }

    #[test]
    fn no_option_is_twice_in_a_fragment() {
        let options = |text: &str| -> Vec<String> {
            let words = text.lines().filter(|line| !line.contains(". ") && line.contains("CONFIG_"));
            words
                .filter_map(|line| line.split(['=', ' ']).find(|it| it.starts_with("CONFIG_")))
                .map(str::to_owned)
                .collect()
        };
        let mut all = options(FIRMWARE);
        all.extend(options(ENFORCING));
        let count = all.len();
        all.sort();
        all.dedup();
        assert!(count > 150 && all.len() == count, "{count} lines, {} options", all.len());
    }
}
