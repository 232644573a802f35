//! Replaces files of a firmware image or takes them out. What is not named keeps its place and its bytes.

use super::compress::{LZMA, compress, decompress};
use super::file::{self, FirmwareFile, HEADER, padding};
use super::section::{self, FirmwareSection, PE32, USER_INTERFACE, VOLUME_IMAGE, sections};
use super::volume::{ALIGNMENT, FirmwareVolume};
use super::{DEPTH_LIMIT, FlashError, Guid};

/// An EFI program for a file's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replacement {
    /// The file's name or GUID.
    pub file: String,
    /// The program.
    pub program: Vec<u8>,
    /// The new name that a person sees.
    pub title: String,
}

/// What is to be changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Names or GUIDs of files that are taken out.
    pub drop: Vec<String>,
    /// Files that are replaced.
    pub replace: Vec<Replacement>,
}

/// A changed image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edited {
    /// The image, as long as it was.
    pub image: Vec<u8>,
    /// Names of the files that were changed, in the order of the image.
    pub changed: Vec<String>,
}

/// Changes an image. All names are looked for before anything is changed.
///
/// # Errors
/// [`FlashError`]: a name is not there or not the only one, a volume is damaged, or there is no room.
pub fn edit(image: &[u8], changes: &Changes) -> Result<Edited, FlashError> {
    let volumes = FirmwareVolume::all(image)?;
    if volumes.is_empty() {
        return Err(FlashError::NoVolume);
    }
    let mut names = Vec::new();
    for (_, volume) in &volumes {
        collect(volume, &mut names, 0)?;
    }
    let wanted = changes.drop.iter().chain(changes.replace.iter().map(|it| &it.file));
    for name in wanted {
        match names.iter().filter(|known| known.is(name)).count() {
            0 => return Err(FlashError::NoFile(name.clone())),
            1 => {}
            count if name.parse::<Guid>().is_err() => {
                return Err(FlashError::Ambiguous { name: name.clone(), count });
            }
            _ => {}
        }
    }
    let mut edited = Edited { image: image.to_vec(), changed: Vec::new() };
    for (offset, volume) in volumes {
        let changed = in_volume(&volume, changes, &mut edited.changed, 0)?;
        let end = offset.saturating_add(volume.bytes.len());
        if let (Some(changed), Some(place)) = (changed, edited.image.get_mut(offset..end)) {
            place.copy_from_slice(&changed);
        }
    }
    Ok(edited)
}

/// What a file may be called.
struct FileNames {
    guid: Guid,
    title: Option<String>,
}

impl FileNames {
    fn of(file: &FirmwareFile<'_>) -> Self {
        Self { guid: file.guid, title: file.name() }
    }

    fn is(&self, name: &str) -> bool {
        name.parse() == Ok(self.guid) || self.title.as_deref() == Some(name)
    }

    fn shown(&self) -> String {
        self.title.clone().unwrap_or_else(|| self.guid.to_string())
    }
}

/// The names of all files of a volume, of those in volumes inside of it too.
fn collect(volume: &FirmwareVolume<'_>, names: &mut Vec<FileNames>, depth: u32) -> Result<(), FlashError> {
    for (_, file) in volume.files.iter().filter(|(_, file)| file.kind != file::PAD) {
        names.push(FileNames::of(file));
        collect_sections(file.sections(), names, depth)?;
    }
    Ok(())
}

fn collect_sections<'a>(
    sections_of: impl Iterator<Item = FirmwareSection<'a>>,
    names: &mut Vec<FileNames>,
    depth: u32,
) -> Result<(), FlashError> {
    let deeper = depth.saturating_add(1);
    for section in sections_of.filter(|_| depth < DEPTH_LIMIT) {
        match Inner::of(&section)? {
            Inner::Volume(volume) => collect(&volume, names, deeper)?,
            Inner::Packed(bytes) => collect_sections(sections(&bytes), names, deeper)?,
            Inner::Other => {}
        }
    }
    Ok(())
}

/// What is inside of a section.
pub(super) enum Inner<'a> {
    Volume(FirmwareVolume<'a>),
    /// Sections again.
    Packed(Vec<u8>),
    Other,
}

