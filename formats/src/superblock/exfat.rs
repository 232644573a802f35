//! exFAT (Microsoft's exFAT specification): the serial number is the UUID, the label an entry of the root directory.

use super::{blocks::Blocks, names};
use crate::{
    bytes::{holds, le16, le32, slice},
    entry::{Filesystem, FilesystemKind},
};

/// Clusters of the root directory that are searched for the label: it is among the first entries.
const CLUSTERS: usize = 16;
/// Bytes of each cluster that are searched.
const SEARCHED: u64 = 32 << 10;

pub(super) fn probe(blocks: &Blocks) -> Option<Filesystem> {
    let boot = slice(blocks.head(), 0, 512)?;
    let valid = holds(boot, 0, b"\xeb\x76\x90EXFAT   ")
        && slice(boot, 11, 53)?.iter().all(|&byte| byte == 0)
        && le16(boot, 510)? == 0xaa55
        && (9..=12).contains(boot.get(0x6c)?)
        && *boot.get(0x6d)? <= 16;
    if !valid {
        return None;
    }
    Some(Filesystem {
        kind: FilesystemKind::Exfat,
        uuid: names::serial(le32(boot, 0x64)?),
        label: label(blocks, boot),
    })
}

fn label(blocks: &Blocks, boot: &[u8]) -> Option<String> {
    let sector_bits = u32::from(*boot.get(0x6c)?);
    let cluster_size = 1_u64.checked_shl(sector_bits.checked_add(u32::from(*boot.get(0x6d)?))?)?;
    let table = u64::from(le32(boot, 0x50)?).checked_shl(sector_bits)?;
    let heap = u64::from(le32(boot, 0x58)?).checked_shl(sector_bits)?;
    let mut cluster = le32(boot, 0x60)?;
    for _ in 0..CLUSTERS {
        let offset = u64::from(cluster.checked_sub(2)?).checked_mul(cluster_size)?.checked_add(heap)?;
        let length = usize::try_from(cluster_size.min(SEARCHED)).ok()?;
        for entry in blocks.bytes(offset, length)?.chunks_exact(32) {
            match entry {
                [0, ..] => return None,
                [0x83, characters, ..] => {
                    let length = usize::from(*characters).saturating_mul(2).min(22);
                    return names::label_utf16le(slice(entry, 2, length)?);
                }
                _ => {}
            }
        }
        cluster = le32(&blocks.bytes(table.checked_add(u64::from(cluster).checked_mul(4)?)?, 4)?, 0)?;
    }
    None
}
