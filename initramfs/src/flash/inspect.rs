//! Lists the volumes and files of a firmware image.

use serde::Serialize;

use super::edit::Inner;
use super::file::{self, FirmwareFile};
use super::payload::{self, PlacedPart};
use super::section::{FirmwareSection, sections};
use super::volume::FirmwareVolume;
use super::{DEPTH_LIMIT, FlashError};

/// Names of the kinds of files.
const KINDS: [(u8, &str); 15] = [
    (0x01, "raw"),
    (0x02, "freeform"),
    (0x03, "SEC core"),
    (0x04, "PEI core"),
    (0x05, "DXE core"),
    (0x06, "PEI module"),
    (0x07, "driver"),
    (0x08, "PEI module and driver"),
    (0x09, "application"),
    (0x0a, "MM module"),
    (0x0b, "volume image"),
    (0x0c, "MM module and driver"),
    (0x0d, "MM core"),
    (0x0e, "standalone MM module"),
    (0x0f, "standalone MM core"),
];

/// A volume or a file of an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FlashItem {
    /// How many volumes and files it is inside of.
    pub depth: u32,
    /// Where it begins, in bytes: of the image, or of the volume that it is in.
    pub offset: usize,
    /// What it is.
    pub kind: String,
    /// Its GUID: a file's name, a volume's format. A part of the payload area has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guid: Option<String>,
    /// The name that a person sees.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its size in bytes.
    pub size: usize,
    /// A volume's free space in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub free: Option<usize>,
    /// Bytes of what it holds before compression.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unpacked: Option<usize>,
}

/// The volumes and files of an image, each before what it holds, and the parts of its payload area.
///
/// # Errors
/// [`FlashError::NoVolume`] where it is no firmware image, or the volume that is damaged.
pub fn inspect(image: &[u8]) -> Result<Vec<FlashItem>, FlashError> {
    let volumes = FirmwareVolume::all(image)?;
    if volumes.is_empty() {
        return Err(FlashError::NoVolume);
    }
    let mut parts = payload::outside(image, &volumes).into_iter().peekable();
    let mut items = Vec::new();
    for (offset, volume) in &volumes {
        items.extend(
            std::iter::from_fn(|| parts.next_if(|part| part.start() < *offset)).map(|it| part(image, &it)),
        );
        in_volume(*offset, volume, &mut items, 0)?;
    }
    items.extend(parts.map(|it| part(image, &it)));
    Ok(items)
}

fn part(image: &[u8], part: &PlacedPart) -> FlashItem {
    let (name, size) = match part.part {
        Ok(part) => (part.kind.name().to_owned(), part.length),
        Err(damage) => (damage.to_string(), 0),
    };
    let kind = if part.is_whole(image) { "payload" } else { "damaged payload" };
    FlashItem {
        depth: 0,
        offset: part.start(),
        kind: kind.to_owned(),
        guid: None,
        name: Some(name),
        size,
        free: None,
        unpacked: None,
    }
}

fn in_volume(
    offset: usize,
    volume: &FirmwareVolume<'_>,
    items: &mut Vec<FlashItem>,
    depth: u32,
) -> Result<(), FlashError> {
    let kind = if volume.holds_files() { "volume" } else { "volume of data" };
    items.push(FlashItem {
        depth,
        offset,
        kind: kind.to_owned(),
        guid: Some(volume.format.to_string()),
        name: None,
        size: volume.bytes.len(),
        free: volume.holds_files().then(|| volume.bytes.len().saturating_sub(volume.free)),
        unpacked: None,
    });
    for (offset, file) in volume.files.iter().filter(|(_, file)| file.kind != file::PAD) {
        in_file(*offset, file, items, depth.saturating_add(1))?;
    }
    Ok(())
}

fn in_file(
    offset: usize,
    file: &FirmwareFile<'_>,
    items: &mut Vec<FlashItem>,
    depth: u32,
) -> Result<(), FlashError> {
    let kind = KINDS.iter().find(|(kind, _)| *kind == file.kind);
    let place = items.len();
    items.push(FlashItem {
        depth,
        offset,
        kind: kind.map_or_else(|| format!("kind {:#04x}", file.kind), |(_, name)| (*name).to_owned()),
        guid: Some(file.guid.to_string()),
        name: file.name(),
        size: file.whole.len(),
        free: None,
        unpacked: None,
    });
    let unpacked = in_sections(file.sections(), items, depth)?;
    if let Some(item) = items.get_mut(place) {
        item.unpacked = unpacked;
    }
    Ok(())
}

/// Gives the size of what was compressed.
fn in_sections<'a>(
    sections_of: impl Iterator<Item = FirmwareSection<'a>>,
    items: &mut Vec<FlashItem>,
    depth: u32,
) -> Result<Option<usize>, FlashError> {
    let deeper = depth.saturating_add(1);
    let mut unpacked = None;
    for section in sections_of.filter(|_| depth < DEPTH_LIMIT) {
        match Inner::of(&section)? {
            Inner::Volume(volume) => in_volume(0, &volume, items, deeper)?,
            Inner::Packed(bytes) => {
                in_sections(sections(&bytes), items, depth)?;
                unpacked = Some(bytes.len());
            }
            Inner::Other => {}
        }
    }
    Ok(unpacked)
}
