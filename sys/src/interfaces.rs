//! Taking network interfaces down, by SIOCSIFFLAGS (netdevice(7)).
#![expect(unsafe_code, reason = "an ioctl with a C structure")]

use std::os::fd::{AsRawFd, OwnedFd};

use rustix::{
    io::Errno,
    net::{AddressFamily, SocketType, socket},
};

/// `ioctl(socket, SIOCSIFFLAGS, ifreq)`: clears `IFF_UP` of a network interface.
///
/// # Errors
/// The kernel's reason: `ENODEV` where there is none of this name, `EPERM` without `CAP_NET_ADMIN`.
pub fn take_down(name: &str) -> Result<(), Errno> {
    let socket = socket(AddressFamily::INET, SocketType::DGRAM, None)?;
    // SAFETY: ifreq is plain data, for which all zeros are a value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    if name.len() >= request.ifr_name.len() {
        return Err(Errno::NODEV);
    }
    for (place, byte) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *place = libc::c_char::from_ne_bytes([byte]);
    }
    control(&socket, libc::SIOCGIFFLAGS, &mut request)?;
    // SAFETY: the kernel has just filled the flags in; every bit pattern is a number.
    let flags = unsafe { request.ifr_ifru.ifru_flags };
    // IFF_UP is bit 0 (netdevice(7)).
    request.ifr_ifru.ifru_flags = flags & !1;
    control(&socket, libc::SIOCSIFFLAGS, &mut request)
}

fn control(socket: &OwnedFd, request: libc::c_ulong, argument: &mut libc::ifreq) -> Result<(), Errno> {
    // SAFETY: both requests read and write one ifreq, which the reference keeps alive and exclusive over the call.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), request as _, std::ptr::from_mut(argument)) };
    if result == 0 {
        return Ok(());
    }
    let code = std::io::Error::last_os_error().raw_os_error();
    Err(code.map_or(Errno::INVAL, Errno::from_raw_os_error))
}
