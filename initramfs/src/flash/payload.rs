//! The payload area of an image: what is outside of its volumes, in pages. The loader in the flash (package `flash-payload` has
//! the layout) finds the parts wherever they lie.

use std::ops::Range;

use firstlight::formats::bytes::{array, holds};
use flash_payload::{Damage, Found, HEADER, Kind, PAGE, Part, find};

use super::FlashError;
use super::volume::FirmwareVolume;

/// Where Intel's flash descriptor says that it is one (coreboot: util/ifdtool).
const DESCRIPTOR: (usize, [u8; 4]) = (16, [0x5a, 0xa5, 0xf0, 0x0f]);

/// A part of the payload area.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    /// What it is.
    pub kind: Kind,
    /// Its content.
    pub content: Vec<u8>,
}

/// A part in an image, or what begins like one.
pub(super) struct PlacedPart {
    page: usize,
    pub(super) part: Result<Part, Damage>,
}

impl PlacedPart {
    /// Where it begins, in bytes.
    pub(super) fn start(&self) -> usize {
        self.page.saturating_mul(PAGE)
    }

    /// Its whole pages, in bytes.
    pub(super) fn place(&self) -> Range<usize> {
        let pages = self.part.map_or(1, |part| part.pages());
        self.start()..self.start().saturating_add(pages.saturating_mul(PAGE))
    }

    /// Whether its content is what was written.
    pub(super) fn is_whole(&self, image: &[u8]) -> bool {
        let content = self.part.ok().and_then(|part| {
            let start = self.start().saturating_add(HEADER);
            Some((part, image.get(start..start.checked_add(part.length)?)?))
        });
        content.is_some_and(|(part, content)| part.has(content))
    }
}

/// All parts of an image, wherever they lie.
pub(super) fn parts(image: &[u8]) -> impl Iterator<Item = PlacedPart> {
    let header = |page: usize| array(image, page.saturating_mul(PAGE)).unwrap_or([0xff; _]);
    find(image.len() / PAGE, header).map(|Found { page, part }| PlacedPart { page, part })
}

