//! Roots that nothing leads out of: each volume's directory as a read-only mount that is attached nowhere (open_tree(2)), and an
//! empty root directory for the process (chroot(2)).
//!
//! A process that lacks the privilege for that gets it in a user namespace of its own ([`super::namespaces`]), where the kernel
//! gives it one.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use rustix::{
    fs::{
        AtFlags, FileType, Mode, OFlags, ResolveFlags, StatVfsMountFlags, StatxFlags, fstat, fstatvfs,
        openat2, statx,
    },
    io::Errno,
    process::{chdir, chroot},
};

#[cfg(feature = "running-system")]
use super::namespaces::in_own_namespaces;
use crate::storage::mounted::detached;

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
pub(super) fn empty_root() -> Result<(), Errno> {
    chroot("/proc/self/fdinfo")?;
    chdir("/")
}

/// An image's finder is root's, and needs none.
#[cfg(not(feature = "running-system"))]
fn in_own_namespaces(_: &[OwnedFd]) -> Result<Vec<OwnedFd>, Errno> {
    Err(Errno::NOSYS)
}

pub(super) fn is_directory(directory: BorrowedFd<'_>) -> Result<bool, Errno> {
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
