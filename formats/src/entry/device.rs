//! A block device as the kernel shows it, and the volume on it: inert descriptions without any handle.

use crate::sort;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::VolumeReference;

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

/// The kind of a partition table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PartitionTable {
    /// GUID partition table (UEFI specification, chapter 5).
    Gpt,
    /// Master boot record.
    Mbr,
}

/// A partition as its table describes it.
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
    /// Model of the disk, as it tells it.
    pub model: Option<String>,
    /// Path of the disk below /sys/devices, with ranks among siblings (`usb#@0`) for the numbers that the kernel gives out
    /// in the order of discovery (`usb3`): the same on every boot, so it breaks ties.
    pub path: String,
    /// The layer that made its disk out of other devices; `None` for a disk of the hardware's, or where it is not known.
    pub layer: Option<Layer>,
    /// Kernel names of the devices that it is made of or lies on, down to their disks, each once: `sda2` and `sda` for a
    /// logical volume on `sda2`. Its transport, whether it is removable and its path are theirs. Empty for disks and
    /// partitions.
    pub beneath: Vec<String>,
}

impl Device {
    /// A whole disk of which nothing is known but its kernel name.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        let name = name.into();
        Self {
            disk: name.clone(),
            name,
            partition: None,
            size: 0,
            transport: Transport::Other,
            removable: false,
            model: None,
            path: String::new(),
            layer: None,
            beneath: Vec::new(),
        }
    }

    /// Whether both lie on one disk, or share one of those that they are made of.
    #[must_use]
    pub fn shares_disk(&self, other: &Self) -> bool {
        let lies_on = |device: &Self, disk: &String| device.disk == *disk || device.beneath.contains(disk);
        self.disk == other.disk
            || other.beneath.contains(&self.disk)
            || self.beneath.iter().any(|name| lies_on(other, name))
    }
}

/// A layer of the kernel that makes devices out of others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// LVM: a logical volume.
    LogicalVolume {
        /// The name of its volume group, a hyphen and its own name; hyphens in either are doubled, as in /dev/mapper.
        name: String,
        /// UUID of the volume group, as LVM prints it.
        group: String,
        /// UUID of the logical volume, as LVM prints it.
        volume: String,
    },
    /// md: an array of disks.
    Array {
        /// Its UUID, as the kernel or blkid prints it.
        uuid: Option<String>,
        /// Its name as a member's superblock has it, the name of the machine that made it before a colon.
        name: Option<String>,
    },
    /// LUKS: an unlocked container.
    Container {
        /// Its UUID without hyphens.
        uuid: String,
    },
}

/// The kind of a file system or container, named as blkid names its TYPE.
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

/// The identity of a volume, as long as the process lives: no other volume gets it, even on a device of the same name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct VolumeId(pub u32);

/// Where a volume comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// From its device, or from a directory that is given for one. It has no parent.
    #[default]
    Device,
    /// From an image file on another volume.
    Image {
        /// The volume that the image lies on.
        host: VolumeId,
        /// The image's path there.
        path: String,
    },
}

/// Whether a volume shows what waits in its file system's log, as after a power cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogState {
    /// Nothing waits there.
    #[default]
    Clean,
    /// It was replayed in memory: the volume shows what its own system would read.
    Replayed,
    /// It was not replayed: files may be older than its own system would read, or damaged.
    Unreplayed,
}

/// A device with a file system on it that can be read. It need not be a block device of this machine: a directory in memory
/// is one, too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Volume {
    /// Its identity.
    pub id: VolumeId,
    /// Where it comes from.
    pub origin: Origin,
    /// The device underneath. Its name is what people call the volume by.
    pub device: Device,
    /// Its file system.
    pub filesystem: Filesystem,
    /// Path of the btrfs subvolume that is mounted where none is asked for: empty for the top, or like `/@`; `None` where it is
    /// not known.
    pub subvolume: Option<String>,
    /// Data of a boot loader in the area that the file system leaves to boot loaders, outside of all files: on btrfs, from
    /// 256 KiB.
    pub boot_area: Option<Vec<u8>>,
    /// Whether it shows what waits in the file system's log.
    pub log: LogState,
    /// What a person should know about how it is read, each a clause.
    pub remarks: Vec<String>,
}

impl Volume {
    /// The volume on a device.
    #[must_use]
    pub fn new(device: Device, filesystem: Filesystem) -> Self {
        Self {
            id: VolumeId::default(),
            origin: Origin::default(),
            device,
            filesystem,
            subvolume: None,
            boot_area: None,
            log: LogState::default(),
            remarks: Vec::new(),
        }
    }

