//! A firmware volume: a header with its length, then files at multiples of eight bytes, then free space.

use firstlight::formats::bytes::{array, holds, le16, le32, le64};

use super::file::FirmwareFile;
use super::payload::parts;
use super::{FlashError, Guid};

/// The formats of volumes that hold files.
const FILE_SYSTEMS: [Guid; 2] = [
    Guid::new(0x8c8c_e578, 0x8a3d, 0x4f1c, [0x99, 0x35, 0x89, 0x61, 0x85, 0xc3, 0x2d, 0xd3]),
    Guid::new(0x5473_c07a, 0x3dcb, 0x4dca, [0xbd, 0x6f, 0x1e, 0x96, 0x89, 0xe7, 0x34, 0x9a]),
];

/// `EFI_FVB2_ERASE_POLARITY`: erased bits are 1, as in every flash that is sold.
const ERASED_ONES: u32 = 0x800;

/// Files begin at multiples of this.
pub const ALIGNMENT: usize = 8;

/// Where a header says that it is one.
const SIGNATURE: usize = 40;

/// A firmware volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirmwareVolume<'a> {
    /// All of it.
    pub bytes: &'a [u8],
    /// The format.
    pub format: Guid,
    /// Its files and where they begin; none where the format holds no files.
    pub files: Vec<(usize, FirmwareFile<'a>)>,
    /// Where its free space begins.
    pub free: usize,
}

