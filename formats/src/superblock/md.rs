//! Members of Linux software RAID (md(4)): metadata 1.1 at the start, 1.2 4 KiB after it, 1.0 and 0.90 at the end.

use super::{blocks::Blocks, names};
use crate::{
    bytes::{array, be32, le32, le64, slice},
    entry::{Filesystem, FilesystemKind},
    partition,
};

const MAGIC: u32 = 0xa92b_4efc;
/// Metadata 0.90 is in the last whole 64 KiB.
const RESERVED: u64 = 0x1_0000;

pub(super) fn probe(blocks: &Blocks) -> Option<Filesystem> {
    at_end(blocks).or_else(|| version1(blocks, 0)).or_else(|| version1(blocks, 0x1000))
}

fn at_end(blocks: &Blocks) -> Option<Filesystem> {
    let offset_0_90 = (blocks.size() & !RESERVED.checked_sub(1)?).checked_sub(RESERVED)?;
    let offset_1_0 = (blocks.size() & !0xfff).checked_sub(0x2000)?;
    version0(blocks, offset_0_90).or_else(|| version1(blocks, offset_1_0))
}

/// Metadata 0.90 is written in the byte order of its machine.
fn version0(blocks: &Blocks, offset: u64) -> Option<Filesystem> {
    let superblock = blocks.bytes(offset, 64)?;
    let read = if le32(&superblock, 0)? == MAGIC {
        le32
    } else if be32(&superblock, 0)? == MAGIC {
        be32
    } else {
        return None;
    };
    let data = u64::from(read(&superblock, 32)?).checked_mul(1024)?;
    let member = offset.checked_sub(data)?;
    // The end of the last partition may be the end of the disk too: then the partition is the member, not the disk.
    if partition::covers(blocks.source(), member, data.checked_add(RESERVED)?) {
        return None;
    }
    let words = if read(&superblock, 8)? >= 90 { &[20, 52, 56, 60][..] } else { &[20] };
    let mut id = [0; 16];
    for (to, &at) in id.chunks_exact_mut(4).zip(words) {
        to.copy_from_slice(&read(&superblock, at)?.to_be_bytes());
    }
    Some(Filesystem { kind: FilesystemKind::Raid, uuid: names::uuid(&id), label: None })
}

fn version1(blocks: &Blocks, offset: u64) -> Option<Filesystem> {
    let superblock = blocks.bytes(offset, 256)?;
    let valid = le32(&superblock, 0)? == MAGIC
        && le32(&superblock, 4)? == 1
        && le64(&superblock, 144)? == offset >> 9;
    if !valid {
        return None;
    }
    let id: [u8; 16] = array(&superblock, 16)?;
    Some(Filesystem {
        kind: FilesystemKind::Raid,
        uuid: names::uuid(&id),
        label: names::label(slice(&superblock, 32, 32)?),
    })
}
