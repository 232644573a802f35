//! Why an image could not be built, and what to do about it.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Why an image could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A file could not be read.
    #[error("{}: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The kernel's reason.
        error: io::Error,
    },
    /// A file could not be written, or the image not compressed.
    #[error("{}: cannot write: {error}", path.display())]
    Write {
        /// The image.
        path: PathBuf,
        /// The kernel's reason.
        error: io::Error,
    },
    /// A file is not what it should be.
    #[error("{}: {reason}", path.display())]
    Unfit {
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// A program that is needed failed or is missing.
    #[error("{program}: {reason}")]
    Program {
        /// The program.
        program: String,
        /// Why, and what to do.
        reason: String,
    },
    /// A module file is damaged or in an unknown compression.
    #[error("{}: cannot decompress: {reason}", path.display())]
    Decompress {
        /// The module.
        path: PathBuf,
        /// The problem.
        reason: String,
    },
    /// There is no module tree of that version.
    #[error("no modules of a kernel {version} below {}: there are {}", directory.display(), list(found))]
    NoModules {
        /// Where they were looked for.
        directory: PathBuf,
        /// The version asked for, or a description of it.
        version: String,
        /// Versions that are there.
        found: Vec<String>,
    },
    /// depmod has not run on the module tree.
    #[error("{}: missing: run `depmod -b BASE VERSION` on the tree that the modules were unpacked to", path.display())]
    NoDependencies {
        /// The modules.dep that should be there.
        path: PathBuf,
    },
    /// There is no such group of modules.
    #[error("no group of modules `{0}`: `initramfs --help-groups` lists them")]
    NoGroup(String),
    /// A path of the image would be below something that is no directory, or is not a plain path.
    #[error("/{path}: {reason}")]
    Path {
        /// The path in the image.
        path: String,
        /// The reason.
        reason: &'static str,
    },
    /// A file is too large for the archive format.
    #[error("/{path}: {size} bytes: a newc archive holds files up to 4 GiB")]
    TooLarge {
        /// The path in the image.
        path: String,
        /// Its size in bytes.
        size: usize,
    },
    /// The firstlight binary could not be built.
    #[error("cannot build the firstlight binary: {0}")]
    Binary(String),
}

impl BuildError {
    /// A file is not what it should be, for this reason.
    pub(crate) fn unfit(path: &Path, reason: impl Into<String>) -> Self {
        Self::Unfit { path: path.to_owned(), reason: reason.into() }
    }
}

/// Reads a whole file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, BuildError> {
    fs::read(path).map_err(|error| BuildError::Read { path: path.to_owned(), error })
}

fn list(versions: &[String]) -> String {
    if versions.is_empty() { "none".to_owned() } else { versions.join(", ") }
}
