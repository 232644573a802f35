//! The block devices in sysfs (Documentation/ABI/stable/sysfs-block), or in a tree that looks like it.

use std::{
    fs,
    io::Read,
    ops::Range,
    path::{Path, PathBuf},
};

use super::{attachment::Attachment, rejection::Rejection};
use crate::{
    entry::{Device, Layer, Partition, PartitionTable},
    formats::{sort, text},
};

/// An attribute is one page at most, in bytes.
const ATTRIBUTE_LIMIT: u64 = 4096;

/// Sizes in sysfs count these many bytes, whatever the disk's own block size.
const SECTOR: u64 = 512;

/// Maximum depth of devices that are made of others, which are made of others.
const DEPTH_LIMIT: usize = 8;

/// Memory of the running kernel that looks like a disk, by its name without the number.
const MEMORY: &[&str] = &["ram", "zram"];

/// The beginning of the UUIDs of snapshots that are made here.
pub(super) const SNAPSHOT: &str = "FIRSTLIGHT-";

/// The beginning of the names of the files in memory that hold their changes.
const SNAPSHOT_STORE: &str = "/memfd:firstlight";

/// A tree like /sys.
#[derive(Clone, Debug)]
pub struct Sysfs(PathBuf);

impl Sysfs {
    /// The tree at `path`: `/sys` on a machine.
    #[must_use]
    pub fn at(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Kernel names of all block devices, in their order.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let mut names = children(&self.class());
        sort::ascending(&mut names);
        names
    }

    /// Has the kernel announce all block devices again, but for those that it has not announced yet.
    pub fn announce_all(&self) {
        for name in self.names() {
            if let Err(error) = fs::write(self.class().join(&name).join("uevent"), "add") {
                log::debug!("{name}: {error}");
            }
        }
    }

    /// Describes a device; `None` if it is gone. What only the partition table tells is filled in when that is read.
    #[must_use]
    pub fn device(&self, name: &str) -> Option<Device> {
        self.device_within(name, DEPTH_LIMIT)
    }

    fn device_within(&self, name: &str, depth: usize) -> Option<Device> {
        let directory = fs::canonicalize(self.directory(name)?).ok()?;
        let number = attribute(&directory, "partition").and_then(|number| number.parse().ok());
        // A partition's directory lies in that of its disk.
        let disk = if number.is_some() { directory.parent()? } else { &directory };
        let devices = fs::canonicalize(self.0.join("devices")).ok()?;
        let mut attachment = Attachment::of(&devices, disk);
        let disk_name = text::decode(disk.file_name()?.as_encoded_bytes());
        let members = self.members(&disk_name).into_iter().take(if depth > 0 { usize::MAX } else { 0 });
        let members: Vec<Device> =
            members.filter_map(|member| self.device_within(&member, depth.saturating_sub(1))).collect();
        // It comes up no earlier than the last of its members, and goes with the first.
        if let Some(last) = members.iter().map(|member| (member.transport, &member.path)).max() {
            let removable = members.iter().any(|member| member.removable);
            attachment = Attachment { transport: last.0, removable, path: last.1.clone() };
        }
        let Attachment { transport, removable, path } = attachment;
        let mut beneath: Vec<String> = Vec::new();
        for member in members {
            beneath.extend([member.name, member.disk]);
            beneath.extend(member.beneath);
        }
        sort::ascending(&mut beneath);
        beneath.dedup();
        let label = attribute(&directory, "uevent").and_then(|lines| {
            lines.lines().find_map(|line| line.strip_prefix("PARTNAME=")).map(str::to_owned)
        });
        // Only GPT gives names; this guess holds where the table itself cannot be read.
        let table = if label.is_some() { PartitionTable::Gpt } else { PartitionTable::Mbr };
        // SCSI, ATA and NVMe have the one, memory cards the other.
        let model = ["device/model", "device/name"].into_iter().find_map(|name| attribute(disk, name));
        Some(Device {
            name: name.to_owned(),
            model: model.filter(|model| !model.is_empty()),
            layer: self.layer(&disk_name),
            disk: disk_name,
            partition: number.map(|number| Partition {
                number,
                table,
                uuid: None,
                label,
                type_id: None,
                attributes: 0,
            }),
            size: attribute(&directory, "size")?.parse::<u64>().ok()?.saturating_mul(SECTOR),
            transport,
            removable,
            path,
            beneath,
        })
    }

