//! EROFS (kernel, Documentation/filesystems/erofs.rst, fs/erofs/erofs_fs.h).

use super::{blocks::Blocks, names};
use crate::{
    bytes::{holds, slice},
    entry::{Filesystem, FilesystemKind},
};

pub(super) fn probe(blocks: &Blocks) -> Option<Filesystem> {
    let superblock = slice(blocks.head(), 0x400, 128)?;
    let block_size_bits = *superblock.get(12)?;
    if !holds(superblock, 0, b"\xe2\xe1\xf5\xe0") || !(9..=16).contains(&block_size_bits) {
        return None;
    }
    Some(Filesystem {
        kind: FilesystemKind::Erofs,
        uuid: names::uuid(slice(superblock, 48, 16)?),
        label: names::label(slice(superblock, 64, 16)?),
    })
}
