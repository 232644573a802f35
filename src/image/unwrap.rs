//! Removes what a kernel is wrapped in: a compression, the EFI program that unpacks it, U-Boot's older image.
//!
//! GRUB and the firmware unpack such files by themselves, and `kexec_file_load` takes only what is in them: arm64's `vmlinuz`
//! is a gzip file or an EFI program with a compressed kernel in it, and older boards have U-Boot's header before it.

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom, Write},
    ops::Range,
};

use super::{
    checked,
    decompress::decompress,
    error::UnpackError,
    identify::{Identity, identify},
    sizes,
};
use crate::{
    formats::{
        compression::{Compression, MAGIC_LENGTH},
        kernel_file::{KernelFile, u_image},
    },
    sys::files,
};

/// Maximum size of an unpacked kernel, in bytes.
const KERNEL_LIMIT: u64 = 512 << 20;

/// Maximum number of wrappings: an EFI program in U-Boot's image in a gzip file.
pub(super) const DEPTH_LIMIT: usize = 3;

/// The kernel in a file that has been identified, as a sealed file in memory, and its own identity; the same file if it is
/// wrapped in nothing.
///
/// # Errors
/// [`UnpackError`] says what is wrong with the file.
pub(super) fn unwrap(file: File, identity: Identity) -> Result<(File, Identity), UnpackError> {
    let (mut file, mut identity) = (file, identity);
    let mut depth: usize = 0;
    while let Some(wrapping) = Wrapping::of(&identity) {
        if depth == DEPTH_LIMIT {
            return Err(UnpackError::TooDeep);
        }
        depth = depth.saturating_add(1);
        file = wrapping.remove(&file)?;
        identity = identify(&file)?;
    }
    Ok((file, identity))
}

/// A wrapping around a kernel.
enum Wrapping<'a> {
    /// Compressed or plain bytes at this place in the file.
    Range(Range<u64>),
    UImage(&'a u_image::UImage),
}

impl<'a> Wrapping<'a> {
    fn of(identity: &'a Identity) -> Option<Self> {
        let range = |offset: u64, size: u64| Some(Self::Range(offset..offset.saturating_add(size)));
        match &identity.format {
            Some(KernelFile::Compressed(_)) => range(0, identity.file_size),
            Some(KernelFile::EfiZboot(zboot)) => range(zboot.offset.into(), zboot.size.into()),
            Some(KernelFile::Uimage(image)) if image.content == u_image::KERNEL => Some(Self::UImage(image)),
            _ => None,
        }
    }

    fn remove(&self, file: &File) -> Result<File, UnpackError> {
        match self {
            Self::Range(range) => expand(file, range.clone()),
            Self::UImage(image) => {
                let content = checked::content(file, image)?;
                let magic = files::read_at(&content, 0, MAGIC_LENGTH)?;
                match Compression::recognise(&magic) {
                    Some(_) => expand(&content, 0..image.size.into()),
                    None => Ok(content),
                }
            }
        }
    }
}

/// The bytes at this place of the file, decompressed where they are compressed.
fn expand(mut file: &File, range: Range<u64>) -> Result<File, UnpackError> {
    let size = range.end.saturating_sub(range.start);
    sizes::check_parts(file, [(range.start, size)])?;
    // A compressed kernel is no longer than the kernel; nor may the decoder be kept busy with what comes to nothing.
    if size > KERNEL_LIMIT {
        return Err(UnpackError::TooLong { size, limit: KERNEL_LIMIT });
    }
    let limit = KERNEL_LIMIT.min(files::free_memory() / 2);
    file.seek(SeekFrom::Start(range.start))?;
    let content = file.take(size);
    let mut content = BufReader::with_capacity(64 << 10, content);
    let magic = io::BufRead::fill_buf(&mut content)?;
    let compression = Compression::recognise(magic.get(..MAGIC_LENGTH).unwrap_or(magic));
    files::sealed("kernel", size, |memory| {
        match compression {
            Some(compression) => drop(decompress(compression, content, &mut *memory, limit)?),
            None => drop(io::copy(&mut content, memory)?),
        }
        Ok(memory.flush()?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::testing::file;

    fn unpacked(content: &[u8]) -> Result<File, UnpackError> {
        let file = file(content);
        let identity = identify(&file)?;
        unwrap(file, identity).map(|(kernel, _)| kernel)
    }

    /// The content of the kernel in a file, which can no longer change if it was taken out of something.
    fn inside(content: &[u8]) -> Vec<u8> {
        let mut inside = unpacked(content).unwrap();
        let mut bytes = Vec::new();
        inside.rewind().unwrap();
        inside.read_to_end(&mut bytes).unwrap();
        assert_eq!(inside.write_all(b"x").is_err(), bytes != content, "sealed");
        bytes
    }

    /// `printf hello | gzip -9nc`.
    const HELLO: &[u8] =
        b"\x1f\x8b\x08\0\0\0\0\0\x02\x03\xcb\x48\xcd\xc9\xc9\x07\0\x86\xa6\x10\x36\x05\0\0\0";

    /// `printf hello > k; mkimage -A arm64 -O linux -T kernel -C gzip -n 'Linux-6.1' -d k u` with SOURCE_DATE_EPOCH=0.
    const U_IMAGE: &[u8] = b"\
        '\x05\x19V\x95k\xa6 \x00\x00\x00\x00\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00\x006\x10\
        \xa6\x86\x05\x16\x02\x01Linux-6.1\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\
        \x00\x00\x00\x00\x00\x00\x00\x00\x00hello";

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
        for (content, expected) in [
            (b"\x7fELF and so on".to_vec(), &b"\x7fELF and so on"[..]),
            (Vec::new(), b""),
            (HELLO.to_vec(), b"hello"),
            (zboot(HELLO), b"hello"),
            (zboot(b"plain"), b"plain"),
            (zboot(&zboot(HELLO)), b"hello"),
            (zboot(U_IMAGE), b"hello"),
        ] {
            assert_eq!(inside(&content), expected);
        }
    }

    #[test]
    fn wrapping_in_wrapping_ends() {
        let deep = zboot(&zboot(&zboot(&zboot(HELLO))));
        assert!(matches!(unpacked(&deep), Err(UnpackError::TooDeep)));
        assert_eq!(inside(&zboot(&zboot(&zboot(HELLO)))), b"hello");
    }

    #[test]
    fn damage_is_an_error() {
        assert!(matches!(unpacked(&HELLO[..20]), Err(UnpackError::Decompress(_))));
        let lz4 = unpacked(b"\x02\x21\x4c\x18data").unwrap_err().to_string();
        assert_eq!(
            lz4,
            "cannot be unpacked: compressed with lz4, which cannot be read here: compress it with gzip, xz or zstd; install the \
             kernel again"
        );
        let mut damaged = U_IMAGE.to_vec();
        damaged[64] ^= 1;
        let damaged = unpacked(&zboot(&damaged)).unwrap_err().to_string();
        assert_eq!(damaged, "the crc32 of kernel in it is wrong; write the image anew");
    }
}