impl<'a> Inner<'a> {
    pub(super) fn of(section: &FirmwareSection<'a>) -> Result<Self, FlashError> {
        if section.kind == VOLUME_IMAGE {
            let volume = FirmwareVolume::parse(section.content());
            let volume = volume.transpose().map_err(|reason| FlashError::Volume { offset: 0, reason })?;
            return Ok(volume.map_or(Self::Other, Self::Volume));
        }
        match section.guid_defined() {
            Some((LZMA, data)) => decompress(data).map(Self::Packed),
            _ => Ok(Self::Other),
        }
    }
}

/// The changed volume, of the same length; `None` where nothing in it changes.
fn in_volume(
    volume: &FirmwareVolume<'_>,
    changes: &Changes,
    changed: &mut Vec<String>,
    depth: u32,
) -> Result<Option<Vec<u8>>, FlashError> {
    let mut bytes = None;
    let mut free = volume.free;
    for (number, (offset, file)) in
        volume.files.iter().enumerate().filter(|(_, (_, file))| file.kind != file::PAD)
    {
        let names = FileNames::of(file);
        let new = if changes.drop.iter().any(|name| names.is(name)) {
            changed.push(names.shown());
            None
        } else if let Some(replacement) = changes.replace.iter().find(|it| names.is(&it.file)) {
            changed.push(names.shown());
            let mut body = Vec::new();
            section::push(&mut body, PE32, &replacement.program);
            let title: Vec<u8> =
                replacement.title.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
            section::push(&mut body, USER_INTERFACE, &title);
            Some(body)
        } else {
            match in_sections(file.sections(), changes, changed, depth)? {
                None => continue,
                body => body,
            }
        };
        let build = |body: Vec<u8>| {
            let built = file::build(file.guid, file.kind, file.attributes, &body);
            built.ok_or_else(|| FlashError::TooLarge(names.shown()))
        };
        let new = new.map(build).transpose()?;
        let next = volume.files.get(number.saturating_add(1)).map(|(offset, _)| *offset);
        // The last one has all that follows, until another file was moved there.
        let end = next.or_else(|| (free > volume.free).then_some(volume.free));
        let place = FilePlace { start: *offset, end, length: file.whole.len(), alignment: file.alignment() };
        let bytes = bytes.get_or_insert_with(|| volume.bytes.to_vec());
        place.fill(bytes, &mut free, new.as_deref(), &names.shown())?;
    }
    Ok(bytes)
}

/// The changed body of a file; `None` where nothing in it changes.
fn in_sections<'a>(
    sections_of: impl Iterator<Item = FirmwareSection<'a>>,
    changes: &Changes,
    changed: &mut Vec<String>,
    depth: u32,
) -> Result<Option<Vec<u8>>, FlashError> {
    let deeper = depth.saturating_add(1);
    let (mut body, mut is_changed) = (Vec::new(), false);
    for section in sections_of {
        let new = match Inner::of(&section).ok().filter(|_| depth < DEPTH_LIMIT) {
            Some(Inner::Volume(volume)) => in_volume(&volume, changes, changed, deeper)?,
            Some(Inner::Packed(bytes)) => {
                let inner = in_sections(sections(&bytes), changes, changed, deeper)?;
                let packed = inner.map(|inner| compress(&inner)).transpose()?;
                packed.map(|packed| section::guid_defined(LZMA, &packed))
            }
            _ => None,
        };
        is_changed |= new.is_some();
        section::push(&mut body, section.kind, new.as_deref().unwrap_or(section.content()));
    }
    Ok(is_changed.then_some(body))
}

/// The place of a file in a volume.
struct FilePlace {
    start: usize,
    /// Where the next file begins; `None` for the last one.
    end: Option<usize>,
    /// Bytes of the file that is there.
    length: usize,
    /// What the body's place must be a multiple of.
    alignment: usize,
}

