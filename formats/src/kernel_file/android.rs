//! Android's boot image, versions 0 to 4, and the vendor's image that goes with versions 3 and 4 (AOSP:
//! system/tools/mkbootimg/include/bootimg/bootimg.h).

use super::text;
use crate::bytes::{le32, slice};
use serde::Serialize;

/// Fields of the header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AndroidImage {
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
    /// Where the kernel is.
    #[serde(skip)]
    pub kernel: Part,
    /// Where the initrd is.
    #[serde(skip)]
    pub ramdisk: Part,
    /// Where the device tree is (version 2).
    #[serde(skip)]
    pub devicetree: Part,
}

/// Fields of the header of the vendor's image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Vendor {
    /// Version of the header.
    pub version: u32,
    /// Alignment of the parts in bytes.
    pub page_size: u32,
    /// Size of all its initrds in bytes.
    pub ramdisk_size: u32,
    /// The command line that is built in.
    pub cmdline: String,
    /// Where its initrds are.
    #[serde(skip)]
    pub ramdisks: Part,
    /// Where the table of the initrds is, and the size of one of its entries in bytes (version 4).
    #[serde(skip)]
    pub table: (Part, u32),
    /// Where the device tree is.
    #[serde(skip)]
    pub devicetree: Part,
    /// Where the boot configuration is (version 4).
    #[serde(skip)]
    pub bootconfig: Part,
}

/// A part of an image, not there where it has no size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// Offset in the file, in bytes.
    pub offset: u64,
    /// Size in bytes.
    pub size: u64,
}

/// The kind of an initrd in the vendor's table that is for recovery only.
const RECOVERY: u32 = 2;
/// Maximum number of initrds in a table.
const TABLE_LIMIT: usize = 64;

/// Parts that follow one another, each from a new page on.
struct Pages {
    size: u32,
    at: u64,
}

impl Pages {
    /// Passes over the header.
    fn after(header: u64, size: u32) -> Option<Self> {
        let mut pages = Self { size, at: 0 };
        pages.next(header)?;
        Some(pages)
    }

    fn next(&mut self, size: u64) -> Option<Part> {
        let part = Part { offset: self.at, size };
        self.at = self.at.checked_add(size)?.checked_next_multiple_of(self.size.into())?;
        Some(part)
    }
}

/// Reads the header.
#[must_use]
pub fn parse(head: &[u8]) -> Option<AndroidImage> {
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
    let kernel_size = le32(head, 8)?;
    // The header takes one page, whatever its size.
    let mut pages = Pages::after(1, page_size)?;
    let (kernel, ramdisk) = (pages.next(kernel_size.into())?, pages.next(ramdisk_size.into())?);
    let mut devicetree = Part::default();
    if version < 3 {
        pages.next(le32(head, 24)?.into())?;
        let (recovery, tree) = match version {
            0 => (0, 0),
            1 => (le32(head, 1632)?, 0),
            _ => (le32(head, 1632)?, le32(head, 1648)?),
        };
        pages.next(recovery.into())?;
        devicetree = pages.next(tree.into())?;
    }
    Some(AndroidImage { version, page_size, kernel_size, ramdisk_size, cmdline, kernel, ramdisk, devicetree })
}

/// Reads the header of the vendor's image.
#[must_use]
pub fn parse_vendor(head: &[u8]) -> Option<Vendor> {
    if !head.starts_with(b"VNDRBOOT") {
        return None;
    }
    let field = |at| le32(head, at);
    let (version, page_size, ramdisk_size) = (field(8)?, field(12)?, field(24)?);
    let mut pages = Pages::after(field(2096)?.into(), page_size)?;
    let ramdisks = pages.next(ramdisk_size.into())?;
    let devicetree = pages.next(field(2100)?.into())?;
    let (mut table, mut bootconfig) = ((Part::default(), 0), Part::default());
    if version >= 4 {
        table = (pages.next(field(2112)?.into())?, field(2120)?);
        bootconfig = pages.next(field(2124)?.into())?;
    }
    let cmdline = text(slice(head, 28, 2048)?);
    Some(Vendor { version, page_size, ramdisk_size, cmdline, ramdisks, table, devicetree, bootconfig })
}

