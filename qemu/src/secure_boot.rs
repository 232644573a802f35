//! Secure Boot in machines (UEFI 2.10, 32): OVMF's variables with keys in them, and what is signed with these keys.
//!
//! One key of this machine's own ([`kernel::test_key`]) is the platform's key, the one for keys (KEK), and one for programs (db).

use std::fs;
use std::path::{Path, PathBuf};

use goblin::pe::PE;
use initramfs::Signer;

use crate::error::{Context, Error};
use crate::machine::OVMF_VARIABLES;
use crate::roots::Root;
use crate::{Result, kernel, oracles, pinned, place, tool};

/// Whose keys these are: a GUID made up for them.
const OWNER: &str = "f1257116-5470-4000-8000-00000000005b";

/// The section of shim with its vendor's certificate, after four numbers (shim's cert.S).
const VENDOR: &str = ".vendor_cert";

/// Who signs programs that these machines' firmware starts.
///
/// # Errors
/// When sbsign cannot be had, or the key not be made.
pub fn signer() -> Result<Signer> {
    let (key, certificate) = kernel::test_key()?;
    Ok(Signer { key, certificate, sbsign: program(&oracles::UKIFY.root()?, "sbsign")? })
}

/// A program of sbsigntool, as the path of a file.
fn program(root: &Root, name: &str) -> Result<PathBuf> {
    let shared = [place::target(), place::cache("")?, std::env::temp_dir()];
    pinned::script(&root.command(&shared.each_ref().map(PathBuf::as_path), name), name)
}

/// A program without its signature.
///
/// # Errors
/// When sbattach fails, as it does where there is none.
pub fn unsigned(signed: &Path, name: &str) -> Result<Vec<u8>> {
    let copy = place::directory("disks")?.join(format!("{name}.unsigned"));
    fs::copy(signed, &copy).context(|| format!("copying {}", signed.display()))?;
    let sbattach = program(&oracles::UKIFY.root()?, "sbattach")?;
    tool::finish(std::process::Command::new(sbattach).arg("--remove").arg(&copy))?;
    fs::read(&copy).context(|| format!("reading {}", copy.display()))
}

/// The certificate with which Debian signs its kernels, as X.509 in DER.
///
/// # Errors
/// When shim cannot be had, or has none.
pub fn debian_certificate() -> Result<Vec<u8>> {
    let path = oracles::SHIM.root()?.file("/usr/lib/shim/shimx64.efi")?;
    let bytes = fs::read(&path).context(|| format!("reading {}", path.display()))?;
    vendor(&bytes).ok_or_else(|| Error::Other(format!("{}: no certificate", path.display())))
}

fn vendor(shim: &[u8]) -> Option<Vec<u8>> {
    let pe = PE::parse(shim).ok()?;
    let section = pe.sections.iter().find(|section| section.name().is_ok_and(|name| name == VENDOR))?;
    let start = usize::try_from(section.pointer_to_raw_data).ok()?;
    let content = shim.get(start..)?;
    // The length of what it trusts, that of what it forbids, and where both begin.
    let number = |at: usize| {
        let bytes = content.get(at..at.checked_add(4)?)?.try_into().ok()?;
        usize::try_from(u32::from_le_bytes(bytes)).ok()
    };
    let (length, offset) = (number(0)?, number(8)?);
    Some(content.get(offset..offset.checked_add(length)?)?.to_vec())
}

/// A file for [`crate::machine::Machine::variables`] in which Secure Boot is on and these certificates are in db beside the
/// key's own, each X.509 in DER. What was there is replaced.
///
/// # Errors
/// When virt-fw-vars cannot be had, or fails.
pub fn variables(name: &str, certificates: &[Vec<u8>]) -> Result<PathBuf> {
    let (_, own) = kernel::test_key()?;
    let directory = place::directory("machines")?;
    let path = directory.join(format!("{name}.variables"));
    let shared = [place::target(), place::cache("")?];
    let root = oracles::VIRT_FIRMWARE.root()?;
    let mut virt_fw_vars = root.command(&shared.each_ref().map(PathBuf::as_path), "virt-fw-vars");
    virt_fw_vars.arg("--input").arg(pinned::disks()?.file(OVMF_VARIABLES)?).arg("--output").arg(&path);
    for option in ["--set-pk", "--add-kek", "--add-db"] {
        virt_fw_vars.args([option, OWNER]).arg(&own);
    }
    for (number, certificate) in certificates.iter().enumerate() {
        let der = directory.join(format!("{name}.{number}.der"));
        fs::write(&der, certificate).context(|| format!("writing {}", der.display()))?;
        let text = pinned::tests()?.run("base64", [&der])?;
        let pem = der.with_extension("pem");
        fs::write(&pem, format!("-----BEGIN CERTIFICATE-----\n{text}-----END CERTIFICATE-----\n"))
            .context(|| format!("writing {}", pem.display()))?;
        virt_fw_vars.args(["--add-db", OWNER]).arg(&pem);
    }
    tool::finish(virt_fw_vars.arg("--sb"))?;
    Ok(path)
}
