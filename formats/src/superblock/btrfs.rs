//! btrfs: the superblock at 64 KiB (kernel, fs/btrfs: `struct btrfs_super_block`), and items of its root tree that tell where
//! a subvolume hangs (include/uapi/linux/btrfs_tree.h).

use super::{blocks::Blocks, names};
use crate::{
    bytes::{ReadAt, holds, le16, le64, slice},
    entry::{Filesystem, FilesystemKind},
    text,
};

const SUPERBLOCK: u64 = 0x1_0000;

/// Number of the tree of all trees.
pub const ROOT_TREE: u64 = 1;

/// Number of the subvolume at the top.
pub const TOP: u64 = 5;

/// Number of the directory in the root tree that has an entry `default`.
pub const ROOT_DIRECTORY: u64 = 6;

/// Type of entries in directories.
pub const DIRECTORY_ENTRY: u32 = 84;

/// Type of what leads from a subvolume to its parent, whose number is the item's offset.
pub const ROOT_BACK_REFERENCE: u32 = 144;

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

/// The number of the subvolume that a `struct btrfs_dir_item` of the root tree's directory names as the default one.
#[must_use]
pub fn default_subvolume(item: &[u8]) -> Option<u64> {
    let length = le16(item, 27)?;
    let is_default = slice(item, 30, length.into())? == b"default";
    le64(item, 0).filter(|_| is_default)
}

/// Of a `struct btrfs_root_ref`, the number of the directory in the parent that holds the subvolume, and its name there.
#[must_use]
pub fn place_in_parent(item: &[u8]) -> Option<(u64, String)> {
    let length = le16(item, 16)?;
    Some((le64(item, 0)?, text::decode(slice(item, 18, length.into())?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_as_btrfs_progs_writes_them() {
        // `btrfs inspect-internal dump-tree` of a file system whose default subvolume is 258.
        let mut entry = vec![2, 1, 0, 0, 0, 0, 0, 0, 132];
        entry.extend([0xff; 8]);
        entry.extend([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 2]);
        entry.extend(b"default");
        assert_eq!(default_subvolume(&entry), Some(258));
        assert_eq!(default_subvolume(&entry[..36]), None);
        entry[30] = b'D';
        assert_eq!(default_subvolume(&entry), None);

        let mut reference = vec![1, 1, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 8, 0];
        reference.extend(b"snapshot");
        assert_eq!(place_in_parent(&reference), Some((257, "snapshot".into())));
        assert_eq!(place_in_parent(&reference[..25]), None);
        assert_eq!(place_in_parent(&[]), None);
    }
}
