//! Taking network interfaces down and up, by SIOCSIFFLAGS (netdevice(7)).
#![expect(unsafe_code, reason = "an ioctl with a C structure")]

use std::os::fd::{AsRawFd, OwnedFd};

use rustix::{
    io::Errno,
    net::{AddressFamily, SocketType, socket},
};

use super::errno;

/// `IFF_UP` (netdevice(7)).
const UP: libc::c_short = 1;

/// `ioctl(socket, SIOCSIFFLAGS, ifreq)`: sets or clears `IFF_UP` of a network interface, and gives whether it was set.
///
/// # Errors
/// The kernel's reason: `ENODEV` where there is none of this name, `EPERM` without `CAP_NET_ADMIN`.
pub fn set_up(name: &str, up: bool) -> Result<bool, Errno> {
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
    let was_up = flags & UP != 0;
    if was_up != up {
        request.ifr_ifru.ifru_flags = flags ^ UP;
        control(&socket, libc::SIOCSIFFLAGS, &mut request)?;
    }
    Ok(was_up)
}

fn control(socket: &OwnedFd, request: libc::c_ulong, argument: &mut libc::ifreq) -> Result<(), Errno> {
    // SAFETY: both requests read and write one ifreq, which the reference keeps alive and exclusive over the call.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), request as _, std::ptr::from_mut(argument)) };
    if result == 0 {
        return Ok(());
    }
    Err(errno::last())
}

#[cfg(test)]
mod tests {
    use rustix::thread::{UnshareFlags, unshare_unsafe};

    use super::*;

    #[test]
    fn an_interface_goes_down_and_up_and_tells_how_it_was() {
        // A network of this thread's own, in which the loopback interface is down at first.
        let apart = std::thread::spawn(|| {
            // SAFETY: only this thread's network changes, and it opens its own sockets.
            match unsafe { unshare_unsafe(UnshareFlags::NEWNET) } {
                Ok(()) => {}
                Err(error) => return eprintln!("skipped: no network of its own for the test: {error}"),
            }
            let steps = [true, true, false, false].map(|up| set_up("lo", up).unwrap());
            assert_eq!(steps, [false, true, true, false]);
            assert_eq!(set_up("none", true), Err(Errno::NODEV));
        });
        apart.join().unwrap();
    }
}
