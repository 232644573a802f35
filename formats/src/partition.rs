//! Partition tables: GPT (UEFI specification, chapter 5) and MBR with logical partitions.
//!
//! The kernel shows partitions but not their types, by which the ESP and XBOOTLDR are known, so the table is read here too.
//! Numbers are those that the kernel gives.

mod gpt;
mod mbr;

use std::io;

use crate::{
    bytes::{ReadAt, holds},
    entry::{Partition, PartitionTable},
};

/// Sizes of a sector, in bytes.
const SECTOR_SIZES: [u32; 2] = [512, 4096];

/// A partition as its table describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Number, UUID, name, type and attributes.
    pub partition: Partition,
    /// First byte on the disk.
    pub start: u64,
    /// Size in bytes.
    pub size: u64,
}

impl Slot {
    /// Whether it only holds logical partitions, which are slots of their own.
    #[must_use]
    pub fn is_extended(&self) -> bool {
        let Partition { table, type_id, .. } = &self.partition;
        *table == PartitionTable::Mbr && matches!(type_id.as_deref(), Some("05" | "0f" | "85"))
    }
}

/// A partition table, and where on the disk it was read from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// Its partitions.
    pub slots: Vec<Slot>,
    /// The copy of a GPT that was read.
    pub gpt: Option<GptCopy>,
    /// The MBR says that there is a GPT.
    pub is_protective: bool,
}

/// One of the two copies of a GPT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GptCopy {
    /// Size of the sectors that it counts in, in bytes.
    pub sector: u32,
    /// It is the one at the end of the disk.
    pub is_backup: bool,
}

/// Reads the partition table of a disk: empty where there is none. A damaged GPT is read from its backup at the end.
///
/// # Errors
/// The disk's read error.
pub fn read(disk: &dyn ReadAt) -> io::Result<Vec<Slot>> {
    Ok(read_table(disk)?.slots)
}

/// As [`read`], and says where the table was.
///
/// # Errors
/// The disk's read error.
pub fn read_table(disk: &dyn ReadAt) -> io::Result<Table> {
    let Some(boot) = piece(disk, 0, 512)?.filter(|boot| holds(boot, 510, b"\x55\xaa")) else {
        return Ok(Table::default());
    };
    let records = mbr::records(&boot).unwrap_or_default();
    let is_protective = mbr::is_protective(&records);
    if is_protective && let Some((slots, copy)) = read_gpt(disk)? {
        return Ok(Table { slots, gpt: Some(copy), is_protective });
    }
    // Records beside one of a GPT are what tools that know only MBR may see: the kernel takes none of them.
    let slots = match mbr::is_of_gpt(&records) {
        true => Vec::new(),
        false => mbr::read(disk, &boot, &records)?,
    };
    Ok(Table { slots, gpt: None, is_protective })
}

/// Reads a GPT whatever the MBR says: the first copy that is whole, and which one that is.
///
/// # Errors
/// The disk's read error.
pub fn read_gpt(disk: &dyn ReadAt) -> io::Result<Option<(Vec<Slot>, GptCopy)>> {
    for sector in SECTOR_SIZES {
        let last = disk.size().checked_div(u64::from(sector)).and_then(|sectors| sectors.checked_sub(1));
        for (header, is_backup) in [(Some(1), false), (last, true)] {
            let Some(header) = header else { continue };
            if let Some(slots) = gpt::read(disk, sector, header)? {
                return Ok(Some((slots, GptCopy { sector, is_backup })));
            }
        }
    }
    Ok(None)
}

/// Whether the piece of `length` bytes from `start` lies within one partition of the disk, so that what is there is
/// that partition's.
pub(super) fn covers(disk: &dyn ReadAt, start: u64, length: u64) -> bool {
    let end = start.saturating_add(length);
    read(disk).unwrap_or_default().iter().any(|slot| {
        slot.start <= start
            && end <= slot.start.saturating_add(slot.size)
            && slot.start.saturating_add(slot.size) <= disk.size()
    })
}

/// The `length` bytes at `offset`; `None` where the disk ends before.
fn piece(disk: &dyn ReadAt, offset: u64, length: usize) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = vec![0; length];
    let whole = disk.read_at(offset, &mut bytes)? == length;
    Ok(whole.then_some(bytes))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_chain_of_logical_partitions_that_leads_back_ends() {
        let mut disk = vec![0; 1 << 16];
        let record = |kind: u8, start: u32, size: u32| -> Vec<u8> {
            [&[0, 0, 0, 0, kind, 0, 0, 0][..], &start.to_le_bytes(), &size.to_le_bytes()].concat()
        };
        disk[446..462].copy_from_slice(&record(5, 10, 100));
        disk[510..512].copy_from_slice(b"\x55\xaa");
        disk[5120 + 446..][..16].copy_from_slice(&record(0x83, 1, 1));
        disk[5120 + 462..][..16].copy_from_slice(&record(5, 0, 100));
        disk[5120 + 510..][..2].copy_from_slice(b"\x55\xaa");
        assert_eq!(read(&&disk[..]).unwrap().len(), 1 + 100);
    }

    #[test]
    fn records_beside_one_of_a_gpt_are_no_partitions() {
        let mut disk = vec![0; 1 << 16];
        for (at, kind) in [(446, 0x83), (462, 0xee)] {
            disk[at + 4] = kind;
            disk[at + 8] = 1;
            disk[at + 12] = 1;
        }
        disk[510..512].copy_from_slice(b"\x55\xaa");
        assert_eq!(read_table(&&disk[..]).unwrap(), Table { is_protective: true, ..Table::default() });
        disk[466] = 0x83;
        let numbers = read(&&disk[..]).unwrap().into_iter().map(|slot| slot.partition.number);
        assert_eq!(numbers.collect::<Vec<_>>(), [1, 2]);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(mut disk in prop::collection::vec(any::<u8>(), 512..8192), protective: bool) {
            disk[510..512].copy_from_slice(b"\x55\xaa");
            if protective {
                disk[446..462].copy_from_slice(b"\0\0\0\0\xee\0\0\0\x01\0\0\0\xff\xff\xff\xff");
                for state in [462, 478, 494] {
                    disk[state] = 0;
                }
                if let Some(header) = disk.get_mut(512..520) {
                    header.copy_from_slice(b"EFI PART");
                }
            }
            let _ = read(&&disk[..]).unwrap();
        }
    }
}
