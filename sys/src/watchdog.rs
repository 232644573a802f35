//! The watchdog's own request (Documentation/watchdog/watchdog-api.rst, include/uapi/linux/watchdog.h).
#![expect(unsafe_code, reason = "an ioctl's number alone says what it reads and writes")]

use std::{ffi::c_int, os::fd::AsFd};

use rustix::{
    io,
    ioctl::{Getter, Opcode, Updater, ioctl, opcode},
};

const WDIOC_SETTIMEOUT: Opcode = opcode::read_write::<c_int>(b'W', 6);

/// `struct watchdog_info`: its options, the version of its firmware, and its name with NULs after it.
type Info = [u8; 40];

/// Where the name begins in it.
const NAME: usize = 8;

const WDIOC_GETSUPPORT: Opcode = opcode::read::<Info>(b'W', 0);

/// `ioctl(watchdog, WDIOC_GETSUPPORT)`: the name that its driver gives it.
///
/// # Errors
///
/// `ENOTTY` if the device is no watchdog.
pub fn name(watchdog: impl AsFd) -> io::Result<String> {
    // SAFETY: this request writes one `struct watchdog_info`, which has 40 bytes, any of which are a `[u8; 40]`.
    let info: Info = unsafe { ioctl(watchdog, Getter::<WDIOC_GETSUPPORT, Info>::new()) }?;
    let name = info.get(NAME..).unwrap_or_default();
    Ok(String::from_utf8_lossy(name).trim_end_matches('\0').to_owned())
}

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
