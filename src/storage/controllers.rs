//! Storage controllers that no driver has taken, and disks that their driver has not started: why a machine may show no disk (PCI Code and ID Assignment Specification for
//! the classes, the virtio specification for the device ids, the drivers' own tables in Linux for their modules).

use crate::formats::sort;
use std::{fs, path::Path};

/// Maximum number of controllers that are described.
const LIMIT: usize = 16;

/// A storage controller without a driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Controller {
    /// Its bus and its address there: `pci 0000:00:04.0`.
    pub place: String,
    /// Vendor and device, and on PCI the class: `1af4:1001, class 0100`.
    pub ids: String,
    /// The module that would drive it, as far as that is known.
    pub module: Option<&'static str>,
}

/// Drivers of PCI devices by the first digits of the class and by the vendor, empty for any. The first row counts.
const PCI: &[(&str, &str, &str)] = &[
    ("01", "1af4", "virtio_pci"),
    ("01", "15ad", "vmw_pvscsi"),
    ("0101", "", "ata_piix or ata_generic"),
    ("0104", "1000", "megaraid_sas"),
    ("0104", "103c", "hpsa"),
    ("0104", "8086", "vmd (or change the disks' mode in the firmware from RAID to AHCI)"),
    ("0104", "9005", "smartpqi or aacraid"),
    ("0106", "", "ahci"),
    ("0100", "1000", "mptspi or sym53c8xx"),
    ("0107", "1000", "mpt3sas"),
    ("0107", "9005", "smartpqi"),
    ("0108", "", "nvme"),
    ("0805", "", "sdhci_pci"),
    ("0c0310", "", "ohci_pci"),
    ("0c0320", "", "ehci_pci"),
    ("0c0330", "", "xhci_pci"),
];

/// Drivers of virtio devices by their device id.
const VIRTIO: &[(&str, &str)] = &[(VIRTIO_DISK, "virtio_blk"), ("0008", "virtio_scsi")];

const VIRTIO_DISK: &str = "0002";

/// Classes of controllers of disks: mass storage, SD hosts, USB hosts.
const CLASSES: &[&str] = &["01", "0805", "0c03"];

/// The storage controllers of a machine, in a tree like /sys, that no driver has taken, in the order of their addresses.
#[must_use]
pub fn without_driver(sys: &Path) -> Vec<Controller> {
    let mut found = Vec::new();
    for (bus, describe) in [("pci", pci as fn(&Path) -> Option<_>), ("virtio", virtio)] {
        let devices = fs::read_dir(sys.join("bus").join(bus).join("devices")).into_iter().flatten().flatten();
        let mut devices: Vec<_> = devices.map(|device| device.path()).collect();
        sort::ascending(&mut devices);
        for device in devices.iter().filter(|device| !device.join("driver").exists()) {
            let Some((ids, module)) = describe(device) else { continue };
            let address = device.file_name().unwrap_or_default().to_string_lossy();
            found.push(Controller { place: format!("{bus} {address}"), ids, module });
        }
    }
    found.truncate(LIMIT);
    found
}

/// Disks, in a tree like /sys, that a driver has taken and has made no block device for, by bus and address.
#[must_use]
pub fn starting(sys: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for (place, is_starting) in [
        ("bus/scsi", is_starting_scsi as fn(&Path) -> bool),
        ("bus/virtio", is_starting_virtio),
        ("class/nvme", is_starting_nvme),
    ] {
        let directory = sys.join(place);
        let devices = fs::read_dir(directory.join("devices")).or_else(|_| fs::read_dir(directory));
        let devices = devices.into_iter().flatten().flatten().map(|device| device.path());
        let named = devices.filter(|device| is_starting(device)).filter_map(|device| {
            let bus = place.rsplit('/').next()?;
            Some(format!("{bus} {}", device.file_name()?.to_string_lossy()))
        });
        found.extend(named);
    }
    sort::ascending(&mut found);
    found.truncate(LIMIT);
    found
}

/// SCSI's types of devices with blocks: disks, optical discs and memories, zoned disks (drivers/scsi/sd.c, sr.c).
const BLOCK_TYPES: &[&str] = &["0", "5", "7", "14", "20"];

fn is_starting_scsi(device: &Path) -> bool {
    let kind = fs::read_to_string(device.join("type")).unwrap_or_default();
    BLOCK_TYPES.contains(&kind.trim()) && device.join("driver").exists() && !device.join("block").exists()
}

fn is_starting_virtio(device: &Path) -> bool {
    let is_disk = number(device, "device").is_some_and(|id| id == VIRTIO_DISK);
    is_disk && device.join("driver").exists() && !device.join("block").exists()
}

