//! XFS (XFS Algorithms & Data Structures, "Superblocks").

use super::{blocks::Blocks, names};
use crate::{
    bytes::{be16, be32, holds, slice},
    entry::{Filesystem, FilesystemKind},
};

pub(super) fn probe(blocks: &Blocks) -> Option<Filesystem> {
    let superblock = slice(blocks.head(), 0, 512)?;
    let block_size = be32(superblock, 4)?;
    let sector_size = be16(superblock, 102)?;
    let valid = holds(superblock, 0, b"XFSB")
        && block_size.is_power_of_two()
        && (512..=65536).contains(&block_size)
        && sector_size.is_power_of_two()
        && (512..=32768).contains(&sector_size)
        && be32(superblock, 88)? != 0;
    if !valid {
        return None;
    }
    Some(Filesystem {
        kind: FilesystemKind::Xfs,
        uuid: names::uuid(slice(superblock, 32, 16)?),
        label: names::label(slice(superblock, 108, 12)?),
    })
}
