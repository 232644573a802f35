//! BitLocker: named, so that a dual-boot disk's encrypted Windows partition is shown for what it is.

use super::{bare, blocks::Blocks};
use crate::{
    bytes::holds,
    entry::{Filesystem, FilesystemKind},
};

/// Windows 7 and later, then Vista's; both are where a boot sector has its maker's name.
const MAGICS: &[(usize, &[u8])] = &[(0, b"\xeb\x58\x90-FVE-FS-"), (0, b"\xeb\x52\x90-FVE-FS-")];

pub(super) fn probe(blocks: &Blocks) -> Option<Filesystem> {
    let found = MAGICS.iter().any(|(at, magic)| holds(blocks.head(), *at, magic));
    found.then(|| bare(FilesystemKind::Bitlocker))
}
