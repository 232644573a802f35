//! SquashFS 4 (kernel, Documentation/filesystems/squashfs.rst): neither UUID nor label.

use super::{bare, blocks::Blocks};
use crate::{
    bytes::{holds, le16},
    entry::{Filesystem, FilesystemKind},
};

pub(super) fn probe(blocks: &Blocks) -> Option<Filesystem> {
    let valid = holds(blocks.head(), 0, b"hsqs") && le16(blocks.head(), 28)? >= 4;
    valid.then(|| bare(FilesystemKind::Squashfs))
}
