//! Signs EFI programs for Secure Boot (UEFI 2.10, 32.2), by sbsigntool's own sbsign.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::BuildError;
use crate::error::read;

/// Who signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    /// The private key, PEM.
    pub key: PathBuf,
    /// Its certificate, PEM.
    pub certificate: PathBuf,
    /// The program sbsign.
    pub sbsign: PathBuf,
}

impl Signer {
    /// The signer with this key and certificate, if both are given: neither is of use alone.
    pub(crate) fn of(
        key: Option<PathBuf>,
        certificate: Option<PathBuf>,
    ) -> Result<Option<Self>, &'static str> {
        match (key, certificate) {
            (Some(key), Some(certificate)) => Ok(Some(Self { key, certificate, sbsign: "sbsign".into() })),
            (None, None) => Ok(None),
            _ => Err("--sign-key and --sign-cert go together"),
        }
    }

    /// A program with a signature.
    ///
    /// # Errors
    /// When sbsign is missing or fails.
    pub fn sign(&self, program: &[u8]) -> Result<Vec<u8>, BuildError> {
        let failed =
            |reason: String| BuildError::Program { program: self.sbsign.display().to_string(), reason };
        let scratch = tempfile::tempdir();
        let scratch = scratch.map_err(|error| BuildError::Write { path: std::env::temp_dir(), error })?;
        let [unsigned, signed] = ["unsigned", "signed"].map(|name| scratch.path().join(name));
        fs::write(&unsigned, program).map_err(|error| BuildError::Write { path: unsigned.clone(), error })?;
        let mut sbsign = Command::new(&self.sbsign);
        sbsign.arg("--key").arg(&self.key).arg("--cert").arg(&self.certificate);
        let done = sbsign.arg("--output").arg(&signed).arg(&unsigned).output();
        let done =
            done.map_err(|error| failed(format!("{error}; the package sbsigntool (sbsigntools) has it")))?;
        match done.status.success() {
            true => read(&signed),
            false => Err(failed(String::from_utf8_lossy(&done.stderr).trim().to_owned())),
        }
    }
}
