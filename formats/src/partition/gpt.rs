//! GUID partition table (UEFI specification, chapter 5.3), both its checksums checked.

use std::io;

use crc::{CRC_32_ISO_HDLC, Crc};
use gpt_disk_types::{GptHeaderSignature, GptPartitionName, Guid, U64Le};

use super::{Slot, piece};
use crate::{
    bytes::{ReadAt, array, le32, le64},
    entry::{Partition, PartitionTable},
};

/// Maximum size of a partition array, in bytes; 128 entries take 16 KiB.
const ARRAY_LIMIT: u64 = 1 << 20;

const CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);

/// The fields of a header that lead to the entries.
struct Header {
    first_entry_sector: u64,
    entries: u32,
    entry_size: u32,
    array_checksum: u32,
}

/// Reads the table whose header is in the given sector; `None` where there is none or a checksum is wrong.
pub(super) fn read(disk: &dyn ReadAt, sector_size: u32, header: u64) -> io::Result<Option<Vec<Slot>>> {
    let Some(length) = usize::try_from(sector_size).ok() else { return Ok(None) };
    let Some(sector) = piece(disk, header.saturating_mul(u64::from(sector_size)), length)? else {
        return Ok(None);
    };
    let Some(header) = parse(&sector, header) else { return Ok(None) };
    let length = u64::from(header.entries).saturating_mul(u64::from(header.entry_size));
    let (Some(start), true) =
        (header.first_entry_sector.checked_mul(u64::from(sector_size)), length <= ARRAY_LIMIT)
    else {
        return Ok(None);
    };
    let Some(entries) = piece(disk, start, usize::try_from(length).unwrap_or(0))? else { return Ok(None) };
    if CRC.checksum(&entries) != header.array_checksum {
        return Ok(None);
    }
    let chunks = entries.chunks_exact(usize::try_from(header.entry_size).unwrap_or(128));
    Ok(Some(chunks.zip(1..).filter_map(|(entry, number)| slot(entry, number, sector_size)).collect()))
}

fn parse(sector: &[u8], own_sector: u64) -> Option<Header> {
    let size = usize::try_from(le32(sector, 12)?).ok()?;
    let mut header = sector.get(..size)?.to_vec();
    let checksum = le32(&header, 16)?;
    header.get_mut(16..20)?.fill(0);
    let signature = GptHeaderSignature(U64Le(array(&header, 0)?));
    let entry_size = le32(&header, 84)?;
    let valid = size >= 92
        && signature == GptHeaderSignature::EFI_COMPATIBLE_PARTITION_TABLE_HEADER
        && CRC.checksum(&header) == checksum
        && le64(&header, 24)? == own_sector
        && entry_size >= 128;
    valid.then_some(Header {
        first_entry_sector: le64(&header, 72)?,
        entries: le32(&header, 80)?,
        entry_size,
        array_checksum: le32(&header, 88)?,
    })
}

/// One entry; `None` where it is not used or ends before it starts.
fn slot(entry: &[u8], number: u32, sector_size: u32) -> Option<Slot> {
    let kind = Guid::from_bytes(array(entry, 0)?);
    if kind.is_zero() {
        return None;
    }
    let sectors = le64(entry, 40)?.checked_sub(le64(entry, 32)?)?.checked_add(1)?;
    let name: String = GptPartitionName(array(entry, 56)?).chars().collect();
    Some(Slot {
        partition: Partition {
            number,
            table: PartitionTable::Gpt,
            uuid: Some(Guid::from_bytes(array(entry, 16)?).to_string()),
            label: (!name.is_empty()).then_some(name),
            type_id: Some(kind.to_string()),
            attributes: le64(entry, 48)?,
        },
        start: le64(entry, 32)?.checked_mul(u64::from(sector_size))?,
        size: sectors.checked_mul(u64::from(sector_size))?,
    })
}
