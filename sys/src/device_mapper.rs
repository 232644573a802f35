//! ioctl(2)s of device mapper (linux/dm-ioctl.h, version 4): devices that the kernel makes out of others.
#![expect(unsafe_code, reason = "every ioctl has a meaning of its own")]

use std::os::fd::BorrowedFd;

use rustix::{
    fs::minor,
    io::Errno,
    ioctl::{Opcode, Updater, ioctl, opcode},
};
use zeroize::Zeroize;

/// Length of `struct dm_ioctl`, in bytes.
const HEADER: usize = 312;

/// Length of `struct dm_target_spec`, in bytes.
const TARGET: usize = 40;

/// Length of what is handed over and given back, in bytes: the header, one target and its words.
const LENGTH: usize = 1024;

/// Nothing is written through it.
const READ_ONLY: u32 = 1;

/// What is handed over is a secret: the kernel wipes its copy (since Linux 3.1).
const SECRET: u32 = 1 << 15;

/// Remove it as soon as its last user is gone, if it has users (since Linux 3.13).
const DEFERRED_REMOVE: u32 = 1 << 17;

const CREATE: Opcode = opcode::read_write::<[u8; HEADER]>(0xfd, 3);
const REMOVE: Opcode = opcode::read_write::<[u8; HEADER]>(0xfd, 4);
const SUSPEND: Opcode = opcode::read_write::<[u8; HEADER]>(0xfd, 6);
const LOAD: Opcode = opcode::read_write::<[u8; HEADER]>(0xfd, 9);
const STATUS: Opcode = opcode::read_write::<[u8; HEADER]>(0xfd, 12);

/// A device of device mapper, by its name.
#[derive(Clone, Copy, Debug)]
pub struct Mapped<'a> {
    /// The opened control node.
    pub control: BorrowedFd<'a>,
    /// The name.
    pub name: &'a str,
}

impl Mapped<'_> {
    /// `DM_DEV_CREATE`—Makes the device, without a table, and gives its minor number.
    ///
    /// # Errors
    /// The kernel's reason: `EBUSY` if the name is taken.
    pub fn create(self, uuid: &str) -> Result<u32, Errno> {
        let mut message = self.message(0)?;
        put(&mut message, 176, uuid.as_bytes(), 129)?;
        self.call::<CREATE>(&mut message)?;
        let device: [u8; 8] = message.get(40..48).and_then(|it| it.try_into().ok()).ok_or(Errno::INVAL)?;
        Ok(minor(u64::from_ne_bytes(device)))
    }

    /// `DM_TABLE_LOAD` and `DM_DEV_SUSPEND` without its flag—Gives the device one target over all of its sectors (of 512
    /// bytes) and sets it going. The words may be a secret. A device below that is read-only takes a target that is, too.
    ///
    /// # Errors
    /// The kernel's reason: `EINVAL` if it has no such target, or refuses its words.
    pub fn start(self, sectors: u64, target: &str, words: &str, is_read_only: bool) -> Result<(), Errno> {
        let mut message = self.message(if is_read_only { SECRET | READ_ONLY } else { SECRET })?;
        // One target.
        put(&mut message, 20, &1_u32.to_ne_bytes(), 4)?;
        put(&mut message, HEADER + 8, &sectors.to_ne_bytes(), 8)?;
        put(&mut message, HEADER + 24, target.as_bytes(), 16)?;
        put(&mut message, HEADER + TARGET, words.as_bytes(), LENGTH - HEADER - TARGET)?;
        let loaded = self.call::<LOAD>(&mut message);
        message.zeroize();
        loaded?;
        self.call::<SUSPEND>(&mut self.message(0)?)
    }

    /// `DM_TABLE_STATUS`—What the target says of its state.
    ///
    /// # Errors
    /// The kernel's reason: `ENXIO` if there is no such device.
    pub fn status(self) -> Result<String, Errno> {
        let mut message = self.message(0)?;
        self.call::<STATUS>(&mut message)?;
        let words = message.get(HEADER + TARGET..).unwrap_or_default();
        let words = words.split(|byte| *byte == 0).next().unwrap_or_default();
        Ok(String::from_utf8_lossy(words).into_owned())
    }

    /// `DM_DEV_REMOVE`—Removes the device, at once or when its last user is gone.
    ///
    /// # Errors
    /// The kernel's reason: `ENXIO` if there is no such device.
    pub fn remove(self) -> Result<(), Errno> {
        self.call::<REMOVE>(&mut self.message(DEFERRED_REMOVE)?)
    }

    fn message(self, flags: u32) -> Result<[u8; LENGTH], Errno> {
        let mut message = [0; LENGTH];
        // Version, size of all, where the target begins; then the flags.
        let numbers = [4, 0, 0, LENGTH as u32, HEADER as u32];
        for (place, number) in numbers.into_iter().enumerate() {
            put(&mut message, place.saturating_mul(4), &number.to_ne_bytes(), 4)?;
        }
        put(&mut message, 28, &flags.to_ne_bytes(), 4)?;
        put(&mut message, 48, self.name.as_bytes(), 128)?;
        Ok(message)
    }

    fn call<const OPCODE: Opcode>(self, message: &mut [u8; LENGTH]) -> Result<(), Errno> {
        // SAFETY: each of these ioctls reads and writes a `struct dm_ioctl` and what follows it through its pointer, at most
        // as many bytes as its field `data_size` says, which is the length of `message`.
        unsafe { ioctl(self.control, Updater::<OPCODE, [u8; LENGTH]>::new(message)) }
    }
}

/// Puts a value into a field of `room` bytes; a text needs one more for its NUL.
fn put(message: &mut [u8; LENGTH], at: usize, value: &[u8], room: usize) -> Result<(), Errno> {
    let is_text = room > 8;
    let end = at.checked_add(value.len()).filter(|_| value.len().saturating_add(is_text.into()) <= room);
    let field = end.and_then(|end| message.get_mut(at..end)).ok_or(Errno::NAMETOOLONG)?;
    field.copy_from_slice(value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{fs::File, os::fd::AsFd};

    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_kernels_header() {
        // linux/dm-ioctl.h, as strace prints them for dmsetup.
        let numbers = [0xc138_fd03, 0xc138_fd04, 0xc138_fd06, 0xc138_fd09, 0xc138_fd0c];
        assert_eq!([CREATE, REMOVE, SUSPEND, LOAD, STATUS], numbers);
    }

    #[test]
    fn what_does_not_fit_is_refused_before_the_kernel_is_asked() {
        let file = File::open("/dev/null").unwrap();
        let name = "x".repeat(128);
        let mapped = |name| Mapped { control: file.as_fd(), name };
        assert_eq!(mapped(&name).create("uuid"), Err(Errno::NAMETOOLONG));
        assert_eq!(mapped("a").create(&"x".repeat(129)), Err(Errno::NAMETOOLONG));
        assert_eq!(mapped("a").start(1, "snapshot", &"x".repeat(1000), false), Err(Errno::NAMETOOLONG));
        // This node is no device mapper.
        assert_eq!(mapped("a").status(), Err(Errno::NOTTY));
    }
}
