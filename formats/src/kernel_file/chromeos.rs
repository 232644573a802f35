//! ChromeOS kernel partitions: key block, preamble and body (vboot_reference: firmware/2lib/include/2struct.h;
//! U-Boot: boot/bootmeth_cros.c).
//!
//! Body, on x86: the kernel without its setup sectors, a page with the command line, one for the boot parameters, the
//! bootloader, the setup sectors. Elsewhere the kernel is an image tree or a plain kernel, and nothing is after the
//! bootloader. The preamble tells addresses in memory; they become offsets here.

use super::android::Part;
use crate::bytes::{le32, le64};
use serde::Serialize;

/// Maximum size of a body, in bytes.
const BODY_LIMIT: u64 = 512 << 20;
/// Size of the place for the command line, in bytes.
const CMDLINE_SIZE: u64 = 4096;
/// Distance of the command line before the bootloader, in bytes: the boot parameters are between them.
const CMDLINE_BEFORE: u64 = 2 * 4096;

/// Fields of the preamble.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChromeosImage {
    /// Version that the firmware compares, so that no older system is started.
    pub kernel_version: u32,
    /// Size of the kernel in bytes, up to the next page and without its setup sectors.
    pub kernel_size: u64,
    /// Where the kernel is.
    #[serde(skip)]
    pub kernel: Part,
    /// Where the command line is, which ends at the first NUL.
    #[serde(skip)]
    pub cmdline: Part,
    /// Where the setup sectors of a kernel for x86 are, which belong before it.
    #[serde(skip)]
    pub setup: Part,
}

/// Reads key block and preamble.
#[must_use]
pub fn parse(head: &[u8]) -> Option<ChromeosImage> {
    if !head.starts_with(b"CHROMEOS") {
        return None;
    }
    let key_block = le32(head, 16)?;
    let preamble = head.get(usize::try_from(key_block).ok()?..)?;
    let body = u64::from(key_block).checked_add(le32(preamble, 0)?.into())?;
    let body_size = u64::from(le32(preamble, 72 + 16)?);
    let load_address = le64(preamble, 48)?;
    let inside = |address: u64, size: u64| {
        let offset = address.checked_sub(load_address)?;
        let is_inside = offset.checked_add(size)? <= body_size && body_size <= BODY_LIMIT;
        is_inside.then_some(Part { offset: body.checked_add(offset)?, size })
    };
    let cmdline = inside(le64(preamble, 56)?.checked_sub(CMDLINE_BEFORE)?, CMDLINE_SIZE)?;
    let kernel_size = cmdline.offset.checked_sub(body)?;
    // Version 2.0 of the preamble ends before this.
    let setup_size = if le32(preamble, 36)? == 0 { 0 } else { le32(preamble, 104)? };
    let setup = match setup_size {
        0 => Part::default(),
        size => inside(le64(preamble, 96)?, size.into())?,
    };
    let kernel = Part { offset: body, size: kernel_size };
    Some(ChromeosImage { kernel_version: le32(preamble, 40)?, kernel_size, kernel, cmdline, setup })
}

/// The command line as the firmware's boot loader completes it: `%U` stands for the partition's UUID, and a word before all
/// others says that the system was started the ChromeOS way (depthcharge, src/vboot/util/commandline.c).
#[must_use]
pub fn complete(cmdline: &str, partition_uuid: &str) -> String {
    format!("cros_secure {}", cmdline.replace("%U", partition_uuid))
}

/// How often and in which order the firmware tries a kernel partition, as attribute bits of the GPT tell it (vboot_reference,
/// firmware/lib/cgptlib).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The highest one is tried first, and none of zero.
    pub priority: u8,
    /// How often it is still tried while it has not yet started well.
    pub tries: u8,
    /// It has started well once.
    pub successful: bool,
}

impl Standing {
    /// Reads the attributes of a partition.
    #[must_use]
    pub fn of(attributes: u64) -> Self {
        let bits = |at: u32, mask: u64| u8::try_from((attributes >> at) & mask).unwrap_or_default();
        Self { priority: bits(48, 15), tries: bits(52, 15), successful: bits(56, 1) == 1 }
    }

