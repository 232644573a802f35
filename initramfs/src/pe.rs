//! Adds sections to an EFI program (Microsoft's PE format, "PE Format"; UEFI 2.10, 2.1.1 "UEFI Images").

use firstlight::formats::bytes::{holds, le16, le32};

/// Bytes of a section's header.
const HEADER: usize = 40;

/// The specification's own loader takes no more sections.
const SECTIONS_LIMIT: usize = 96;

/// `IMAGE_SCN_CNT_INITIALIZED_DATA` and `IMAGE_SCN_MEM_READ`.
const DATA: u32 = 0x4000_0040;

/// Name of a section that another one has taken the place of. It stays: what lies in no section is signed in no way that all agree on.
const SET_ASIDE: &[u8; 8] = b"replaced";

/// A section to be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSection {
    /// Its name, of at most eight bytes.
    pub name: String,
    /// Its content.
    pub content: Vec<u8>,
}

/// Why sections cannot be added.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SectionError {
    /// It is something else.
    #[error("no EFI program of 64 bits")]
    NoProgram,
    /// It has a section of that name.
    #[error("it has a section {0} already")]
    Twice(String),
    /// A section's name has more than eight bytes.
    #[error("{0}: the name of a section has at most eight bytes")]
    Name(String),
    /// There is no room between the headers and the first section.
    #[error(
        "there is room for {room} more sections, and {wanted} are to be added: take a stub of systemd 254 or newer"
    )]
    NoRoom {
        /// How many would fit.
        room: usize,
        /// How many there are.
        wanted: usize,
    },
    /// The program would be larger than its own fields can say.
    #[error("larger than 4 GiB")]
    TooLarge,
}

/// Where the parts of a program's headers are, in bytes from its beginning.
struct ProgramLayout {
    coff: usize,
    optional: usize,
    table: usize,
    sections: usize,
}

impl ProgramLayout {
    fn read(program: &[u8]) -> Option<Self> {
        let pe = usize::try_from(le32(program, 0x3c)?).ok()?;
        let coff = pe.checked_add(4)?;
        let optional = coff.checked_add(20)?;
        let is_ours = holds(program, 0, b"MZ")
            && holds(program, pe, b"PE\0\0")
            && le16(program, optional)? == 0x20b
            && le32(program, optional.checked_add(108)?)? > 4;
        let table = optional.checked_add(le16(program, coff.checked_add(16)?)?.into())?;
        let sections = usize::from(le16(program, coff.checked_add(2)?)?);
        (is_ours && sections <= SECTIONS_LIMIT).then_some(Self { coff, optional, table, sections })
    }

    /// A section's header.
    fn header<'a>(&self, program: &'a [u8], number: usize) -> Option<&'a [u8]> {
        let at = self.table.checked_add(number.checked_mul(HEADER)?)?;
        program.get(at..at.checked_add(HEADER)?)
    }
}

