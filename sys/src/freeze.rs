//! Freezing a file system: everything is written to the disk in good order, and who writes on waits (FIFREEZE and FITHAW
//! of linux/fs.h, fsfreeze(8)).
#![expect(unsafe_code, reason = "every ioctl has a meaning of its own")]

use std::{ffi::c_int, os::fd::BorrowedFd};

use rustix::{
    io::Errno,
    ioctl::{Opcode, Setter, ioctl, opcode},
};

const FIFREEZE: Opcode = opcode::read_write::<c_int>(b'X', 119);
const FITHAW: Opcode = opcode::read_write::<c_int>(b'X', 120);

/// `ioctl(directory, FIFREEZE)`—Freezes the file system that the directory is on.
///
/// # Errors
/// The kernel's reason: `EOPNOTSUPP` where it cannot be frozen, `EBUSY` where it is already, `EPERM` without CAP_SYS_ADMIN.
pub fn freeze(directory: BorrowedFd<'_>) -> Result<(), Errno> {
    // SAFETY: the kernel looks at neither the number nor through a pointer.
    unsafe { ioctl(directory, Setter::<FIFREEZE, c_int>::new(0)) }
}

/// `ioctl(directory, FITHAW)`—Thaws it again.
///
/// # Errors
/// The kernel's reason: `EINVAL` where it is not frozen.
pub fn thaw(directory: BorrowedFd<'_>) -> Result<(), Errno> {
    // SAFETY: as above.
    unsafe { ioctl(directory, Setter::<FITHAW, c_int>::new(0)) }
}