/// Those outside of its volumes.
pub(super) fn outside(image: &[u8], volumes: &[(usize, FirmwareVolume<'_>)]) -> Vec<PlacedPart> {
    parts(image).filter(|part| !touches(volumes, &part.place())).collect()
}

fn touches(volumes: &[(usize, FirmwareVolume<'_>)], place: &Range<usize>) -> bool {
    let next = volumes.partition_point(|(start, it)| start.saturating_add(it.bytes.len()) <= place.start);
    volumes.get(next).is_some_and(|(start, _)| *start < place.end)
}

/// The image with these parts in the place of those of the same kinds; other parts stay as they are. The largest one comes first, and
/// each goes where the least room is left.
///
/// # Errors
/// [`FlashError`]: it is no firmware image or has other owners, a part in it is damaged, or there is too little room.
pub fn put(image: &[u8], payload: &[Payload]) -> Result<Vec<u8>, FlashError> {
    let (offset, descriptor) = DESCRIPTOR;
    if holds(image, offset, &descriptor) {
        return Err(FlashError::Descriptor);
    }
    let volumes = FirmwareVolume::all(image)?;
    if volumes.is_empty() {
        return Err(FlashError::NoVolume);
    }
    let mut new = image.to_vec();
    for part in outside(image, &volumes) {
        match part.part {
            Err(damage) => return Err(FlashError::Part { offset: part.start(), damage }),
            Ok(old) if payload.iter().any(|new| new.kind == old.kind) => {
                new.get_mut(part.place()).unwrap_or_default().fill(0xff);
            }
            Ok(_) => {}
        }
    }
    let mut payload: Vec<&Payload> = payload.iter().collect();
    payload.sort_by_key(|part| (std::cmp::Reverse(part.content.len()), part.kind));
    for Payload { kind, content } in payload {
        let part = Part::of(*kind, content);
        let needed = part.pages().saturating_mul(PAGE);
        let free = free(&new, &volumes);
        let place = free.iter().filter(|room| room.len() >= needed).min_by_key(|room| room.len());
        let Some(place) = place else {
            let room = free.iter().map(ExactSizeIterator::len).max().unwrap_or_default();
            return Err(FlashError::NoRoom { name: format!("the {}", kind.name()), needed, room });
        };
        let bytes = part.header().into_iter().chain(content.iter().copied());
        for (place, byte) in new.get_mut(place.clone()).unwrap_or_default().iter_mut().zip(bytes) {
            *place = byte;
        }
    }
    Ok(new)
}

/// Erased pages outside of volumes and parts, those that touch as one.
fn free(image: &[u8], volumes: &[(usize, FirmwareVolume<'_>)]) -> Vec<Range<usize>> {
    let parts: Vec<_> = outside(image, volumes).iter().map(PlacedPart::place).collect();
    let mut free: Vec<Range<usize>> = Vec::new();
    for (number, page) in image.chunks_exact(PAGE).enumerate() {
        let start = number.saturating_mul(PAGE);
        let place = start..start.saturating_add(PAGE);
        let next = parts.partition_point(|part| part.end <= start);
        let is_part = parts.get(next).is_some_and(|part| part.start <= start);
        if is_part || touches(volumes, &place) || page.iter().any(|byte| *byte != 0xff) {
            continue;
        }
        match free.last_mut().filter(|last| last.end == place.start) {
            Some(last) => last.end = place.end,
            None => free.push(place),
        }
    }
    free
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flash::volume::tests::{plain, volume};

    fn new(kind: Kind, content: &[u8]) -> Payload {
        Payload { kind, content: content.to_vec() }
    }

    /// The parts of an image: where they begin, what they are and their content.
    fn read(image: &[u8]) -> Vec<(usize, Kind, Vec<u8>)> {
        let read = |found: PlacedPart| {
            let (start, part) = (found.start(), found.part.unwrap());
            let content = &image[start + HEADER..][..part.length];
            assert!(found.is_whole(image));
            (start, part.kind, content.to_vec())
        };
        parts(image).map(read).collect()
    }

    /// Room for two pages, a volume, room for four pages, another one.
    fn image() -> Vec<u8> {
        let volume = volume(0x1000, &[plain(1, b"one")]);
        [&[0xff; 2 * PAGE][..], &volume, &[0xff; 4 * PAGE], &volume].concat()
    }

    #[test]
    fn parts_lie_where_they_fit_and_can_be_changed_one_by_one() {
        let (kernel, initramfs) = (vec![1; 3 * PAGE], vec![2; PAGE]);
        let first = put(
            &image(),
            &[new(Kind::CommandLine, b"quiet"), new(Kind::Initramfs, &initramfs), new(Kind::Kernel, &kernel)],
        );
        // The kernel takes all of the larger room, the initramfs all of the smaller one.
        let error = first.unwrap_err().to_string();
        assert_eq!(
            error,
            "the command line needs 4096 bytes, and there is room for 0: 4096 bytes are missing"
        );
        let both = put(&image(), &[new(Kind::Initramfs, &initramfs), new(Kind::Kernel, &kernel)]).unwrap();
        let expected = [(0, Kind::Initramfs, initramfs), (3 * PAGE, Kind::Kernel, kernel.clone())];
        assert_eq!(read(&both), expected);
        let small = put(&both, &[new(Kind::Initramfs, b"small"), new(Kind::CommandLine, b"a=b")]).unwrap();
        let expected = [
            (0, Kind::Initramfs, b"small".to_vec()),
            (PAGE, Kind::CommandLine, b"a=b".to_vec()),
            (3 * PAGE, Kind::Kernel, kernel),
        ];
        assert_eq!(read(&small), expected);
        // What is not named is what it was.
        let volumes = |image: &[u8]| {
            FirmwareVolume::all(image).unwrap().iter().map(|(_, it)| it.bytes.to_vec()).collect::<Vec<_>>()
        };
        assert_eq!(volumes(&small), volumes(&image()));
        assert_eq!(small.len(), image().len());
    }

    #[test]
    fn an_image_of_firmware_in_an_initramfs_is_no_volume_of_the_flash() {
        let inside = [&[0; PAGE - HEADER][..], &volume(0x800, &[])].concat();
        let image = put(&image(), &[new(Kind::Initramfs, &inside)]).unwrap();
        assert_eq!(FirmwareVolume::all(&image).unwrap().len(), 2);
        assert_eq!(read(&image), [(0, Kind::Initramfs, inside)]);
    }

    #[test]
    fn what_belongs_to_others_or_is_damaged_is_refused() {
        let error = |image: &[u8]| put(image, &[new(Kind::Kernel, b"k")]).unwrap_err();
        let mut descriptor = image();
        descriptor[16..20].copy_from_slice(&[0x5a, 0xa5, 0xf0, 0x0f]);
        assert_eq!(error(&descriptor), FlashError::Descriptor);
        assert_eq!(error(&[0xff; 4 * PAGE]), FlashError::NoVolume);
        let mut damaged = put(&image(), &[new(Kind::Kernel, b"k")]).unwrap();
        damaged[30] ^= 1;
        assert_eq!(error(&damaged), FlashError::Part { offset: 0, damage: Damage::Header });
        // Neither volume nor part: whose it is, nobody knows.
        let mut taken = image();
        taken[0] = 0;
        let image = put(&taken, &[new(Kind::Kernel, b"k")]).unwrap();
        assert_eq!((read(&image), image[0]), (vec![(PAGE, Kind::Kernel, b"k".to_vec())], 0));
    }
}
