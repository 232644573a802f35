//! EFI programs, and the sections of a unified kernel image in them (PE/COFF specification; UAPI.5 Unified Kernel Image).

use super::text;
use crate::bytes::{holds, le16, le32};
use goblin::pe::header::CoffHeader;
use serde::Serialize;

/// An EFI program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Program {
    /// Its architecture, or the number in the header.
    pub architecture: String,
    /// Its sections in the order of the table.
    pub sections: Vec<Section>,
    /// Sections lie outside the file, which has lost its end; they are left out.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub cut_short: bool,
}

/// A section as it is in the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Section {
    /// Name, of at most eight bytes.
    pub name: String,
    /// Offset in the file, in bytes.
    pub offset: u32,
    /// Size of its content in bytes, without the padding that fills it up in the file.
    pub size: u32,
}

/// Values of the field `Machine` that Linux runs on.
const ARCHITECTURES: &[(u16, &str)] = &[
    (0x014c, "i386"),
    (0x01c2, "arm"),
    (0x5064, "riscv64"),
    (0x6264, "loongarch64"),
    (0x8664, "x86_64"),
    (0xaa64, "aarch64"),
];

/// `EFI_APPLICATION`, the subsystem of all boot loaders and kernels.
const EFI_APPLICATION: u16 = 10;

/// A program may have this many sections; the specification's own loader takes no more.
const SECTIONS_LIMIT: u16 = 96;

impl Program {
    /// The section of this name; a first one where there are several.
    #[must_use]
    pub fn section(&self, name: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.name == name)
    }

    /// Whether it is a unified kernel image.
    #[must_use]
    pub fn is_uki(&self) -> bool {
        self.section(".linux").is_some()
    }
}

/// Reads the headers of an EFI program. A section that would lie outside the file is left out.
#[must_use]
pub fn parse(head: &[u8], file_size: u64) -> Option<Program> {
    let at = usize::try_from(le32(head, 0x3c)?).ok()?;
    if !head.starts_with(b"MZ") || !holds(head, at, b"PE\0\0") {
        return None;
    }
    let mut offset = at.checked_add(4)?;
    let header = CoffHeader::parse(head, &mut offset).ok()?;
    // The subsystem is at the same place in the 32-bit and the 64-bit form of the header.
    if le16(head, offset.checked_add(68)?)? != EFI_APPLICATION || header.number_of_sections > SECTIONS_LIMIT {
        return None;
    }
    offset = offset.checked_add(header.size_of_optional_header.into())?;
    let table = header.sections(head, &mut offset).ok()?;
    let inside =
        |section: &Section| u64::from(section.offset).saturating_add(section.size.into()) <= file_size;
    let sections = table.iter().map(|entry| Section {
        name: text(&entry.name),
        offset: entry.pointer_to_raw_data,
        size: entry.virtual_size.min(entry.size_of_raw_data),
    });
    let sections: Vec<Section> = sections.filter(inside).collect();
    let known = ARCHITECTURES.iter().find(|(machine, _)| *machine == header.machine);
    Some(Program {
        architecture: known
            .map_or_else(|| format!("{:#06x}", header.machine), |(_, name)| (*name).to_owned()),
        cut_short: sections.len() < table.len(),
        sections,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::pe::program;

    fn section(name: &str, offset: u32, size: u32) -> Section {
        Section { name: name.to_owned(), offset, size }
    }

    #[test]
    fn a_unified_kernel_image_has_its_parts_as_sections() {
        let bytes = program(&[
            (b".osrel\0\0", 100, 512, 512),
            (b".cmdline", 600, 512, 1024),
            (b".linux\0\0", 1000, 1024, 2048),
            (b".initrd\0", 1025, 1025, 3072),
        ]);
        let expected = Program {
            architecture: "x86_64".to_owned(),
            sections: vec![
                section(".osrel", 512, 100),
                section(".cmdline", 1024, 512),
                section(".linux", 2048, 1000),
            ],
            cut_short: true,
        };
        assert_eq!(parse(&bytes, 4096), Some(expected.clone()), "a section outside the file is left out");
        assert!(expected.is_uki());
    }

    #[test]
    fn what_is_no_efi_program_is_none() {
        let good = program(&[]);
        assert!(parse(&good, 4096).is_some_and(|program| !program.is_uki()));
        let windows = [&good[..0x58 + 68], &[3], &good[0x58 + 69..]].concat();
        for bytes in [&windows[..], &good[..0x58], &good[..0x40], b"MZ"] {
            assert_eq!(parse(bytes, 4096), None);
        }
    }

    #[test]
    fn a_table_that_ends_past_the_file_is_none() {
        let mut bytes = program(&[]);
        bytes[0x46..0x48].copy_from_slice(&97_u16.to_le_bytes());
        assert_eq!(parse(&bytes, 4096), None);
        bytes[0x46..0x48].copy_from_slice(&96_u16.to_le_bytes());
        assert_eq!(parse(&bytes[..2000], 2000), None);
    }
}
