//! btrfs: the superblock at 64 KiB (kernel, fs/btrfs: `struct btrfs_super_block`).

use super::{blocks::Blocks, names};
use crate::{
    entry::{Filesystem, FilesystemKind},
    formats::bytes::{ReadAt, holds, le64, slice},
};

const SUPERBLOCK: u64 = 0x1_0000;

pub(super) fn probe(blocks: &Blocks) -> Option<Filesystem> {
    let superblock = blocks.bytes(SUPERBLOCK, 0x1000).filter(|bytes| is_superblock(bytes))?;
    Some(Filesystem {
        kind: FilesystemKind::Btrfs,
        uuid: names::uuid(slice(&superblock, 0x20, 16)?),
        label: names::label(slice(&superblock, 0x12b, 256)?),
    })
}

/// How many devices make up the btrfs file system that the device is a part of; `None` if it is none.
#[must_use]
pub fn device_count(source: &dyn ReadAt) -> Option<u64> {
    let mut superblock = [0; 0x1000];
    source.read_at(SUPERBLOCK, &mut superblock).ok()?;
    le64(&superblock, 0x88).filter(|_| is_superblock(&superblock))
}

/// A copy of the superblock carries its own address, so a copy moved here is no file system.
fn is_superblock(bytes: &[u8]) -> bool {
    holds(bytes, 0x40, b"_BHRfS_M") && le64(bytes, 0x30) == Some(SUPERBLOCK)
}
