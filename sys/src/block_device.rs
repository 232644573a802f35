//! ioctl(2)s of block devices and of the loop driver (linux/fs.h, linux/cdrom.h, linux/loop.h).
#![expect(unsafe_code, reason = "every ioctl has a meaning of its own")]

use std::{
    ffi::{c_int, c_void},
    os::fd::{AsRawFd, BorrowedFd},
    ptr,
};

use linux_raw_sys::loop_device::{
    LO_FLAGS_AUTOCLEAR, LO_FLAGS_READ_ONLY, LOOP_CONFIGURE, LOOP_CTL_GET_FREE, loop_config, loop_info64,
};
use rustix::{
    io::Errno,
    ioctl::{Ioctl, IoctlOutput, Opcode, Setter, ioctl, opcode},
};

const BLKROSET: Opcode = opcode::none(0x12, 93);
const BLKPG: Opcode = opcode::none(0x12, 105);
const BLKRRPART: Opcode = opcode::none(0x12, 95);

/// `BLKPG_ADD_PARTITION` (linux/blkpg.h).
const ADD_PARTITION: c_int = 1;

/// `struct blkpg_ioctl_arg`.
#[repr(C)]
struct PartitionRequest {
    operation: c_int,
    flags: c_int,
    length: c_int,
    data: *const PartitionPlace,
}

/// `struct blkpg_partition`; the kernel does not look at the names.
#[repr(C)]
struct PartitionPlace {
    start: i64,
    length: i64,
    number: c_int,
    names: [u8; 128],
}

/// Older than the scheme by which [`opcode`] makes numbers.
const CDROM_DRIVE_STATUS: Opcode = 0x5326;

/// The slot now in use, of a drive that changes discs.
const CDSL_CURRENT: usize = c_int::MAX as usize;

/// State of an optical drive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DriveStatus {
    /// There is a disc in it that can be read.
    Ready,
    /// There is none.
    Empty,
    /// Its tray is out; opening the device would draw it in.
    Open,
    /// It is still looking at a new disc.
    Busy,
    /// It does not say.
    Unknown,
}

/// `ioctl(device, BLKROSET, 1)`—Has the kernel refuse to write to the device, until the machine restarts or someone says
/// otherwise. The flag is the running kernel's; nothing on the device changes.
///
/// # Errors
/// The kernel's reason: `EACCES` without CAP_SYS_ADMIN.
pub fn set_read_only(device: BorrowedFd<'_>) -> Result<(), Errno> {
    read_only(device, 1)
}

/// `ioctl(device, BLKROSET, 0)`—Takes back what [`set_read_only`] did.
///
/// # Errors
/// The kernel's reason: `EACCES` without CAP_SYS_ADMIN.
pub fn set_writable(device: BorrowedFd<'_>) -> Result<(), Errno> {
    read_only(device, 0)
}

fn read_only(device: BorrowedFd<'_>, value: c_int) -> Result<(), Errno> {
    // SAFETY: BLKROSET reads an `int` through its pointer and writes nothing through it.
    unsafe { ioctl(device, Setter::<BLKROSET, c_int>::new(value)) }
}

/// `ioctl(disk, BLKPG, BLKPG_ADD_PARTITION)`—Has the kernel show a part of the disk, in bytes, as its partition of this number.
/// Nothing on the disk changes.
///
/// # Errors
/// The kernel's reason: `EACCES` without CAP_SYS_ADMIN, `EBUSY` if it has shown it, or one that lies over it, already, `EINVAL` if
/// it does not begin and end with sectors of the disk.
pub fn add_partition(disk: BorrowedFd<'_>, number: u32, start: u64, length: u64) -> Result<(), Errno> {
    let signed = |bytes: u64| i64::try_from(bytes).map_err(|_| Errno::INVAL);
    let number = c_int::try_from(number).map_err(|_| Errno::INVAL)?;
    let place = PartitionPlace { start: signed(start)?, length: signed(length)?, number, names: [0; 128] };
    let request = PartitionRequest {
        operation: ADD_PARTITION,
        flags: 0,
        length: c_int::try_from(size_of::<PartitionPlace>()).map_err(|_| Errno::INVAL)?,
        data: &raw const place,
    };
    // SAFETY: BLKPG reads a `struct blkpg_ioctl_arg` through its pointer, and through the pointer in that a `struct
    // blkpg_partition` of the length that it gives; `place` lives over the call.
    unsafe { ioctl(disk, Setter::<BLKPG, PartitionRequest>::new(request)) }
}

