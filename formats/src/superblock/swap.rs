//! Swap space (mkswap(8)), and swap that holds a hibernated system: the magic ends the first page, of any page size.

use super::{bare, blocks::Blocks, names};
use crate::{
    bytes::{be32, holds, le32, slice},
    entry::{Filesystem, FilesystemKind},
};

const PAGE_SIZES: [usize; 5] = [0x1000, 0x2000, 0x4000, 0x8000, 0x1_0000];
/// From the end of the page.
const MAGIC: usize = 10;
const HIBERNATED: [&[u8]; 4] = [b"S1SUSPEND", b"S2SUSPEND", b"ULSUSPEND", b"LINHIB0001"];
/// TuxOnIce keeps a swap header at the end of the first page and writes its own magic at the start.
const TUXONICE: &[u8] = b"\xed\xc3\x02\xe9\x98\x56\xe5\x0c";
const MINIMUM_SIZE: u64 = 10 << 12;

pub(super) fn probe(blocks: &Blocks) -> Option<Filesystem> {
    let head = blocks.head();
    if blocks.size() < MINIMUM_SIZE {
        return None;
    }
    if holds(head, 0, TUXONICE) {
        return header(head, FilesystemKind::Swsuspend);
    }
    PAGE_SIZES.iter().find_map(|page| {
        let at = page.checked_sub(MAGIC)?;
        if HIBERNATED.iter().any(|magic| holds(head, at, magic)) {
            return header(head, FilesystemKind::Swsuspend);
        }
        if holds(head, at, b"SWAP-SPACE") {
            // The first version had neither UUID nor label.
            return Some(bare(FilesystemKind::Swap));
        }
        let written = [le32(head, 0x400)?, be32(head, 0x400)?].contains(&1) && le32(head, 0x404)? != 0;
        (holds(head, at, b"SWAPSPACE2") && written).then(|| header(head, FilesystemKind::Swap))?
    })
}

fn header(head: &[u8], kind: FilesystemKind) -> Option<Filesystem> {
    // Old mkswap left whatever stood here before; these words are padding and zero in a header written on purpose.
    if slice(head, 0x4ac, 8)?.iter().any(|&byte| byte != 0) {
        return Some(bare(kind));
    }
    Some(Filesystem {
        kind,
        uuid: names::uuid(slice(head, 0x40c, 16)?),
        label: names::label(slice(head, 0x41c, 16)?),
    })
}
