//! A block device as the kernel shows it, and the volume on it: inert descriptions without any handle.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How a disk is attached, best first: the order in which disks are elected (see `boot::election`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// NVMe.
    Nvme,
    /// SATA, SAS or parallel SCSI.
    Scsi,
    /// virtio-blk or virtio-scsi.
    Virtio,
    /// eMMC or SD card.
    Mmc,
    /// Anything else: device mapper, md, loop, network block devices.
    Other,
    /// USB.
    Usb,
    /// CD or DVD drive.
    Optical,
}

/// The kind of partition table that a partition stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PartitionTable {
    /// GUID partition table (UEFI specification, chapter 5).
    Gpt,
    /// Master boot record.
    Mbr,
}

/// What the partition table says of a partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Partition {
    /// From 1, as in `sda2` and `(hd0,gpt2)`.
    pub number: u32,
    /// Kind of table.
    pub table: PartitionTable,
    /// Partition UUID as the kernel's `PARTUUID=` takes it, lower case (`ab12cd34-02` on MBR disks).
    pub uuid: Option<String>,
    /// GPT partition name.
    pub label: Option<String>,
    /// Partition type: a lower-case GUID on GPT, two hex digits (`ef`) on MBR.
    pub type_id: Option<String>,
    /// GPT attribute bits; 0 on MBR disks.
    pub attributes: u64,
}

/// A block device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Device {
    /// Kernel name: `sda2`, `nvme0n1p1`, `dm-0`.
    pub name: String,
    /// Kernel name of the whole disk that it is on, or its own.
    pub disk: String,
    /// Its place in the partition table; `None` for whole disks.
    pub partition: Option<Partition>,
    /// Size in bytes.
    pub size: u64,
    /// How the disk is attached.
    pub transport: Transport,
    /// The medium can be taken out, or the disk hangs on a port made for that.
    pub removable: bool,
    /// Path of the disk below /sys/devices, with ranks among siblings (`usb#@0`) for the numbers that the kernel gives out
    /// in the order of discovery (`usb3`): the same on every boot, so it breaks ties.
    pub path: String,
}

/// What stands on a block device, named as blkid names its TYPE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is the name of the file system or container")]
pub enum FilesystemKind {
    Ext2,
    Ext3,
    Ext4,
    Vfat,
    Exfat,
    Xfs,
    Btrfs,
    Iso9660,
    Squashfs,
    F2fs,
    Erofs,
    Ntfs,
    Udf,
    #[serde(rename = "zfs_member")]
    Zfs,
    #[serde(rename = "crypto_LUKS")]
    Luks,
    #[serde(rename = "LVM2_member")]
    Lvm2,
    #[serde(rename = "linux_raid_member")]
    Raid,
    Swap,
    /// Swap that holds a hibernated system.
    Swsuspend,
    #[serde(rename = "BitLocker")]
    Bitlocker,
    /// No file system: a kernel, or a record, that ChromeOS's or Android's boot loader takes from the partition itself.
    Bare,
    /// A directory that stands for a file system (`firstlight list --root`), its kind unknown.
    Unknown,
}

/// A recognised superblock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Filesystem {
    /// Which file system or container.
    pub kind: FilesystemKind,
    /// UUID in the form that blkid prints.
    pub uuid: Option<String>,
    /// Label in the form that blkid prints.
    pub label: Option<String>,
}

/// What GRUB keeps or calls by names of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct GrubVolume {
    /// GRUB's names of the whole device where it is no disk by a number, the one that GRUB prefers first: `lvm/vg-root`,
    /// `lvmid/VG/LV`, `md/0`, `mduuid/HEX`, `cryptouuid/HEX`.
    pub names: Vec<String>,
    /// The environment block outside of all files: on btrfs, the sector at 256 KiB.
    pub environment: Option<Vec<u8>>,
    /// Path of the btrfs subvolume that is mounted where none is asked for: empty for the top, or like `/@`; `None` where it is
    /// not known.
    pub subvolume: Option<String>,
}

/// A device with a file system on it that can be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Volume {
    /// The device underneath.
    pub device: Device,
    /// What stands on it.
    pub filesystem: Filesystem,
    /// What GRUB knows of it.
    pub grub: Box<GrubVolume>,
}

impl Volume {
    /// A volume of which only a name is known, such as a directory that takes the place of a file system.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self {
            device: Device {
                name: name.to_owned(),
                disk: name.to_owned(),
                partition: None,
                size: 0,
                transport: Transport::Other,
                removable: false,
                path: String::new(),
            },
            filesystem: Filesystem { kind: FilesystemKind::Unknown, uuid: None, label: None },
            grub: Box::default(),
        }
    }
}

impl fmt::Display for FilesystemKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_called_as_blkid_calls_them() {
        for (kind, name) in [
            (FilesystemKind::Ext4, "ext4"),
            (FilesystemKind::Luks, "crypto_LUKS"),
            (FilesystemKind::Lvm2, "LVM2_member"),
        ] {
            assert_eq!(kind.to_string(), name);
        }
    }
}