    /// Whether it is no disk: memory of the running kernel, a device without a disk that is not in use (loop, device mapper,
    /// network block devices), or a part of a snapshot that is made here. It is not shown to a person.
    #[must_use]
    pub fn is_placeholder(&self, device: &Device) -> bool {
        let is_virtual = || {
            let directory = fs::canonicalize(self.directory(&device.name)?).ok()?;
            let devices = fs::canonicalize(self.0.join("devices")).ok()?;
            Some(directory.starts_with(devices.join("virtual")))
        };
        (device.size == 0 && is_virtual() == Some(true))
            || MEMORY.contains(&kind(&device.name))
            || self.is_snapshot(&device.name)
    }

    /// Whether it is a snapshot that is made here, or its store.
    fn is_snapshot(&self, name: &str) -> bool {
        let begins = |attribute_name, beginning| {
            let value = self.directory(name).and_then(|directory| attribute(&directory, attribute_name));
            value.is_some_and(|value| value.starts_with(beginning))
        };
        begins("dm/uuid", SNAPSHOT) || begins("loop/backing_file", SNAPSHOT_STORE)
    }

    /// Why nothing can be read from a device, where that is known without opening it.
    #[must_use]
    pub fn rejection(&self, device: &Device) -> Option<Rejection> {
        let directory = self.directory(&device.name)?;
        let kind = kind(&device.name);
        if kind == "fd" {
            return Some(Rejection::Floppy);
        }
        if kind.starts_with("mmcblk") && kind.ends_with("boot") {
            return Some(Rejection::BootArea);
        }
        if attribute(&directory, "hidden").as_deref() == Some("1") {
            return Some(Rejection::OnePath);
        }
        // A drive with a medium that can be taken out finds its size only when it is opened.
        if device.size == 0 && !device.removable {
            return Some(Rejection::Empty);
        }
        if attribute(&directory, "loop/autoclear").as_deref() == Some("1") {
            return Some(Rejection::LoopOfMount);
        }
        if attribute(&directory, "dm/suspended").as_deref() == Some("1") {
            return Some(Rejection::Suspended);
        }
        let mut holders = children(&directory.join("holders"));
        // That of an earlier process may not be gone yet.
        holders.retain(|holder| !self.is_snapshot(holder));
        (!holders.is_empty()).then_some(Rejection::MemberOf(holders))
    }

    /// Kernel names of a disk's partitions, sorted.
    #[must_use]
    pub fn partitions(&self, disk: &str) -> Vec<String> {
        let Some(directory) = self.directory(disk) else {
            return Vec::new();
        };
        let is_partition = |name: &String| attribute(&directory.join(name), "partition").is_some();
        children(&directory).into_iter().filter(is_partition).collect()
    }

    /// Where a disk's partitions lie on it, in bytes.
    #[must_use]
    pub fn extents(&self, disk: &str) -> Vec<Range<u64>> {
        let extent = |name: String| {
            let directory = self.directory(disk)?.join(name);
            let number = |of: &str| attribute(&directory, of)?.parse::<u64>().ok()?.checked_mul(SECTOR);
            let start = number("start")?;
            Some(start..start.saturating_add(number("size")?))
        };
        self.partitions(disk).into_iter().filter_map(extent).collect()
    }

    /// Size of the sectors of a disk that can have partitions, in bytes; `None` for others (device mapper).
    #[must_use]
    pub fn sector(&self, disk: &str) -> Option<u32> {
        let directory = self.directory(disk)?;
        let has_room = attribute(&directory, "ext_range").as_deref() != Some("1");
        attribute(&directory, "queue/logical_block_size")?.parse().ok().filter(|_| has_room)
    }

    /// Number of the disk or medium that is in the device now; `None` before Linux 5.15.
    #[must_use]
    pub fn disk_sequence(&self, name: &str) -> Option<u64> {
        attribute(&self.directory(name)?, "diskseq")?.parse().ok()
    }

    /// Device number as the kernel writes it: `8:1`.
    pub(super) fn number_words(&self, name: &str) -> Option<String> {
        attribute(&self.directory(name)?, "dev")
    }

