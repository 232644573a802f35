//! btrfs: the superblock at 64 KiB (kernel, fs/btrfs: `struct btrfs_super_block`).

use super::{blocks::Blocks, names};
use crate::{
    entry::{Filesystem, FilesystemKind},
    formats::bytes::{holds, le64, slice},
};

const SUPERBLOCK: u64 = 0x1_0000;

pub(super) fn probe(blocks: &Blocks) -> Option<Filesystem> {
    let superblock = blocks.bytes(SUPERBLOCK, 0x1000)?;
    // A copy of the superblock carries its own address, so a copy moved here is no file system.
    if !holds(&superblock, 0x40, b"_BHRfS_M") || le64(&superblock, 0x30)? != SUPERBLOCK {
        return None;
    }
    Some(Filesystem {
        kind: FilesystemKind::Btrfs,
        uuid: names::uuid(slice(&superblock, 0x20, 16)?),
        label: names::label(slice(&superblock, 0x12b, 256)?),
    })
}
