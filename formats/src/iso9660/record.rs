//! Directory records (ECMA-119, section 9.1) and what Rock Ridge adds to them (SUSP 1.12, RRIP 1.12).

use crate::{
    bytes::{le16, le32, slice},
    lookup::FileKind,
    text,
};

const SECTOR: usize = 2048;
/// Bits of the flags of a record.
const DIRECTORY: u8 = 0x02;
const ASSOCIATED: u8 = 0x04;
const NOT_THE_LAST: u8 = 0x80;

/// Continuations that one record may have, and the longest name and link target in bytes.
const CONTINUATIONS: usize = 32;
const NAME_LIMIT: usize = 255;
const TARGET_LIMIT: usize = 4096;

/// Whose names are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Names {
    /// Rock Ridge's, which begin so many bytes into what follows a record.
    RockRidge { skip: usize },
    /// Joliet's: UTF-16.
    Joliet,
    /// The standard's own: upper case with a version.
    Plain,
}

/// One name in a directory, and what it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub name: String,
    pub kind: FileKind,
    /// Size in bytes; 0 for a directory that tells it itself.
    pub size: u64,
    /// Seconds since 1970.
    pub modified: i64,
    /// Where its bytes lie: offset and length of each part.
    pub extents: Vec<(u64, u64)>,
    /// Bytes of a logical block.
    pub block: u64,
    /// Where it links to.
    pub link: Option<String>,
}

impl Record {
    /// The root directory, as a volume descriptor holds it.
    pub fn root(block: &[u8], record: &[u8]) -> Option<Self> {
        let block = le16(block, 0).filter(|size| size.is_power_of_two() && (512..=2048).contains(size))?;
        let root = Raw::parse(record)?.record(block.into())?;
        (root.kind == FileKind::Directory).then_some(root)
    }

    /// Where its first byte lies.
    pub fn start(&self) -> Option<u64> {
        self.extents.first().map(|(start, _)| *start)
    }
}

/// A record as it is written.
struct Raw<'b> {
    bytes: &'b [u8],
    name: &'b [u8],
    flags: u8,
}

impl<'b> Raw<'b> {
    /// The record at the beginning of these bytes.
    fn parse(bytes: &'b [u8]) -> Option<Self> {
        let bytes = slice(bytes, 0, usize::from(*bytes.first()?))?;
        let name = slice(bytes, 33, usize::from(*bytes.get(32)?))?;
        Some(Self { bytes, name, flags: *bytes.get(25)? })
    }

    /// The record without a name.
    fn record(&self, block: u64) -> Option<Record> {
        let first = u64::from(le32(self.bytes, 2)?).checked_add(u64::from(*self.bytes.get(1)?))?;
        let size = u64::from(le32(self.bytes, 10)?);
        // Files whose blocks lie between those of others were for drives too slow to read them in one go.
        let interleaved = *self.bytes.get(26)? != 0;
        Some(Record {
            name: String::new(),
            kind: match self.flags & DIRECTORY != 0 {
                true => FileKind::Directory,
                false if interleaved => FileKind::Other,
                false => FileKind::File,
            },
            size,
            modified: time(slice(self.bytes, 18, 7)?).unwrap_or_default(),
            extents: vec![(first.checked_mul(block)?, size)],
            block,
            link: None,
        })
    }

    /// The system use field, after the name.
    fn system_use(&self) -> &'b [u8] {
        // Padded to an even place.
        let end = self.name.len().saturating_add(33);
        self.bytes.get(end.saturating_add(end & 1)..).unwrap_or_default()
    }
}

/// Whether the first record of the root directory announces Rock Ridge, and how many bytes it makes the others skip.
pub(super) fn skipped_by_rock_ridge(root: &[u8]) -> Option<usize> {
    let area = Raw::parse(root)?.system_use();
    // A CD-ROM XA record may come before it.
    let mut places = [0, 14].into_iter().filter_map(|at| slice(area, at, 7));
    let found = places.find(|entry| matches!(entry, [b'S', b'P', 7, 1, 0xbe, 0xef, _]))?;
    found.last().map(|skip| usize::from(*skip))
}

/// The size of a directory, by its first record.
pub(super) fn own_size(directory: &[u8]) -> Option<u64> {
    le32(Raw::parse(directory)?.bytes, 10).map(u64::from)
}

/// The records of a directory, without those of itself and its parent. `read` gives the bytes at an offset of the image.
pub(super) fn records(
    bytes: &[u8],
    block: u64,
    names: Names,
    read: &mut dyn FnMut(u64, u64) -> Option<Vec<u8>>,
) -> Vec<Record> {
    let mut found: Vec<Record> = Vec::new();
    let mut open = false;
    for sector in bytes.chunks(SECTOR) {
        let mut rest = sector;
        // Zeros fill what a sector has left.
        while let Some(raw) = Raw::parse(rest) {
            rest = rest.get(raw.bytes.len()..).unwrap_or_default();
            if matches!(raw.name, [] | [0 | 1]) || raw.flags & ASSOCIATED != 0 {
                continue;
            }
            let continues = raw.flags & NOT_THE_LAST != 0;
            let Some(mut record) = raw.record(block).and_then(|record| named(record, &raw, names, read))
            else {
                continue;
            };
            match found.last_mut().filter(|last| open && last.name == record.name) {
                Some(last) => {
                    last.size = last.size.saturating_add(record.size);
                    last.extents.append(&mut record.extents);
                }
                None => found.push(record),
            }
            open = continues;
        }
    }
    found
}

