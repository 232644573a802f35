//! Master boot record and the chain of extended boot records after it, numbered as the kernel numbers them.

use std::io;

use super::{SECTOR_SIZES, Slot, piece};
use crate::{
    bytes::{ReadAt, array, holds, le32, slice},
    entry::{Partition, PartitionTable},
};

/// Logical partitions that are followed: the kernel's own limit.
const LOGICAL_LIMIT: u32 = 100;
/// Types of an extended partition, which holds the logical ones.
const EXTENDED: [u8; 3] = [0x05, 0x0f, 0x85];
/// Type of the partition that protects a GPT from tools that know only MBR.
const PROTECTIVE: u8 = 0xee;

/// One of the four records of an MBR or EBR, in sectors.
#[derive(Clone, Copy)]
pub(super) struct Record {
    kind: u8,
    start: u32,
    size: u32,
}

impl Record {
    fn is_extended(&self) -> bool {
        EXTENDED.contains(&self.kind)
    }
}

/// The four records; `None` where their states cannot be those of a partition table, as in a boot sector.
pub(super) fn records(boot: &[u8]) -> Option<Vec<Record>> {
    slice(boot, 446, 64)?
        .chunks_exact(16)
        .map(|record| {
            let [state, _, _, _, kind, ..]: [u8; 16] = array(record, 0)?;
            let record = Record { kind, start: le32(record, 8)?, size: le32(record, 12)? };
            matches!(state, 0 | 0x80).then_some(record)
        })
        .collect()
}

/// Whether the table only protects a GPT.
pub(super) fn is_protective(records: &[Record]) -> bool {
    records.iter().any(|record| record.kind == PROTECTIVE && record.start == 1)
}

/// Whether one of the records is for a GPT.
pub(super) fn is_of_gpt(records: &[Record]) -> bool {
    records.iter().any(|record| record.kind == PROTECTIVE)
}

pub(super) fn read(disk: &dyn ReadAt, boot: &[u8], records: &[Record]) -> io::Result<Vec<Slot>> {
    let signature = le32(boot, 440).unwrap_or(0);
    let extended = records.iter().find(|record| record.is_extended() && record.size != 0);
    let sector = match extended {
        Some(extended) => extended_sector(disk, *extended)?,
        None => SECTOR_SIZES.first().copied().unwrap_or(512),
    };
    let slot = |number: u32, record: &Record, base: u64| Slot {
        partition: Partition {
            number,
            table: PartitionTable::Mbr,
            uuid: Some(format!("{signature:08x}-{number:02x}")),
            label: None,
            type_id: Some(format!("{:02x}", record.kind)),
            attributes: 0,
        },
        start: u64::from(record.start).saturating_add(base).saturating_mul(u64::from(sector)),
        size: u64::from(record.size).saturating_mul(u64::from(sector)),
    };
    let primary = records.iter().zip(1..).filter(|(record, _)| record.size != 0);
    let mut slots: Vec<Slot> = primary.map(|(record, number)| slot(number, record, 0)).collect();
    if let Some(extended) = extended {
        let logical = logical(disk, *extended, sector)?;
        slots.extend(logical.iter().zip(5..).map(|((base, record), number)| slot(number, record, *base)));
    }
    Ok(slots)
}

/// The size of a sector by which the extended partition's first sector is one.
fn extended_sector(disk: &dyn ReadAt, extended: Record) -> io::Result<u32> {
    for sector in SECTOR_SIZES {
        let first = piece(disk, u64::from(extended.start).saturating_mul(u64::from(sector)), 512)?;
        if first.is_some_and(|first| holds(&first, 510, b"\x55\xaa")) {
            return Ok(sector);
        }
    }
    Ok(512)
}

/// Follows the chain of extended boot records: each logical partition with the sector that its start is counted from.
fn logical(disk: &dyn ReadAt, extended: Record, sector: u32) -> io::Result<Vec<(u64, Record)>> {
    let first = u64::from(extended.start);
    let end = first.saturating_add(u64::from(extended.size));
    let (mut base, mut room) = (first, u64::from(extended.size));
    let mut found = Vec::new();
    for _ in 0..LOGICAL_LIMIT {
        let bytes = piece(disk, base.saturating_mul(u64::from(sector)), 512)?;
        let Some(bytes) = bytes.filter(|bytes| holds(bytes, 510, b"\x55\xaa")) else { break };
        let records = records(&bytes).unwrap_or_default();
        for (at, record) in
            records.iter().enumerate().filter(|(_, record)| record.size != 0 && !record.is_extended())
        {
            let inside = u64::from(record.start).saturating_add(u64::from(record.size)) <= room
                && base.saturating_add(u64::from(record.start)).saturating_add(u64::from(record.size)) <= end;
            // The last two records are no part of the format and may hold anything.
            if at < 2 || inside {
                found.push((base, *record));
            }
        }
        let Some(next) = records.iter().find(|record| record.size != 0 && record.is_extended()) else {
            break;
        };
        (base, room) = (first.saturating_add(u64::from(next.start)), u64::from(next.size));
    }
    Ok(found)
}