/// `ioctl(disk, BLKRRPART)`—Has the kernel read the disk's partition table, and show the partitions that it finds.
///
/// # Errors
/// The kernel's reason: `EINVAL` if the disk cannot have partitions, `EBUSY` if one is in use, `EIO` if it cannot be read.
pub fn read_partitions(disk: BorrowedFd<'_>) -> Result<(), Errno> {
    // SAFETY: BLKRRPART takes no argument, and reads and writes nothing through one.
    unsafe { ioctl(disk, Answer::<BLKRRPART>(0)) }.map(drop)
}

/// `ioctl(device, CDROM_DRIVE_STATUS, CDSL_CURRENT)`—Asks an optical drive, opened with `O_NONBLOCK`, for its state.
#[must_use]
pub fn drive_status(device: BorrowedFd<'_>) -> DriveStatus {
    // SAFETY: CDROM_DRIVE_STATUS takes a plain number and answers with one.
    match unsafe { ioctl(device, Answer::<CDROM_DRIVE_STATUS>(CDSL_CURRENT)) } {
        Ok(1) => DriveStatus::Empty,
        Ok(2) => DriveStatus::Open,
        Ok(3) => DriveStatus::Busy,
        Ok(4) => DriveStatus::Ready,
        _ => DriveStatus::Unknown,
    }
}

/// `ioctl(control, LOOP_CTL_GET_FREE)`—Number of a loop device that nobody uses now.
///
/// # Errors
/// The kernel's reason.
pub fn free_loop_device(control: BorrowedFd<'_>) -> Result<c_int, Errno> {
    // SAFETY: LOOP_CTL_GET_FREE takes nothing and answers with a number.
    unsafe { ioctl(control, Answer::<LOOP_CTL_GET_FREE>(0)) }
}

/// `ioctl(device, LOOP_CONFIGURE, config)`—Attaches a file or device to a loop device, to be let go with the loop device's
/// last user; where it is not `writable`, it is never written.
///
/// # Errors
/// The kernel's reason: `EBUSY` if someone else took the loop device.
pub fn attach_loop_device(
    device: BorrowedFd<'_>,
    backing: BorrowedFd<'_>,
    writable: bool,
) -> Result<(), Errno> {
    let read_only = if writable { 0 } else { LO_FLAGS_READ_ONLY as u32 };
    let config = loop_config {
        fd: u32::try_from(backing.as_raw_fd()).map_err(|_| Errno::BADF)?,
        block_size: 0,
        info: loop_info64 {
            lo_device: 0,
            lo_inode: 0,
            lo_rdevice: 0,
            lo_offset: 0,
            lo_sizelimit: 0,
            lo_number: 0,
            lo_encrypt_type: 0,
            lo_encrypt_key_size: 0,
            lo_flags: read_only | LO_FLAGS_AUTOCLEAR as u32,
            lo_file_name: [0; 64],
            lo_crypt_name: [0; 64],
            lo_encrypt_key: [0; 32],
            lo_init: [0; 2],
        },
        __reserved: [0; 8],
    };
    // SAFETY: LOOP_CONFIGURE reads a `loop_config` through its pointer; the backing descriptor in it is open, and the
    // kernel takes its own reference.
    unsafe { ioctl(device, Setter::<LOOP_CONFIGURE, loop_config>::new(config)) }
}

/// An ioctl that takes a number and answers with its return value.
struct Answer<const OPCODE: Opcode>(usize);

// SAFETY: the argument is a number in a pointer's clothes: nothing is read or written through it, as whoever makes an
// `Answer` vouches for.
unsafe impl<const OPCODE: Opcode> Ioctl for Answer<OPCODE> {
    type Output = c_int;
    const IS_MUTATING: bool = false;

    fn opcode(&self) -> Opcode {
        OPCODE
    }

    fn as_ptr(&mut self) -> *mut c_void {
        ptr::without_provenance_mut(self.0)
    }

    unsafe fn output_from_ptr(answer: IoctlOutput, _: *mut c_void) -> rustix::io::Result<c_int> {
        Ok(answer)
    }
}