    /// Device number (major, minor), by which the kernel's mount table names a device.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<(u32, u32)> {
        let number = self.number_words(name)?;
        let (major, minor) = number.split_once(':')?;
        Some((major.parse().ok()?, minor.parse().ok()?))
    }

    /// Kernel names of the devices that a device of device mapper or md is made of, sorted.
    #[must_use]
    pub fn members(&self, name: &str) -> Vec<String> {
        self.directory(name).map(|directory| children(&directory.join("slaves"))).unwrap_or_default()
    }

    /// The layer that made a disk, as far as the kernel knows; an array's name is known to its members only.
    fn layer(&self, disk: &str) -> Option<Layer> {
        let directory = self.directory(disk)?;
        if let Some(uuid) = attribute(&directory, "md/uuid") {
            return Some(Layer::Array { uuid: Some(uuid), name: None });
        }
        let uuid = attribute(&directory, "dm/uuid")?;
        if let Some((group, volume)) = uuid.strip_prefix("LVM-").and_then(|ids| ids.split_at_checked(32)) {
            let id = |id: &str| {
                let ends = [6, 10, 14, 18, 22, 26, 32];
                let starts = [0].into_iter().chain(ends);
                starts.zip(ends).filter_map(|(start, end)| id.get(start..end)).collect::<Vec<_>>().join("-")
            };
            let name = attribute(&directory, "dm/name").unwrap_or_default();
            return Some(Layer::LogicalVolume { name, group: id(group), volume: id(volume) });
        }
        let uuid = uuid.strip_prefix("CRYPT-LUKS")?.split('-').nth(1)?;
        Some(Layer::Container { uuid: uuid.to_owned() })
    }

    fn class(&self) -> PathBuf {
        self.0.join("class/block")
    }

    /// A device's directory, through the link in its class.
    fn directory(&self, name: &str) -> Option<PathBuf> {
        // A name comes out of an event; no kernel makes such ones.
        let plain = !name.is_empty() && !name.contains('/') && !name.starts_with('.');
        plain.then(|| self.class().join(name))
    }
}

/// A device's name without its number.
fn kind(name: &str) -> &str {
    name.trim_end_matches(|last: char| last.is_ascii_digit())
}

/// An attribute of a device without its line end; `None` if it has none of that name.
pub(super) fn attribute(directory: &Path, name: &str) -> Option<String> {
    let mut content = Vec::new();
    fs::File::open(directory.join(name)).ok()?.take(ATTRIBUTE_LIMIT).read_to_end(&mut content).ok()?;
    Some(text::decode(content.trim_ascii_end()))
}

fn children(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut names: Vec<String> =
        entries.map(|entry| text::decode(entry.file_name().as_encoded_bytes())).collect();
    sort::ascending(&mut names);
    names
}

#[cfg(test)]
pub(in crate::storage) mod tests {
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;
    use crate::entry::Transport;

