//! Takes a kernel out of what it is wrapped in, until it is as the running kernel's `kexec_file_load` takes it.
//!
//! GRUB and the firmware unpack such files by themselves: arm64's `vmlinuz` is a gzip file or an EFI program with a
//! compressed kernel in it, and older boards have U-Boot's header before it.

use super::decompress::{DecompressError, decompress};
use super::identify::identify;
use crate::formats::compression::{Compression, MAGIC_LENGTH};
use crate::formats::kernel_file::{KernelFile, u_image};
use crate::sys::files;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::{fs::File, ops::Range};

/// No kernel is larger than this when unpacked, in bytes.
pub const KERNEL_LIMIT: u64 = 512 << 20;

/// An EFI program in U-Boot's image in a gzip file is as deep as it gets.
const DEPTH_LIMIT: usize = 3;

/// Why a kernel could not be taken out.
#[derive(Debug, thiserror::Error)]
pub enum UnwrapError {
    /// Its compression failed.
    #[error(transparent)]
    Decompress(#[from] DecompressError),
    /// It could not be read, or memory could not be had.
    #[error("{0}")]
    Failed(#[from] io::Error),
    /// There is a wrapping in a wrapping in a wrapping.
    #[error("it is wrapped more than {DEPTH_LIMIT} times")]
    TooDeep,
}

/// The kernel in a file, as a sealed file in memory; `None` if the file is wrapped in nothing.
///
/// # Errors
/// [`UnwrapError`] says why.
pub fn unwrap(file: &File) -> Result<Option<File>, UnwrapError> {
    let mut unwrapped: Option<File> = None;
    for _ in 0..=DEPTH_LIMIT {
        let file = unwrapped.as_ref().unwrap_or(file);
        let Some(range) = wrapped(file)? else { return Ok(unwrapped) };
        unwrapped = Some(take_out(file, range)?);
    }
    Err(UnwrapError::TooDeep)
}

/// Where in the file that which is wrapped stands.
fn wrapped(file: &File) -> io::Result<Option<Range<u64>>> {
    let identity = identify(file)?;
    let range = |offset: u64, size: u64| Some(offset..offset.saturating_add(size));
    Ok(match identity.format {
        Some(KernelFile::Compressed(_)) => range(0, identity.file_size),
        Some(KernelFile::EfiZboot(zboot)) => range(zboot.offset.into(), zboot.size.into()),
        Some(KernelFile::Uimage(image)) if image.content == u_image::KERNEL => {
            range(u_image::HEADER_LENGTH as u64, image.size.into())
        }
        _ => None,
    })
}

fn take_out(mut file: &File, range: Range<u64>) -> Result<File, UnwrapError> {
    file.seek(SeekFrom::Start(range.start))?;
    let content = file.take(range.end.saturating_sub(range.start));
    let mut content = BufReader::with_capacity(64 << 10, content);
    let magic = io::BufRead::fill_buf(&mut content)?;
    let compression = Compression::recognise(magic.get(..MAGIC_LENGTH).unwrap_or(magic));
    files::sealed("kernel", |memory| {
        match compression {
            Some(compression) => drop(decompress(compression, content, &mut *memory, KERNEL_LIMIT)?),
            None => drop(io::copy(&mut content.take(KERNEL_LIMIT), memory)?),
        }
        Ok(memory.flush()?)
    })
}

#[cfg(test)]
mod tests {
    use rustix::fs::{MemfdFlags, memfd_create};

    use super::*;

    fn file(content: &[u8]) -> File {
        let mut file = File::from(memfd_create("test", MemfdFlags::CLOEXEC).unwrap());
        file.write_all(content).unwrap();
        file
    }

    fn unwrapped(content: &[u8]) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut inside = unwrap(&file(content)).unwrap()?;
        inside.rewind().unwrap();
        inside.read_to_end(&mut bytes).unwrap();
        assert!(inside.write_all(b"x").is_err(), "sealed");
        Some(bytes)
    }

    /// `printf hello | gzip -9nc`.
    const HELLO: &[u8] =
        b"\x1f\x8b\x08\0\0\0\0\0\x02\x03\xcb\x48\xcd\xc9\xc9\x07\0\x86\xa6\x10\x36\x05\0\0\0";

    /// The header of zboot-header.S before a payload.
    fn zboot(payload: &[u8]) -> Vec<u8> {
        let mut bytes = b"MZ\0\0zimg\x40\0\0\0".to_vec();
        bytes.extend((payload.len() as u32).to_le_bytes());
        bytes.resize(24, 0);
        bytes.extend(b"gzip");
        bytes.resize(64, 0);
        bytes.extend(payload);
        bytes.extend(b"the EFI program goes on");
        bytes
    }

    #[test]
    fn kernels_come_out_of_what_they_are_wrapped_in() {
        assert_eq!(unwrapped(b"\x7fELF and so on"), None);
        assert_eq!(unwrapped(b""), None);
        assert_eq!(unwrapped(HELLO).as_deref(), Some(&b"hello"[..]));
        assert_eq!(unwrapped(&zboot(HELLO)).as_deref(), Some(&b"hello"[..]));
        assert_eq!(unwrapped(&zboot(b"plain")).as_deref(), Some(&b"plain"[..]));
        assert_eq!(unwrapped(&zboot(&zboot(HELLO))).as_deref(), Some(&b"hello"[..]));
    }

    #[test]
    fn wrapping_in_wrapping_ends() {
        let deep = zboot(&zboot(&zboot(&zboot(HELLO))));
        assert!(matches!(unwrap(&file(&deep)), Err(UnwrapError::TooDeep)));
    }

    #[test]
    fn damage_is_an_error() {
        assert!(matches!(unwrap(&file(&HELLO[..20])), Err(UnwrapError::Decompress(_))));
        let lz4 = unwrap(&file(b"\x02\x21\x4c\x18data")).unwrap_err().to_string();
        assert_eq!(lz4, "compressed with lz4, which cannot be read here: compress it with gzip, xz or zstd");
    }
}
