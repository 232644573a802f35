//! What a ChromeOS kernel partition holds: key block, preamble and body (vboot_reference: firmware/2lib/include/2struct.h;
//! U-Boot: boot/bootmeth_cros.c).
//!
//! Body, on x86: the kernel without its setup sectors, a page with the command line, one for the boot parameters, the
//! bootloader, the setup sectors. Elsewhere the kernel is an image tree or a plain kernel, and nothing is behind the
//! bootloader. The preamble tells addresses in memory; they become offsets here.

use super::android::Part;
use crate::formats::bytes::{le32, le64};
use serde::Serialize;

/// No body is larger, in bytes.
const BODY_LIMIT: u64 = 512 << 20;
/// Size of the place for the command line, in bytes.
const CMDLINE_SIZE: u64 = 4096;
/// The command line stands so far before the bootloader, in bytes: the boot parameters are between them.
const CMDLINE_BEFORE: u64 = 2 * 4096;

/// What the preamble says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Image {
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
pub fn parse(head: &[u8]) -> Option<Image> {
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
    Some(Image { kernel_version: le32(preamble, 40)?, kernel_size, kernel, cmdline, setup })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A key block without keys and a preamble without signatures, with the preamble's fields.
    pub(crate) fn head(key_block: u32, fields: &[(usize, u64)]) -> Vec<u8> {
        let mut head = vec![0; key_block as usize + 116];
        head[..8].copy_from_slice(b"CHROMEOS");
        head[16..20].copy_from_slice(&key_block.to_le_bytes());
        for (at, value) in fields {
            let at = key_block as usize + at;
            head[at..at + 8].copy_from_slice(&value.to_le_bytes());
        }
        head
    }

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
        let expected = Image {
            kernel_version: 1,
            kernel_size: 0x7d_9000,
            kernel: part(0x1_0000, 0x7d_9000),
            cmdline: part(0x7e_9000, 4096),
            setup: part(0x7e_c000, 0x5000),
        };
        assert_eq!(parse(&head(0x4b8, &X86)), Some(expected.clone()));
        let no_setup = Image { setup: Part::default(), ..expected };
        for (case, field) in [("not for x86", (104, 0)), ("version 2.0", (32, 2))] {
            let fields = [&X86[..], &[field]].concat();
            assert_eq!(parse(&head(0x4b8, &fields)), Some(no_setup.clone()), "{case}");
        }
    }

    #[test]
    fn what_would_lie_outside_the_body_is_no_image() {
        for (case, field) in [
            ("command line before the body", (56, 0x10_1fff)),
            ("command line behind the body", (56, 0x8e_2001)),
            ("bootloader nowhere", (56, 0)),
            ("setup sectors behind the body", (96, 0x8d_c001)),
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
