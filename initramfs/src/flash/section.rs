//! The sections of a file: each four bytes of size and kind, or eight where it has 16 MiB and more, then its content.

use firstlight::formats::bytes::{array, le16, le32};

use super::Guid;

/// Kinds of sections.
pub const GUID_DEFINED: u8 = 0x02;
/// An EFI program.
pub const PE32: u8 = 0x10;
/// A file's name in UTF-16.
pub const USER_INTERFACE: u8 = 0x15;
/// A firmware volume.
pub const VOLUME_IMAGE: u8 = 0x17;

/// Sections begin at multiples of this, from the first one's beginning.
const ALIGNMENT: usize = 4;

/// A section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirmwareSection<'a> {
    /// Its kind.
    pub kind: u8,
    /// All of it.
    pub whole: &'a [u8],
    /// Bytes of its header.
    pub header: usize,
}

impl<'a> FirmwareSection<'a> {
    /// What is after its header.
    #[must_use]
    pub fn content(&self) -> &'a [u8] {
        self.whole.get(self.header..).unwrap_or_default()
    }

    /// The format of a GUID-defined section, and its data.
    #[must_use]
    pub fn guid_defined(&self) -> Option<(Guid, &'a [u8])> {
        let content = self.content();
        let guid = Guid(array(content, 0)?);
        // It counts from the beginning of the section.
        let data = usize::from(le16(content, 16)?);
        (self.kind == GUID_DEFINED).then_some((guid, self.whole.get(data..)?))
    }

    /// The text of a name.
    #[must_use]
    pub fn text(&self) -> String {
        let (units, _) = self.content().as_chunks();
        let units = units.iter().map(|unit| u16::from_le_bytes(*unit)).take_while(|unit| *unit != 0);
        char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    }
}

/// The sections of a file's body; what is no section ends them.
pub fn sections(body: &[u8]) -> impl Iterator<Item = FirmwareSection<'_>> {
    let mut place = 0_usize;
    std::iter::from_fn(move || {
        let rest = body.get(place..)?;
        let short = le32(rest, 0)?;
        let kind = u8::try_from(short >> 24).ok()?;
        let (size, header) = match short & 0xff_ffff {
            0xff_ffff => (usize::try_from(le32(rest, 4)?).ok()?, 8),
            size => (usize::try_from(size).ok()?, 4),
        };
        let whole = rest.get(..size).filter(|whole| whole.len() >= header)?;
        place = place.checked_add(size)?.checked_next_multiple_of(ALIGNMENT)?;
        Some(FirmwareSection { kind, whole, header })
    })
}

/// Adds a section at the end of a body.
pub fn push(body: &mut Vec<u8>, kind: u8, content: &[u8]) {
    body.resize(body.len().next_multiple_of(ALIGNMENT), 0);
    let short = content.len().saturating_add(4);
    if short < 0xff_ffff {
        let [a, b, c, _] = u32::try_from(short).unwrap_or(0xff_ffff).to_le_bytes();
        body.extend([a, b, c, kind]);
    } else {
        body.extend([0xff, 0xff, 0xff, kind]);
        body.extend(u32::try_from(content.len().saturating_add(8)).unwrap_or(u32::MAX).to_le_bytes());
    }
    body.extend_from_slice(content);
}

/// A GUID-defined section's content: its format, where the data begins, that it must be processed, and the data.
#[must_use]
pub fn guid_defined(guid: Guid, data: &[u8]) -> Vec<u8> {
    let start = if data.len().saturating_add(24) < 0xff_ffff { 24_u16 } else { 28 };
    [&guid.0[..], &start.to_le_bytes(), &1_u16.to_le_bytes(), data].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let guid = Guid([7; 16]);
        let mut body = Vec::new();
        push(&mut body, USER_INTERFACE, b"S\0h\0\0\0");
        push(&mut body, GUID_DEFINED, &guid_defined(guid, b"data"));
        let large = vec![1; 0x100_0000];
        push(&mut body, PE32, &large);
        push(&mut body, GUID_DEFINED, &guid_defined(guid, &large));
        let found: Vec<_> = sections(&body).collect();
        assert_eq!(found.iter().map(|it| it.kind).collect::<Vec<_>>(), [0x15, 2, 0x10, 2]);
        assert_eq!(found[0].text(), "Sh");
        assert_eq!(found[1].guid_defined(), Some((guid, &b"data"[..])));
        assert!(found[2].content() == large);
        assert!(found[3].guid_defined().is_some_and(|(_, data)| data == large));
    }

    #[test]
    fn what_is_no_section_ends_them() {
        for bytes in [&b""[..], b"\x03\0\0\x10", b"\xff\xff\xff\x10", b"\x10\0\0\x10short", &[0xff; 64]] {
            assert_eq!(sections(bytes).count(), 0, "{bytes:?}");
        }
    }
}
