//! A compressed kernel in an EFI program that unpacks it (kernel: drivers/firmware/efi/libstub/zboot-header.S).

use super::text;
use crate::bytes::{holds, le32};
use serde::Serialize;

/// Where the kernel is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Zboot {
    /// How it is compressed, in the header's words.
    pub compression: String,
    /// Offset of the compressed kernel in the file, in bytes.
    pub offset: u32,
    /// Its size in bytes.
    pub size: u32,
}

/// Reads the header; `None` also if the kernel would lie outside the file.
#[must_use]
pub fn parse(head: &[u8], file_size: u64) -> Option<Zboot> {
    if !head.starts_with(b"MZ") || !holds(head, 4, b"zimg") {
        return None;
    }
    let (offset, size) = (le32(head, 8)?, le32(head, 12)?);
    let end = u64::from(offset).saturating_add(size.into());
    (end <= file_size).then_some(Zboot { compression: text(head.get(24..56)?), offset, size })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Vec<u8> {
        let mut head = b"MZ\0\0zimg\x00\x10\0\0\x34\x12\0\0\0\0\0\0\0\0\0\0gzip".to_vec();
        head.resize(64, 0);
        head
    }

    #[test]
    fn the_compressed_kernel_is_found() {
        let expected = Zboot { compression: "gzip".to_owned(), offset: 0x1000, size: 0x1234 };
        assert_eq!(parse(&header(), 0x2234), Some(expected));
    }

    #[test]
    fn a_kernel_outside_the_file_is_none() {
        assert_eq!(parse(&header(), 0x2233), None);
        assert_eq!(parse(&header()[..50], 0x2234), None);
    }
}
