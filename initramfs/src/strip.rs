//! Takes from a program all that is not loaded: section headers, symbols, lines (the ELF specification, chapters 1 and 2).

use goblin::elf::{Elf, header::header64};
use std::mem::offset_of;

/// The program as its program headers describe it. The addresses in it stay as they are.
///
/// # Errors
/// It is no 64-bit ELF file, or one that is cut short.
pub(crate) fn strip(program: &[u8]) -> Result<Vec<u8>, &'static str> {
    let elf = Elf::parse(program).map_err(|_| "not an ELF file")?;
    if !elf.is_64 || !elf.little_endian {
        return Err("not a 64-bit little-endian ELF file");
    }
    let headers = u64::from(elf.header.e_phnum) * u64::from(elf.header.e_phentsize) + elf.header.e_phoff;
    let ends = elf.program_headers.iter().map(|segment| segment.p_offset.saturating_add(segment.p_filesz));
    let end = usize::try_from(ends.fold(headers, u64::max)).map_err(|_| "an ELF file that is cut short")?;
    let mut stripped = program.get(..end).ok_or("an ELF file that is cut short")?.to_vec();
    // Without section headers these fields are zero.
    type Header = header64::Header;
    for (field, size) in [
        (offset_of!(Header, e_shoff), size_of::<u64>()),
        (offset_of!(Header, e_shentsize), size_of::<u16>()),
        (offset_of!(Header, e_shnum), size_of::<u16>()),
        (offset_of!(Header, e_shstrndx), size_of::<u16>()),
    ] {
        stripped.get_mut(field..field + size).ok_or("an ELF file that is cut short")?.fill(0);
    }
    Ok(stripped)
}

#[cfg(test)]
mod tests {
    use super::*;
    use goblin::elf::header;

    /// The part of a program that the kernel and a debugger read: its segments' content.
    fn segments(program: &[u8]) -> Vec<(u64, Vec<u8>)> {
        let elf = Elf::parse(program).unwrap();
        let content = |it: &goblin::elf::ProgramHeader| (it.p_vaddr, program[it.file_range()].to_vec());
        elf.program_headers.iter().map(content).collect()
    }

    #[test]
    fn what_is_loaded_stays_and_the_rest_goes() {
        let whole = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let stripped = strip(&whole).unwrap();
        // The file header is part of the first segment, and says that there are no section headers.
        let (mut expected, found) = (segments(&whole), segments(&stripped));
        for (_, content) in expected.iter_mut().filter(|(address, _)| *address == 0) {
            if content.starts_with(header::ELFMAG) {
                content[..64].copy_from_slice(&stripped[..64]);
            }
        }
        assert!(found == expected);
        let elf = Elf::parse(&stripped).unwrap();
        assert_eq!((elf.section_headers.len(), elf.syms.len()), (0, 0));
        assert!(stripped.len() < whole.len() / 2, "{} of {}", stripped.len(), whole.len());
    }

    #[test]
    fn what_is_no_whole_program_is_refused() {
        let whole = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert_eq!(strip(b"#!/bin/sh\n"), Err("not an ELF file"));
        assert!(strip(&whole[..4096]).is_err());
    }
}
