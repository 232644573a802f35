//! Whether the file system on a whole disk counts beside the disk's partitions. Partitions count: a file system that they lie
//! over is what is left of an older use of the disk. Only an image that was made to be written to a disc and a stick alike has
//! partitions in it that are its own.

use std::{io, ops::Range};

use crate::{
    entry::{Filesystem, FilesystemKind},
    formats::{bytes::ReadAt, iso9660::Layout, superblock},
};

/// Where an image's descriptors begin, in bytes.
const DESCRIPTORS: u64 = 32 << 10;

/// What a file system on a whole disk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WholeDisk {
    /// It is the disk's content.
    Counts {
        /// Some of the partitions can be read, too.
        beside_volumes: bool,
    },
    /// One of the partitions is the same file system.
    IsPartition,
    /// Partitions were made over it later.
    Outdated,
}

impl WholeDisk {
    /// Judges the file system that was found on the disk, which has partitions at these places.
    pub fn judge(disk: &dyn ReadAt, found: &Filesystem, partitions: &[Range<u64>]) -> Self {
        if partitions.is_empty() {
            return Self::Counts { beside_volumes: false };
        }
        let image = Layout::read(disk).filter(|_| found.kind == FilesystemKind::Iso9660);
        let (size, own) = image.map_or((u64::MAX, Vec::new()), |image| (image.size, image.boot_images));
        // Such an image has a partition that lies over its own beginning; a table that was made later begins after that.
        let has_own = partitions.iter().any(|place| place.start <= DESCRIPTORS);
        let mut beside_volumes = false;
        let mut judged = None;
        for place in partitions {
            let Ok(Some(inside)) = superblock::probe(&Part { disk, place }) else { continue };
            beside_volumes = true;
            // Firmware starts a file of the image as if it were a disk: its partition lies right over that file.
            if has_own && place.start >= size || own.contains(&place.start) {
                continue;
            }
            if inside == *found && (place.start == 0 || found.uuid.is_some()) {
                judged = Some(Self::IsPartition);
            }
            judged.get_or_insert(Self::Outdated);
        }
        judged.unwrap_or(Self::Counts { beside_volumes })
    }
}

/// A partition, read through its disk.
struct Part<'a> {
    disk: &'a dyn ReadAt,
    place: &'a Range<u64>,
}

impl ReadAt for Part<'_> {
    fn size(&self) -> u64 {
        self.place.end.min(self.disk.size()).saturating_sub(self.place.start)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.size().saturating_sub(offset)).unwrap_or(usize::MAX);
        let length = buffer.len().min(left);
        let buffer = buffer.get_mut(..length).unwrap_or_default();
        self.disk.read_at(self.place.start.saturating_add(offset), buffer)
    }
}

#[cfg(test)]
#[expect(clippy::single_range_in_vec_init, reason = "disks with one partition")]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    /// A disk of 8 MiB with an ISO 9660 image of 4 MiB, which firmware starts from 1 MiB on.
    fn disk() -> Vec<u8> {
        let mut disk = vec![0; 8 << 20];
        let sector = |number: usize| number * 2048;
        for (number, kind) in [(16, 1), (17, 0), (18, 255)] {
            disk[sector(number)] = kind;
            disk[sector(number) + 1..][..6].copy_from_slice(b"CD001\x01");
        }
        disk[sector(16) + 80..][..4].copy_from_slice(&2048_u32.to_le_bytes());
        disk[sector(16) + 128..][..2].copy_from_slice(&2048_u16.to_le_bytes());
        disk[sector(16) + 813..][..16].copy_from_slice(b"2026112912000000");
        disk[sector(17) + 7..][..23].copy_from_slice(b"EL TORITO SPECIFICATION");
        disk[sector(17) + 0x47..][..4].copy_from_slice(&20_u32.to_le_bytes());
        // The validation entry, the entry for a BIOS, a section for EFI and its entry.
        for (record, head, start) in [(0, 1, 0), (1, 0x88, 30), (2, 0x91, 0), (3, 0x88, 512_u32)] {
            disk[sector(20) + record * 32] = head;
            disk[sector(20) + record * 32 + 8..][..4].copy_from_slice(&start.to_le_bytes());
        }
        disk
    }

    /// Makes an ext4 file system that blkid recognises.
    fn ext4(disk: &mut [u8], start: u64) {
        let superblock = &mut disk[usize::try_from(start).unwrap() + 1024..][..1024];
        superblock[0x38..0x3a].copy_from_slice(b"\x53\xef");
        superblock[0x60] = 0x40;
    }

    fn judge(disk: &[u8], partitions: &[Range<u64>]) -> WholeDisk {
        let found = superblock::probe(&disk).unwrap().unwrap();
        WholeDisk::judge(&disk, &found, partitions)
    }

    #[test]
    fn partitions_count_and_an_image_with_partitions_of_its_own_counts_too() {
        let alone = WholeDisk::Counts { beside_volumes: false };
        let beside = WholeDisk::Counts { beside_volumes: true };
        let mut twice = disk();
        // The image's descriptors a second time, 32 KiB after the first, as xorriso's option -partition_offset 16 has it.
        twice.copy_within(32 << 10..64 << 10, 64 << 10);
        let (same, whole) = (32 << 10..4 * MIB, 0..4 * MIB);
        for (what, disk, volumes, partitions, expected) in [
            ("no partition", disk(), &[][..], &[][..], alone),
            ("nothing in them", disk(), &[], &[MIB..2 * MIB, 2 * MIB..8 * MIB], alone),
            (
                "an old image below new partitions",
                disk(),
                &[2 * MIB],
                &[2 * MIB..8 * MIB],
                WholeDisk::Outdated,
            ),
            (
                "the first is not formatted yet",
                disk(),
                &[3 * MIB],
                &[MIB..3 * MIB, 3 * MIB..8 * MIB],
                WholeDisk::Outdated,
            ),
            ("the image's own EFI partition", disk(), &[MIB], &[MIB..2 * MIB], beside),
            (
                "one for a person's files after the image",
                disk(),
                &[4 * MIB],
                &[512..4 * MIB, 4 * MIB..8 * MIB],
                beside,
            ),
            ("a new one after an old image", disk(), &[4 * MIB], &[4 * MIB..8 * MIB], WholeDisk::Outdated),
            (
                "the image's own and a new one",
                disk(),
                &[MIB, 2 * MIB],
                &[MIB..2 * MIB, 2 * MIB..8 * MIB],
                WholeDisk::Outdated,
            ),
            ("the whole image as a partition", disk(), &[], &[whole], WholeDisk::IsPartition),
            (
                "the same image seen from its partition",
                twice,
                &[],
                &[same, MIB..2 * MIB],
                WholeDisk::IsPartition,
            ),
        ] {
            let mut disk = disk;
            volumes.iter().for_each(|start| ext4(&mut disk, *start));
            assert_eq!(judge(&disk, partitions), expected, "{what}");
        }
    }

    #[test]
    fn a_file_system_of_any_kind_counts_only_where_no_partition_can_be_read() {
        for (volumes, expected) in
            [(&[0][..], WholeDisk::Counts { beside_volumes: false }), (&[0, MIB], WholeDisk::Outdated)]
        {
            let mut disk = vec![0; 4 << 20];
            volumes.iter().for_each(|start| ext4(&mut disk, *start));
            assert_eq!(judge(&disk, &[MIB..4 * MIB]), expected);
        }
    }
}