    /// Whether the firmware tries it.
    #[must_use]
    pub fn is_tried(self) -> bool {
        self.priority > 0 && (self.successful || self.tries > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::chromeos::head;

    /// The fields as `vbutil_kernel --verify --verbose` prints them for what `vbutil_kernel --pack --arch x86_64` has made
    /// of Debian's vmlinuz-6.1.0-56-amd64.
    const X86: [(usize, u64); 8] = [
        (0, 0xfb48),
        (32, 2 | 2 << 32),
        (40, 1),
        (48, 0x10_0000),
        (56, 0x8d_b000),
        (88, 0x7e_1000),
        (96, 0x8d_c000),
        (104, 0x5000),
    ];

    fn part(offset: u64, size: u64) -> Part {
        Part { offset, size }
    }

    #[test]
    fn addresses_in_memory_become_places_in_the_partition() {
        // Both the kernel and its setup sectors were found there with cmp.
        let expected = ChromeosImage {
            kernel_version: 1,
            kernel_size: 0x7d_9000,
            kernel: part(0x1_0000, 0x7d_9000),
            cmdline: part(0x7e_9000, 4096),
            setup: part(0x7e_c000, 0x5000),
        };
        assert_eq!(parse(&head(0x4b8, &X86)), Some(expected.clone()));
        let no_setup = ChromeosImage { setup: Part::default(), ..expected };
        for (case, field) in [("not for x86", (104, 0)), ("version 2.0", (32, 2))] {
            let fields = [&X86[..], &[field]].concat();
            assert_eq!(parse(&head(0x4b8, &fields)), Some(no_setup.clone()), "{case}");
        }
    }

    #[test]
    fn the_firmware_puts_the_partitions_uuid_into_the_command_line() {
        // The output of Linux on a machine whose image says `kern_guid=%U` and `root=PARTUUID=%U/PARTNROFF=1`.
        let found = complete(
            "console= root=PARTUUID=%U/PARTNROFF=1 kern_guid=%U",
            "35c775e7-3735-d745-93e5-d9e0238f7ed0",
        );
        let expected = "cros_secure console= root=PARTUUID=35c775e7-3735-d745-93e5-d9e0238f7ed0/PARTNROFF=1 \
                        kern_guid=35c775e7-3735-d745-93e5-d9e0238f7ed0";
        assert_eq!(found, expected);
    }

    #[test]
    fn attributes_tell_what_is_tried() {
        // As `cgpt add -P priority -T tries -S successful` sets them.
        for (attributes, priority, tries, successful, is_tried) in [
            (0x01f2_u64 << 48, 2, 15, true, true),
            (0x0102 << 48, 2, 0, true, true),
            (0x0011 << 48, 1, 1, false, true),
            (0x000f << 48, 15, 0, false, false),
            (0x01f0 << 48, 0, 15, true, false),
            (0xfe00_ffff_ffff_ffff, 0, 0, false, false),
        ] {
            let standing = Standing::of(attributes);
            assert_eq!(standing, Standing { priority, tries, successful }, "{attributes:#x}");
            assert_eq!(standing.is_tried(), is_tried, "{attributes:#x}");
        }
    }

    #[test]
    fn what_would_lie_outside_the_body_is_no_image() {
        for (case, field) in [
            ("command line before the body", (56, 0x10_1fff)),
            ("command line after the body", (56, 0x8e_2001)),
            ("bootloader nowhere", (56, 0)),
            ("setup sectors after the body", (96, 0x8d_c001)),
            ("setup sectors without end", (96, u64::MAX)),
            ("setup sectors before the body", (96, 0xf_f000)),
            ("a body larger than any", (88, u32::MAX.into())),
        ] {
            let fields = [&X86[..], &[field]].concat();
            assert_eq!(parse(&head(0x4b8, &fields)), None, "{case}");
        }
        let whole = head(0x4b8, &X86);
        for length in [0, 8, 0x4b8, 0x4b8 + 107] {
            assert_eq!(parse(&whole[..length]), None, "{length} bytes");
        }
        assert_eq!(parse(&[b"ANDROID!", &whole[8..]].concat()), None, "another magic number");
    }
}
