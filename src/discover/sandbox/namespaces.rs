//! A user namespace and a table of mounts of the finder's own, in which a person without privilege may make mounts
//! (user_namespaces(7)).

use std::{
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    path::PathBuf,
};

use rustix::{
    fs::{CWD, Mode, OFlags, fstat, open, readlinkat},
    io::Errno,
};

use super::roots::{empty_root, is_directory};
use crate::{formats::text, storage::mounted::detached, sys::namespaces::own_user_and_mounts};

/// Enters them, and gives mounts of these directories that nothing leads out of. The root directory is empty from then on.
///
/// # Errors
/// The kernel's reason, most of all where it gives nobody such namespaces.
pub(super) fn in_own_namespaces(directories: &[OwnedFd]) -> Result<Vec<OwnedFd>, Errno> {
    let paths: Vec<Option<PathBuf>> =
        directories.iter().map(|directory| path(directory.as_fd())).collect::<Result<_, _>>()?;
    own_user_and_mounts()?;
    let mounts = directories.iter().zip(paths).map(|(directory, path)| match path {
        None => directory.try_clone().map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO)),
        Some(path) => {
            // The same directory in the new table of mounts: only those can be taken from there.
            let own = open(path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
            let (is, was) = (fstat(&own)?, fstat(directory)?);
            if (is.st_dev, is.st_ino) != (was.st_dev, was.st_ino) {
                return Err(Errno::STALE);
            }
            // With what is mounted below it: the kernel lets nobody here look beneath a mount.
            detached(own.as_fd(), true)
        }
    });
    let mounts = mounts.collect::<Result<_, _>>()?;
    empty_root()?;
    Ok(mounts)
}

/// The path of a directory as this process sees it; `None` of a device.
fn path(directory: BorrowedFd<'_>) -> Result<Option<PathBuf>, Errno> {
    if !is_directory(directory)? {
        return Ok(None);
    }
    let target = readlinkat(CWD, format!("/proc/self/fd/{}", directory.as_raw_fd()), Vec::new())?;
    Ok(Some(text::os_string(&text::decode(target.to_bytes())).into()))
}
