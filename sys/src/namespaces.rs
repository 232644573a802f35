//! Namespaces of one's own: unshare(2), user_namespaces(7), mount_namespaces(7).
#![expect(unsafe_code, reason = "rustix marks all of unshare(2) as unsafe")]

use rustix::{
    io::Errno,
    thread::{UnshareFlags, unshare_unsafe},
};

/// Gives the calling thread a table of mounts of its own, and its own root and working directory.
///
/// # Errors
/// `EPERM` without CAP_SYS_ADMIN.
pub fn own_mounts() -> Result<(), Errno> {
    // SAFETY: only the flag FILES could take descriptors away from another thread.
    unsafe { unshare_unsafe(UnshareFlags::NEWNS) }
}

/// As [`own_mounts`], in a user namespace of its own, where the process has every capability over them and none over
/// anything else. The process must have one thread only, and the root directory that it was born with.
///
/// # Errors
/// The kernel's reason: `EPERM` or `ENOSPC` where it gives such namespaces to nobody.
pub fn own_user_and_mounts() -> Result<(), Errno> {
    // SAFETY: as above.
    unsafe { unshare_unsafe(UnshareFlags::NEWUSER | UnshareFlags::NEWNS) }
}