impl FilePlace {
    /// Puts a file into the place of the one that is there, or padding; a file that does not fit goes into the free space.
    fn fill(
        &self,
        bytes: &mut [u8],
        free: &mut usize,
        new: Option<&[u8]>,
        name: &str,
    ) -> Result<(), FlashError> {
        let length = new.map_or(self.length, <[u8]>::len);
        let after = self.start.saturating_add(length).next_multiple_of(ALIGNMENT);
        let is_aligned = self.start.saturating_add(HEADER).is_multiple_of(self.alignment);
        let fits = match self.end {
            None => after <= bytes.len(),
            // What is left must hold padding, or nothing.
            Some(end) => after == end || after.saturating_add(HEADER) <= end,
        };
        if let (Some(new), true) = (new, fits && is_aligned) {
            erase(bytes, self.start, self.end.unwrap_or(*free));
            put(bytes, self.start, new);
            match self.end {
                None => *free = after,
                Some(end) => pad(bytes, after, end),
            }
            return Ok(());
        }
        pad(bytes, self.start, self.start.saturating_add(self.length));
        let Some(new) = new else { return Ok(()) };
        let place = (free.next_multiple_of(ALIGNMENT)..).step_by(ALIGNMENT).find(|place| {
            let gap = place.saturating_sub(*free);
            place.saturating_add(HEADER).is_multiple_of(self.alignment) && !(ALIGNMENT..HEADER).contains(&gap)
        });
        let place = place.unwrap_or(usize::MAX);
        let end = place.saturating_add(new.len());
        if end > bytes.len() {
            // The last file's own place counts.
            let begin = if self.end.is_none() { self.start } else { place };
            let room = bytes.len().saturating_sub(begin);
            return Err(FlashError::NoRoom { name: name.to_owned(), needed: new.len(), room });
        }
        if place.saturating_sub(*free) >= HEADER {
            pad(bytes, *free, place);
        }
        put(bytes, place, new);
        *free = end;
        Ok(())
    }
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    if let Some(place) = bytes.get_mut(at..at.saturating_add(value.len())) {
        place.copy_from_slice(value);
    }
}

fn erase(bytes: &mut [u8], from: usize, to: usize) {
    if let Some(place) = bytes.get_mut(from..to) {
        place.fill(0xff);
    }
}

