//! Signals to another thread, and those that a file's readiness sends: tgkill(2), fcntl(2). rustix and nix lack them.
#![expect(unsafe_code, reason = "raw system calls on numbers")]

use std::{
    ffi::c_int,
    os::fd::{AsRawFd, BorrowedFd},
};

use rustix::{io::Errno, process::Pid};

use super::errno;

/// `fcntl(file, F_SETOWN, process)`: the process gets the signals of the file's readiness.
///
/// # Errors
/// The kernel's reason.
pub fn set_owner(file: BorrowedFd<'_>, process: Pid) -> Result<(), Errno> {
    // SAFETY: plain system call on numbers.
    answer(unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETOWN, process.as_raw_nonzero().get()) }.into())
}

/// `fcntl(file, F_SETSIG, signal)`: the signal that the file's readiness sends.
///
/// # Errors
/// The kernel's reason.
pub fn set_signal(file: BorrowedFd<'_>, signal: c_int) -> Result<(), Errno> {
    /// The kernel's number on every architecture (include/uapi/asm-generic/fcntl.h).
    const F_SETSIG: c_int = 10;
    // SAFETY: plain system call on numbers.
    answer(unsafe { libc::fcntl(file.as_raw_fd(), F_SETSIG, signal) }.into())
}

/// `tgkill(process, process, signal)`: sends a signal to a process's first thread.
///
/// # Errors
/// The kernel's reason.
pub fn send_to_first_thread(process: Pid, signal: c_int) -> Result<(), Errno> {
    let process = process.as_raw_nonzero().get();
    // SAFETY: plain system call on numbers.
    answer(unsafe { libc::syscall(libc::SYS_tgkill, process, process, signal) })
}

fn answer(result: libc::c_long) -> Result<(), Errno> {
    if result >= 0 {
        return Ok(());
    }
    Err(errno::last())
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn a_files_owner_and_signal_are_those_that_were_set() {
        let (reader, _writer) = std::io::pipe().unwrap();
        let own = rustix::process::getpid();
        set_owner(reader.as_fd(), own).unwrap();
        set_signal(reader.as_fd(), libc::SIGUSR1).unwrap();
        // SAFETY: plain system calls on a number.
        let read = |command| unsafe { libc::fcntl(reader.as_raw_fd(), command) };
        // F_GETSIG is one more than F_SETSIG.
        assert_eq!((read(libc::F_GETOWN), read(11)), (own.as_raw_nonzero().get(), libc::SIGUSR1));
        assert_eq!(send_to_first_thread(own, 0), Ok(()));
    }
}