/// A controller that works is "live" (nvme_sysfs_show_state in drivers/nvme/host/sysfs.c).
fn is_starting_nvme(controller: &Path) -> bool {
    let state = fs::read_to_string(controller.join("state")).unwrap_or_default();
    ["new", "connecting", "resetting"].contains(&state.trim())
}

fn pci(device: &Path) -> Option<(String, Option<&'static str>)> {
    let (vendor, id, class) =
        (number(device, "vendor")?, number(device, "device")?, number(device, "class")?);
    if !CLASSES.iter().any(|start| class.starts_with(start)) {
        return None;
    }
    let row =
        PCI.iter().find(|(start, own, _)| class.starts_with(start) && (own.is_empty() || *own == vendor));
    let class = class.get(..4).unwrap_or(&class);
    Some((format!("{vendor}:{id}, class {class}"), row.map(|(.., module)| *module)))
}

fn virtio(device: &Path) -> Option<(String, Option<&'static str>)> {
    let (vendor, id) = (number(device, "vendor")?, number(device, "device")?);
    let (_, module) = VIRTIO.iter().find(|(own, _)| *own == id)?;
    Some((format!("{vendor}:{id}"), Some(module)))
}

/// The digits of a number in hexadecimal, as sysfs has it: `0x010601`.
fn number(device: &Path, name: &str) -> Option<String> {
    let text = fs::read_to_string(device.join(name)).ok()?;
    let digits = text.trim().strip_prefix("0x")?;
    digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| digits.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn disks_that_a_driver_has_taken_and_not_started_are_named() {
        let tree = TempDir::new().unwrap();
        let add = |device: &str, files: &[(&str, &str)]| {
            let device = tree.path().join(device);
            fs::create_dir_all(&device).unwrap();
            for (file, content) in files {
                fs::write(device.join(file), format!("{content}\n")).unwrap();
            }
        };
        let taken = ("driver", "");
        let started = ("block", "");
        add("bus/scsi/devices/2:0:0:0", &[("type", "0"), taken]);
        add("bus/scsi/devices/2:0:1:0", &[("type", "0"), taken, started]);
        // Its driver is missing; an enclosure.
        add("bus/scsi/devices/2:0:2:0", &[("type", "0")]);
        add("bus/scsi/devices/2:0:3:0", &[("type", "13"), taken]);
        add("bus/scsi/devices/host2", &[]);
        add("bus/virtio/devices/virtio0", &[("device", "0x0002"), taken]);
        add("bus/virtio/devices/virtio1", &[("device", "0x0002"), taken, started]);
        add("bus/virtio/devices/virtio2", &[("device", "0x0008"), taken]);
        add("class/nvme/nvme0", &[("state", "connecting")]);
        add("class/nvme/nvme1", &[("state", "live")]);
        assert_eq!(starting(tree.path()), ["nvme nvme0", "scsi 2:0:0:0", "virtio virtio0"]);
    }

    #[test]
    fn controllers_without_a_driver_are_named_with_the_module_that_would_drive_them() {
        let tree = TempDir::new().unwrap();
        let add = |bus: &str, name: &str, files: &[(&str, &str)]| {
            let device = tree.path().join("bus").join(bus).join("devices").join(name);
            fs::create_dir_all(&device).unwrap();
            for (file, content) in files {
                fs::write(device.join(file), format!("{content}\n")).unwrap();
            }
        };
        let ids = |vendor, device, class| [("vendor", vendor), ("device", device), ("class", class)];
        add("pci", "0000:00:1f.2", &ids("0x8086", "0x2922", "0x010601"));
        add("pci", "0000:00:04.0", &ids("0x1b36", "0x0010", "0x010802"));
        add("pci", "0000:00:05.0", &ids("0x1234", "0x5678", "0x010700"));
        // A network card, and a controller that has its driver.
        add("pci", "0000:00:02.0", &ids("0x8086", "0x100e", "0x020000"));
        add("pci", "0000:00:03.0", &[&ids("0x1af4", "0x1001", "0x010000")[..], &[("driver", "")]].concat());
        add("virtio", "virtio0", &[("vendor", "0x1af4"), ("device", "0x0002")]);
        add("virtio", "virtio1", &[("vendor", "0x1af4"), ("device", "0x0001")]);
        let controller =
            |place: &str, ids: &str, module| Controller { place: place.into(), ids: ids.into(), module };
        assert_eq!(
            without_driver(tree.path()),
            [
                controller("pci 0000:00:04.0", "1b36:0010, class 0108", Some("nvme")),
                controller("pci 0000:00:05.0", "1234:5678, class 0107", None),
                controller("pci 0000:00:1f.2", "8086:2922, class 0106", Some("ahci")),
                controller("virtio virtio0", "1af4:0002", Some("virtio_blk")),
            ]
        );
    }
}
