//! How a kernel file for x86 wants to lie in memory: bzImage by its setup header, ELF vmlinux by its program headers.

use std::{fs::File, ops::Range};

use goblin::elf::{Elf, header::EM_X86_64, program_header::PT_LOAD};

use super::memory::PAGE;
use crate::{
    formats::{bzimage, kernel_file::KernelFile, sort},
    sys::files,
};

/// Offset of the 64-bit entry point of a bzImage (boot.rst, "64-bit BOOT PROTOCOL").
const ENTRY_64: u64 = 0x200;
/// Memory of a kernel that does not say how much it needs, in multiples of its size, as in GRUB.
const UNPACKED: u64 = 3;
/// Length of the part of a kernel file that holds its headers, in bytes: the setup header, or the ELF and program headers.
const HEAD: usize = 4096;
/// Kernels shift by this much: a page of the early mapping.
const HUGE_PAGE: u64 = 2 << 20;
/// Maximum number of segments of a kernel; kexec_load takes 16 in all.
const PARTS_LIMIT: usize = 12;

/// Why a kernel file cannot be loaded in segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// Neither format.
    #[error("it is neither a bzImage nor an ELF kernel; unpack it, or let kexec_file_load take it (-s)")]
    Unknown,
    /// A zImage, which is loaded below 640 KiB.
    #[error("it is a zImage, which is loaded low; use a bzImage")]
    Low,
    /// For another processor.
    #[error("it is an ELF file for another processor")]
    Foreign,
    /// Sizes in its headers do not fit together.
    #[error("its headers do not fit the file; install the kernel again")]
    Damaged,
}

/// One piece of the kernel file and its place relative to the kernel's base.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Bytes of the file.
    pub bytes: Range<usize>,
    /// Offset from the base.
    pub offset: u64,
    /// Memory that it takes, at least as much as it has bytes; the rest is cleared.
    pub size: u64,
}

/// How a kernel wants to lie in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Its pieces, ascending.
    pub parts: Vec<Part>,
    /// Memory from its base that must be free, in bytes.
    pub size: u64,
    /// The base is a multiple of this power of two.
    pub alignment: u64,
    /// The base that it was built for.
    pub preferred: u64,
    /// Its own header says that it can run at any base.
    pub relocatable: bool,
    /// Entry point, relative to the base.
    pub entry: u64,
    /// It is entered in 32-bit protected mode, not in 64-bit mode.
    pub protected: Option<Protected>,
}

/// Further demands of a kernel that is entered in 32-bit protected mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protected {
    /// Everything lies below this address.
    pub end: u64,
    /// The kernel can run elsewhere than at the base that it was built for.
    pub movable: bool,
}

/// A kernel's headers, as far as they matter before it is placed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KernelLayout {
    /// How it wants to lie.
    pub layout: Layout,
    /// The setup header with everything before it; empty for an ELF file.
    pub head: Vec<u8>,
    /// Characters that its command line may have.
    pub cmdline_limit: usize,
}

/// Reads the headers of a kernel file in this format.
///
/// # Errors
/// [`LayoutError`] says why it cannot be loaded so.
pub fn read(file: &File, format: Option<&KernelFile>) -> Result<KernelLayout, LayoutError> {
    let length = file.metadata().map_err(|_| LayoutError::Unknown)?.len();
    let head = files::read_at(file, 0, HEAD).map_err(|_| LayoutError::Unknown)?;
    match format {
        Some(KernelFile::Bzimage(kernel)) => from_bzimage(kernel.header, head, length),
        Some(KernelFile::Elf(_)) => from_elf(&head, length),
        _ => Err(LayoutError::Unknown),
    }
}

fn from_bzimage(header: bzimage::Header, head: Vec<u8>, length: u64) -> Result<KernelLayout, LayoutError> {
    let bytes = file_range(header.setup, length)?;
    let in_file = length.saturating_sub(header.setup);
    let layout = |size: u64, alignment, preferred, entry, protected: Option<Protected>| Layout {
        parts: vec![Part { bytes, offset: 0, size: size.max(in_file) }],
        size: size.max(in_file),
        alignment,
        preferred,
        // Only such a kernel has the flag that it may be loaded above 4 GiB, without which it has no long mode here. One that
        // is entered in 32-bit mode looks for its memory around the place that it was built for.
        relocatable: protected.is_none(),
        entry,
        protected,
    };
    let layout = match header.long_mode {
        Some(wants) => layout(wants.init_size, wants.alignment, wants.preferred, ENTRY_64, None),
        None => {
            let wants = bzimage::protected_mode(&head).ok_or(LayoutError::Low)?;
            let size = wants.init_size.unwrap_or(in_file.saturating_mul(UNPACKED));
            let protected =
                Protected { end: wants.initrd_max.saturating_add(1), movable: wants.alignment.is_some() };
            layout(size, wants.alignment.unwrap_or(PAGE), wants.preferred, 0, Some(protected))
        }
    };
    Ok(KernelLayout {
        layout,
        cmdline_limit: usize::try_from(header.cmdline_size).unwrap_or(usize::MAX),
        head,
    })
}

