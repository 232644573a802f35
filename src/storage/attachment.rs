//! How a disk is attached to the machine, by its place in /sys/devices (Documentation/admin-guide/sysfs-rules.rst).

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::sysfs::attribute;
use crate::{entry::Transport, formats::text};

/// Names on the path to a disk and the transports that they mean; the first line that fits any name wins, so that a card reader
/// on USB counts as a card, and a disk of virtio-scsi as virtio.
const TRANSPORTS: &[(&str, Transport)] = &[
    ("sr#", Transport::Optical),
    ("nvme#", Transport::Nvme),
    ("nvme-subsys#", Transport::Nvme),
    ("mmc#", Transport::Mmc),
    ("usb#", Transport::Usb),
    ("virtio#", Transport::Virtio),
    ("ata#", Transport::Scsi),
    ("host#", Transport::Scsi),
];

/// How a disk is attached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// The bus.
    pub transport: Transport,
    /// The medium can be taken out, or the disk hangs on a port made for that.
    pub removable: bool,
    /// Its place, the same on every boot.
    pub path: String,
}

impl Attachment {
    /// Reads it for the disk with the given directory below `devices`, both without links.
    #[must_use]
    pub fn of(devices: &Path, disk: &Path) -> Self {
        let below = disk.strip_prefix(devices).unwrap_or(disk);
        let names: Vec<String> = below.iter().map(|name| text::decode(name.as_encoded_bytes())).collect();
        let transport = transport(&names);
        Self { transport, removable: removable(devices, disk, transport), path: stable(devices, &names) }
    }
}

fn transport(names: &[String]) -> Transport {
    let fits = |pattern: &str| names.iter().any(|name| shape(name) == pattern);
    let found = TRANSPORTS.iter().find(|(pattern, _)| fits(pattern));
    found.map_or(Transport::Other, |(_, transport)| *transport)
}

/// The drive's own word, then the memory card's type, then the nearest device above that knows its port to be one for
/// coming and going (USB and PCI); what USB says nothing of can be pulled out.
fn removable(devices: &Path, disk: &Path, transport: Transport) -> bool {
    if attribute(disk, "removable").as_deref() == Some("1") {
        return true;
    }
    if attribute(disk, "device/type").as_deref() == Some("SD") {
        return true;
    }
    for directory in disk.ancestors().skip(1).take_while(|directory| *directory != devices) {
        match attribute(directory, "removable").as_deref() {
            Some("removable") => return true,
            Some("fixed") => return false,
            _ => {}
        }
        let name = directory.file_name().unwrap_or_default();
        if shape(&text::decode(name.as_encoded_bytes())) == "usb#" {
            break;
        }
    }
    transport == Transport::Usb
}

/// The path with the numbers that the kernel gives out in the order of discovery (`host3`, `usb2`, `nvme1`) replaced by the
/// rank among the siblings of that kind, which is the order of the ports on the one controller above.
fn stable(devices: &Path, names: &[String]) -> String {
    if names.first().is_some_and(|name| name == "virtual") {
        return names.join("/");
    }
    let mut directory = PathBuf::from(devices);
    let mut parts = Vec::with_capacity(names.len());
    let mut above = "";
    for name in names {
        // Everything above a directory `block` tells the disk already; its letters are given out too.
        if above == "block" {
            break;
        }
        let bus_number = |separator| name.split_once(separator).map_or("", |(_, rest)| rest).to_owned();
        parts.push(if name.bytes().all(|byte| byte.is_ascii_digit() || byte == b':') {
            bus_number(':')
        } else if shape(name).starts_with("#-") {
            bus_number('-')
        } else if name.starts_with(|first: char| first.is_ascii_alphabetic()) && name != &shape(name) {
            format!("{}@{}", shape(name), rank(&directory, name))
        } else {
            name.clone()
        });
        directory.push(name);
        above = name;
    }
    parts.join("/")
}

/// How many siblings of the same shape come before it.
fn rank(directory: &Path, name: &str) -> usize {
    let Ok(siblings) = fs::read_dir(directory) else {
        return 0;
    };
    let shape_of_it = shape(name);
    // Numbers without leading zeros, so the shorter is the smaller.
    let before =
        |other: &String| shape(other) == shape_of_it && (other.len(), other.as_str()) < (name.len(), name);
    siblings.flatten().filter_map(|entry| entry.file_name().into_string().ok()).filter(before).count()
}

