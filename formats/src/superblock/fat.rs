//! FAT12, FAT16 and FAT32 (Microsoft's FAT specification): distinguished from a disk's boot code, label from the root directory.

use super::{blocks::Blocks, names};
use crate::{
    bytes::{holds, le16, le32, slice},
    entry::{Filesystem, FilesystemKind},
};

const ENTRY: usize = 32;
/// Clusters of a FAT32 root directory that are searched for the label.
const CLUSTERS: u32 = 100;
/// Bytes of a root directory, or of a cluster of it, that are searched.
const SEARCHED: usize = 64 << 10;
const FAT12_MAX: u32 = 0xff4;
const FAT16_MAX: u32 = 0xfff4;
const FAT32_MAX: u32 = 0x0fff_fff6;
/// Names that formatters write; without one of them the boot sector's ending must be right.
const NAMES: &[(usize, &[u8])] = &[
    (0x52, b"MSWIN"),
    (0x52, b"FAT32   "),
    (0x36, b"MSDOS"),
    (0x36, b"FAT16   "),
    (0x36, b"FAT12   "),
    (0x36, b"FAT     "),
];

/// The layout that the boot sector describes, sizes in bytes.
struct Layout {
    sector: u64,
    cluster: u64,
    /// The first file allocation table.
    table: u64,
    /// The root directory of FAT12 and FAT16; the data of FAT32.
    behind_tables: u64,
    root_entries: usize,
    /// The first cluster of the root directory and the number of table entries, on FAT32.
    fat32: Option<(u32, u32)>,
}

pub(super) fn probe(blocks: &Blocks) -> Option<Filesystem> {
    let boot = slice(blocks.head(), 0, 512)?;
    let named = NAMES.iter().any(|(at, name)| holds(boot, *at, name));
    let plain = matches!(boot.first()?, 0xeb | 0xe9) || le16(boot, 510)? == 0xaa55;
    // JFS and HPFS begin with a boot sector that looks like FAT's.
    let other = [&b"JFS     "[..], b"HPFS    "].iter().any(|name| holds(boot, 0x36, name));
    if !named && (!plain || other || le16(boot, 510)? != 0xaa55) || is_partitioned(boot, blocks.size()) {
        return None;
    }
    let layout = layout(boot)?;
    let (serial, label) = match layout.fat32 {
        None => (le32(boot, 0x27)?, directory_label(blocks, layout.behind_tables, layout.root_entries)),
        Some((root, entries)) => {
            let info = le16(boot, 0x30)?;
            if !matches!(info, 0 | 0xffff) {
                let sector = blocks.bytes(u64::from(info).checked_mul(layout.sector)?, 4)?;
                if ![*b"RRaA", *b"RRdA", [0; 4]].contains(&(*sector).try_into().ok()?) {
                    return None;
                }
            }
            (le32(boot, 0x43)?, chain_label(blocks, &layout, root, entries))
        }
    };
    Some(Filesystem { kind: FilesystemKind::Vfat, uuid: names::serial(serial), label })
}

/// Reads the layout; `None` where it cannot be that of a FAT volume.
fn layout(boot: &[u8]) -> Option<Layout> {
    let sector = le16(boot, 11)?;
    let per_cluster = *boot.get(13)?;
    let reserved = le16(boot, 14)?;
    let tables = *boot.get(16)?;
    let root_entries = le16(boot, 17)?;
    let media = *boot.get(21)?;
    let valid = sector.is_power_of_two()
        && (512..=4096).contains(&sector)
        && per_cluster.is_power_of_two()
        && reserved != 0
        && tables != 0
        && (media >= 0xf8 || media == 0xf0);
    if !valid {
        return None;
    }
    let sectors = match le16(boot, 19)? {
        0 => le32(boot, 32)?,
        small => u32::from(small),
    };
    let is_fat32 = le16(boot, 22)? == 0;
    let table = if is_fat32 { le32(boot, 36)? } else { u32::from(le16(boot, 22)?) };
    if table == 0 {
        return None;
    }
    let all_tables = table.checked_mul(u32::from(tables))?;
    let sector = u32::from(sector);
    let root = u32::from(root_entries).checked_mul(32)?.div_ceil(sector);
    let metadata = u32::from(reserved).checked_add(all_tables)?.checked_add(root)?;
    let clusters = sectors.checked_sub(metadata)?.checked_div(u32::from(per_cluster))?;
    let most = match (is_fat32, clusters > FAT12_MAX) {
        (true, _) => FAT32_MAX,
        (false, true) => FAT16_MAX,
        (false, false) => FAT12_MAX,
    };
    if clusters > most {
        return None;
    }
    let sector = u64::from(sector);
    let entries = u64::from(table).checked_mul(sector)?.checked_div(4)?;
    let fat32 = is_fat32.then(|| Some((le32(boot, 44)?, u32::try_from(entries).unwrap_or(u32::MAX))));
    Some(Layout {
        sector,
        cluster: u64::from(per_cluster).checked_mul(sector)?,
        table: u64::from(reserved).checked_mul(sector)?,
        behind_tables: u64::from(reserved).checked_add(u64::from(all_tables))?.checked_mul(sector)?,
        root_entries: usize::from(root_entries),
        fat32: match fat32 {
            Some(fields) => Some(fields?),
            None => None,
        },
    })
}