fn from_elf(head: &[u8], length: u64) -> Result<KernelLayout, LayoutError> {
    let header = Elf::parse_header(head).map_err(|_| LayoutError::Unknown)?;
    if header.e_machine != EM_X86_64 {
        return Err(LayoutError::Foreign);
    }
    let context = goblin::container::Ctx::new(
        goblin::container::Container::Big,
        header.endianness().map_err(|_| LayoutError::Damaged)?,
    );
    let offset = usize::try_from(header.e_phoff).map_err(|_| LayoutError::Damaged)?;
    let headers = goblin::elf::ProgramHeader::parse(
        head,
        offset,
        usize::from(header.e_phnum).min(PARTS_LIMIT),
        context,
    )
    .map_err(|_| LayoutError::Damaged)?;
    let mut loads: Vec<_> =
        headers.iter().filter(|header| header.p_type == PT_LOAD && header.p_memsz > 0).collect();
    sort::by_key(&mut loads, |load| load.p_paddr);
    let base = loads.first().map(|load| load.p_paddr & !(HUGE_PAGE - 1)).ok_or(LayoutError::Damaged)?;
    let mut parts = Vec::new();
    let mut end = 0;
    for load in loads {
        let offset = load.p_paddr.checked_sub(base).ok_or(LayoutError::Damaged)?;
        let stop = load.p_offset.checked_add(load.p_filesz).ok_or(LayoutError::Damaged)?;
        if stop > length || load.p_filesz > load.p_memsz || offset < end || offset % PAGE != 0 {
            return Err(LayoutError::Damaged);
        }
        end = offset.checked_add(load.p_memsz).ok_or(LayoutError::Damaged)?;
        parts.push(Part { bytes: file_range(load.p_offset, stop)?, offset, size: load.p_memsz });
    }
    let entry = header.e_entry.checked_sub(base).filter(|entry| *entry < end).ok_or(LayoutError::Damaged)?;
    Ok(KernelLayout {
        layout: Layout {
            parts,
            size: end,
            alignment: HUGE_PAGE,
            preferred: base,
            // No field of an ELF file says so: Linux may be moved, others may not.
            relocatable: false,
            entry,
            protected: None,
        },
        head: Vec::new(),
        // COMMAND_LINE_SIZE of the architectures, less the NUL.
        cmdline_limit: 2047,
    })
}

