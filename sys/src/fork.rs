//! A copy of this process, and its end: fork(2), _exit(2).
#![expect(unsafe_code, reason = "what a copy of a process may do is not for the type system to know")]

use std::io;

use nix::unistd::ForkResult;
use rustix::process::Pid;

/// Makes a copy of this process; gives its id, and in the copy `None`. The copy has the calling thread only, and a lock that
/// another one holds stays locked in it.
///
/// # Errors
///
/// The error of fork(2).
pub fn fork() -> io::Result<Option<Pid>> {
    // SAFETY: the copy has all memory as it is here, and the C library makes its own locks usable in it.
    let forked = unsafe { nix::unistd::fork() }?;
    Ok(match forked {
        ForkResult::Parent { child } => {
            Some(Pid::from_raw(child.as_raw()).ok_or(io::ErrorKind::InvalidData)?)
        }
        ForkResult::Child => None,
    })
}

/// Ends this process at once, without what is registered for its end.
pub fn leave(code: i32) -> ! {
    // SAFETY: it takes a number and does not return.
    unsafe { libc::_exit(code) }
}
