//! Whether a file system's log holds what its files do not show yet, as after a power cut: its own kernel replays it at the next
//! mount (kernel: fs/ext4/ext4.h; fs/xfs/libxfs/xfs_log_format.h and `xlog_find_tail`; include/uapi/linux/btrfs_tree.h;
//! include/linux/f2fs_fs.h).

use crate::{
    bytes::{ReadAt, be32, be64, holds, le32, le64},
    entry::FilesystemKind,
};

/// A log that waits to be replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DirtyLog {
    /// Its size in bytes; 0 where the superblock does not tell.
    pub size: u64,
}

/// The log of the file system on a device, if it must be replayed; `None` too where it has none, or what is there cannot be read.
#[must_use]
pub fn dirty_log(kind: FilesystemKind, source: &dyn ReadAt) -> Option<DirtyLog> {
    match kind {
        FilesystemKind::Ext3 | FilesystemKind::Ext4 => ext(source),
        FilesystemKind::Xfs => xfs(source),
        FilesystemKind::Btrfs => btrfs(source),
        FilesystemKind::F2fs => f2fs(source),
        _ => None,
    }
}

fn read<const N: usize>(source: &dyn ReadAt, offset: u64) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    (source.read_at(offset, &mut bytes).ok()? == N).then_some(bytes)
}

/// The flag `needs_recovery`; a copy of the journal's inode tells its size.
fn ext(source: &dyn ReadAt) -> Option<DirtyLog> {
    const NEEDS_RECOVERY: u32 = 0x4;
    let superblock: [u8; 1024] = read(source, 1024)?;
    if le32(&superblock, 0x60)? & NEEDS_RECOVERY == 0 {
        return None;
    }
    let is_copied = superblock.get(0xfd) == Some(&1);
    let size = u64::from(le32(&superblock, 0x148)?) << 32 | u64::from(le32(&superblock, 0x14c)?);
    Some(DirtyLog { size: if is_copied { size } else { 0 } })
}

/// The root of the tree of what was synced since the last commit.
fn btrfs(source: &dyn ReadAt) -> Option<DirtyLog> {
    let superblock: [u8; 128] = read(source, 0x1_0000)?;
    (le64(&superblock, 0x60)? != 0).then_some(DirtyLog { size: 0 })
}

/// A checkpoint that no unmount wrote: what was synced after it is replayed. Of two, the newer counts that is whole.
fn f2fs(source: &dyn ReadAt) -> Option<DirtyLog> {
    const UNMOUNTED: u32 = 0x1;
    let superblock: [u8; 96] = read(source, 1024)?;
    let block = 1_u64.checked_shl(le32(&superblock, 16)?).filter(|size| (512..=1 << 16).contains(size))?;
    let segment = 1_u64.checked_shl(le32(&superblock, 20)?).filter(|blocks| *blocks <= 1 << 16)?;
    let first = u64::from(le32(&superblock, 76)?);
    let checkpoint = |start: u64| -> Option<(u64, u32)> {
        let head: [u8; 144] = read(source, start.checked_mul(block)?)?;
        let last = start.checked_add(le32(&head, 136)?.into())?.checked_sub(1)?;
        let tail: [u8; 8] = read(source, last.checked_mul(block)?)?;
        let version = le64(&head, 0)?;
        (u64::from_le_bytes(tail) == version).then_some((version, le32(&head, 132)?))
    };
    let (_, flags) = [first, first.checked_add(segment)?].into_iter().filter_map(checkpoint).max()?;
    (flags & UNMOUNTED == 0).then_some(DirtyLog { size: 0 })
}

/// Size of the blocks that XFS's log is counted in, in bytes.
const BLOCK: u64 = 512;

/// Blocks of a log before its head that are searched for the last record: few, and those of the longest record.
const LOOKED_BACK: [u64; 2] = [16, 528];

/// Clean is a log whose last record says that the file system was unmounted.
fn xfs(source: &dyn ReadAt) -> Option<DirtyLog> {
    let superblock: [u8; 512] = read(source, 0)?;
    let block = be32(&superblock, 4).map(u64::from)?;
    let (start, blocks) = (be64(&superblock, 48)?, u64::from(be32(&superblock, 96)?));
    let size = block.checked_mul(blocks)?;
    // Of a log on another device nothing is known.
    let in_group = 1_u64.checked_shl((*superblock.get(124)?).into()).filter(|_| start != 0)?;
    let group = start.checked_div(in_group)?.checked_mul(be32(&superblock, 84)?.into())?;
    let start = group.checked_add(start.checked_rem(in_group)?)?.checked_mul(block)?;
    let log = XfsLog { source, start, blocks: size.checked_div(BLOCK).filter(|blocks| *blocks > 0)? };
    (!log.is_clean()?).then_some(DirtyLog { size })
}

/// The ring of XFS's log. Each block begins with the number of the round that wrote it; where that changes is the head.
struct XfsLog<'a> {
    source: &'a dyn ReadAt,
    start: u64,
    blocks: u64,
}

impl XfsLog<'_> {
    const MAGIC: [u8; 4] = 0xfeed_babe_u32.to_be_bytes();

    fn place(&self, block: u64) -> Option<u64> {
        block.checked_rem(self.blocks)?.checked_mul(BLOCK)?.checked_add(self.start)
    }

    fn round(&self, block: u64) -> Option<u32> {
        let head: [u8; 8] = read(self.source, self.place(block)?)?;
        be32(&head, if holds(&head, 0, &Self::MAGIC) { 4 } else { 0 })
    }

    /// `None` where it cannot be read.
    fn is_clean(&self) -> Option<bool> {
        let last_block = self.blocks.checked_sub(1)?;
        let (first, last) = (self.round(0)?, self.round(last_block)?);
        // Nothing was ever written to it.
        if first == 0 {
            return Some(true);
        }
        let (mut low, mut high) = (0, self.blocks);
        if first != last {
            // Rounds go down once only.
            while low < high {
                let middle = low.checked_add(high)?.checked_div(2)?;
                match self.round(middle)? == first {
                    true => low = middle.checked_add(1)?,
                    false => high = middle,
                }
            }
        }
        for count in LOOKED_BACK {
            let count = count.min(self.blocks);
            // Before the head, around the end of the ring.
            let head = high.checked_add(self.blocks)?;
            for back in 1..=count {
                let at = head.checked_sub(back)?;
                let record: [u8; 512] = read(self.source, self.place(at)?)?;
                if holds(&record, 0, &Self::MAGIC) {
                    return self.is_unmount(at, &record, high);
                }
            }
        }
        Some(false)
    }

    /// Whether a record with this header is the one of an unmount, and nothing was written after it.
    fn is_unmount(&self, at: u64, header: &[u8; 512], head: u64) -> Option<bool> {
        const LARGE_HEADERS: u32 = 2;
        const UNMOUNT: u8 = 0x20;
        const HEADER_SPAN: u32 = 32 << 10;
        let is_large = be32(header, 8)? & LARGE_HEADERS != 0;
        let headers = if is_large { be32(header, 320)?.div_ceil(HEADER_SPAN).max(1) } else { 1 };
        let data = at.checked_add(headers.into())?;
        let end = data.checked_add(u64::from(be32(header, 12)?).div_ceil(BLOCK))?;
        let operation: [u8; 12] = read(self.source, self.place(data)?)?;
        let [.., flags, _, _] = operation;
        let is_last = end.checked_rem(self.blocks)? == head.checked_rem(self.blocks)?;
        Some(is_last && be32(header, 40)? == 1 && flags & UNMOUNT != 0)
    }
}
