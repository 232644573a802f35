//! LUKS1 and LUKS2 (cryptsetup's on-disk format specifications): the UUID is text.

use super::{blocks::Blocks, names};
use crate::{
    bytes::{be16, be64, holds, slice},
    entry::{Filesystem, FilesystemKind},
};

/// Offsets of LUKS2's second header, for a volume whose first one is lost.
const SECOND_HEADERS: [u64; 9] =
    [0x4000, 0x8000, 0x1_0000, 0x2_0000, 0x4_0000, 0x8_0000, 0x10_0000, 0x20_0000, 0x40_0000];

pub(super) fn probe(blocks: &Blocks) -> Option<Filesystem> {
    let first = std::iter::once((0, b"LUKS\xba\xbe"));
    let second = SECOND_HEADERS.into_iter().map(|offset| (offset, b"SKUL\xba\xbe"));
    first.chain(second).find_map(|(offset, magic)| header(blocks, offset, magic))
}

fn header(blocks: &Blocks, offset: u64, magic: &[u8]) -> Option<Filesystem> {
    let header = blocks.bytes(offset, 512)?;
    let version = be16(&header, 6)?;
    if !holds(&header, 0, magic) || (version == 2 && be64(&header, 256)? != offset) {
        return None;
    }
    Some(Filesystem {
        kind: FilesystemKind::Luks,
        uuid: names::label(slice(&header, 168, 40)?),
        label: if version == 2 { names::label(slice(&header, 24, 48)?) } else { None },
    })
}
