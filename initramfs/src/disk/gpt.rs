//! A partition table for a disk image (UEFI 2.10, 5 "GUID Partition Table (GPT) Disk Layout").

use bytemuck::bytes_of;
use gpt_disk_types::{
    BlockSize, GptHeader, GptPartitionEntry, GptPartitionEntryArray, GptPartitionEntryArrayLayout,
    GptPartitionEntrySize, GptPartitionName, GptPartitionType, Guid, Lba, LbaLe, MasterBootRecord, U32Le,
};

use super::SECTOR;

/// Sectors before the first partition: partitions begin at whole MiB.
pub(super) const FIRST: u64 = 2048;

/// Sectors of the table's copy at the end: 128 entries and the header.
pub(super) const LAST: u64 = 33;

/// Where GRUB's second part is (GRUB's manual, "BIOS installation").
pub(super) const BIOS_BOOT: GptPartitionType =
    GptPartitionType(Guid::parse_or_panic("21686148-6449-6e6f-744e-656564454649"));

const ENTRIES: u32 = 128;

/// The length of the MBR's code; after it come the disk's identifier and the partitions.
const CODE: usize = 440;

/// `BootIndicator` of the partition that a BIOS starts.
const ACTIVE: u8 = 0x80;

/// A partition.
pub(super) struct Partition {
    pub kind: GptPartitionType,
    pub name: &'static str,
    pub guid: Guid,
    /// In sectors.
    pub start: u64,
    pub length: u64,
}

/// Writes the table's two copies into an image, and the MBR that keeps others off it, with code for a BIOS in it. `None` if the
/// image is too small.
pub(super) fn write(image: &mut [u8], guid: Guid, partitions: &[Partition], code: &[u8]) -> Option<()> {
    let sectors = image.len() as u64 / SECTOR;
    let end = sectors.checked_sub(1)?;
    let first_table = GptPartitionEntryArrayLayout {
        start_lba: Lba(2),
        entry_size: GptPartitionEntrySize::new(128).ok()?,
        num_entries: ENTRIES,
    };
    let mut storage = vec![0; first_table.num_bytes_exact_as_usize()?];
    let mut entries = GptPartitionEntryArray::new(first_table, BlockSize::BS_512, &mut storage).ok()?;
    for (number, partition) in (0..).zip(partitions) {
        let last = partition.start.checked_add(partition.length)?.checked_sub(1)?;
        *entries.get_partition_entry_mut(number)? = GptPartitionEntry {
            partition_type_guid: partition.kind,
            unique_partition_guid: partition.guid,
            starting_lba: LbaLe::from_u64(partition.start),
            ending_lba: LbaLe::from_u64(last),
            name: partition.name.parse::<GptPartitionName>().ok()?,
            ..GptPartitionEntry::default()
        };
    }
    let checksum = entries.calculate_crc32();
    let table = entries.storage().to_vec();

    let last_table = end.checked_sub(LAST - 1)?;
    for (mine, other, table_at) in [(1, end, 2), (end, 1, last_table)] {
        let mut header = GptHeader {
            my_lba: LbaLe::from_u64(mine),
            alternate_lba: LbaLe::from_u64(other),
            first_usable_lba: LbaLe::from_u64(LAST + 1),
            last_usable_lba: LbaLe::from_u64(last_table.checked_sub(1)?),
            disk_guid: guid,
            partition_entry_lba: LbaLe::from_u64(table_at),
            number_of_partition_entries: U32Le::from_u32(ENTRIES),
            partition_entry_array_crc32: checksum,
            ..GptHeader::default()
        };
        header.update_header_crc32();
        put(image, mine, bytes_of(&header))?;
        put(image, table_at, &table)?;
    }

    let mut mbr = MasterBootRecord::protective_mbr(sectors);
    if !code.is_empty() {
        mbr.boot_strap_code.copy_from_slice(code.get(..CODE)?);
        // Some BIOSes start no disk without an active partition, and the protective one may not be it (UEFI 2.10, 5.2.3):
        // an empty one is, as on the disks of grub-mkrescue.
        let empty = mbr.partitions.get_mut(1)?;
        empty.boot_indicator = ACTIVE;
        empty.size_in_lba = U32Le::from_u32(1);
    }
    put(image, 0, bytes_of(&mbr))
}

/// Puts bytes at a sector.
pub(super) fn put(image: &mut [u8], sector: u64, bytes: &[u8]) -> Option<()> {
    let start = usize::try_from(sector.checked_mul(SECTOR)?).ok()?;
    image.get_mut(start..start.checked_add(bytes.len())?)?.copy_from_slice(bytes);
    Some(())
}