/// Fills a place with padding, where there is any.
fn pad(bytes: &mut [u8], from: usize, to: usize) {
    if let Some(padding) = padding(to.saturating_sub(from)) {
        put(bytes, from, &padding);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flash::section::GUID_DEFINED;
    use crate::flash::volume::tests::{plain, volume};

    const APPLICATION: u8 = 0x09;

    fn named(number: u8, title: &str, program: &[u8]) -> Vec<u8> {
        let mut body = Vec::new();
        section::push(&mut body, PE32, program);
        let title: Vec<u8> = title.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
        section::push(&mut body, USER_INTERFACE, &title);
        file::build(Guid([number; 16]), APPLICATION, 0, &body).unwrap()
    }

    /// An image as OVMF's: a volume that holds, compressed, one with files; and one beside it.
    fn image() -> Vec<u8> {
        let inner = volume(
            0x1000,
            &[
                plain(1, b"first"),
                named(2, "Shell", &[9; 300]),
                named(3, "Network", &[8; 200]),
                plain(4, b"last"),
            ],
        );
        let mut sections = Vec::new();
        section::push(&mut sections, 0x19, &[0; 12]);
        section::push(&mut sections, VOLUME_IMAGE, &inner);
        let mut body = Vec::new();
        section::push(&mut body, GUID_DEFINED, &section::guid_defined(LZMA, &compress(&sections).unwrap()));
        let outer = volume(0x1000, &[file::build(Guid([5; 16]), 0x0b, 0, &body).unwrap()]);
        [outer, volume(0x200, &[plain(6, b"beside")])].concat()
    }

    /// The files of all volumes: where they begin, their first GUID byte, kind and body.
    fn files(image: &[u8]) -> Vec<(usize, u8, u8, Vec<u8>)> {
        fn of(volume: &FirmwareVolume<'_>, found: &mut Vec<(usize, u8, u8, Vec<u8>)>) {
            for (offset, file) in &volume.files {
                let packed = file.sections().find_map(|section| match Inner::of(&section) {
                    Ok(Inner::Packed(bytes)) => Some(bytes),
                    _ => None,
                });
                match packed {
                    Some(bytes) => {
                        for section in sections(&bytes) {
                            if let Ok(Inner::Volume(volume)) = Inner::of(&section) {
                                of(&volume, found);
                            }
                        }
                    }
                    None => found.push((*offset, file.guid.0[0], file.kind, file.body().to_vec())),
                }
            }
        }
        let mut found = Vec::new();
        FirmwareVolume::all(image).unwrap().iter().for_each(|(_, volume)| of(volume, &mut found));
        found
    }

    fn replaced(size: usize, title: &str) -> Changes {
        let replacement = Replacement { file: "Shell".into(), program: vec![5; size], title: title.into() };
        Changes { drop: vec!["Network".into()], replace: vec![replacement] }
    }

    #[test]
    fn a_file_is_replaced_and_one_is_taken_out_and_the_others_stay_where_they_are() {
        let image = image();
        let before = files(&image);
        // Smaller, of the same size, and larger than what was there.
        for (size, title, moves) in [(100, "new", false), (300, "Other", false), (2000, "new", true)] {
            let edited = edit(&image, &replaced(size, title)).unwrap();
            assert_eq!(edited.changed, ["Shell", "Network"]);
            assert_eq!(edited.image.len(), image.len());
            let after = files(&edited.image);
            for kept in before.iter().filter(|(_, guid, ..)| ![2, 3].contains(guid)) {
                assert!(after.contains(kept), "{size}: {kept:?}");
            }
            assert!(!after.iter().any(|(_, guid, ..)| *guid == 3));
            let [new] = &after.iter().filter(|(_, guid, ..)| *guid == 2).collect::<Vec<_>>()[..] else {
                panic!("{after:?}")
            };
            let old = before.iter().find(|(_, guid, ..)| *guid == 2).unwrap();
            assert_eq!((new.0 != old.0, new.2), (moves, APPLICATION), "{size}");
            assert!(new.3[4..4 + size].iter().all(|byte| *byte == 5));
            // The volume beside it has not changed at all.
            assert_eq!(edited.image[0x1000..], image[0x1000..]);
        }
    }

    #[test]
    fn files_that_are_moved_do_not_lie_in_each_other() {
        let image = volume(0x1000, &[named(1, "A", &[1; 50]), plain(2, b"kept"), named(3, "B", &[3; 50])]);
        let replace =
            |file: &str, size| Replacement { file: file.into(), program: vec![9; size], title: "new".into() };
        for (a, b) in [(500, 600), (500, 20), (20, 600), (500, 50)] {
            let changes = Changes { drop: Vec::new(), replace: vec![replace("A", a), replace("B", b)] };
            let edited = edit(&image, &changes).unwrap();
            let found = FirmwareVolume::all(&edited.image).unwrap();
            let [(_, volume)] = &found[..] else { panic!("{found:?}") };
            let programs: Vec<(u8, usize)> = volume
                .files
                .iter()
                .flat_map(|(_, file)| file.sections().map(|section| (file.guid.0[0], section)))
                .filter(|(_, section)| section.kind == PE32)
                .inspect(|(_, section)| assert!(section.content().iter().all(|byte| *byte == 9)))
                .map(|(guid, section)| (guid, section.content().len()))
                .collect();
            assert_eq!(programs.len(), 2);
            assert!(programs.contains(&(1, a)) && programs.contains(&(3, b)), "{programs:?}");
            assert!(volume.files.iter().any(|(_, file)| file.body() == b"kept"));
        }
    }

    #[test]
    fn nothing_is_changed_by_what_cannot_be_done() {
        let image = image();
        let error = |changes: &Changes| edit(&image, changes).unwrap_err();
        let drop = |name: &str| Changes { drop: vec![name.to_owned()], ..Changes::default() };
        assert_eq!(error(&drop("Shel")), FlashError::NoFile("Shel".into()));
        let twice = [volume(0x400, &[named(1, "A", b"a"), named(2, "A", b"b")])].concat();
        assert_eq!(edit(&twice, &drop("A")), Err(FlashError::Ambiguous { name: "A".into(), count: 2 }));
        let by_guid = drop(&Guid([1; 16]).to_string());
        assert_eq!(edit(&twice, &by_guid).unwrap().changed, ["A"]);
        assert!(matches!(error(&replaced(5000, "new")), FlashError::NoRoom { needed, .. } if needed > 5000));
        assert_eq!(edit(&[0xff; 0x1000], &by_guid), Err(FlashError::NoVolume));
        assert_eq!(edit(&image, &Changes::default()).unwrap().image, image);
    }

    #[test]
    fn a_cut_image_is_refused_or_read_but_never_more() {
        let image = image();
        for length in (0..image.len()).step_by(97) {
            let _ = edit(&image[..length], &replaced(100, "new"));
        }
    }
}
