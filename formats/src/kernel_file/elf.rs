//! ELF files: `vmlinux`, Xen, kernels of other systems (System V gABI, chapter 4).

use super::multiboot;
use goblin::elf::Elf as File;
use goblin::elf::header::{EI_CLASS, ELFCLASS64, ELFMAG};
use serde::Serialize;

/// What the header says.
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
    })
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

    #[test]
    fn both_classes_and_both_byte_orders_are_read() {
        let elf = |architecture: &str, bits, entry| {
            Some(Elf { architecture: architecture.to_owned(), bits, entry, multiboot: None })
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