fn file_range(start: u64, end: u64) -> Result<Range<usize>, LayoutError> {
    match (usize::try_from(start), usize::try_from(end)) {
        (Ok(start), Ok(end)) if start < end => Ok(start..end),
        _ => Err(LayoutError::Damaged),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::{identify::identify, testing::file};

    fn read(content: &[u8]) -> Result<KernelLayout, LayoutError> {
        let file = file(content);
        super::read(&file, identify(&file).unwrap().format.as_ref())
    }

    fn put(bytes: &mut [u8], offset: usize, value: &[u8]) {
        bytes[offset..offset + value.len()].copy_from_slice(value);
    }

    /// The fields that matter of a 64-bit bzImage (boot.rst).
    fn bzimage() -> Vec<u8> {
        let mut bytes = vec![0; 0x3000];
        for (offset, value) in [
            (0x1f1, &[1_u8][..]),
            (0x1fe, &[0x55, 0xaa]),
            (0x202, b"HdrS\x0f\x02"),
            (0x211, &[1]),
            (0x230, &0x20_0000_u32.to_le_bytes()),
            (0x236, &[3, 0]),
            (0x238, &2047_u32.to_le_bytes()),
            (0x258, &0x100_0000_u64.to_le_bytes()),
            (0x260, &0x4_0000_u32.to_le_bytes()),
        ] {
            put(&mut bytes, offset, value);
        }
        bytes
    }

    /// An ELF kernel with two PT_LOAD headers: (offset, physical address, file size, memory size).
    fn elf(loads: &[(u64, u64, u64, u64)], entry: u64) -> Vec<u8> {
        let mut bytes = vec![0; 0x3000];
        put(&mut bytes, 0, b"\x7fELF\x02\x01\x01");
        put(&mut bytes, 16, &[2, 0, 0x3e, 0, 1]);
        put(&mut bytes, 24, &entry.to_le_bytes());
        put(&mut bytes, 32, &64_u64.to_le_bytes());
        put(&mut bytes, 52, &[64, 0, 56, 0, u8::try_from(loads.len()).unwrap(), 0, 64, 0]);
        for (number, (offset, physical, in_file, in_memory)) in loads.iter().enumerate() {
            let place = 64 + number * 56;
            put(&mut bytes, place, &1_u32.to_le_bytes());
            for (at, value) in [(8, offset), (24, physical), (32, in_file), (40, in_memory)] {
                put(&mut bytes, place + at, &value.to_le_bytes());
            }
        }
        bytes
    }

    #[test]
    fn a_bzimage_is_loaded_from_behind_its_setup_code() {
        let kernel = read(&bzimage()).unwrap();
        assert_eq!(
            kernel.layout,
            Layout {
                parts: vec![Part { bytes: 0x400..0x3000, offset: 0, size: 0x4_0000 }],
                size: 0x4_0000,
                alignment: 0x20_0000,
                preferred: 0x100_0000,
                relocatable: true,
                entry: 0x200,
                protected: None,
            }
        );
        assert_eq!((kernel.cmdline_limit, &kernel.head[0x202..0x206]), (2047, &b"HdrS"[..]));
    }

    #[test]
    fn a_32_bit_bzimage_is_entered_at_its_start() {
        let mut i386 = bzimage();
        put(&mut i386, 0x22c, &0x37ff_ffff_u32.to_le_bytes());
        (i386[0x234], i386[0x236]) = (1, 0);
        let movable = Protected { end: 0x3800_0000, movable: true };
        let expected = Layout {
            parts: vec![Part { bytes: 0x400..0x3000, offset: 0, size: 0x4_0000 }],
            size: 0x4_0000,
            alignment: 0x20_0000,
            preferred: 0x100_0000,
            relocatable: false,
            entry: 0,
            protected: Some(movable),
        };
        assert_eq!(read(&i386).unwrap().layout, expected);
        i386[0x234] = 0;
        let fixed = Layout {
            alignment: PAGE,
            preferred: 0x10_0000,
            protected: Some(Protected { movable: false, ..movable }),
            ..expected
        };
        assert_eq!(read(&i386).unwrap().layout, fixed);
    }

    #[test]
    fn an_elf_kernel_is_loaded_by_its_program_headers() {
        let loads = [(0x1000, 0x100_0000, 0x800, 0x2000), (0x2000, 0x120_0000, 0x1000, 0x5000)];
        let kernel = read(&elf(&loads, 0x100_0040)).unwrap();
        assert_eq!(
            kernel.layout,
            Layout {
                parts: vec![
                    Part { bytes: 0x1000..0x1800, offset: 0, size: 0x2000 },
                    Part { bytes: 0x2000..0x3000, offset: 0x20_0000, size: 0x5000 },
                ],
                size: 0x20_5000,
                alignment: HUGE_PAGE,
                preferred: 0x100_0000,
                relocatable: false,
                entry: 0x40,
                protected: None,
            }
        );
        assert!(kernel.head.is_empty());
    }

    #[test]
    fn what_cannot_be_loaded_says_why() {
        let mut old = bzimage();
        (old[0x211], old[0x236]) = (0, 0);
        let mut foreign = elf(&[(0x1000, 0, 16, 16)], 0);
        foreign[18] = 8;
        for (content, reason) in [
            (vec![], LayoutError::Unknown),
            (b"#!/bin/sh\n".to_vec(), LayoutError::Unknown),
            (old, LayoutError::Low),
            (foreign, LayoutError::Foreign),
            (elf(&[], 0), LayoutError::Damaged),
            (elf(&[(0x1000, 0, 0x8000, 0x8000)], 0), LayoutError::Damaged),
            (elf(&[(0x1000, 0, 16, 8)], 0), LayoutError::Damaged),
            (elf(&[(u64::MAX, 0, 16, 16)], 0), LayoutError::Damaged),
            (elf(&[(0, 0, 16, u64::MAX), (0, 0x1000, 16, 16)], 0), LayoutError::Damaged),
            (elf(&[(0x1000, 0x100_0000, 16, 16)], 0x200_0000), LayoutError::Damaged),
        ] {
            assert_eq!(read(&content), Err(reason));
        }
    }
}
