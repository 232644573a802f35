//! kexec_file_load(2), which neither rustix nor nix has.
#![expect(unsafe_code, reason = "a raw system call")]

use std::{
    ffi::CStr,
    os::fd::{AsRawFd, BorrowedFd},
};

use linux_raw_sys::general::__NR_kexec_file_load;
use rustix::io::Errno;

/// Drops the loaded kernel (include/uapi/linux/kexec.h).
const KEXEC_FILE_UNLOAD: libc::c_ulong = 1;

/// There is no initrd, and the descriptor for it is not looked at.
const KEXEC_FILE_NO_INITRAMFS: libc::c_ulong = 4;

/// `kexec_file_load(kernel_fd, initrd_fd, cmdline_len, cmdline, flags)`: loads a kernel for the next jump, in place of one
/// that is loaded already.
///
/// # Errors
/// The kernel's reason: see `kexec::reason`.
pub fn file_load(
    kernel: BorrowedFd<'_>,
    initrd: Option<BorrowedFd<'_>>,
    cmdline: &CStr,
) -> Result<(), Errno> {
    let flags = if initrd.is_some() { 0 } else { KEXEC_FILE_NO_INITRAMFS };
    call(kernel.as_raw_fd(), initrd.map_or(-1, |initrd| initrd.as_raw_fd()), cmdline, flags)
}

/// Drops the loaded kernel. Without one, does nothing.
///
/// # Errors
/// The kernel's reason: `EBUSY` while another process loads.
pub fn file_unload() -> Result<(), Errno> {
    call(-1, -1, c"", KEXEC_FILE_UNLOAD)
}

fn call(kernel: i32, initrd: i32, cmdline: &CStr, flags: libc::c_ulong) -> Result<(), Errno> {
    let length = cmdline.to_bytes_with_nul().len();
    // SAFETY: `cmdline` points to `length` readable bytes that end with NUL and live over the call; the kernel writes
    // nothing through it. Descriptors are plain numbers that the kernel checks. Loading replaces no running code: that is
    // reboot(2)'s doing.
    let result = unsafe {
        libc::syscall(
            libc::c_long::from(__NR_kexec_file_load),
            kernel,
            initrd,
            length,
            cmdline.as_ptr(),
            flags,
        )
    };
    if result == 0 {
        return Ok(());
    }
    // The kernel's answer stands in errno; without one there it is no error that we know.
    let code = std::io::Error::last_os_error().raw_os_error();
    Err(code.map_or(Errno::INVAL, Errno::from_raw_os_error))
}
