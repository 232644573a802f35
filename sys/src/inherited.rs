//! Descriptors that a process was started with, under numbers agreed on beforehand.
#![expect(unsafe_code, reason = "the number alone says that a descriptor is ours")]

use std::{
    io,
    os::fd::{FromRawFd, OwnedFd, RawFd},
    sync::atomic::{AtomicU64, Ordering},
};

/// A bit for each number that has been taken.
static TAKEN: AtomicU64 = AtomicU64::new(0);

/// Takes the descriptor that the process that started us handed over as number `place`, once in a process's life. It will
/// not reach the programs that this process executes.
///
/// # Errors
///
/// `EBADF` if there is none or the number is above 63, `EBUSY` if it was taken before.
pub fn take(place: RawFd) -> io::Result<OwnedFd> {
    let place_bit = u32::try_from(place).ok().and_then(|place| 1_u64.checked_shl(place));
    let Some(bit) = place_bit else { return Err(io::Error::from_raw_os_error(libc::EBADF)) };
    // SAFETY: plain system call on a number; it changes a flag only.
    if unsafe { libc::fcntl(place, libc::F_SETFD, libc::FD_CLOEXEC) } < 0 {
        return Err(io::Error::last_os_error());
    }
    if TAKEN.fetch_or(bit, Ordering::Relaxed) & bit != 0 {
        return Err(io::Error::from_raw_os_error(libc::EBUSY));
    }
    // SAFETY: the number is open, and by agreement nobody but the caller of this function owns it: what this process opens
    // itself comes after what it was started with.
    Ok(unsafe { OwnedFd::from_raw_fd(place) })
}

/// Closes every descriptor from this number on, which whoever started this process forgot. Only right before the process opens
/// anything itself.
///
/// # Errors
///
/// The kernel's reason.
pub fn close_from(first: RawFd) -> io::Result<()> {
    // SAFETY: plain system call on numbers; by agreement nothing here owns one of them yet.
    if unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, 0) } == 0 {
        return Ok(());
    }
    match io::Error::last_os_error() {
        // Before Linux 5.9: up to what a process may have without asking for more.
        error if error.raw_os_error() == Some(libc::ENOSYS) => {
            for number in first..1024 {
                // SAFETY: as above; a number that is not open is no error.
                unsafe { libc::close(number) };
            }
            Ok(())
        }
        error => Err(error),
    }
}
