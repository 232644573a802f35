//! The watchdog's own request (Documentation/watchdog/watchdog-api.rst, include/uapi/linux/watchdog.h).
#![expect(unsafe_code, reason = "an ioctl's number alone says what it reads and writes")]

use std::{ffi::c_int, os::fd::AsFd};

use rustix::{
    io,
    ioctl::{Opcode, Updater, ioctl, opcode},
};

const WDIOC_SETTIMEOUT: Opcode = opcode::read_write::<c_int>(b'W', 6);

/// `ioctl(watchdog, WDIOC_SETTIMEOUT)`: the machine restarts when the watchdog is not petted for so many seconds. Gives
/// the seconds that the device really takes.
///
/// # Errors
///
/// `EINVAL` if the device cannot count that far, `EOPNOTSUPP` or `ENOTTY` if its time is fixed.
pub fn set_timeout(watchdog: impl AsFd, seconds: c_int) -> io::Result<c_int> {
    let mut seconds = seconds;
    // SAFETY: this request reads one int and writes one int, and `seconds` is one that lives until the call is over.
    unsafe { ioctl(watchdog, Updater::<WDIOC_SETTIMEOUT, c_int>::new(&mut seconds)) }?;
    Ok(seconds)
}
