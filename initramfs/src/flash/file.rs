//! A file of a firmware volume: 24 bytes of header (32 for 16 MiB and more), then its body.

use firstlight::formats::bytes::{array, le64};

use super::Guid;
use super::section::{self, FirmwareSection};

/// The kind of padding.
pub const PAD: u8 = 0xf0;

/// Attributes: the header has the larger form, or the body has a checksum.
const LARGE: u8 = 0x01;
const CHECKSUM: u8 = 0x40;

/// The checksum of a body that has none.
const NO_CHECKSUM: u8 = 0xaa;

/// The state of a file that is whole, in flash whose erased bits are 1.
const VALID: u8 = 0xf8;

/// Bytes of a header in its small and its large form.
pub const HEADER: usize = 24;
const LARGE_HEADER: usize = 32;

/// A file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirmwareFile<'a> {
    /// Its name.
    pub guid: Guid,
    /// Its kind.
    pub kind: u8,
    /// Its attributes.
    pub attributes: u8,
    /// All of it.
    pub whole: &'a [u8],
    /// Bytes of its header.
    pub header: usize,
}

impl<'a> FirmwareFile<'a> {
    /// The file at the beginning of these bytes, if its header is right.
    #[must_use]
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let header: [u8; HEADER] = array(bytes, 0)?;
        let [.., kind, attributes, a, b, c, _] = header;
        let small = usize::try_from(u32::from_le_bytes([a, b, c, 0])).ok()?;
        let (size, length) = match attributes & LARGE {
            0 => (small, HEADER),
            _ => (usize::try_from(le64(bytes, HEADER)?).ok()?, LARGE_HEADER),
        };
        let whole = bytes.get(..size).filter(|whole| whole.len() >= length)?;
        let head = whole.get(..length)?;
        is_right(head).then_some(Self {
            guid: Guid(array(bytes, 0)?),
            kind,
            attributes,
            whole,
            header: length,
        })
    }

    /// What is after the header.
    #[must_use]
    pub fn body(&self) -> &'a [u8] {
        self.whole.get(self.header..).unwrap_or_default()
    }

    /// Its sections; raw files and padding have none.
    pub fn sections(&self) -> impl Iterator<Item = FirmwareSection<'a>> {
        let has_sections = !matches!(self.kind, 0x00 | 0x01 | PAD);
        section::sections(if has_sections { self.body() } else { &[] })
    }

    /// The name that a person sees, where it has one.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        let name = self.sections().find(|section| section.kind == section::USER_INTERFACE)?;
        Some(name.text()).filter(|name| !name.is_empty())
    }

    /// The body begins at a multiple of this, in bytes from the beginning of the volume.
    #[must_use]
    pub fn alignment(&self) -> usize {
        let small = [1, 16, 128, 512, 1 << 10, 4 << 10, 32 << 10, 64 << 10];
        let large = [128 << 10, 256 << 10, 512 << 10, 1 << 20, 2 << 20, 4 << 20, 8 << 20, 16 << 20];
        let table: [usize; 8] = if self.attributes & 0x02 == 0 { small } else { large };
        table.get(usize::from(self.attributes >> 3 & 7)).copied().unwrap_or(1)
    }
}

/// Whether a header's bytes add up to zero; the body's checksum and the state do not count.
fn is_right(header: &[u8]) -> bool {
    let mut bytes = header.iter().enumerate().filter(|(place, _)| !matches!(place, 17 | 23));
    bytes.by_ref().fold(0_u8, |sum, (_, byte)| sum.wrapping_add(*byte)) == 0
}

/// A file of a name, a kind and a body; `None` where it has 16 MiB or more, which not every volume takes.
#[must_use]
pub fn build(guid: Guid, kind: u8, attributes: u8, body: &[u8]) -> Option<Vec<u8>> {
    let attributes = attributes & !LARGE;
    let size = u32::try_from(body.len().checked_add(HEADER)?).ok().filter(|size| *size < 0xff_ffff)?;
    let [a, b, c, _] = size.to_le_bytes();
    let mut header = [&guid.0[..], &[0, 0, kind, attributes, a, b, c, 0]].concat();
    let sum = |bytes: &[u8]| bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte)).wrapping_neg();
    let head = sum(&header);
    let body_sum = if attributes & CHECKSUM == 0 { NO_CHECKSUM } else { sum(body) };
    for (place, value) in [(16, head), (17, body_sum), (23, VALID)] {
        if let Some(byte) = header.get_mut(place) {
            *byte = value;
        }
    }
    header.extend_from_slice(body);
    Some(header)
}

/// Padding of a length, which is at least a header's.
#[must_use]
pub fn padding(length: usize) -> Option<Vec<u8>> {
    build(Guid([0xff; 16]), PAD, 0, &vec![0xff; length.checked_sub(HEADER)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    const APPLICATION: u8 = 0x09;

    #[test]
    fn what_is_written_is_read_back() {
        let mut body = Vec::new();
        section::push(&mut body, section::USER_INTERFACE, b"S\0h\0e\0l\0l\0\0\0");
        for attributes in [0, CHECKSUM, 0x18] {
            let bytes = build(Guid([3; 16]), APPLICATION, attributes, &body).unwrap();
            let file = FirmwareFile::parse(&bytes).unwrap();
            assert_eq!((file.guid, file.kind, file.body()), (Guid([3; 16]), APPLICATION, &body[..]));
            assert_eq!(file.name().as_deref(), Some("Shell"));
            assert_eq!(file.alignment(), if attributes == 0x18 { 512 } else { 1 });
            // Any wrong byte of its header, but the body's checksum and the state, is noticed.
            for place in (0..HEADER).filter(|place| !matches!(place, 17 | 23)) {
                let mut damaged = bytes.clone();
                damaged[place] ^= 1;
                assert_eq!(FirmwareFile::parse(&damaged), None, "{place}");
            }
        }
        assert_eq!(padding(40).unwrap().len(), 40);
        assert_eq!((padding(23), build(Guid([3; 16]), APPLICATION, 0, &vec![0; 16 << 20])), (None, None));
    }
}
