//! NTFS: the serial number is the UUID, the label an attribute of the volume's record in the master file table.

use super::{blocks::Blocks, names};
use crate::{
    bytes::{holds, le16, le32, le64, slice},
    entry::{Filesystem, FilesystemKind},
};

/// Number of the volume's record in the master file table.
const VOLUME_RECORD: u64 = 3;
const VOLUME_NAME: u32 = 0x60;
const END: u32 = 0xffff_ffff;
/// More attributes than any volume's record has.
const ATTRIBUTES: usize = 64;

pub(super) fn probe(blocks: &Blocks) -> Option<Filesystem> {
    let boot = slice(blocks.head(), 0, 512)?;
    let sector_size = le16(boot, 11)?;
    let sectors_per_cluster = *boot.get(13)?;
    let cluster_size = u64::from(sector_size).checked_mul(u64::from(sectors_per_cluster))?;
    let valid = holds(boot, 3, b"NTFS    ")
        && (256..=4096).contains(&sector_size)
        && sectors_per_cluster.is_power_of_two()
        && cluster_size <= 64 << 10
        // Fields that FAT uses and NTFS leaves zero.
        && slice(boot, 14, 7)?.iter().chain(slice(boot, 22, 2)?).chain(slice(boot, 32, 4)?).all(|&byte| byte == 0);
    if !valid {
        return None;
    }
    // A positive size counts clusters, a negative one is the power of two of bytes.
    let record_size = match i8::from_le_bytes([*boot.get(64)?]) {
        clusters @ 1..=64 => cluster_size.checked_mul(u64::try_from(clusters).ok()?)?,
        bits @ -31..=-9 => 1_u64.checked_shl(u32::from(bits.unsigned_abs()))?,
        _ => return None,
    };
    let table = le64(boot, 48)?.checked_mul(cluster_size)?;
    let offset = table.checked_add(record_size.checked_mul(VOLUME_RECORD)?)?;
    let record = blocks.bytes(offset, usize::try_from(record_size).ok()?)?;
    if !holds(&blocks.bytes(table, 4)?, 0, b"FILE") || !holds(&record, 0, b"FILE") {
        return None;
    }
    let serial = le64(boot, 72)?;
    Some(Filesystem {
        kind: FilesystemKind::Ntfs,
        uuid: (serial != 0).then(|| format!("{serial:016X}")),
        label: label(&record),
    })
}

fn label(record: &[u8]) -> Option<String> {
    let mut at = usize::from(le16(record, 20)?);
    for _ in 0..ATTRIBUTES {
        let length = usize::try_from(le32(record, at.checked_add(4)?)?).ok()?;
        let attribute = slice(record, at, length)?;
        match le32(attribute, 0)? {
            VOLUME_NAME => {
                let value = slice(
                    attribute,
                    usize::from(le16(attribute, 20)?),
                    le32(attribute, 16)?.try_into().ok()?,
                )?;
                return names::label_utf16le(value);
            }
            END => return None,
            _ => at = at.checked_add(length)?,
        }
    }
    None
}
