//! Files in memory that can no longer change: what was looked at is what is loaded.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
};

use crc::{CRC_32_ISO_HDLC, Crc};
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

use super::identify;
use crate::formats::bytes::ReadAt;

/// So much is read at once, in bytes.
const CHUNK: usize = 256 << 10;

/// A sealed file of what is written to it.
///
/// # Errors
/// Those of writing, or that memory cannot be had.
pub(super) fn sealed(write: &mut dyn FnMut(&mut File) -> io::Result<()>) -> io::Result<File> {
    let mut memory = File::from(memfd_create("part", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?);
    write(&mut memory)?;
    fcntl_add_seals(&memory, SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE)?;
    Ok(memory)
}

/// Appends a part of a file, all of it, by a copy in the kernel.
///
/// # Errors
/// The file ends before the part does, or the kernel's reason.
pub(super) fn append(memory: &mut File, mut file: &File, offset: u64, size: u64) -> io::Result<()> {
    file.seek(SeekFrom::Start(offset))?;
    let copied = io::copy(&mut file.take(size), memory)?;
    if copied < size { Err(io::ErrorKind::UnexpectedEof.into()) } else { memory.flush() }
}

/// A part of a file as a sealed file of its own.
///
/// # Errors
/// As [`append`].
pub(super) fn part(file: &File, offset: u64, size: u64) -> io::Result<File> {
    sealed(&mut |memory| append(memory, file, offset, size))
}

/// The check sum of a whole file, as U-Boot takes it.
///
/// # Errors
/// The kernel's reason why it cannot be read.
pub(super) fn crc32(file: &File) -> io::Result<u32> {
    const CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);
    let mut digest = CRC.digest();
    let mut chunk = vec![0; CHUNK];
    let mut at: u64 = 0;
    loop {
        let count = identify::fill(file, at, &mut chunk)?;
        digest.update(chunk.get(..count).unwrap_or_default());
        if count < CHUNK {
            return Ok(digest.finalize());
        }
        at = at.saturating_add(count as u64);
    }
}

/// A file, for the formats that look around in it.
pub(super) struct Source<'a>(pub &'a File);

impl ReadAt for Source<'_> {
    fn size(&self) -> u64 {
        self.0.metadata().map_or(0, |metadata| metadata.len())
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        identify::fill(self.0, offset, buffer)
    }
}
