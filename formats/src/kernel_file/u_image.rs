//! U-Boot's older image, a header of 64 bytes before the content (U-Boot: include/image.h).

use super::text;
use crate::bytes::{be32, holds};
use crc::{CRC_32_ISO_HDLC, Crc};
use serde::Serialize;

/// Length of the header in bytes.
pub const HEADER_LENGTH: usize = 64;

/// Fields of the header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UImage {
    /// Name that its maker gave it.
    pub name: String,
    /// Its content: `kernel`, `ramdisk`, `script` …, or the number in the header.
    pub content: String,
    /// Architecture as U-Boot names it, or the number in the header.
    pub architecture: String,
    /// Size of the content in bytes.
    pub size: u32,
    /// How the content is compressed, or the number in the header.
    pub compression: String,
    /// Check sum of the content.
    #[serde(skip)]
    pub crc32: u32,
    /// Whether it is of Linux, and not of another system.
    #[serde(skip)]
    pub is_linux: bool,
}

/// `IH_OS_LINUX`.
const LINUX: u8 = 5;

/// Name of the content that is a kernel.
pub const KERNEL: &str = "kernel";
/// Name of the content that is several files, one after the other.
pub const SEVERAL: &str = "several files";
/// Maximum number of files in one image.
const FILES_LIMIT: usize = 16;

/// The numbers of `IH_TYPE_…`, `IH_ARCH_…` and `IH_COMP_…` that occur with Linux.
const CONTENTS: &[(u8, &str)] =
    &[(2, KERNEL), (3, "ramdisk"), (4, SEVERAL), (6, "script"), (8, "device tree"), (14, KERNEL)];
const ARCHITECTURES: &[(u8, &str)] =
    &[(2, "arm"), (3, "x86"), (5, "mips"), (7, "powerpc"), (22, "arm64"), (24, "x86_64"), (26, "riscv")];
const COMPRESSIONS: &[(u8, &str)] =
    &[(0, "none"), (1, "gzip"), (2, "bzip2"), (3, "lzma"), (4, "lzo"), (5, "lz4"), (6, "zstd")];

/// Reads the header; `None` also if its check sum is wrong.
#[must_use]
pub fn parse(head: &[u8]) -> Option<UImage> {
    let header: [u8; HEADER_LENGTH] = *head.first_chunk()?;
    if !holds(&header, 0, b"\x27\x05\x19\x56") {
        return None;
    }
    // The sum is taken with its own field as zero.
    let mut summed = header;
    summed.get_mut(4..8)?.fill(0);
    if Crc::<u32>::new(&CRC_32_ISO_HDLC).checksum(&summed) != be32(&header, 4)? {
        return None;
    }
    let [system, architecture, content, compression] = *header.get(28..32)?.first_chunk()?;
    Some(UImage {
        name: text(header.get(32..)?),
        content: named(CONTENTS, content),
        architecture: named(ARCHITECTURES, architecture),
        size: be32(&header, 12)?,
        compression: named(COMPRESSIONS, compression),
        crc32: be32(&header, 24)?,
        is_linux: system == LINUX,
    })
}

/// Offsets and sizes of several files in the content of an image, from its first bytes: their sizes, up to one of zero.
#[must_use]
pub fn files(content: &[u8]) -> Vec<(u64, u64)> {
    let sizes = content.chunks_exact(4).take(FILES_LIMIT).filter_map(|size| be32(size, 0));
    let sizes: Vec<u64> = sizes.take_while(|&size| size != 0).map(u64::from).collect();
    let mut at = (sizes.len() as u64).saturating_add(1).saturating_mul(4);
    let place = |size: u64| {
        let offset = at;
        at = at.saturating_add(size).saturating_add(3) & !3;
        (offset, size)
    };
    sizes.into_iter().map(place).collect()
}

fn named(names: &[(u8, &str)], number: u8) -> String {
    names
        .iter()
        .find(|(known, _)| *known == number)
        .map_or_else(|| number.to_string(), |(_, name)| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `printf hello > k; mkimage -A arm64 -O linux -T kernel -C gzip -n 'Linux-6.1' -d k u` with SOURCE_DATE_EPOCH=0.
    const MKIMAGE: &[u8] = b"\
        '\x05\x19V\x95k\xa6 \x00\x00\x00\x00\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00\x006\x10\
        \xa6\x86\x05\x16\x02\x01Linux-6.1\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\
        \x00\x00\x00\x00\x00\x00\x00\x00\x00hello";

    #[test]
    fn what_mkimage_wrote_is_read() {
        let expected = UImage {
            name: "Linux-6.1".to_owned(),
            content: "kernel".to_owned(),
            architecture: "arm64".to_owned(),
            size: 5,
            compression: "gzip".to_owned(),
            crc32: 0x3610_a686,
            is_linux: true,
        };
        assert_eq!(parse(MKIMAGE), Some(expected));
    }

    #[test]
    fn a_damaged_header_is_none() {
        for place in 0..HEADER_LENGTH {
            let mut bytes = MKIMAGE.to_vec();
            bytes[place] ^= 1;
            assert_eq!(parse(&bytes), None, "byte {place}");
        }
    }
}
