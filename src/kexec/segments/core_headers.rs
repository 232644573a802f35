//! The ELF headers that describe a crashed kernel's memory to the kernel that looks at it, and become the beginning of its
//! /proc/vmcore (ELF-64; Linux, Documentation/admin-guide/kdump/kdump.rst, and kernel/crash_core.c, whose order this is).

use std::ops::Range;

use goblin::elf::{
    header::{ELFMAG, ET_CORE, EV_CURRENT},
    program_header::{PF_R, PF_W, PF_X, PT_LOAD, PT_NOTE},
};

/// Size of the ELF header, and of a program header, in bytes.
const HEADER: u16 = 64;
const PROGRAM_HEADER: u16 = 56;

/// A kernel that may crash, as its crash kernel needs to know it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Crashed {
    /// `e_machine`.
    pub machine: u16,
    /// Physical memory that is worth looking at.
    pub ram: Vec<Range<u64>>,
    /// Physical places of the notes that each processor leaves, then of what the kernel says of itself.
    pub notes: Vec<Range<u64>>,
    /// The kernel's own virtual address, and its physical memory.
    pub kernel: Option<(u64, Range<u64>)>,
    /// Virtual address of the first byte of physical memory.
    pub direct_map: u64,
}

impl Crashed {
    /// The headers; the offsets in them are physical addresses.
    #[must_use]
    pub fn headers(&self) -> Vec<u8> {
        let all = PF_R | PF_W | PF_X;
        let notes = self.notes.iter().map(|place| (PT_NOTE, 0, 0, place));
        let kernel = self.kernel.iter().map(|(address, place)| (PT_LOAD, all, *address, place));
        let ram =
            self.ram.iter().map(|range| (PT_LOAD, all, self.direct_map.wrapping_add(range.start), range));
        let parts: Vec<_> = notes.chain(kernel).chain(ram).collect();
        let count = u16::try_from(parts.len()).unwrap_or(u16::MAX);

        let mut bytes = ELFMAG.to_vec();
        // 64 bits, lowest byte first, version 1; the rest is padding.
        bytes.extend([2, 1, 1]);
        bytes.resize(16, 0);
        for half in [ET_CORE, self.machine] {
            bytes.extend(half.to_le_bytes());
        }
        bytes.extend(u32::from(EV_CURRENT).to_le_bytes());
        // Entry point, program headers, section headers.
        for address in [0, u64::from(HEADER), 0] {
            bytes.extend(address.to_le_bytes());
        }
        bytes.extend(0_u32.to_le_bytes());
        for half in [HEADER, PROGRAM_HEADER, count, 0, 0, 0] {
            bytes.extend(half.to_le_bytes());
        }
        for (kind, flags, address, place) in parts.into_iter().take(usize::from(count)) {
            let size = place.end.saturating_sub(place.start);
            bytes.extend(kind.to_le_bytes());
            bytes.extend(flags.to_le_bytes());
            for value in [place.start, address, place.start, size, size, 0] {
                bytes.extend(value.to_le_bytes());
            }
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use goblin::elf::{Elf, header::EM_X86_64};

    use super::*;

    #[test]
    fn an_elf_reader_finds_notes_kernel_and_memory_in_their_order() {
        let crashed = Crashed {
            machine: EM_X86_64,
            ram: vec![0x10_0000..0x2b00_0000, 0x1_0000_0000..0x1_4000_0000],
            notes: vec![0x7000_1000..0x7000_1160, 0x100_4000..0x100_5024],
            kernel: Some((0xffff_ffff_8100_0000, 0x100_0000..0x300_0000)),
            direct_map: 0xffff_8880_0000_0000,
        };
        let bytes = crashed.headers();
        let elf = Elf::parse(&bytes).unwrap();
        assert_eq!((elf.header.e_type, elf.header.e_machine, elf.is_64), (ET_CORE, EM_X86_64, true));
        let seen: Vec<_> = elf
            .program_headers
            .iter()
            .map(|it| (it.p_type, it.p_offset, it.p_vaddr, it.p_paddr, it.p_filesz, it.p_memsz))
            .collect();
        assert_eq!(
            seen,
            [
                (PT_NOTE, 0x7000_1000, 0, 0x7000_1000, 0x160, 0x160),
                (PT_NOTE, 0x100_4000, 0, 0x100_4000, 0x1024, 0x1024),
                (PT_LOAD, 0x100_0000, 0xffff_ffff_8100_0000, 0x100_0000, 0x200_0000, 0x200_0000),
                (PT_LOAD, 0x10_0000, 0xffff_8880_0010_0000, 0x10_0000, 0x2af0_0000, 0x2af0_0000),
                (PT_LOAD, 0x1_0000_0000, 0xffff_8881_0000_0000, 0x1_0000_0000, 0x4000_0000, 0x4000_0000),
            ]
        );
        assert_eq!(bytes.len(), 64 + 5 * 56);
    }
}