/// The initrds in the vendor's image that a system boots with, from the content of its table: all but those for recovery.
#[must_use]
pub fn vendor_ramdisks(vendor: &Vendor, table: &[u8]) -> Vec<Part> {
    let entry_size = usize::try_from(vendor.table.1).unwrap_or(0);
    if entry_size < 12 || table.len() < entry_size {
        return vec![vendor.ramdisks];
    }
    let part = |entry: &[u8]| {
        let (size, offset) = (u64::from(le32(entry, 0)?), u64::from(le32(entry, 4)?));
        let is_wanted = le32(entry, 8)? != RECOVERY && offset.checked_add(size)? <= vendor.ramdisks.size;
        is_wanted.then_some(Part { offset: vendor.ramdisks.offset.checked_add(offset)?, size })
    };
    table.chunks_exact(entry_size).take(TABLE_LIMIT).filter_map(part).collect()
}

/// A boot configuration as the kernel finds it at the end of its initrd (Linux Documentation/admin-guide/bootconfig.rst).
#[must_use]
pub fn bootconfig_trailer(text: &[u8]) -> Vec<u8> {
    let mut bytes = text.to_vec();
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    let sum = bytes.iter().fold(0_u32, |sum, byte| sum.wrapping_add((*byte).into()));
    let size = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    bytes.extend(size.to_le_bytes());
    bytes.extend(sum.to_le_bytes());
    bytes.extend(b"#BOOTCONFIG\n");
    bytes
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

    fn part(offset: u64, size: u64) -> Part {
        Part { offset, size }
    }

    #[test]
    fn old_and_new_headers_keep_their_fields_in_different_places() {
        let old = header(&[
            (8, b"\x01"),
            (16, b"\x02"),
            (24, b"\x01\x08"),
            (36, b"\0\x08"),
            (40, b"\x02"),
            (64, b"a=1 "),
            (608, b"b=2"),
            (1632, b"\x01"),
            (1648, b"\x03"),
        ]);
        let expected = AndroidImage {
            version: 2,
            page_size: 2048,
            kernel_size: 1,
            ramdisk_size: 2,
            cmdline: "a=1 b=2".to_owned(),
            kernel: part(2048, 1),
            ramdisk: part(4096, 2),
            devicetree: part(12288, 3),
        };
        assert_eq!(parse(&old), Some(expected.clone()));
        let new = header(&[(8, b"\x01"), (12, b"\x02"), (40, b"\x04"), (44, b"a=1")]);
        let expected = AndroidImage {
            version: 4,
            page_size: 4096,
            cmdline: "a=1".to_owned(),
            kernel: part(4096, 1),
            ramdisk: part(8192, 2),
            devicetree: Part::default(),
            ..expected
        };
        assert_eq!(parse(&new), Some(expected));
        assert_eq!(parse(&old[..1000]), None);
        assert_eq!(parse(&header(&[(36, b"\0\0\0\0")])), None, "pages of no size");
        assert_eq!(parse(b"ANDROID?"), None);
    }

    #[test]
    fn what_is_for_recovery_only_is_left_out() {
        let vendor = Vendor {
            version: 4,
            page_size: 4096,
            ramdisk_size: 100,
            cmdline: String::new(),
            ramdisks: part(4096, 100),
            table: (part(8192, 24), 12),
            devicetree: Part::default(),
            bootconfig: Part::default(),
        };
        let entry = |size: u32, offset: u32, kind: u32| [size, offset, kind].map(u32::to_le_bytes).concat();
        let table = [entry(40, 0, 1), entry(20, 40, 2), entry(40, 60, 3), entry(41, 60, 1)].concat();
        assert_eq!(vendor_ramdisks(&vendor, &table), [part(4096, 40), part(4156, 40)]);
        assert_eq!(vendor_ramdisks(&vendor, b""), [part(4096, 100)]);
    }

    #[test]
    fn the_boot_configuration_carries_its_size_and_sum() {
        // "a=1\n" and "b" of the kernel's own `bootconfig -a` on an empty file.
        assert_eq!(bootconfig_trailer(b"a=1\n"), b"a=1\n\x04\0\0\0\xd9\0\0\0#BOOTCONFIG\n");
        assert_eq!(bootconfig_trailer(b"b"), b"b\0\0\0\x04\0\0\0\x62\0\0\0#BOOTCONFIG\n");
    }
}