/// A name with each number in it as `#`.
fn shape(name: &str) -> String {
    let mut shape = String::with_capacity(name.len());
    for character in name.chars() {
        match character {
            '0'..='9' if shape.ends_with('#') => {}
            '0'..='9' => shape.push('#'),
            other => shape.push(other),
        }
    }
    shape
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn attachment(tree: &TempDir, path: &str) -> Attachment {
        fs::create_dir_all(tree.path().join(path)).unwrap();
        Attachment::of(tree.path(), &tree.path().join(path))
    }

    #[test]
    fn the_bus_is_known_by_the_way_to_the_disk() {
        let tree = TempDir::new().unwrap();
        for (path, transport, removable) in [
            ("pci0000:00/0000:00:1c.0/0000:02:00.0/nvme/nvme0/nvme0n1", Transport::Nvme, false),
            ("virtual/nvme-subsystem/nvme-subsys0/nvme0n1", Transport::Nvme, false),
            ("pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0/block/sda", Transport::Scsi, false),
            (
                "pci0000:00/0000:03:00.0/host6/port-6:0/end_device-6:0/target6:0:0/6:0:0:0/block/sdb",
                Transport::Scsi,
                false,
            ),
            ("pci0000:00/0000:00:1f.2/ata2/host1/target1:0:0/1:0:0:0/block/sr0", Transport::Optical, false),
            ("pci0000:00/0000:00:02.0/virtio1/block/vda", Transport::Virtio, false),
            ("pci0000:00/0000:00:04.0/virtio1/host2/target2:0:0/2:0:0:1/block/sdc", Transport::Virtio, false),
            (
                "pci0000:00/0000:00:14.0/usb2/2-1/2-1:1.0/host4/target4:0:0/4:0:0:0/block/sdd",
                Transport::Usb,
                true,
            ),
            ("platform/soc/3f202000.mmc/mmc_host/mmc0/mmc0:0001/block/mmcblk0", Transport::Mmc, false),
            (
                "pci0000:00/0000:00:14.0/usb1/1-4/1-4:1.0/rtsx_usb_sdmmc.2.auto/mmc_host/mmc1/mmc1:aaaa/block/mmcblk1",
                Transport::Mmc,
                false,
            ),
            ("virtual/block/dm-0", Transport::Other, false),
            ("vbd-51712/block/xvda", Transport::Other, false),
        ] {
            let found = attachment(&tree, path);
            assert_eq!((found.transport, found.removable), (transport, removable), "{path}");
        }
    }

    #[test]
    fn removable_is_what_the_nearest_that_knows_says() {
        for (file, word, removable) in [
            ("pci0000:00/0000:00:14.0/usb2/2-1/2-1:1.0/host4/block/sda/removable", "1", true),
            ("pci0000:00/0000:00:14.0/usb2/2-1/removable", "fixed", false),
            ("pci0000:00/0000:00:14.0/usb2/2-1/removable", "unknown", true),
            // The port is fixed to the board, not the stick to the port.
            ("pci0000:00/0000:00:14.0/removable", "fixed", true),
        ] {
            let tree = TempDir::new().unwrap();
            let disk = "pci0000:00/0000:00:14.0/usb2/2-1/2-1:1.0/host4/block/sda";
            fs::create_dir_all(tree.path().join(disk)).unwrap();
            fs::write(tree.path().join(file), format!("{word}\n")).unwrap();
            assert_eq!(attachment(&tree, disk).removable, removable, "{file}: {word}");
        }
        let tree = TempDir::new().unwrap();
        let disk = "pci0000:00/0000:00:1d.0/0000:3c:00.0/nvme/nvme1/nvme1n1";
        fs::create_dir_all(tree.path().join(disk)).unwrap();
        fs::write(tree.path().join("pci0000:00/0000:00:1d.0/0000:3c:00.0/removable"), "removable\n").unwrap();
        assert!(attachment(&tree, disk).removable);
    }

    #[test]
    fn the_order_of_discovery_does_not_show_in_the_path() {
        // Two boots of one machine: controllers found in another order, the same disks at the same ports.
        for (one, other) in [
            (
                [
                    "pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0/block/sda",
                    "pci0000:00/0000:00:1f.2/ata2/host1/target1:0:0/1:0:0:0/block/sdb",
                ],
                [
                    "pci0000:00/0000:00:1f.2/ata9/host8/target8:0:0/8:0:0:0/block/sdb",
                    "pci0000:00/0000:00:1f.2/ata10/host10/target10:0:0/10:0:0:0/block/sda",
                ],
            ),
            (
                [
                    "pci0000:00/0000:00:14.0/usb1/1-4/1-4:1.0/host2/target2:0:0/2:0:0:0/block/sda",
                    "pci0000:00/0000:01:00.0/nvme/nvme0/nvme0n1",
                ],
                [
                    "pci0000:00/0000:00:14.0/usb3/3-4/3-4:1.0/host0/target0:0:0/0:0:0:0/block/sdb",
                    "pci0000:00/0000:01:00.0/nvme/nvme1/nvme1n1",
                ],
            ),
            (
                ["pci0000:00/0000:00:02.0/virtio1/block/vda", "pci0000:00/0000:00:03.0/virtio2/block/vdb"],
                ["pci0000:00/0000:00:02.0/virtio2/block/vdb", "pci0000:00/0000:00:03.0/virtio0/block/vda"],
            ),
        ] {
            let paths = |disks: [&str; 2]| {
                let tree = TempDir::new().unwrap();
                for disk in disks {
                    fs::create_dir_all(tree.path().join(disk)).unwrap();
                }
                disks.map(|disk| attachment(&tree, disk).path)
            };
            assert_eq!(paths(one), paths(other));
            assert_ne!(paths(one)[0], paths(one)[1]);
        }
    }
}
