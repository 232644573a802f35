//! Members of ZFS pools (OpenZFS on-disk format): four labels, each a name-value list and a ring of 128 root blocks.

use super::{bare, blocks::Blocks, names};
use crate::{
    bytes::{be32, be64, le64, slice},
    entry::{Filesystem, FilesystemKind},
};

const LABEL: u64 = 256 << 10;
const LIST: u64 = 16 << 10;
const LIST_SEARCHED: usize = 4096;
const RING: u64 = 128 << 10;
const ROOT_BLOCK: usize = 1024;
const MAGIC: u64 = 0x00ba_b10c;
/// Fewer root blocks than this are remains and no pool.
const WANTED: usize = 4;
const MINIMUM_SIZE: u64 = 64 << 20;

// Data types of the list.
const NUMBER: u32 = 8;
const STRING: u32 = 9;

pub(super) fn probe(blocks: &Blocks) -> Option<Filesystem> {
    if blocks.size() < MINIMUM_SIZE {
        return None;
    }
    let end = blocks.size() & !LABEL.checked_sub(1)?;
    let mut found = 0_usize;
    for label in [0, LABEL, end.checked_sub(LABEL.checked_mul(2)?)?, end.checked_sub(LABEL)?] {
        let ring = blocks.bytes(label.checked_add(RING)?, usize::try_from(RING).ok()?)?;
        let root_blocks = ring.chunks_exact(ROOT_BLOCK).filter_map(|block| le64(block, 0));
        let count = root_blocks.filter(|&magic| magic == MAGIC || magic.swap_bytes() == MAGIC).count();
        found = found.checked_add(count)?;
        if found >= WANTED {
            return Some(describe(blocks, label).unwrap_or_else(|| bare(FilesystemKind::Zfs)));
        }
    }
    None
}

/// The pool's name and number from the list: each pair has its own size, the sizes of its name and value, and both.
fn describe(blocks: &Blocks, label: u64) -> Option<Filesystem> {
    let list = blocks.bytes(label.checked_add(LIST)?, LIST_SEARCHED)?;
    let mut found = bare(FilesystemKind::Zfs);
    let mut rest = list.get(12..)?;
    while let Some(size) =
        be32(rest, 0).and_then(|size| usize::try_from(size).ok()).filter(|&size| size >= 12)
    {
        let Some((pair, after)) = rest.split_at_checked(size) else { break };
        rest = after;
        if let Some((name, kind, value)) = parts(pair) {
            match (name, kind) {
                (b"name", STRING) => {
                    let length = usize::try_from(be32(value, 0)?).ok()?;
                    found.label = slice(value, 4, length).and_then(names::label);
                }
                (b"pool_guid", NUMBER) => found.uuid = be64(value, 0).map(|number| number.to_string()),
                _ => {}
            }
        }
    }
    Some(found)
}

/// Name, data type and value of a pair.
fn parts(pair: &[u8]) -> Option<(&[u8], u32, &[u8])> {
    let length = usize::try_from(be32(pair, 8)?).ok()?;
    let name = slice(pair, 12, length)?;
    let value = pair.get(length.checked_next_multiple_of(4)?.checked_add(12)?..)?;
    Some((name, be32(value, 0)?, value.get(8..)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::superblock::probe;

    /// A pair as XDR writes it.
    fn pair(name: &str, kind: u32, value: &[u8]) -> Vec<u8> {
        let padded = |bytes: &[u8]| [bytes, &vec![0; bytes.len().next_multiple_of(4) - bytes.len()]].concat();
        let length = u32::try_from(name.len()).unwrap().to_be_bytes();
        let body = [&length[..], &padded(name.as_bytes()), &kind.to_be_bytes(), &1_u32.to_be_bytes(), value]
            .concat();
        let size = u32::try_from(body.len() + 8).unwrap().to_be_bytes();
        [&size[..], &size[..], &body].concat()
    }

    /// ZFS needs its kernel module to make a pool, so the label is laid out here by the on-disk format.
    #[test]
    fn a_pool_member_is_named_by_its_pool() {
        let mut image = vec![0; 64 << 20];
        let list = [
            &[1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1][..],
            &pair("version", NUMBER, &5000_u64.to_be_bytes()),
            &pair("name", STRING, b"\0\0\0\x05rpool\0\0\0"),
            &pair("pool_guid", NUMBER, &1_234_567_890_123_456_789_u64.to_be_bytes()),
        ]
        .concat();
        image[16 << 10..][..list.len()].copy_from_slice(&list);
        for block in 0..4 {
            image[(128 << 10) + block * 1024..][..8].copy_from_slice(&MAGIC.to_le_bytes());
        }
        let expected = Filesystem {
            kind: FilesystemKind::Zfs,
            uuid: Some("1234567890123456789".into()),
            label: Some("rpool".into()),
        };
        assert_eq!(probe(&&image[..]).unwrap(), Some(expected));
        image[128 << 10] = 0;
        assert_eq!(probe(&&image[..]).unwrap(), None);
    }
}
