//! ext2, ext3 and ext4 (kernel, Documentation/filesystems/ext4/super.rst), distinguished by their feature sets.

use super::{blocks::Blocks, names};
use crate::{
    bytes::{le16, le32, slice},
    entry::{Filesystem, FilesystemKind},
};

const HAS_JOURNAL: u32 = 0x4;
const INCOMPAT_JOURNAL_DEVICE: u32 = 0x8;
/// sparse_super, large_file, btree_dir.
const EXT3_RO_COMPAT: u32 = 0x7;
/// filetype, needs_recovery, meta_bg.
const EXT3_INCOMPAT: u32 = 0x16;
/// filetype, meta_bg.
const EXT2_INCOMPAT: u32 = 0x12;

pub(super) fn probe(blocks: &Blocks) -> Option<Filesystem> {
    let superblock = slice(blocks.head(), 0x400, 0x400)?;
    let block_size_bits = le32(superblock, 0x18)?;
    if le16(superblock, 0x38)? != 0xef53 || block_size_bits > 6 {
        return None;
    }
    let (compat, incompat, ro_compat) =
        (le32(superblock, 0x5c)?, le32(superblock, 0x60)?, le32(superblock, 0x64)?);
    if incompat & INCOMPAT_JOURNAL_DEVICE != 0 {
        return None;
    }
    let kind = if ro_compat & !EXT3_RO_COMPAT != 0 || incompat & !EXT3_INCOMPAT != 0 {
        FilesystemKind::Ext4
    } else if compat & HAS_JOURNAL != 0 {
        FilesystemKind::Ext3
    } else if incompat & !EXT2_INCOMPAT == 0 {
        FilesystemKind::Ext2
    } else {
        return None;
    };
    Some(Filesystem {
        kind,
        uuid: names::uuid(slice(superblock, 0x68, 16)?),
        label: names::label(slice(superblock, 0x78, 16)?),
    })
}
