//! Parts of files as sealed files in memory of their own, and their check sums.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
};

use crc::{CRC_32_ISO_HDLC, Crc};
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::sizes;
use crate::{formats::bytes::ReadAt, sys::files};

/// Size of one read, in bytes.
const CHUNK: usize = 256 << 10;

/// Appends a part of a file, all of it, by a copy in the kernel.
///
/// # Errors
/// The file ends before the part does, or the kernel's reason.
pub(super) fn append(memory: &mut File, mut file: &File, offset: u64, size: u64) -> io::Result<()> {
    if offset.saturating_add(size) > sizes::length(file)? {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    file.seek(SeekFrom::Start(offset))?;
    let copied = io::copy(&mut file.take(size), memory)?;
    if copied < size { Err(io::ErrorKind::UnexpectedEof.into()) } else { memory.flush() }
}

/// A part of a file as a sealed file of its own.
///
/// # Errors
/// As [`append`].
pub(super) fn part(file: &File, offset: u64, size: u64) -> io::Result<File> {
    files::sealed("part", size, |memory| append(memory, file, offset, size))
}

/// The content of a pipe, or of another file that can be read only once, as a sealed file; `None` if it is longer than `limit`
/// bytes.
///
/// # Errors
/// The kernel's reason.
pub fn read_into_memory(source: &File, limit: u64) -> io::Result<Option<File>> {
    let mut length = 0;
    let memory = files::sealed("given", 0, |memory| {
        length = io::copy(&mut source.take(limit.saturating_add(1)), memory)?;
        memory.flush()
    })?;
    Ok((length <= limit).then_some(memory))
}

/// Reads a file from end to end, which brings it into the kernel's page cache.
///
/// # Errors
/// The kernel's reason.
pub fn read_through(file: &File) -> io::Result<()> {
    chunks(file, &mut |_| {})
}

/// The check sum of a whole file by an algorithm as U-Boot names it; `None` for an unknown one.
///
/// # Errors
/// The kernel's reason why it cannot be read.
pub(super) fn sum(file: &File, algorithm: &str) -> io::Result<Option<Vec<u8>>> {
    const CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);
    Ok(Some(match algorithm {
        "crc32" => {
            let mut digest = CRC.digest();
            chunks(file, &mut |chunk| digest.update(chunk))?;
            digest.finalize().to_be_bytes().to_vec()
        }
        "sha1" => hash::<Sha1>(file)?,
        "sha256" => hash::<Sha256>(file)?,
        "sha384" => hash::<sha2::Sha384>(file)?,
        "sha512" => hash::<sha2::Sha512>(file)?,
        _ => return Ok(None),
    }))
}

fn hash<D: Digest>(file: &File) -> io::Result<Vec<u8>> {
    let mut digest = D::new();
    chunks(file, &mut |chunk| digest.update(chunk))?;
    Ok(digest.finalize().to_vec())
}

fn chunks(file: &File, take: &mut dyn FnMut(&[u8])) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK];
    let mut at: u64 = 0;
    loop {
        let count = files::fill(file, at, &mut chunk)?;
        take(chunk.get(..count).unwrap_or_default());
        if count < CHUNK {
            return Ok(());
        }
        at = at.saturating_add(count as u64);
    }
}

/// A file, for the formats that look around in it.
pub(super) struct Source<'a>(pub &'a File);

impl ReadAt for Source<'_> {
    fn size(&self) -> u64 {
        sizes::length(self.0).unwrap_or(0)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        files::fill(self.0, offset, buffer)
    }
}