/// Boot code of a partitioned disk may look like FAT's: four sane partitions, at least one of them in use, decide.
fn is_partitioned(boot: &[u8], size: u64) -> bool {
    let Some(table) = slice(boot, 446, 64).filter(|_| holds(boot, 510, b"\x55\xaa")) else { return false };
    let mut used = false;
    for partition in table.chunks_exact(16) {
        let (Some(&state), Some(start), Some(length)) =
            (partition.first(), le32(partition, 8), le32(partition, 12))
        else {
            return false;
        };
        let inside = start > 0 && u64::from(start).saturating_mul(512) < size;
        match (state, length) {
            (_, 0) => {}
            (0 | 0x80, _) if inside => used = true,
            _ => return false,
        }
    }
    used
}

/// The label in a directory of one piece.
fn directory_label(blocks: &Blocks, offset: u64, entries: usize) -> Option<String> {
    let length = entries.checked_mul(ENTRY)?.min(SEARCHED);
    volume_entry(&blocks.bytes(offset, length)?).flatten()
}

/// The label in a directory that is a chain of clusters.
fn chain_label(blocks: &Blocks, layout: &Layout, root: u32, entries: u32) -> Option<String> {
    let mut cluster = root;
    for _ in 0..CLUSTERS {
        if cluster >= entries {
            return None;
        }
        let start = u64::from(cluster.checked_sub(2)?)
            .checked_mul(layout.cluster)?
            .checked_add(layout.behind_tables)?;
        let length = usize::try_from(layout.cluster).ok()?.min(SEARCHED);
        if let Some(found) = volume_entry(&blocks.bytes(start, length)?) {
            return found;
        }
        let next = layout.table.checked_add(u64::from(cluster).checked_mul(4)?)?;
        cluster = le32(&blocks.bytes(next, 4)?, 0)? & 0x0fff_ffff;
    }
    None
}

/// The entry that holds the label, or the end of the directory; `None` where neither is in this piece.
#[expect(clippy::option_option, reason = "no label at all differs from none in this piece")]
fn volume_entry(directory: &[u8]) -> Option<Option<String>> {
    const ATTRIBUTES: usize = 11;
    const LONG_NAME: u8 = 0x0f;
    const VOLUME: u8 = 0x08;
    const DIRECTORY: u8 = 0x10;
    for entry in directory.chunks_exact(ENTRY) {
        let mut name: [u8; 11] = slice(entry, 0, 11)?.try_into().ok()?;
        let attributes = *entry.get(ATTRIBUTES)?;
        match name.first()? {
            0 => return Some(None),
            0xe5 => continue,
            // Stands for 0xe5, which means an erased entry.
            0x05 => *name.first_mut()? = 0xe5,
            _ => {}
        }
        let has_clusters = le16(entry, 20)? != 0 || le16(entry, 26)? != 0;
        let is_label = attributes & (VOLUME | DIRECTORY) == VOLUME && attributes & 0x3f != LONG_NAME;
        if is_label && !has_clusters {
            return Some(names::label(&name));
        }
    }
    None
}