impl<'a> FirmwareVolume<'a> {
    /// The volume at the beginning of these bytes; `None` where there is none.
    ///
    /// # Errors
    /// The volume is damaged.
    pub fn parse(bytes: &'a [u8]) -> Option<Result<Self, &'static str>> {
        if !holds(bytes, SIGNATURE, b"_FVH") {
            return None;
        }
        let header = usize::from(le16(bytes, 48)?);
        let words = bytes.get(..header).filter(|words| words.len() >= 72 && words.len() % 2 == 0)?;
        if sum(words) != 0 {
            return None;
        }
        let length = usize::try_from(le64(bytes, 32)?).ok();
        let Some(whole) = length.and_then(|length| bytes.get(..length)).filter(|whole| whole.len() >= header)
        else {
            return Some(Err("its header says that it is longer than what is there"));
        };
        Some(Self::files(whole, header))
    }

    fn files(bytes: &'a [u8], header: usize) -> Result<Self, &'static str> {
        let format = Guid(array(bytes, 16).unwrap_or_default());
        let mut volume = Self { bytes, format, files: Vec::new(), free: bytes.len() };
        if !volume.holds_files() {
            return Ok(volume);
        }
        if le32(bytes, 44).is_none_or(|attributes| attributes & ERASED_ONES == 0) {
            return Err("its erased bits are zeros");
        }
        let mut place = header;
        let extended = usize::from(le16(bytes, 52).unwrap_or_default());
        if extended != 0 {
            // The extended header may be inside of the first file, which is padding.
            let size = le32(bytes, extended.saturating_add(16)).and_then(|size| usize::try_from(size).ok());
            let end = size.and_then(|size| extended.checked_add(size)).unwrap_or(usize::MAX);
            let first = FirmwareFile::parse(bytes.get(header..).unwrap_or_default());
            let is_inside = first.is_some_and(|file| header.saturating_add(file.whole.len()) >= end);
            place = if is_inside { header } else { end };
        }
        loop {
            place = place.checked_next_multiple_of(ALIGNMENT).unwrap_or(usize::MAX);
            let rest = bytes.get(place..).unwrap_or_default();
            if rest.iter().all(|byte| *byte == 0xff) {
                break;
            }
            let file = FirmwareFile::parse(rest).ok_or("a file's header is wrong")?;
            volume.files.push((place, file));
            place = place.saturating_add(file.whole.len());
        }
        volume.free = place.min(bytes.len());
        Ok(volume)
    }

    /// Whether its format is one that holds files.
    #[must_use]
    pub fn holds_files(&self) -> bool {
        FILE_SYSTEMS.contains(&self.format)
    }

    /// Finds the volumes of an image, with where they begin. What is between them is not looked at.
    ///
    /// # Errors
    /// One of them is damaged.
    pub fn all(image: &'a [u8]) -> Result<Vec<(usize, Self)>, FlashError> {
        let parts: Vec<_> = parts(image).filter(|it| it.part.is_ok()).map(|it| it.place()).collect();
        let mut found = Vec::new();
        let mut place = 0_usize;
        while let Some(signature) = memchr::memmem::find(image.get(place..).unwrap_or_default(), b"_FVH") {
            let start =
                place.saturating_add(signature).checked_sub(SIGNATURE).filter(|start| *start >= place);
            // A kernel or initramfs may hold anything.
            let around = start.and_then(|start| {
                let next = parts.partition_point(|part| part.end <= start);
                parts.get(next).filter(|part| part.contains(&start))
            });
            if let Some(part) = around {
                place = part.end;
                continue;
            }
            let volume = start.and_then(|start| Some((start, Self::parse(image.get(start..)?)?)));
            place = match volume {
                Some((offset, Ok(volume))) => {
                    let end = offset.saturating_add(volume.bytes.len());
                    found.push((offset, volume));
                    end
                }
                Some((offset, Err(reason))) => return Err(FlashError::Volume { offset, reason }),
                None => place.saturating_add(signature).saturating_add(4),
            };
        }
        Ok(found)
    }
}

/// The sum of 16-bit words.
fn sum(words: &[u8]) -> u16 {
    let (pairs, _) = words.as_chunks();
    pairs.iter().fold(0_u16, |sum, pair| sum.wrapping_add(u16::from_le_bytes(*pair)))
}

/// An image whose first volume, at its very beginning, is so much longer that the image has `size` bytes: its files keep their
/// places in it, and what is after it stays the last part. Where flash ends at a fixed address, as before 4 GiB on a PC, the image
/// grows downwards.
///
/// # Errors
/// There is no volume there, it has blocks of several sizes or of a size that does not fit, or the image is larger already.
pub fn grow(image: &[u8], size: usize) -> Result<Vec<u8>, FlashError> {
    let wrong = |reason| FlashError::Volume { offset: 0, reason };
    let volume = FirmwareVolume::parse(image).ok_or(FlashError::NoVolume)?.map_err(wrong)?;
    let more = size.checked_sub(image.len()).ok_or(wrong("the image is larger already"))?;
    let header = usize::from(le16(image, 48).unwrap_or_default());
    let (header, content) = volume.bytes.split_at_checked(header).ok_or(FlashError::NoVolume)?;
    let header = with_length(header, volume.bytes.len().saturating_add(more))
        .ok_or(wrong("its blocks are of several sizes, or the new size is no number of blocks"))?;
    let rest = image.get(volume.bytes.len()..).unwrap_or_default();
    Ok([&header, content, &vec![0xff; more], rest].concat())
}

/// An image of `size` bytes with room in front: its first volume, at its very beginning, keeps what its files need, and what is
/// after it stays the last part. Where no files can be in that volume, it keeps its length. OVMF looks for the volume backwards from
/// the end of its flash, so it finds it there.
///
/// # Errors
/// There is no volume there, or the image would not fit.
pub fn with_area(image: &[u8], size: usize) -> Result<Vec<u8>, FlashError> {
    let wrong = |reason| FlashError::Volume { offset: 0, reason };
    let volume = FirmwareVolume::parse(image).ok_or(FlashError::NoVolume)?.map_err(wrong)?;
    let length = volume.bytes.len();
    let header = usize::from(le16(image, 48).unwrap_or_default());
    let (header, content) = volume.bytes.split_at_checked(header).ok_or(FlashError::NoVolume)?;
    let needed = volume.free.next_multiple_of(flash_payload::PAGE);
    let shrunken = with_length(header, needed).filter(|_| volume.holds_files() && needed <= length);
    let (header, needed) = shrunken.map_or((header.to_vec(), length), |header| (header, needed));
    let content = content.get(..needed.saturating_sub(header.len())).unwrap_or(content);
    let rest = image.get(length..).unwrap_or_default();
    let area = size.checked_sub(needed.saturating_add(rest.len())).ok_or(FlashError::NoRoom {
        name: "the firmware".to_owned(),
        needed: needed.saturating_add(rest.len()),
        room: size,
    })?;
    Ok([&vec![0xff; area], &header[..], content, rest].concat())
}

/// Gives a volume's header another length, where its blocks are all of one size.
fn with_length(header: &[u8], length: usize) -> Option<Vec<u8>> {
    let mut header = header.to_vec();
    let block = usize::try_from(le32(&header, 60)?)
        .ok()
        .filter(|block| *block > 0 && length.is_multiple_of(*block))?;
    // The map ends with zeros: one entry is all that is understood here.
    if le64(&header, 64)? != 0 {
        return None;
    }
    let blocks = u32::try_from(length / block).ok()?;
    for (place, value) in
        [(32_usize, &(length as u64).to_le_bytes()[..]), (56, &blocks.to_le_bytes()), (50, &[0, 0])]
    {
        header.get_mut(place..place.checked_add(value.len())?)?.copy_from_slice(value);
    }
    let check = sum(&header).wrapping_neg().to_le_bytes();
    header.get_mut(50..52)?.copy_from_slice(&check);
    Some(header)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::flash::file;

    /// A volume of a length with these files one after the other, by the specification.
    pub fn volume(length: usize, files: &[Vec<u8>]) -> Vec<u8> {
        let mut header = [&[0; 16][..], &FILE_SYSTEMS[0].0, &[0; 8], b"_FVH"].concat();
        header.extend(0x4_feff_u32.to_le_bytes());
        header.extend([72, 0, 0, 0, 0, 0, 0, 2]);
        header.extend([1_u32, 16, 0, 0].map(u32::to_le_bytes).concat());
        let mut bytes = with_length(&header, length).unwrap();
        for file in files {
            bytes.resize(bytes.len().next_multiple_of(ALIGNMENT), 0xff);
            bytes.extend(file);
        }
        assert!(bytes.len() <= length);
        bytes.resize(length, 0xff);
        bytes
    }

    pub fn plain(number: u8, body: &[u8]) -> Vec<u8> {
        file::build(Guid([number; 16]), 0x01, 0, body).unwrap()
    }

    #[test]
    fn a_volume_is_found_among_other_bytes_with_its_files() {
        let bytes = volume(0x400, &[plain(1, b"one"), plain(2, &[7; 100])]);
        let image = [&[0xff; 0x1000][..], &bytes, b"_FVH", &[0; 64], &bytes].concat();
        let found = FirmwareVolume::all(&image).unwrap();
        let offsets: Vec<usize> = found.iter().map(|(offset, _)| *offset).collect();
        assert_eq!(offsets, [0x1000, 0x1000 + 0x400 + 4 + 64]);
        let (_, volume) = &found[0];
        let files: Vec<_> = volume.files.iter().map(|(at, file)| (*at, file.guid, file.body())).collect();
        assert_eq!(files, [(72, Guid([1; 16]), &b"one"[..]), (104, Guid([2; 16]), &[7; 100][..])]);
        assert_eq!(volume.free, (104 + 124_usize).next_multiple_of(8));
    }

    #[test]
    fn an_image_grows_by_free_space_of_its_first_volume() {
        let (first, last) = (volume(0x400, &[plain(1, b"one")]), volume(0x200, &[plain(2, b"two")]));
        let image = [&first[..], &last].concat();
        let larger = grow(&image, 0x1000).unwrap();
        let found = FirmwareVolume::all(&larger).unwrap();
        assert_eq!(larger.len(), 0x1000);
        assert_eq!(
            found.iter().map(|(at, it)| (*at, it.bytes.len(), it.files.len())).collect::<Vec<_>>(),
            [(0, 0xe00, 1), (0xe00, 0x200, 1)]
        );
        assert!(larger.ends_with(&last));
        assert!(grow(&image, 0x5ff).is_err() && grow(&image, 0x1001).is_err() && grow(b"", 8).is_err());
    }

    #[test]
    fn room_in_front_is_what_the_first_volume_does_not_need() {
        let (first, last) = (volume(0x4000, &[plain(1, &[7; 0x1000])]), volume(0x200, &[plain(2, b"two")]));
        let image = [&first[..], &last].concat();
        for size in [0x2200, 0x4200, 0x10200] {
            let with = with_area(&image, size).unwrap();
            let found = FirmwareVolume::all(&with).unwrap();
            let places: Vec<_> = found.iter().map(|(at, it)| (*at, it.bytes.len(), it.files.len())).collect();
            assert_eq!(with.len(), size);
            assert_eq!(places, [(size - 0x2200, 0x2000, 1), (size - 0x200, 0x200, 1)], "{size:#x}");
            assert!(with[..size - 0x2200].iter().all(|byte| *byte == 0xff) && with.ends_with(&last));
            assert_eq!(found[0].1.files[0].1.body(), [7; 0x1000]);
        }
        let error = with_area(&image, 0x2000).unwrap_err().to_string();
        assert!(error.ends_with("512 bytes are missing"), "{error}");
    }

    #[test]
    fn what_is_cut_short_or_damaged_is_an_error() {
        let bytes = volume(0x400, &[plain(1, b"one")]);
        let error = |bytes: &[u8]| FirmwareVolume::all(bytes).unwrap_err().to_string();
        assert!(error(&bytes[..0x3ff]).contains("longer than what is there"));
        let mut damaged = bytes.clone();
        damaged[80] ^= 1;
        assert!(error(&damaged).ends_with("a file's header is wrong"));
        let mut other = bytes.clone();
        other[40] = b'x';
        assert_eq!(FirmwareVolume::all(&other), Ok(vec![]));
    }
}
