//! The payload area of a flash: a kernel, its initramfs and its command line, each a part of its own that is found by looking
//! through the flash page by page.
//!
//! A part begins with a page: a header of 64 bytes, numbers little-endian, and after it the content. Every other byte of its
//! last page is erased (1 bits).
//!
//! | bytes | what |
//! |---|---|
//! | 0 to 15 | `firstlight part` and a zero |
//! | 16 to 19 | the version of this layout, 1 |
//! | 20 to 23 | the kind: 1 kernel, 2 initramfs, 3 command line (UTF-8) |
//! | 24 to 31 | bytes of the content |
//! | 32 to 35 | CRC-32 of the content |
//! | 36 to 59 | erased |
//! | 60 to 63 | CRC-32 of the header's bytes before it |
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![deny(clippy::unreachable, clippy::todo, clippy::unimplemented)]

use core::fmt;

use crc::{CRC_32_ISO_HDLC, Crc};

/// What a flash is erased by, and where parts begin.
pub const PAGE: usize = 4096;

/// Bytes of a header.
pub const HEADER: usize = 64;

/// The first bytes of a header.
pub const MAGIC: [u8; 16] = *b"firstlight part\0";

/// More than any kernel takes of a command line.
pub const COMMAND_LINE_LIMIT: usize = PAGE - HEADER;

const VERSION: u32 = 1;

const CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);

/// What a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A kernel that EFI starts.
    Kernel,
    /// What the kernel unpacks.
    Initramfs,
    /// The kernel's words.
    CommandLine,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Kernel, Self::Initramfs, Self::CommandLine];

    fn number(self) -> u32 {
        match self {
            Self::Kernel => 1,
            Self::Initramfs => 2,
            Self::CommandLine => 3,
        }
    }

    /// What a person calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::Initramfs => "initramfs",
            Self::CommandLine => "command line",
        }
    }
}

/// A part, as its header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// What it is.
    pub kind: Kind,
    /// Bytes of its content.
    pub length: usize,
    /// CRC-32 of its content.
    pub checksum: u32,
}

/// Why a header is no part's, although it begins like one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// Its checksum is another one.
    Header,
    /// It is of a later version.
    Version(u32),
    /// The kind is not known.
    Kind(u32),
    /// It is longer than what is left of the flash.
    Cut,
}

impl fmt::Display for Damage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header => formatter.write_str("its header is damaged"),
            Self::Version(version) => write!(formatter, "its layout has the unknown version {version}"),
            Self::Kind(kind) => write!(formatter, "its kind {kind} is not known"),
            Self::Cut => formatter.write_str("it is longer than the flash after it"),
        }
    }
}

impl Part {
    /// The part with this content.
    #[must_use]
    pub fn of(kind: Kind, content: &[u8]) -> Self {
        Self { kind, length: content.len(), checksum: CRC.checksum(content) }
    }

    /// Its header.
    #[must_use]
    pub fn header(&self) -> [u8; HEADER] {
        let mut header = [0xff; HEADER];
        let fields: [&[u8]; 5] = [
            &MAGIC,
            &VERSION.to_le_bytes(),
            &self.kind.number().to_le_bytes(),
            &(self.length as u64).to_le_bytes(),
            &self.checksum.to_le_bytes(),
        ];
        for (place, byte) in header.iter_mut().zip(fields.into_iter().flatten()) {
            *place = *byte;
        }
        if let Some((head, check)) = header.split_last_chunk_mut() {
            *check = CRC.checksum(head).to_le_bytes();
        }
        header
    }

    /// The part that a header describes; `None` where the bytes are no header.
    ///
    /// # Errors
    /// [`Damage`]: they begin like one, but it cannot be trusted.
    pub fn read(header: &[u8; HEADER]) -> Option<Result<Self, Damage>> {
        let rest = header.strip_prefix(&MAGIC)?;
        let (version, rest) = rest.split_first_chunk()?;
        let (kind, rest) = rest.split_first_chunk()?;
        let (length, rest) = rest.split_first_chunk()?;
        let (checksum, _) = rest.split_first_chunk()?;
        let (head, check) = header.split_last_chunk()?;
        if CRC.checksum(head) != u32::from_le_bytes(*check) {
            return Some(Err(Damage::Header));
        }
        let (version, kind) = (u32::from_le_bytes(*version), u32::from_le_bytes(*kind));
        if version != VERSION {
            return Some(Err(Damage::Version(version)));
        }
        let Some(kind) = Kind::ALL.into_iter().find(|known| known.number() == kind) else {
            return Some(Err(Damage::Kind(kind)));
        };
        let Ok(length) = usize::try_from(u64::from_le_bytes(*length)) else {
            return Some(Err(Damage::Cut));
        };
        Some(Ok(Self { kind, length, checksum: u32::from_le_bytes(*checksum) }))
    }