/// A program with more sections, each in memory after all that are there. What signed the program is left out: it signs no
/// longer what there is.
///
/// # Errors
/// [`SectionError`].
pub fn with_sections(program: &[u8], new: &[NewSection]) -> Result<Vec<u8>, SectionError> {
    let layout = ProgramLayout::read(program).ok_or(SectionError::NoProgram)?;
    let field = |at: usize| le32(program, layout.optional.saturating_add(at)).ok_or(SectionError::NoProgram);
    let (alignment, file_alignment) = (field(32)?.max(1), field(36)?.max(1));
    let headers = field(60)?;
    let mut memory_end = 0;
    let mut names = Vec::new();
    for number in 0..layout.sections {
        let header = layout.header(program, number).ok_or(SectionError::NoProgram)?;
        let number = |at| le32(header, at).ok_or(SectionError::NoProgram);
        memory_end = memory_end.max(number(12)?.checked_add(number(8)?).ok_or(SectionError::TooLarge)?);
        names.push(name_of(header));
    }
    let end_of_table = layout.table.saturating_add(layout.sections.saturating_mul(HEADER));
    let first_free = headers as usize;
    let room = first_free.saturating_sub(end_of_table) / HEADER;
    if new.len() > room || layout.sections.saturating_add(new.len()) > SECTIONS_LIMIT {
        return Err(SectionError::NoRoom { room, wanted: new.len() });
    }

    // The certificate table is the fifth directory, and lies at the end of the file.
    let (signature, signature_size) = (field(144)? as usize, field(148)? as usize);
    let is_last = signature.checked_add(signature_size) == Some(program.len());
    let mut bytes = program.to_vec();
    if signature_size > 0 && is_last {
        bytes.truncate(signature);
    }
    let mut added = 0_u32;
    for (number, NewSection { name, content }) in new.iter().enumerate() {
        if name.len() > 8 {
            return Err(SectionError::Name(name.clone()));
        }
        if names.iter().any(|known| known == name.as_bytes()) {
            return Err(SectionError::Twice(name.clone()));
        }
        names.push(name.as_bytes().to_vec());
        let size = u32::try_from(content.len()).map_err(|_| SectionError::TooLarge)?;
        let in_file = aligned(size, file_alignment)?;
        let address = aligned(memory_end, alignment)?;
        let length = u32::try_from(bytes.len()).map_err(|_| SectionError::TooLarge)?;
        let place = aligned(length, file_alignment)?;
        memory_end = address.checked_add(size).ok_or(SectionError::TooLarge)?;
        added = added.checked_add(in_file).ok_or(SectionError::TooLarge)?;
        let mut header = [0; 8];
        header.iter_mut().zip(name.bytes()).for_each(|(to, from)| *to = from);
        let numbers = [size, address, in_file, place, 0, 0, 0, DATA];
        let header = [&header[..], &numbers.map(u32::to_le_bytes).concat()].concat();
        put(&mut bytes, end_of_table.saturating_add(number.saturating_mul(HEADER)), &header);
        bytes.resize(place as usize, 0);
        bytes.extend_from_slice(content);
        bytes.resize((place as usize).saturating_add(in_file as usize), 0);
    }
    let count = u16::try_from(layout.sections.saturating_add(new.len())).unwrap_or(u16::MAX);
    put(&mut bytes, layout.coff.saturating_add(2), &count.to_le_bytes());
    let initialized = field(8)?.checked_add(added).ok_or(SectionError::TooLarge)?;
    for (at, value) in [(8, initialized), (56, aligned(memory_end, alignment)?), (144, 0), (148, 0), (64, 0)]
    {
        put(&mut bytes, layout.optional.saturating_add(at), &value.to_le_bytes());
    }
    let sum = check_sum(&bytes);
    put(&mut bytes, layout.optional.saturating_add(64), &sum.to_le_bytes());
    Ok(bytes)
}

/// A program in whose section of that name there is more text, at its end, and a section that is to be added for that: where there is
/// no room in the file or before the next section in memory, the old section gets another name, and the new one has the text of
/// both. `None` where there is no such section.
#[must_use]
pub fn extended(program: &[u8], more: &NewSection) -> Option<(Vec<u8>, Option<NewSection>)> {
    let layout = ProgramLayout::read(program)?;
    let number = (0..layout.sections).find(|number| {
        layout.header(program, *number).is_some_and(|header| name_of(header) == more.name.as_bytes())
    })?;
    let header = layout.header(program, number)?;
    let fields = [8, 12, 16, 20].map(|at| le32(header, at).and_then(|value| usize::try_from(value).ok()));
    let [Some(size), Some(in_memory), Some(in_file), Some(place)] = fields else { return None };
    let text = program.get(place..place.checked_add(size.min(in_file))?)?;
    let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
    let others = (0..layout.sections).filter_map(|number| le32(layout.header(program, number)?, 12));
    let next = others.filter_map(|at| usize::try_from(at).ok()).filter(|at| *at > in_memory).min();
    let room = in_file.min(next.unwrap_or(usize::MAX).saturating_sub(in_memory));
    let end = text.len().checked_add(more.content.len())?;
    let mut bytes = program.to_vec();
    let header = layout.table.checked_add(number.checked_mul(HEADER)?)?;
    if end > room {
        put(&mut bytes, header, SET_ASIDE);
        let both = NewSection { name: more.name.clone(), content: [text, &more.content].concat() };
        return Some((bytes, Some(both)));
    }
    put(&mut bytes, place.checked_add(text.len())?, &more.content);
    put(&mut bytes, header.checked_add(8)?, &u32::try_from(end).ok()?.to_le_bytes());
    Some((bytes, None))
}

