//! Android's boot image, versions 0 to 4 (AOSP: system/tools/mkbootimg/include/bootimg/bootimg.h).

use super::text;
use crate::formats::bytes::{le32, slice};
use serde::Serialize;

/// What the header says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Image {
    /// Version of the header.
    pub version: u32,
    /// Alignment of the parts in bytes.
    pub page_size: u32,
    /// Size of the kernel in bytes; it begins at the second page.
    pub kernel_size: u32,
    /// Size of the initrd in bytes.
    pub ramdisk_size: u32,
    /// The command line that is built in.
    pub cmdline: String,
}

/// Reads the header.
#[must_use]
pub fn parse(head: &[u8]) -> Option<Image> {
    if !head.starts_with(b"ANDROID!") {
        return None;
    }
    // Before version 1 this place was free, and some vendors put the size of a device tree there.
    let version = le32(head, 40).map(|version| if version > 4 { 0 } else { version })?;
    let (ramdisk_size, page_size, cmdline) = if version < 3 {
        let more = text(slice(head, 608, 1024)?);
        (le32(head, 16)?, le32(head, 36)?, text(slice(head, 64, 512)?) + &more)
    } else {
        (le32(head, 12)?, 4096, text(slice(head, 44, 1536)?))
    };
    Some(Image { version, page_size, kernel_size: le32(head, 8)?, ramdisk_size, cmdline })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(fields: &[(usize, &[u8])]) -> Vec<u8> {
        let mut head = vec![0; 4096];
        head[..8].copy_from_slice(b"ANDROID!");
        for (at, bytes) in fields {
            head[*at..at + bytes.len()].copy_from_slice(bytes);
        }
        head
    }

    #[test]
    fn old_and_new_headers_keep_their_fields_in_different_places() {
        let old = header(&[
            (8, b"\x01"),
            (16, b"\x02"),
            (36, b"\0\x08"),
            (40, b"\x02"),
            (64, b"a=1 "),
            (608, b"b=2"),
        ]);
        let expected = Image {
            version: 2,
            page_size: 2048,
            kernel_size: 1,
            ramdisk_size: 2,
            cmdline: "a=1 b=2".to_owned(),
        };
        assert_eq!(parse(&old), Some(expected.clone()));
        let new = header(&[(8, b"\x01"), (12, b"\x02"), (40, b"\x04"), (44, b"a=1")]);
        let expected = Image { version: 4, page_size: 4096, cmdline: "a=1".to_owned(), ..expected };
        assert_eq!(parse(&new), Some(expected));
        assert_eq!(parse(&old[..1000]), None);
        assert_eq!(parse(b"ANDROID?"), None);
    }
}
