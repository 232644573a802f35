//! Why nothing was installed, and what to do.

use std::io;

/// Why nothing was installed.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// The system is such that it would be a risk; nothing was changed.
    #[error("{0}")]
    Refused(String),
    /// A step failed; what had been done is taken back.
    #[error("{step}: {error}")]
    Step {
        /// What was to be done.
        step: String,
        /// The kernel's reason, with what helps.
        error: String,
    },
    /// A file cannot be read.
    #[error("{path}: {error}")]
    Read {
        /// The file.
        path: String,
        /// The kernel's reason.
        error: io::Error,
    },
    /// The image cannot be built.
    #[error("{0}")]
    Build(#[from] initramfs::BuildError),
}

/// Refuses, with the reason.
pub(crate) fn refuse<T>(reason: impl Into<String>) -> Result<T, InstallError> {
    Err(InstallError::Refused(reason.into()))
}
