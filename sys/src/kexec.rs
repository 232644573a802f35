//! kexec_file_load(2) and kexec_load(2), which neither rustix nor nix has.
#![expect(unsafe_code, reason = "raw system calls")]

use std::{
    ffi::{CStr, c_void},
    os::fd::{AsRawFd, BorrowedFd},
};

use linux_raw_sys::general::{__NR_kexec_file_load, __NR_kexec_load};
use rustix::io::Errno;

use super::{errno, mapping::Mapping};

/// Drops the loaded kernel (include/uapi/linux/kexec.h).
const KEXEC_FILE_UNLOAD: libc::c_ulong = 1;

/// The kernel is for a panic.
const KEXEC_FILE_ON_CRASH: libc::c_ulong = 2;

/// There is no initrd, and the descriptor for it is not looked at.
const KEXEC_FILE_NO_INITRAMFS: libc::c_ulong = 4;

/// A flag of `kexec_load` that no kernel knows: the low half of the word is for flags, and this is its last bit.
const UNKNOWN_FLAG: libc::c_ulong = 1 << 15;

/// `kexec_file_load(kernel_fd, initrd_fd, cmdline_len, cmdline, flags)`: loads a kernel for the next jump, in place of one
/// that is loaded already, or for a panic.
///
/// # Errors
/// The kernel's reason: see `kexec::reason`.
pub fn file_load(
    kernel: BorrowedFd<'_>,
    initrd: Option<BorrowedFd<'_>>,
    cmdline: &CStr,
    for_panic: bool,
) -> Result<(), Errno> {
    let mut flags = if initrd.is_some() { 0 } else { KEXEC_FILE_NO_INITRAMFS };
    if for_panic {
        flags |= KEXEC_FILE_ON_CRASH;
    }
    call(kernel.as_raw_fd(), initrd.map_or(-1, |initrd| initrd.as_raw_fd()), cmdline, flags)
}

/// Asks for a kernel with an initrd that cannot be read, so that nothing is loaded.
///
/// # Errors
/// The running kernel's answer about the kernel's file, or `EBADF` for the initrd, which it looks at afterwards.
pub fn file_load_without_initrd(kernel: BorrowedFd<'_>) -> Result<(), Errno> {
    call(kernel.as_raw_fd(), -1, c"", 0)
}

/// Whether this process may load by `kexec_load` here. The flags that are asked with are none, so that nothing is loaded
/// or dropped: the kernel looks at its rules first (`kexec_load_check` in Linux kernel/kexec.c).
#[must_use]
pub fn may_load_segments() -> bool {
    let (none, flags) = (std::ptr::null::<RawSegment>(), UNKNOWN_FLAG);
    // SAFETY: there are no segments, so the kernel reads nothing through the pointer.
    let result = unsafe { libc::syscall(libc::c_long::from(__NR_kexec_load), 0_usize, 0_usize, none, flags) };
    answer(result) == Err(Errno::INVAL)
}

/// Drops the loaded kernel. Without one, does nothing.
///
/// # Errors
/// The kernel's reason: `EBUSY` while another process loads.
pub fn file_unload(for_panic: bool) -> Result<(), Errno> {
    let slot = if for_panic { KEXEC_FILE_ON_CRASH } else { 0 };
    call(-1, -1, c"", KEXEC_FILE_UNLOAD | slot)
}

/// The content of a segment; the rest of its memory is cleared.
#[derive(Clone, Copy, Debug)]
pub enum Source<'a> {
    /// Bytes in memory.
    Bytes(&'a [u8]),
    /// Part of a mapped file: offset and length in bytes.
    Mapped(&'a Mapping, usize, usize),
}

/// A segment: its content, its physical address and its size, both multiples of the page size.
pub type Segment<'a> = (Source<'a>, u64, u64);

/// `struct kexec_segment` of include/uapi/linux/kexec.h.
#[repr(C)]
struct RawSegment {
    buffer: *const c_void,
    buffer_size: usize,
    memory: usize,
    memory_size: usize,
}

/// `kexec_load(entry, nr_segments, segments, flags)`: loads segments for the next jump, or for a panic; none unloads.
///
/// # Errors
/// The kernel's reason; `EINVAL` also for a part beyond the end of its file.
pub fn segments_load(entry: u64, segments: &[Segment<'_>], for_panic: bool) -> Result<(), Errno> {
    let raw = segments
        .iter()
        .map(|(source, address, size)| {
            let (buffer, buffer_size) = match source {
                Source::Bytes(bytes) => (bytes.as_ptr().cast(), bytes.len()),
                Source::Mapped(mapping, offset, length) => {
                    (mapping.part(*offset, *length).ok_or(Errno::INVAL)?, *length)
                }
            };
            let (memory, memory_size) = (place(*address)?, place(*size)?);
            Ok(RawSegment { buffer, buffer_size, memory, memory_size })
        })
        .collect::<Result<Vec<_>, Errno>>()?;
    let flags = libc::c_ulong::from(for_panic);
    // SAFETY: `raw` holds as many segments as are said; each buffer is readable for its length and lives over the call,
    // and where a mapped file has shrunk the kernel's copy fails with EFAULT. The kernel writes nothing through them.
    let result = unsafe {
        libc::syscall(libc::c_long::from(__NR_kexec_load), place(entry)?, raw.len(), raw.as_ptr(), flags)
    };
    answer(result)
}

fn place(address: u64) -> Result<usize, Errno> {
    usize::try_from(address).map_err(|_| Errno::INVAL)
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
    answer(result)
}

fn answer(result: libc::c_long) -> Result<(), Errno> {
    if result == 0 {
        return Ok(());
    }
    Err(errno::last())
}
