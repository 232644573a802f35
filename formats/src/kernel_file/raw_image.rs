//! Linux for arm64 and RISC-V as they run (kernel: Documentation/arch/arm64/booting.rst, arch/riscv/boot-image-header.rst).

use crate::bytes::{holds, le64};
use serde::Serialize;

/// Fields of a kernel's header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RawImage {
    /// Its architecture as `uname -m` prints it.
    pub architecture: &'static str,
    /// Offset from a 2 MiB boundary at which it is loaded, in bytes.
    pub text_offset: u64,
    /// Memory that it takes, in bytes.
    pub image_size: u64,
    /// Whether it runs big-endian.
    pub big_endian: bool,
    /// Its page size in KiB, where it tells.
    pub page_size: Option<u8>,
    /// Whether it has an EFI stub, so that firmware can start it.
    pub efi_stub: bool,
}

/// Reads the header.
#[must_use]
pub fn parse(head: &[u8]) -> Option<RawImage> {
    let architecture = if holds(head, 56, b"ARM\x64") {
        "aarch64"
    } else if holds(head, 48, b"RISCV\0\0\0") && holds(head, 56, b"RSC\x05") {
        "riscv64"
    } else {
        return None;
    };
    let flags = le64(head, 24)?;
    let page_size = match (architecture, flags >> 1 & 3) {
        ("aarch64", 1) => Some(4),
        ("aarch64", 2) => Some(16),
        ("aarch64", 3) => Some(64),
        _ => None,
    };
    Some(RawImage {
        architecture,
        text_offset: le64(head, 8)?,
        image_size: le64(head, 16)?,
        big_endian: flags & 1 != 0,
        page_size,
        efi_stub: head.starts_with(b"MZ"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header by the tables of both documents: code0, code1, text_offset, image_size, flags, then to offset 64.
    fn header(flags: u8, magics: &[(usize, &[u8])]) -> Vec<u8> {
        let mut head = vec![0; 64];
        head[..2].copy_from_slice(b"MZ");
        head[10] = 0x20;
        head[18] = 0x30;
        head[24] = flags;
        for (at, magic) in magics {
            head[*at..at + magic.len()].copy_from_slice(magic);
        }
        head
    }

    #[test]
    fn both_architectures_are_distinguished() {
        let arm = RawImage {
            architecture: "aarch64",
            text_offset: 0x20_0000,
            image_size: 0x30_0000,
            big_endian: false,
            page_size: Some(4),
            efi_stub: true,
        };
        assert_eq!(parse(&header(0b1010, &[(56, b"ARM\x64")])), Some(arm.clone()));
        let riscv = RawImage { architecture: "riscv64", page_size: None, ..arm.clone() };
        assert_eq!(parse(&header(0, &[(48, b"RISCV\0\0\0"), (56, b"RSC\x05")])), Some(riscv));
        let big = RawImage { big_endian: true, page_size: Some(64), ..arm };
        assert_eq!(parse(&header(0b111, &[(56, b"ARM\x64")])), Some(big));
    }

    #[test]
    fn other_files_are_none() {
        assert_eq!(parse(&header(0, &[(56, b"RSC\x05")])), None);
        assert_eq!(parse(&header(0, &[(56, b"ARM\x64")])[..59]), None);
    }
}
