//! Descriptors that a process was started with, under numbers agreed on beforehand.
#![expect(unsafe_code, reason = "the number alone says that a descriptor is ours")]

use std::{
    io,
    os::fd::{FromRawFd, OwnedFd, RawFd},
    sync::atomic::{AtomicBool, Ordering},
};

static TAKEN: AtomicBool = AtomicBool::new(false);

/// Takes the one descriptor that the process that started us handed over as number `place`, once in a process's life. It
/// will not reach the programs that this process executes.
///
/// # Errors
///
/// `EBADF` if there is none, `EBUSY` if it was taken before.
pub fn take(place: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: plain system call on a number; it changes a flag only.
    if unsafe { libc::fcntl(place, libc::F_SETFD, libc::FD_CLOEXEC) } < 0 {
        return Err(io::Error::last_os_error());
    }
    if TAKEN.swap(true, Ordering::Relaxed) {
        return Err(io::Error::from_raw_os_error(libc::EBUSY));
    }
    // SAFETY: the number is open, and by agreement nobody but the caller of this function owns it: what this process opens
    // itself comes after what it was started with.
    Ok(unsafe { OwnedFd::from_raw_fd(place) })
}
