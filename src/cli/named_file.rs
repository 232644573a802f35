//! Files that a person names on the command line, by paths of any bytes.

use std::{fs::File, io, os::unix::fs::FileTypeExt, path::PathBuf, time::Duration};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{FsWord, fstatfs},
};

use crate::{
    formats::text::{os_string, printable},
    image::{NamedFile, read_into_memory},
    kexec::reason,
    sys::files,
};

/// Maximum time until the first byte comes out of a fifo.
const PATIENCE: Duration = Duration::from_secs(3);

/// The kernel's number for the file system of pipes without a name (PIPEFS_MAGIC, include/uapi/linux/magic.h).
const PIPEFS: FsWord = 0x5049_5045;

/// Why a named file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum NamedFileError {
    /// It cannot be opened.
    #[error("{name}: {error}; {remedy}", name = printable(.0), error = .1, remedy = reason::remedy_for_file(.1))]
    Open(String, io::Error),
    /// It is opened, and cannot be read.
    #[error("{name}: {error}; {remedy}", name = printable(.0), error = .1, remedy = reason::remedy_for_file(.1))]
    Read(String, io::Error),
    /// There is nothing in it.
    #[error("{}: the file is empty; name a kernel's file", printable(.0))]
    Empty(String),
    /// The name itself is empty.
    #[error("the name of a file is empty; is a variable unset?")]
    NoName,
    /// There is no such file, but its name is several names.
    #[error("{}: no file has this name, but {} is one; {}", printable(.0), printable(.1), .2)]
    Several(String, String, &'static str),
    /// Nobody writes to a pipe that is a file.
    #[error("{}: nothing came out of this pipe within {} s; name a file, or start its writer first", printable(.0), PATIENCE.as_secs())]
    Silent(String),
    /// A pipe gives more than may be held in memory.
    #[error("{}: more than {} MiB came out of it, half of the memory; give the machine more, or make it smaller", printable(.0), .1 >> 20)]
    TooLarge(String, u64),
}

/// Opens a file; its name is text as in [`crate::formats::text`]. A file that is not a regular one (a pipe, as
/// `<(…)` and /dev/stdin are, or a partition) is read into memory, where it can be read more than once.
///
/// `several` says what to do where the name turns out to be the names of several files.
///
/// # Errors
/// [`NamedFileError`] names the file, the reason and the remedy.
pub(super) fn open(name: &str, several: &'static str) -> Result<NamedFile, NamedFileError> {
    let file = readable(name, several)?;
    let unreadable = |error| NamedFileError::Read(name.to_owned(), error);
    let file = if file.metadata().map_err(unreadable)?.is_file() {
        file
    } else {
        let limit = reason::memory() / 2;
        read_into_memory(&file, limit)
            .map_err(unreadable)?
            .ok_or_else(|| NamedFileError::TooLarge(name.to_owned(), limit))?
    };
    Ok(NamedFile { name: name.to_owned(), file })
}

/// Opens a file for reading, whatever it is but a directory. A fifo that nobody writes to is waited for no longer than a writer
/// needs that is started beside it.
///
/// # Errors
/// [`NamedFileError`] names the file, the reason and the remedy.
pub(super) fn readable(name: &str, several: &'static str) -> Result<File, NamedFileError> {
    if name.is_empty() {
        return Err(NamedFileError::NoName);
    }
    let file = files::open_at_once(&PathBuf::from(os_string(name))).map_err(|error| {
        let exists = |part: &&str| PathBuf::from(os_string(part)).exists();
        let mut parts = name.split([' ', ',']).filter(|part| *part != name);
        match parts.find(|part| !part.is_empty()).filter(exists) {
            Some(part) => NamedFileError::Several(name.to_owned(), part.to_owned(), several),
            None => NamedFileError::Open(name.to_owned(), error),
        }
    })?;
    let unreadable = |error| NamedFileError::Read(name.to_owned(), error);
    let kind = file.metadata().map_err(unreadable)?.file_type();
    if kind.is_dir() {
        return Err(unreadable(io::ErrorKind::IsADirectory.into()));
    }
    if kind.is_fifo() {
        if is_silent(&file).map_err(|error| unreadable(error.into()))? {
            return Err(NamedFileError::Silent(name.to_owned()));
        }
        rustix::io::ioctl_fionbio(&file, false).map_err(|error| unreadable(error.into()))?;
    }
    Ok(file)
}

/// Whether nothing comes out of a fifo. A pipe without a name has a writer, or had one, and ends with it.
fn is_silent(fifo: &File) -> rustix::io::Result<bool> {
    if fstatfs(fifo)?.f_type == PIPEFS {
        return Ok(false);
    }
    let patience = Timespec::try_from(PATIENCE).ok();
    Ok(poll(&mut [PollFd::new(fifo, PollFlags::IN)], patience.as_ref())? == 0)
}

/// As [`open`], for what must hold something.
///
/// # Errors
/// [`NamedFileError`] names the file, the reason and the remedy.
pub(super) fn open_filled(name: &str, several: &'static str) -> Result<NamedFile, NamedFileError> {
    let image = open(name, several)?;
    match image.file.metadata() {
        Ok(metadata) if metadata.len() == 0 => Err(NamedFileError::Empty(name.to_owned())),
        _ => Ok(image),
    }
}
