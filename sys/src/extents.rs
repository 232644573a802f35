//! Where a file's bytes lie on its device (Documentation/filesystems/fiemap.rst; `FIBMAP` of linux/fs.h).
#![expect(unsafe_code, reason = "every ioctl has a meaning of its own")]

use std::{ffi::c_int, os::fd::BorrowedFd};

use rustix::{
    io::Errno,
    ioctl::{Opcode, Updater, ioctl, opcode},
};

/// Maximum number of extents that are asked for: what is looked for is small.
const COUNT: usize = 32;

/// `struct fiemap_extent`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct KernelExtent {
    logical: u64,
    physical: u64,
    length: u64,
    reserved: [u64; 2],
    flags: u32,
    reserved_too: [u32; 3],
}

/// `struct fiemap` with room for [`COUNT`] extents after it.
#[repr(C)]
struct Map {
    start: u64,
    length: u64,
    flags: u32,
    mapped: u32,
    count: u32,
    reserved: u32,
    extents: [KernelExtent; COUNT],
}

/// The number counts the 32 bytes before the extents alone.
const FIEMAP: Opcode = opcode::read_write::<[u64; 4]>(b'f', 11);
const FIBMAP: Opcode = opcode::none(0, 1);
const FIGETBSZ: Opcode = opcode::none(0, 2);

/// `FIEMAP_EXTENT_LAST` and `FIEMAP_EXTENT_MERGED`; every other flag says that the bytes are not there as they are in the file,
/// or not for it alone.
const HARMLESS: u32 = 0x1 | 0x1000;

/// A part of a file that lies in one piece on its device; all in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Where it begins in the file.
    pub offset: u64,
    /// Where it begins on the device.
    pub place: u64,
    /// Its length.
    pub length: u64,
    /// The device holds its bytes as they are, and for this file alone: nothing is packed, encrypted, shared or still to be
    /// written.
    pub is_plain: bool,
}

/// `ioctl(file, FS_IOC_FIEMAP)`—The extents that hold `length` bytes of a file from its begin, at most 32.
///
/// # Errors
/// The kernel's reason: `EOPNOTSUPP` where the file system does not tell.
pub fn extents(file: BorrowedFd<'_>, length: u64) -> Result<Vec<Extent>, Errno> {
    let count = u32::try_from(COUNT).map_err(|_| Errno::INVAL)?;
    let extents = [KernelExtent::default(); COUNT];
    let mut map = Map { start: 0, length, flags: 0, mapped: 0, count, reserved: 0, extents };
    // SAFETY: FS_IOC_FIEMAP reads and writes a `struct fiemap` through its pointer, and after it as many extents as its count
    // says there is room for; `map` is that.
    unsafe { ioctl(file, Updater::<FIEMAP, Map>::new(&mut map)) }?;
    let mapped = usize::try_from(map.mapped).unwrap_or(usize::MAX);
    let extent = |it: &KernelExtent| Extent {
        offset: it.logical,
        place: it.physical,
        length: it.length,
        is_plain: it.flags & !HARMLESS == 0,
    };
    Ok(map.extents.iter().take(mapped).map(extent).collect())
}

/// `ioctl(file, FIBMAP)`—As [`extents`], for file systems that know blocks only (FAT): one extent for each block of the file
/// system. Wants CAP_SYS_RAWIO.
///
/// # Errors
/// The kernel's reason; `EINVAL` for more than 64 KiB, or where a block is nowhere on the device.
pub fn blocks(file: BorrowedFd<'_>, length: u64) -> Result<Vec<Extent>, Errno> {
    let mut size: c_int = 0;
    // SAFETY: FIGETBSZ writes an `int` through its pointer.
    unsafe { ioctl(file, Updater::<FIGETBSZ, c_int>::new(&mut size)) }?;
    let size = u64::try_from(size).ok().filter(|size| *size > 0).ok_or(Errno::INVAL)?;
    if length > 64 << 10 {
        return Err(Errno::INVAL);
    }
    let block = |number: u64| {
        let mut block = c_int::try_from(number).map_err(|_| Errno::INVAL)?;
        // SAFETY: FIBMAP reads and writes an `int` through its pointer.
        unsafe { ioctl(file, Updater::<FIBMAP, c_int>::new(&mut block)) }?;
        // Blocks are given as an unsigned number of 32 bits; 0 is none.
        let block = u64::from(block.cast_unsigned());
        let place = block.checked_mul(size).filter(|place| *place > 0).ok_or(Errno::INVAL)?;
        Ok(Extent { offset: number.saturating_mul(size), place, length: size, is_plain: true })
    };
    (0..length.div_ceil(size)).map(block).collect()
}
