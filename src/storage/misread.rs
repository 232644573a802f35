//! Partition tables that the kernel does not read, and what is done about them: as UEFI firmware does, the partitions are read
//! from the copy that is whole. The kernel is shown them (BLKPG), and nothing is written. A kernel that is built to read no tables at
//! all is shown every disk's.

use std::{fmt, fs::File, os::fd::AsFd};

use crate::{
    formats::{
        bytes::ReadAt,
        partition::{self, GptCopy, Slot},
    },
    sys::block_device::add_partition,
};

/// Why the kernel does not read a partition table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableFault {
    /// The first copy of a GPT is damaged, and the one at the end is whole.
    Damaged,
    /// A GPT counts in sectors of one size, and the disk has sectors of another, both in bytes.
    OtherSectors {
        /// Those of the table.
        table: u32,
        /// Those of the disk.
        disk: u32,
    },
    /// Both copies of a GPT are damaged.
    Lost,
    /// There is a GPT, but no MBR that says so.
    Unprotected,
}

impl TableFault {
    /// The fault of the table on a disk with sectors of `sector` bytes, and the partitions that it holds all the same; `None`
    /// where the kernel reads it, or there is none.
    #[must_use]
    pub fn find(disk: &dyn ReadAt, sector: u32) -> Option<(Self, Vec<Slot>)> {
        // What cannot be read is said where the disk is probed.
        let table = partition::read_table(disk).ok()?;
        let fault = match table.gpt {
            Some(GptCopy { sector: counted, .. }) if counted != sector => {
                Self::OtherSectors { table: counted, disk: sector }
            }
            Some(GptCopy { is_backup: true, .. }) => Self::Damaged,
            Some(_) => return None,
            None if table.is_protective => return Some((Self::Lost, Vec::new())),
            // Neither firmware nor kernel takes what is there for a table.
            None if !table.slots.is_empty() => return None,
            None => return partition::read_gpt(disk).ok()?.map(|_| (Self::Unprotected, Vec::new())),
        };
        Some((fault, table.slots))
    }
}

/// Shows the kernel the partitions of a disk of `size` bytes with sectors of `sector` bytes, as far as they lie on it. It takes none
/// that lies over an earlier one.
pub(super) fn show(disk: &File, size: u64, slots: &[Slot], sector: u32) {
    for slot in slots.iter().filter(|slot| !slot.is_extended()) {
        // A file system ends with its last whole block.
        let length = slot.size.min(size.saturating_sub(slot.start));
        let length = length.checked_div(sector.into()).unwrap_or_default().saturating_mul(sector.into());
        if let Err(error) = add_partition(disk.as_fd(), slot.partition.number, slot.start, length) {
            log::debug!("partition {}: {error}", slot.partition.number);
        }
    }
}

impl fmt::Display for TableFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Damaged => {
                "the partition table (GPT) is damaged at the start of the disk and was read from its copy at the end; gdisk \
                 mends it (command w)"
            }
            Self::OtherSectors { table, disk } => {
                return write!(
                    formatter,
                    "the partition table (GPT) counts in sectors of {table} bytes, and the disk has sectors of {disk}: its \
                     own firmware does not read it; attach the disk as it was when it was partitioned, or partition it anew"
                );
            }
            Self::Lost => {
                "a partition table (GPT) that is damaged at the start of the disk, and so is its copy at the end; gdisk or \
                 testdisk may find the partitions"
            }
            Self::Unprotected => {
                "a partition table (GPT) without the MBR that protects it, which firmware and kernel do not read; gdisk \
                 mends it (command w)"
            }
        })
    }
}
