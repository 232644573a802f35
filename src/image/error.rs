//! Why a kernel could not be made of an entry's files.

use std::{env::consts::ARCH, io};

use super::{decompress::DecompressError, unwrap::DEPTH_LIMIT};
use crate::formats::kernel_file::fit::FitError;

/// Why an entry's files could not be prepared.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {reason}")]
pub struct PrepareError {
    /// Name of the file to blame.
    pub file: String,
    /// Why it cannot be used.
    pub reason: UnpackError,
}

impl PrepareError {
    /// Blames a file for what is wrong.
    pub(super) fn of<E: Into<UnpackError>>(file: &str) -> impl Fn(E) -> Self {
        move |reason| Self { file: file.to_owned(), reason: reason.into() }
    }
}

impl From<io::Error> for UnpackError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::OutOfMemory { Self::Memory(error) } else { Self::Read(error) }
    }
}

/// Why a file could not be unpacked.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// It cannot be read.
    #[error("cannot be read ({0}); check the disk and its cables")]
    Read(#[source] io::Error),
    /// There is no memory for its parts.
    #[error("{0}; give the machine more memory")]
    Memory(#[source] io::Error),
    /// With the files before it, it takes more memory than there is, in bytes.
    #[error("{} MiB of memory are needed up to this file, and {} MiB are free; give the machine more memory", .total >> 20, .free >> 20)]
    NoMemory {
        /// What is needed.
        total: u64,
        /// What is free.
        free: u64,
    },
    /// With what goes with it, it is longer than a kernel may be.
    #[error(
        "is {} MiB long; no kernel takes more than {} MiB with all that goes with it; install it again", .size >> 20, .limit >> 20
    )]
    TooLong {
        /// Its own length in bytes.
        size: u64,
        /// The maximum in bytes.
        limit: u64,
    },
    /// Two parts claim the same bytes.
    #[error("has parts that lie over each other; write the image anew")]
    Overlapping,
    /// Something is wrong with a file that goes with it.
    #[error("{0}, which goes with it, {1}")]
    Companion(String, #[source] Box<Self>),
    /// It is a unified kernel image without this profile.
    #[error("has no profile {0}; correct the boot configuration")]
    Profile(u32),
    /// It is for another machine.
    #[error("is for {0}, and this machine is {ARCH}; install the system's kernel for this machine")]
    Architecture(String),
    /// It is an image tree that names nothing that could be booted.
    #[error("{0}; write the image anew")]
    Fit(#[from] FitError),
    /// A part has changed since the file was made. Holds the check sum's name and the part's.
    #[error("the {0} in it is wrong; write the image anew")]
    CheckSum(String),
    /// Its content is not what whoever names it was made for.
    #[error(
        "has another content than what names it was made for (SHA-256); install the system's boot files again"
    )]
    Replaced,
    /// It holds initrds only.
    #[error("holds no kernel; correct the boot configuration")]
    NoKernel,
    /// It is compressed, and cannot be decompressed.
    #[error("cannot be unpacked: {0}; install the kernel again")]
    Decompress(#[from] DecompressError),
    /// A kernel is wrapped in a wrapping in a wrapping.
    #[error("cannot be unpacked: it is wrapped more than {DEPTH_LIMIT} times; install the kernel again")]
    TooDeep,
}
