//! Linux for x86, bzImage (kernel: Documentation/arch/x86/boot.rst), beyond what loading it asks for.

use super::text;
use crate::bytes::{le16, le32};
use crate::bzimage;
use serde::Serialize;

/// Fields of a kernel's header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Kernel {
    /// The version that `uname -r` will print, with the build's user, host and date after it.
    pub version: Option<String>,
    /// Boot protocol, such as `2.15`.
    pub protocol: String,
    /// Whether it has an EFI stub, so that firmware can start it.
    pub efi_stub: bool,
    /// Whether `kexec_file_load` takes it: 64-bit, entered at its 64-bit entry point, loadable anywhere.
    pub kexec: bool,
    /// Longest command line in bytes.
    pub cmdline_size: u32,
    /// Memory that it needs from its load address until it runs, in bytes.
    pub init_size: Option<u32>,
    /// Bytes that are missing at the file's end.
    pub cut_short: Option<u64>,
    /// The requirements of loading it.
    #[serde(skip)]
    pub header: bzimage::Header,
}

/// `KERNEL_64` and `CAN_BE_LOADED_ABOVE_4G` of xloadflags.
const ANYWHERE_64: u16 = 0b11;

/// Reads the header of a bzImage.
#[must_use]
pub fn parse(head: &[u8], size: u64) -> Option<Kernel> {
    let header = bzimage::parse(head)?;
    let version_at = le16(head, 0x20e).filter(|&at| at != 0).map(|at| usize::from(at).saturating_add(0x200));
    let version = version_at.and_then(|at| head.get(at..)).map(|rest| text(rest.get(..256).unwrap_or(rest)));
    let load_flags = head.get(0x211)?;
    let extended_flags = if header.protocol < 0x20c { 0 } else { le16(head, 0x236)? };
    let [major, minor] = header.protocol.to_be_bytes();
    Some(Kernel {
        version,
        protocol: format!("{major}.{minor:02}"),
        efi_stub: head.starts_with(b"MZ"),
        kexec: load_flags & 1 != 0 && extended_flags & ANYWHERE_64 == ANYWHERE_64,
        cmdline_size: header.cmdline_size,
        init_size: if header.protocol < 0x20a { None } else { le32(head, 0x260) },
        cut_short: header.length.checked_sub(size).filter(|&missing| missing > 0),
        header,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fields of Debian's vmlinuz-6.1.0-56-amd64 as `file` and xxd show them.
    fn debian() -> Vec<u8> {
        let mut head = vec![0; 0x4600];
        for (at, bytes) in [
            (0, &b"MZ"[..]),
            (0x1f1, b"\x27"),
            (0x1f4, b"\x20\xd8\x07\x00"),
            (0x1fe, b"\x55\xaa"),
            (0x202, b"HdrS\x0f\x02"),
            (0x20e, b"\xc0\x42"),
            (0x211, b"\x01"),
            (0x236, b"\x7f\x00\xff\x07\x00\x00"),
            (0x260, b"\x00\x80\xf9\x03"),
            (0x44c0, b"6.1.0-56-amd64 (debian-kernel@lists.debian.org) #1 SMP\0"),
        ] {
            head[at..at + bytes.len()].copy_from_slice(bytes);
        }
        head
    }

    #[test]
    fn a_distribution_kernel_tells_its_version_and_that_kexec_takes_it() {
        let expected = Kernel {
            version: Some("6.1.0-56-amd64 (debian-kernel@lists.debian.org) #1 SMP".to_owned()),
            protocol: "2.15".to_owned(),
            efi_stub: true,
            kexec: true,
            cmdline_size: 2047,
            init_size: Some(66_682_880),
            cut_short: None,
            header: bzimage::parse(&debian()).unwrap(),
        };
        assert_eq!(parse(&debian(), 8_247_232), Some(expected.clone()));
        let expected = Kernel { cut_short: Some(8_245_760 - 15 - 0x4600), ..expected };
        assert_eq!(parse(&debian(), 0x4600), Some(expected));
    }

    /// memtest86+ 6 ends within its last paragraph.
    #[test]
    fn a_file_that_ends_within_its_last_paragraph_is_whole() {
        for (missing, expected) in [(0, None), (15, None), (16, Some(1))] {
            assert_eq!(parse(&debian(), 8_245_760 - missing).unwrap().cut_short, expected);
        }
    }

    #[test]
    fn a_32_bit_kernel_is_none_for_kexec() {
        let mut head = debian();
        head[0x236] = 0b100;
        assert_eq!(parse(&head, 8_247_232).map(|kernel| kernel.kexec), Some(false));
    }

    #[test]
    fn a_version_that_points_past_the_file_is_none() {
        let mut head = debian();
        head[0x20e..0x210].copy_from_slice(&[0xff, 0xff]);
        assert_eq!(parse(&head, 8_247_232).map(|kernel| kernel.version), Some(None));
    }
}