    /// Whether this is its content.
    #[must_use]
    pub fn has(&self, content: &[u8]) -> bool {
        content.len() == self.length && CRC.checksum(content) == self.checksum
    }

    /// The pages that it takes, header and all.
    #[must_use]
    pub fn pages(&self) -> usize {
        self.length.saturating_add(HEADER).div_ceil(PAGE)
    }
}

/// A part, or what begins like one, and the number of the page where it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// The page, from the beginning of the flash.
    pub page: usize,
    /// The part, or what is wrong with it.
    pub part: Result<Part, Damage>,
}

/// Looks through a flash of so many pages for parts; what is inside of a part is not looked at. `header` gives the first bytes of a
/// page.
pub fn find(pages: usize, mut header: impl FnMut(usize) -> [u8; HEADER]) -> impl Iterator<Item = Found> {
    let mut page = 0_usize;
    core::iter::from_fn(move || {
        while page < pages {
            let here = page;
            page = page.saturating_add(1);
            let Some(part) = Part::read(&header(here)) else { continue };
            let part = match part {
                Ok(part) if part.pages() > pages.saturating_sub(here) => Err(Damage::Cut),
                part => part,
            };
            if let Ok(part) = part {
                page = here.saturating_add(part.pages());
            }
            return Some(Found { page: here, part });
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(kind: Kind, content: &[u8]) -> Vec<u8> {
        let part = Part::of(kind, content);
        let mut bytes = [&part.header()[..], content].concat();
        bytes.resize(part.pages() * PAGE, 0xff);
        bytes
    }

    /// Where something was found, and a part's kind and length.
    type Seen = (usize, Result<(Kind, usize), Damage>);

    fn found(flash: &[u8]) -> Vec<Seen> {
        let header = |page: usize| flash[page * PAGE..page * PAGE + HEADER].try_into().unwrap();
        let found = find(flash.len() / PAGE, header);
        found.map(|it| (it.page, it.part.map(|part| (part.kind, part.length)))).collect()
    }

    #[test]
    fn parts_are_found_wherever_they_lie_and_none_inside_of_another() {
        let empty = vec![0xff; PAGE];
        let inner = written(Kind::CommandLine, b"not this one");
        let large = [&vec![7; PAGE - HEADER][..], &inner].concat();
        let flash = [
            &empty[..],
            &written(Kind::Kernel, &large),
            &empty,
            &written(Kind::CommandLine, b"quiet"),
            &written(Kind::Initramfs, &[]),
        ]
        .concat();
        let expected =
            [(1, (Kind::Kernel, 2 * PAGE - HEADER)), (4, (Kind::CommandLine, 5)), (5, (Kind::Initramfs, 0))];
        assert_eq!(found(&flash), expected.map(|(page, part)| (page, Ok(part))));
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let content = b"the content";
        let part = Part::of(Kind::Initramfs, content);
        let header = part.header();
        assert_eq!(Part::read(&header), Some(Ok(part)));
        for place in 0..HEADER {
            let mut changed = header;
            changed[place] ^= 1;
            let expected = (place >= MAGIC.len()).then_some(Err(Damage::Header));
            assert_eq!(Part::read(&changed), expected, "{place}");
        }
        for place in 0..content.len() {
            let mut changed = *content;
            changed[place] ^= 1;
            assert!(!part.has(&changed), "{place}");
        }
        assert!(part.has(content) && !part.has(&content[1..]));
    }

    #[test]
    fn what_is_of_another_version_or_kind_or_cut_short_is_no_part() {
        let changed = |place: usize, value: u8| {
            let mut header = Part::of(Kind::Kernel, b"x").header();
            header[place] = value;
            let check = CRC.checksum(&header[..HEADER - 4]).to_le_bytes();
            header[HEADER - 4..].copy_from_slice(&check);
            let mut page = header.to_vec();
            page.resize(PAGE, 0xff);
            found(&page)
        };
        for (place, value, expected) in [
            (16, 2, Damage::Version(2)),
            (20, 9, Damage::Kind(9)),
            (25, 0x10, Damage::Cut),
            (31, 0xff, Damage::Cut),
        ] {
            assert_eq!(changed(place, value), [(0, Err(expected))]);
        }
    }
}
