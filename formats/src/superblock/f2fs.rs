//! F2FS (kernel, Documentation/filesystems/f2fs.rst, include/linux/f2fs_fs.h).

use super::{bare, blocks::Blocks, names};
use crate::{
    bytes::{holds, le16, slice},
    entry::{Filesystem, FilesystemKind},
};

pub(super) fn probe(blocks: &Blocks) -> Option<Filesystem> {
    let superblock = slice(blocks.head(), 0x400, 0x47c)?;
    if !holds(superblock, 0, b"\x10\x20\xf5\xf2") {
        return None;
    }
    // Version 1.0 had no UUID and label at these places.
    if (le16(superblock, 4)?, le16(superblock, 6)?) == (1, 0) {
        return Some(bare(FilesystemKind::F2fs));
    }
    Some(Filesystem {
        kind: FilesystemKind::F2fs,
        uuid: names::uuid(slice(superblock, 0x6c, 16)?),
        label: names::label_utf16le(slice(superblock, 0x7c, 1024)?),
    })
}
