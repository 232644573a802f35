//! ELF files: `vmlinux`, Xen, kernels of other systems (System V gABI, chapter 4).

use super::multiboot;
use goblin::{
    container::{Container, Ctx},
    elf::{
        Elf as File, Header, ProgramHeader,
        header::{EI_CLASS, ELFCLASS64, ELFMAG, ET_REL},
        program_header::{PT_DYNAMIC, PT_GNU_RELRO, PT_INTERP, PT_LOAD, PT_PHDR, PT_TLS},
    },
};
use serde::Serialize;

/// Fields of the header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Elf {
    /// The architecture that it is for, or the number in the header.
    pub architecture: String,
    /// 32 or 64.
    pub bits: u8,
    /// Address at which it is entered.
    pub entry: u64,
    /// Its multiboot header.
    pub multiboot: Option<multiboot::Header>,
    /// It is a program or a library for a running system, or a kernel module.
    #[serde(skip_serializing_if = "is_false")]
    pub is_program: bool,
}

/// Values of `e_machine` that Linux runs on.
const ARCHITECTURES: &[(u16, &str)] = &[
    (3, "i386"),
    (8, "mips"),
    (20, "ppc"),
    (21, "ppc64"),
    (22, "s390x"),
    (40, "arm"),
    (62, "x86_64"),
    (183, "aarch64"),
    (243, "riscv"),
    (258, "loongarch"),
];

/// Maximum number of program headers that are read.
const HEADERS_LIMIT: usize = 64;

/// Reads the header.
#[must_use]
pub fn parse(head: &[u8]) -> Option<Elf> {
    if !head.starts_with(ELFMAG) {
        return None;
    }
    let header = File::parse_header(head).ok()?;
    let known = ARCHITECTURES.iter().find(|(machine, _)| *machine == header.e_machine);
    Some(Elf {
        architecture: known.map_or_else(|| header.e_machine.to_string(), |(_, name)| (*name).to_owned()),
        bits: if header.e_ident.get(EI_CLASS) == Some(&ELFCLASS64) { 64 } else { 32 },
        entry: header.e_entry,
        multiboot: multiboot::parse(head),
        is_program: is_program(head, &header) && multiboot::parse(head).is_none(),
    })
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn is_false(value: &bool) -> bool {
    !value
}

/// Whether a file is made for an operating system: relocatable, or with program headers that only one looks at, and not linked
/// to run in the upper half of the address space as Linux is.
fn is_program(head: &[u8], header: &Header) -> bool {
    if header.e_type == ET_REL {
        return true;
    }
    let wide = header.e_ident.get(EI_CLASS) == Some(&ELFCLASS64);
    let (container, half) = if wide { (Container::Big, 1 << 63) } else { (Container::Little, 1 << 31) };
    let (Ok(order), Ok(place)) = (header.endianness(), usize::try_from(header.e_phoff)) else { return false };
    let Ok(headers) = ProgramHeader::parse(
        head,
        place,
        usize::from(header.e_phnum).min(HEADERS_LIMIT),
        Ctx::new(container, order),
    ) else {
        return false;
    };
    let is_high = |header: &ProgramHeader| header.p_type == PT_LOAD && header.p_vaddr >= half;
    let is_of_system = |header: &ProgramHeader| {
        matches!(header.p_type, PT_INTERP | PT_DYNAMIC | PT_PHDR | PT_TLS | PT_GNU_RELRO)
    };
    !headers.iter().any(is_high) && headers.iter().any(is_of_system)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first 64 bytes of a header by figure 4-3: class, data, machine, entry and the rest zero.
    fn header(class: u8, data: u8, machine: &[u8; 2], entry: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; 64];
        bytes[..6].copy_from_slice(&[0x7f, b'E', b'L', b'F', class, data]);
        bytes[18..20].copy_from_slice(machine);
        bytes[24..24 + entry.len()].copy_from_slice(entry);
        bytes
    }

    /// A header with program headers of these types and addresses (figures 5-1 and 5-2).
    fn with_headers(kind: u16, headers: &[(u32, u64)]) -> Vec<u8> {
        let mut bytes = header(2, 1, b"\x3e\0", b"");
        bytes[16..18].copy_from_slice(&kind.to_le_bytes());
        bytes[32] = 64;
        bytes[54..58].copy_from_slice(&[56, 0, u8::try_from(headers.len()).unwrap(), 0]);
        for (kind, address) in headers {
            let mut fields = [0; 56];
            fields[..4].copy_from_slice(&kind.to_le_bytes());
            fields[16..24].copy_from_slice(&address.to_le_bytes());
            bytes.extend(fields);
        }
        bytes
    }

    /// As readelf -l shows /bin/true (dynamic), a static program of Go's and of Rust's, a kernel module, a vmlinux, one of arm64
    /// that can be relocated, and a kernel that runs where it is loaded.
    #[test]
    fn a_program_is_no_kernel() {
        const HIGH: u64 = 0xffff_ffff_8100_0000;
        for (kind, headers, expected) in [
            (3, &[(6, 0x40), (3, 0x318), (1, 0), (2, 0x3de0)][..], true),
            (2, &[(6, 0x40_0040), (4, 0x40_0f9c), (1, 0x40_0000)], true),
            (3, &[(1, 0), (2, 0x3000), (7, 0x2000)], true),
            (1, &[], true),
            (2, &[(1, HIGH), (1, 0), (4, HIGH)], false),
            (3, &[(1, 0xffff_8000_0801_0000), (2, 0xffff_8000_0802_0000)], false),
            (2, &[(1, 0x10_0000)], false),
        ] {
            assert_eq!(parse(&with_headers(kind, headers)).unwrap().is_program, expected, "{headers:x?}");
        }
    }

    #[test]
    fn both_classes_and_both_byte_orders_are_read() {
        let elf = |architecture: &str, bits, entry| {
            Some(Elf {
                architecture: architecture.to_owned(),
                bits,
                entry,
                multiboot: None,
                is_program: false,
            })
        };
        for (bytes, expected) in [
            (header(2, 1, b"\x3e\0", b"\0\0\0\x01\0\0\0\0"), elf("x86_64", 64, 0x100_0000)),
            (header(2, 2, b"\0\x15", b"\0\0\0\0\0\0\0\x10"), elf("ppc64", 64, 16)),
            (header(1, 1, b"\x03\0", b"\0\0\x10\0"), elf("i386", 32, 0x10_0000)),
            (header(2, 1, b"\xff\xff", b""), elf("65535", 64, 0)),
            (header(9, 1, b"\x3e\0", b""), None),
            (header(2, 9, b"\x3e\0", b""), None),
            (header(2, 1, b"\x3e\0", b"")[..40].to_vec(), None),
            (b"ELF".to_vec(), None),
        ] {
            assert_eq!(parse(&bytes), expected);
        }
    }
}