    /// Makes a device in a tree like /sys, with its attributes.
    pub(in crate::storage) fn add(tree: &Path, path: &str, attributes: &[(&str, &str)]) {
        let directory = tree.join("devices").join(path);
        fs::create_dir_all(&directory).unwrap();
        for (name, value) in attributes {
            let file = directory.join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, format!("{value}\n")).unwrap();
        }
        fs::create_dir_all(tree.join("class/block")).unwrap();
        let name = directory.file_name().unwrap();
        symlink(Path::new("../../devices").join(path), tree.join("class/block").join(name)).unwrap();
    }

    const VDA: &str = "pci0000:00/0000:00:02.0/virtio1/block/vda";

    #[test]
    fn the_kernel_says_what_made_a_device() {
        let tree = TempDir::new().unwrap();
        let lvm = "LVM-Uwg0b0zjXZ6YBKnKMpKZ3NVSIdVH3MOmKTnLDNAoSrBq1HWbNWFmhqF1Pja4nKNu";
        let luks = "CRYPT-LUKS2-0123456789abcdef0123456789abcdef-root";
        add(tree.path(), "virtual/block/dm-0", &[("dm/uuid", lvm), ("dm/name", "my--vg-boot")]);
        add(tree.path(), "virtual/block/dm-1", &[("dm/uuid", luks), ("dm/name", "root")]);
        add(tree.path(), "virtual/block/md127", &[("md/uuid", "2f1a3b4c-5d6e-7f80-91a2-b3c4d5e6f708")]);
        add(tree.path(), VDA, &[]);
        let sysfs = Sysfs::at(tree.path());
        let logical = Layer::LogicalVolume {
            name: "my--vg-boot".into(),
            group: "Uwg0b0-zjXZ-6YBK-nKMp-KZ3N-VSId-VH3MOm".into(),
            volume: "KTnLDN-AoSr-Bq1H-WbNW-Fmhq-F1Pj-a4nKNu".into(),
        };
        let array = Layer::Array { uuid: Some("2f1a3b4c-5d6e-7f80-91a2-b3c4d5e6f708".into()), name: None };
        let container = Layer::Container { uuid: "0123456789abcdef0123456789abcdef".into() };
        for (name, expected) in [
            ("dm-0", Some(logical)),
            ("dm-1", Some(container)),
            ("md127", Some(array)),
            ("vda", None),
            ("gone", None),
        ] {
            assert_eq!(sysfs.layer(name), expected, "{name}");
        }
    }

    #[test]
    fn a_device_that_is_made_of_others_has_their_place_in_the_machine() {
        let tree = TempDir::new().unwrap();
        let usb = "pci0000:00/0000:00:14.0/usb1/1-4/1-4:1.0/host2/target2:0:0/2:0:0:0/block/sda";
        let size = ("size", "8");
        add(tree.path(), VDA, &[size]);
        add(tree.path(), &format!("{VDA}/vda2"), &[size, ("partition", "2")]);
        add(tree.path(), usb, &[size]);
        add(tree.path(), "virtual/block/dm-0", &[size, ("slaves/vda2", "")]);
        add(tree.path(), "virtual/block/dm-1", &[size, ("slaves/dm-0", ""), ("slaves/sda", "")]);
        add(tree.path(), "virtual/block/dm-2", &[size, ("slaves/dm-2", ""), ("slaves/gone", "")]);
        let sysfs = Sysfs::at(tree.path());
        let place = |name: &str| {
            let Device { transport, removable, path, beneath, .. } = sysfs.device(name).unwrap();
            (transport, removable, path, beneath.join(" "))
        };
        let virtio = "pci#:#@0/0000:00:02.0/virtio#@0/block".to_owned();
        assert_eq!(place("vda2"), (Transport::Virtio, false, virtio.clone(), String::new()));
        assert_eq!(place("dm-0"), (Transport::Virtio, false, virtio, "vda vda2".into()));
        let (transport, removable, path, beneath) = place("dm-1");
        assert_eq!((transport, removable, beneath), (Transport::Usb, true, "dm-0 sda vda vda2".into()));
        assert_eq!(path, place("sda").2);
        // No kernel has such loops.
        assert_eq!(place("dm-2").3, "dm-2");
    }

    #[test]
    fn a_disk_and_its_partitions() {
        let tree = TempDir::new().unwrap();
        let attributes =
            [("size", "8388608"), ("removable", "0"), ("dev", "254:0"), ("device/model", "QEMU HARDDISK   ")];
        add(tree.path(), VDA, &attributes);
        add(
            tree.path(),
            &format!("{VDA}/vda1"),
            &[
                ("size", "2048"),
                ("start", "2048"),
                ("partition", "1"),
                ("uevent", "DEVNAME=vda1\nPARTN=1\nPARTNAME=EFI system"),
            ],
        );
        add(tree.path(), &format!("{VDA}/vda12"), &[("size", "4"), ("partition", "12"), ("dev", "259:3")]);
        let sysfs = Sysfs::at(tree.path());
        assert_eq!(sysfs.names(), ["vda", "vda1", "vda12"]);
        assert_eq!(sysfs.partitions("vda"), ["vda1", "vda12"]);
        assert_eq!(sysfs.extents("vda"), [Range { start: 1 << 20, end: 2 << 20 }]);
        assert_eq!(sysfs.number("vda12"), Some((259, 3)));
        let disk = Device {
            size: 4 << 30,
            model: Some("QEMU HARDDISK".to_owned()),
            transport: Transport::Virtio,
            path: "pci#:#@0/0000:00:02.0/virtio#@0/block".to_owned(),
            ..Device::new("vda")
        };
        assert_eq!(sysfs.device("vda"), Some(disk.clone()));
        let partition = |name: &str, number, size, table, label| Device {
            name: name.to_owned(),
            partition: Some(Partition { number, table, uuid: None, label, type_id: None, attributes: 0 }),
            size,
            ..disk.clone()
        };
        let label = Some("EFI system".to_owned());
        assert_eq!(sysfs.device("vda1"), Some(partition("vda1", 1, 1 << 20, PartitionTable::Gpt, label)));
        assert_eq!(sysfs.device("vda12"), Some(partition("vda12", 12, 2048, PartitionTable::Mbr, None)));
    }

    #[test]
    fn a_device_that_is_gone_or_was_never_there() {
        let tree = TempDir::new().unwrap();
        add(tree.path(), VDA, &[("partition", "x")]);
        let sysfs = Sysfs::at(tree.path());
        for name in ["vdb", "", "..", "../block/vda", "vda/../vda", "vda"] {
            assert_eq!(sysfs.device(name), None, "{name}");
        }
        assert!(Sysfs::at(&tree.path().join("nothing")).names().is_empty());
    }

    #[test]
    fn what_cannot_hold_a_volume_is_named_with_its_reason() {
        let tree = TempDir::new().unwrap();
        for (name, attributes, rejection) in [
            ("sdb", &[("size", "0")][..], Some(Rejection::Empty)),
            ("sdc", &[("size", "0"), ("removable", "1")], None),
            ("loop1", &[("size", "64")], None),
            ("fd0", &[("size", "8")], Some(Rejection::Floppy)),
            ("mmcblk0boot1", &[("size", "8")], Some(Rejection::BootArea)),
            ("mmcblk0", &[("size", "8")], None),
            ("nvme0c0n1", &[("size", "8"), ("hidden", "1")], Some(Rejection::OnePath)),
            ("dm-1", &[("size", "8"), ("dm/suspended", "1")], Some(Rejection::Suspended)),
            ("dm-2", &[("size", "8"), ("dm/suspended", "0"), ("hidden", "0")], None),
            (
                "sda3",
                &[("size", "8"), ("holders/dm-2", ""), ("holders/md0", "")],
                Some(Rejection::MemberOf(vec!["dm-2".into(), "md0".into()])),
            ),
        ] {
            add(tree.path(), &format!("platform/block/{name}"), attributes);
            let sysfs = Sysfs::at(tree.path());
            let device = sysfs.device(name).unwrap();
            assert_eq!(sysfs.rejection(&device), rejection, "{name}");
        }
    }

    #[test]
    fn a_snapshot_of_an_earlier_process_does_not_keep_its_device() {
        let tree = TempDir::new().unwrap();
        add(tree.path(), "virtual/block/dm-0", &[("size", "8"), ("dm/uuid", "FIRSTLIGHT-firstlight-12-0")]);
        add(tree.path(), "platform/block/sda1", &[("size", "8"), ("holders/dm-0", "")]);
        let sysfs = Sysfs::at(tree.path());
        assert_eq!(sysfs.rejection(&sysfs.device("sda1").unwrap()), None);
    }

    #[test]
    fn what_is_no_disk_is_recognised() {
        let tree = TempDir::new().unwrap();
        for (path, size, placeholder) in [
            ("virtual/block/loop0", "0", true),
            ("virtual/block/loop1", "64", false),
            ("virtual/block/ram0", "64", true),
            ("virtual/block/zram0", "64", true),
            ("virtual/block/dm-0", "0", true),
            ("platform/host0/block/sda", "0", false),
            ("virtual/block/dm-7", "64", true),
            ("virtual/block/dm-8", "64", false),
            ("virtual/block/loop7", "64", true),
        ] {
            let mut attributes = vec![("size", size)];
            attributes.extend(match path {
                "virtual/block/dm-7" => Some(("dm/uuid", "FIRSTLIGHT-firstlight-12-0")),
                "virtual/block/dm-8" => Some(("dm/uuid", "LVM-x")),
                "virtual/block/loop7" => Some(("loop/backing_file", "/memfd:firstlight-log (deleted)")),
                _ => None,
            });
            add(tree.path(), path, &attributes);
            let sysfs = Sysfs::at(tree.path());
            let device = sysfs.device(path.rsplit('/').next().unwrap()).unwrap();
            assert_eq!(sysfs.is_placeholder(&device), placeholder, "{path}");
        }
    }
}