/// The record with its name; `None` if it is not to be seen.
fn named(
    mut record: Record,
    raw: &Raw<'_>,
    names: Names,
    read: &mut dyn FnMut(u64, u64) -> Option<Vec<u8>>,
) -> Option<Record> {
    if let Names::RockRidge { skip } = names {
        rock_ridge(&mut record, raw.system_use().get(skip..).unwrap_or_default(), read)?;
    }
    if record.name.is_empty() {
        record.name = match names {
            Names::Joliet => {
                let units = raw.name.chunks_exact(2).filter_map(|pair| pair.try_into().ok());
                char::decode_utf16(units.map(u16::from_be_bytes))
                    .map(|unit| unit.unwrap_or('\u{fffd}'))
                    .collect()
            }
            _ => text::decode(raw.name).to_ascii_lowercase(),
        };
        let name = record.name.split(';').next().unwrap_or_default();
        record.name = name.strip_suffix('.').unwrap_or(name).to_owned();
    }
    let bad =
        record.name.is_empty() || record.name.contains(['/', '\0']) || [".", ".."].contains(&&*record.name);
    (!bad).then_some(record)
}

/// Reads the system use entries. `None` for a directory that is elsewhere in the tree too, where it belongs.
fn rock_ridge(
    record: &mut Record,
    area: &[u8],
    read: &mut dyn FnMut(u64, u64) -> Option<Vec<u8>>,
) -> Option<()> {
    let mut name: Vec<u8> = Vec::new();
    let mut target = Target::default();
    let mut area = area.to_vec();
    for _ in 0..CONTINUATIONS {
        let mut next = None;
        let mut rest = area.as_slice();
        while let Some(entry) = rest.get(2).and_then(|length| slice(rest, 0, usize::from(*length))) {
            let Some((signature, content)) = entry.split_at_checked(4) else { break };
            rest = rest.get(entry.len()..).unwrap_or_default();
            match signature.get(..2) {
                Some(b"NM") => {
                    // Flagged as the directory itself or its parent, it is no name.
                    let part = content.split_first().filter(|(flags, _)| **flags & 6 == 0);
                    name.extend(part.map(|(_, part)| part).into_iter().flatten());
                }
                Some(b"SL") => target.add(content.get(1..).unwrap_or_default()),
                Some(b"PX") => match le32(content, 0).map(|mode| mode & 0o170_000) {
                    Some(0o040_000) => record.kind = FileKind::Directory,
                    Some(0o120_000) => record.kind = FileKind::Link,
                    Some(0o100_000) | None => {}
                    Some(_) => record.kind = FileKind::Other,
                },
                // Compressed on the medium, which hardly anything but the kernel reads.
                Some(b"ZF") => record.kind = FileKind::Other,
                Some(b"CL") => {
                    let start = u64::from(le32(content, 0)?).checked_mul(record.block)?;
                    (record.kind, record.size, record.extents) = (FileKind::Directory, 0, vec![(start, 0)]);
                }
                Some(b"RE") => return None,
                Some(b"CE") => {
                    let [block, offset, length] = [0, 8, 16].map(|at| le32(content, at).map(u64::from));
                    next = Some((block?.checked_mul(record.block)?.checked_add(offset?)?, length?));
                }
                Some(b"ST") => break,
                _ => {}
            }
        }
        match next.filter(|(_, length)| *length <= 2048).and_then(|(offset, length)| read(offset, length)) {
            Some(continued) => area = continued,
            None => break,
        }
    }
    name.truncate(NAME_LIMIT);
    record.name = text::decode(&name);
    record.link = (record.kind == FileKind::Link).then(|| text::decode(&target.path));
    Some(())
}

/// The target of a symbolic link, put together from its components.
#[derive(Default)]
struct Target {
    path: Vec<u8>,
    /// The last component goes on in the next record.
    open: bool,
}

impl Target {
    fn add(&mut self, components: &[u8]) {
        let mut rest = components;
        while let [flags, length, after @ ..] = rest {
            let Some((content, after)) = after.split_at_checked((*length).into()) else { break };
            rest = after;
            if !self.open && !self.path.is_empty() && !self.path.ends_with(b"/") {
                self.path.push(b'/');
            }
            self.path.extend_from_slice(match flags & 0x0e {
                0x02 => b".",
                0x04 => b"..",
                0x08 => b"/",
                _ => content,
            });
            self.open = flags & 1 != 0;
        }
        self.path.truncate(TARGET_LIMIT);
    }
}

/// Seconds since 1970 of a date of seven bytes, the last one the quarters of an hour east of Greenwich.
fn time(date: &[u8]) -> Option<i64> {
    let &[year, month, day, hour, minute, second, zone] = date else { return None };
    let [year, month, day] = [year, month, day].map(i64::from);
    // Years begin in March here, so that the leap day is their last.
    let (year, month) = match month {
        1 | 2 => (year.checked_add(1899)?, month.checked_add(9)?),
        _ => (year.checked_add(1900)?, month.checked_sub(3)?),
    };
    let leap_days = (year >> 2).checked_sub(year.checked_div(100)?)?.checked_add(year.checked_div(400)?)?;
    let days = year.checked_mul(365)?.checked_add(leap_days)?;
    let days = days.checked_add(month.checked_mul(153)?.checked_add(2)?.checked_div(5)?)?.checked_add(day)?;
    let minutes = days.checked_sub(719_469)?.checked_mul(24)?.checked_add(hour.into())?.checked_mul(60)?;
    let zone = i64::from(i8::from_ne_bytes([zone])).checked_mul(15)?;
    minutes.checked_add(minute.into())?.checked_sub(zone)?.checked_mul(60)?.checked_add(second.into())
}
