//! Roots that nothing leads out of: each volume's directory as a read-only mount that is attached nowhere (open_tree(2)), and an
//! empty root directory for the process (chroot(2)).
//!
//! A process that lacks the privilege for that gets it in a user namespace of its own, where the kernel gives it one.

use std::{
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    path::PathBuf,
};

use rustix::{
    fs::{
        AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags, StatVfsMountFlags, StatxFlags, fstat, fstatvfs,
        openat2, readlinkat, statx,
    },
    io::Errno,
    process::{chdir, chroot},
};

use crate::{formats::text, storage::mounted::detached, sys::namespaces::own_user_and_mounts};

/// A mount of a volume's directory that nothing leads out of, where it is none yet and this process may make one.
pub(super) fn apart(directory: BorrowedFd<'_>) -> Option<OwnedFd> {
    if is_apart(directory) { None } else { detached(directory, false).ok() }
}

/// Shuts the calling process, which has one thread only, in with these directories. Gives what to read them by, and what
/// could not be done.
pub(super) fn shut_in(directories: Vec<OwnedFd>) -> (Vec<OwnedFd>, Option<String>) {
    let mut missing = None;
    let mut roots = directories;
    if !roots.iter().all(|directory| is_apart(directory.as_fd())) || empty_root().is_err() {
        match in_own_namespaces(&roots) {
            Ok(mounts) => roots = mounts,
            Err(error) => {
                missing = Some(format!("it gets no namespaces of its own ({})", io::Error::from(error)));
                // Better than nothing.
                let _ = empty_root();
            }
        }
    }
    (roots, missing)
}

/// Makes a directory without anything in it the root, so that no absolute path leads anywhere.
fn empty_root() -> Result<(), Errno> {
    chroot("/proc/self/fdinfo")?;
    chdir("/")
}

fn in_own_namespaces(directories: &[OwnedFd]) -> Result<Vec<OwnedFd>, Errno> {
    let paths: Vec<Option<PathBuf>> =
        directories.iter().map(|directory| path(directory.as_fd())).collect::<Result<_, _>>()?;
    own_user_and_mounts()?;
    let mounts = directories.iter().zip(paths).map(|(directory, path)| match path {
        None => directory.try_clone().map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO)),
        Some(path) => {
            // The same directory in the new table of mounts: only those can be taken from there.
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let own = openat2(CWD, path, flags, Mode::empty(), ResolveFlags::empty())?;
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

fn is_directory(directory: BorrowedFd<'_>) -> Result<bool, Errno> {
    Ok(FileType::from_raw_mode(fstat(directory)?.st_mode) == FileType::Directory)
}

/// Whether nothing leads out of the directory and nothing can be written beneath it. A device leads nowhere, and its handle
/// is for reading.
fn is_apart(directory: BorrowedFd<'_>) -> bool {
    let apart = || {
        if !is_directory(directory)? {
            return Ok::<bool, Errno>(true);
        }
        let parent =
            openat2(directory, "..", OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), ResolveFlags::empty())?;
        let identity = |directory| {
            let status = statx(directory, "", AtFlags::EMPTY_PATH, StatxFlags::INO | StatxFlags::MNT_ID)?;
            Ok::<_, Errno>((status.stx_dev_major, status.stx_dev_minor, status.stx_ino, status.stx_mnt_id))
        };
        let is_own_parent = identity(directory)? == identity(parent.as_fd())?;
        Ok(is_own_parent && fstatvfs(directory)?.f_flag.contains(StatVfsMountFlags::RDONLY))
    };
    apart().unwrap_or(false)
}