/// The machine that a program is for, as its header has it (`0x8664` is x86_64, `0xaa64` aarch64).
#[must_use]
pub fn machine(program: &[u8]) -> Option<u16> {
    ProgramLayout::read(program).and_then(|layout| le16(program, layout.coff))
}

fn name_of(header: &[u8]) -> Vec<u8> {
    header.iter().take(8).copied().take_while(|byte| *byte != 0).collect()
}

fn aligned(size: u32, alignment: u32) -> Result<u32, SectionError> {
    size.checked_next_multiple_of(alignment).ok_or(SectionError::TooLarge)
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    if let Some(place) = bytes.get_mut(at..at.saturating_add(value.len())) {
        place.copy_from_slice(value);
    }
}

/// The sum of the program's 16-bit words, the carry added again, and its length ("CheckSum").
fn check_sum(bytes: &[u8]) -> u32 {
    let words = bytes.chunks(2).map(|pair| match pair {
        [low, high] => u32::from(u16::from_le_bytes([*low, *high])),
        [last] => u32::from(*last),
        _ => 0,
    });
    let sum = words.fold(0_u32, |sum, word| {
        let sum = sum.wrapping_add(word);
        (sum & 0xffff).wrapping_add(sum >> 16)
    });
    sum.wrapping_add(u32::try_from(bytes.len()).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use goblin::pe::PE;

    use super::*;

    /// A program of one section that the specification's fields describe, with room for three more.
    fn program() -> Vec<u8> {
        let mut bytes = vec![0; 0x400];
        for (at, value) in [
            (0, &b"MZ"[..]),
            (0x3c, &[0x40]),
            (0x40, b"PE\0\0\x64\x86\x01\0"),
            (0x54, &[0xf0, 0, 0x22, 0]),
            (0x58, &[0x0b, 2]),
            (0x58 + 32, &0x1000_u32.to_le_bytes()),
            (0x58 + 36, &0x200_u32.to_le_bytes()),
            (0x58 + 56, &0x2000_u32.to_le_bytes()),
            (0x58 + 60, &0x200_u32.to_le_bytes()),
            (0x58 + 68, &[10]),
            (0x58 + 108, &[16]),
            (0x148, b".text"),
            (0x150, &[0x10_u32, 0x1000, 0x200, 0x200].map(u32::to_le_bytes).concat()),
            (0x16c, &0x6000_0020_u32.to_le_bytes()),
            (0x200, b"code"),
        ] {
            put(&mut bytes, at, value);
        }
        bytes
    }

    fn section(name: &str, content: &[u8]) -> NewSection {
        NewSection { name: name.to_owned(), content: content.to_vec() }
    }

    #[test]
    fn sections_lie_after_all_others_and_hold_their_content() {
        let stub = program();
        let bytes =
            with_sections(&stub, &[section(".cmdline", b"quiet"), section(".linux", &[7; 0x201])]).unwrap();
        let pe = PE::parse(&bytes).unwrap();
        let found: Vec<_> = pe
            .sections
            .iter()
            .map(|it| {
                (
                    it.name().unwrap(),
                    it.virtual_address,
                    it.virtual_size,
                    it.pointer_to_raw_data,
                    it.size_of_raw_data,
                )
            })
            .collect();
        assert_eq!(
            found,
            [
                (".text", 0x1000, 0x10, 0x200, 0x200),
                (".cmdline", 0x2000, 5, 0x400, 0x200),
                (".linux", 0x3000, 0x201, 0x600, 0x400)
            ]
        );
        assert_eq!(
            (&bytes[0x200..0x204], &bytes[0x400..0x405], bytes[0x800]),
            (&b"code"[..], &b"quiet"[..], 7)
        );
        let optional = pe.header.optional_header.unwrap();
        assert_eq!(optional.windows_fields.size_of_image, 0x4000);
        assert_eq!(optional.standard_fields.size_of_initialized_data, 0x600);
        // The sum of a program whose own field is taken as zero.
        let mut without = bytes.clone();
        put(&mut without, 0x58 + 64, &[0; 4]);
        assert_eq!(optional.windows_fields.check_sum, check_sum(&without));
        assert_eq!(machine(&bytes), Some(0x8664));
    }

    #[test]
    fn more_text_goes_where_it_overlaps_nothing() {
        let stub = with_sections(&program(), &[section(".sbat", b"a\n"), section(".magic", b"m")]).unwrap();
        // The last one lies 8 bytes after `.sbat`, as in systemd's stub, or in a page of its own.
        for (magic, more, places) in [
            (0x3000_u32, &b"b\n"[..], &[(".sbat", 0x2000, "a\nb\n")][..]),
            (0x2008, b"bcdefg", &[(".sbat", 0x2000, "a\nbcdefg")]),
            (0x2008, b"bcdefgh", &[("replaced", 0x2000, "a\n"), (".sbat", 0x3000, "a\nbcdefgh")]),
        ] {
            let mut stub = stub.clone();
            put(&mut stub, 0x148 + 2 * HEADER + 12, &magic.to_le_bytes());
            let (bytes, left) = extended(&stub, &section(".sbat", more)).unwrap();
            let bytes = with_sections(&bytes, &left.into_iter().collect::<Vec<_>>()).unwrap();
            let pe = PE::parse(&bytes).unwrap();
            let found: Vec<_> = pe
                .sections
                .iter()
                .map(|it| {
                    let place = it.pointer_to_raw_data as usize;
                    let text = &bytes[place..place + it.virtual_size as usize];
                    (it.name().unwrap(), it.virtual_address, std::str::from_utf8(text).unwrap())
                })
                .filter(|(name, ..)| ![".text", ".magic"].contains(name))
                .collect();
            assert_eq!(found, places);
        }
        assert_eq!(extended(&stub, &section(".other", b"x")), None);
        for length in 0..stub.len() {
            let _ = extended(&stub[..length], &section(".sbat", b"more"));
        }
    }

    #[test]
    fn a_signature_is_left_out() {
        let mut stub = program();
        put(&mut stub, 0x58 + 144, &[0x400_u32, 8].map(u32::to_le_bytes).concat());
        stub.extend(b"signed!!");
        let bytes = with_sections(&stub, &[section(".linux", b"k")]).unwrap();
        assert_eq!(le32(&bytes, 0x58 + 148), Some(0));
        assert_eq!((bytes.len(), bytes[0x400]), (0x600, b'k'));
    }

    #[test]
    fn what_cannot_be_added_is_refused() {
        let stub = program();
        let many = [".a", ".b", ".c", ".d"].map(|name| section(name, b""));
        for (program, sections, expected) in [
            (&b"MZ"[..], &[][..], SectionError::NoProgram),
            (&stub, &many, SectionError::NoRoom { room: 3, wanted: 4 }),
            (&stub, &[section(".text", b"")], SectionError::Twice(".text".into())),
            (&stub, &[section(".a", b""), section(".a", b"")], SectionError::Twice(".a".into())),
            (&stub, &[section(".longname1", b"")], SectionError::Name(".longname1".into())),
        ] {
            assert_eq!(with_sections(program, sections), Err(expected));
        }
        // Cut short anywhere, it is refused or keeps what it has; nothing panics.
        for length in 0..stub.len() {
            let _ = with_sections(&stub[..length], &[section(".linux", b"k")]);
        }
    }
}