    /// A volume of which only a name is known, such as a directory that takes the place of a file system.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self::new(Device::new(name), Filesystem { kind: FilesystemKind::Unknown, uuid: None, label: None })
    }

    /// The volume in an image file of `size` bytes on a volume. It is a disk of its own, which configurations inside it call
    /// `hd0` or `cd0`, with its host's place in the machine.
    #[must_use]
    pub fn in_image(host: &Self, path: &str, size: u64, filesystem: Filesystem) -> Self {
        let name = format!("{}:{path}", host.device.name);
        let mut beneath = host.device.beneath.clone();
        beneath.extend([host.device.name.clone(), host.device.disk.clone()]);
        sort::ascending(&mut beneath);
        beneath.dedup();
        let device = Device {
            disk: name.clone(),
            name,
            partition: None,
            size,
            layer: None,
            beneath,
            ..host.device.clone()
        };
        Self {
            origin: Origin::Image { host: host.id, path: path.to_owned() },
            ..Self::new(device, filesystem)
        }
    }

    /// The volume as entries refer to it.
    #[must_use]
    pub fn reference(&self) -> VolumeReference {
        VolumeReference { id: self.id, name: self.device.name.clone() }
    }

    /// The volume that this one lies on.
    #[must_use]
    pub fn parent(&self) -> Option<VolumeId> {
        match &self.origin {
            Origin::Device => None,
            Origin::Image { host, .. } => Some(*host),
        }
    }

    /// Whether it is a copy of another volume: nothing but their places tell them apart, and `root=UUID=` may mean either.
    #[must_use]
    pub fn is_copy_of(&self, other: &Self) -> bool {
        let uuid = &self.filesystem.uuid;
        let lies_on = |one: &Self, other: &Self| one.device.beneath.contains(&other.device.name);
        uuid.is_some()
            && *uuid == other.filesystem.uuid
            && self.filesystem.kind == other.filesystem.kind
            && self.reference() != other.reference()
            && !lies_on(self, other)
            && !lies_on(other, self)
    }

    /// Whether it is the image file at this path of the volume `host`.
    #[must_use]
    pub fn is_image(&self, host: VolumeId, path: &str) -> bool {
        matches!(&self.origin, Origin::Image { host: own, path: at } if *own == host && at == path)
    }

    /// The kernel name of a device, and the names of all volumes that go when it goes: the one on it, and what lies on that.
    #[must_use]
    pub fn names_that_go_with(name: &str, volumes: &[&Self]) -> Vec<String> {
        let mut gone = vec![name.to_owned()];
        let own = volumes.iter().filter(|volume| volume.device.name == name);
        let mut ids: Vec<VolumeId> = own.map(|volume| volume.id).collect();
        let mut next = 0;
        while let Some(parent) = ids.get(next).copied() {
            next = next.saturating_add(1);
            for child in volumes.iter().filter(|volume| volume.parent() == Some(parent)) {
                if !ids.contains(&child.id) {
                    ids.push(child.id);
                    gone.push(child.device.name.clone());
                }
            }
        }
        gone
    }
}

impl fmt::Display for LogState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(formatter)
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

    #[test]
    fn what_is_made_of_a_disk_shares_it() {
        let on = |name: &str, disk: &str, beneath: &[&str]| Device {
            disk: disk.into(),
            beneath: beneath.iter().map(|&name| name.to_owned()).collect(),
            ..Device::new(name)
        };
        let esp = on("sda1", "sda", &[]);
        let logical = on("dm-0", "dm-0", &["sda", "sda2", "sdb", "sdb1"]);
        let image = on("dm-0:/x.iso", "dm-0:/x.iso", &["dm-0", "sda", "sda2", "sdb", "sdb1"]);
        for (one, other, shared) in [
            (&esp, &logical, true),
            (&logical, &esp, true),
            (&image, &logical, true),
            (&esp, &image, true),
            (&esp, &on("sda2", "sda", &[]), true),
            (&esp, &on("sdb1", "sdb", &[]), false),
            (&on("dm-1", "dm-1", &["sdc", "sdc1"]), &logical, false),
        ] {
            assert_eq!(one.shares_disk(other), shared, "{} {}", one.name, other.name);
        }
    }

    #[test]
    fn copies_have_one_uuid_and_lie_on_different_devices() {
        let volume = |id, name: &str, kind, uuid: Option<&str>| Volume {
            id: VolumeId(id),
            ..Volume::new(Device::new(name), Filesystem { kind, uuid: uuid.map(str::to_owned), label: None })
        };
        let (ext4, one) = (FilesystemKind::Ext4, Some("one"));
        let first = volume(1, "sda1", ext4, one);
        let logical = Device { beneath: vec!["sda1".into()], ..Device::new("dm-0") };
        for (other, expected) in [
            (volume(2, "sdb1", ext4, one), true),
            (volume(1, "sda1", ext4, one), false),
            (volume(2, "sdb1", ext4, Some("two")), false),
            (volume(2, "sdb1", FilesystemKind::Xfs, one), false),
            (Volume { device: logical, ..volume(2, "dm-0", ext4, one) }, false),
        ] {
            assert_eq!((first.is_copy_of(&other), other.is_copy_of(&first)), (expected, expected));
        }
        let without = volume(1, "sda1", ext4, None);
        assert!(!without.is_copy_of(&volume(2, "sdb1", ext4, None)));
    }

    #[test]
    fn an_image_has_the_place_of_its_host_and_goes_with_it() {
        let host = Volume {
            id: VolumeId(1),
            ..Volume::new(
                Device { disk: "sda".into(), transport: Transport::Usb, ..Device::new("sda2") },
                Filesystem { kind: FilesystemKind::Ext4, uuid: None, label: None },
            )
        };
        let filesystem = Filesystem { kind: FilesystemKind::Squashfs, uuid: None, label: None };
        let image = Volume { id: VolumeId(2), ..Volume::in_image(&host, "/x.sfs", 7, filesystem) };
        let expected = Device {
            size: 7,
            transport: Transport::Usb,
            beneath: vec!["sda".into(), "sda2".into()],
            ..Device::new("sda2:/x.sfs")
        };
        assert_eq!((&image.device, image.parent()), (&expected, Some(VolumeId(1))));
        assert!(image.is_image(VolumeId(1), "/x.sfs") && !image.is_image(VolumeId(2), "/x.sfs"));
        let other = Volume { id: VolumeId(3), ..Volume::named("sda3") };
        let volumes = [image, other, host];
        for (name, gone) in [("sda2", &["sda2", "sda2:/x.sfs"][..]), ("sda3", &["sda3"]), ("sdb", &["sdb"])] {
            assert_eq!(Volume::names_that_go_with(name, &volumes.each_ref()), gone, "{name}");
        }
    }
}
