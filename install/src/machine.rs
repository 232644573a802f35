//! Which modules this machine's disks, keyboards and consoles need, as sysfs tells (kernel: Documentation/ABI/stable/sysfs-bus-usb
//! and others: `modalias`).

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use firstlight::entry::FilesystemKind;
use firstlight::formats::superblock::probe;
use firstlight::storage::sysfs::Sysfs;
use firstlight::sys::files;
use initramfs::modules::GROUPS;

use crate::esp::{Disk, Mounted};
use crate::system::System;

/// Groups that every machine gets: what the ESP and the logs of file systems are read with, and a screen.
const ALWAYS: [&str; 4] = ["nls", "checksums", "framebuffer", "keyboard"];

/// Single modules that every machine gets: a log that waits to be replayed is replayed in a snapshot.
const MODULES: [&str; 6] = ["vfat", "efivarfs", "loop", "dm_mod", "dm_snapshot", "ext4"];

/// Groups for keyboards and sticks that are plugged in later, where there is USB.
const USB: [&str; 3] = ["usb-host", "usb-storage", "usb-hid"];

/// Classes of devices that are needed, and the attribute that tells which of them.
const CLASSES: [&str; 3] = ["block", "input", "watchdog"];

/// Bit of the Enter key in an input device's `capabilities/key` (kernel: include/uapi/linux/input-event-codes.h).
const ENTER: u64 = 1 << 28;

/// The requests that the modules come to, for [`initramfs::modules::Source::machine`]: sorted, each once.
#[must_use]
pub fn requests(system: &System, mounts: &[Mounted]) -> Vec<String> {
    let sys = system.path("/sys");
    let mut requests: BTreeSet<String> = MODULES.map(str::to_owned).into();
    let mut groups: BTreeSet<&str> = ALWAYS.into();
    for class in CLASSES {
        for entry in fs::read_dir(sys.join("class").join(class)).into_iter().flatten().flatten() {
            let Ok(device) = fs::canonicalize(entry.path()) else { continue };
            if class != "input" || is_keyboard(&device) {
                add_ancestors(&sys, &device, &mut requests);
            }
        }
    }
    if requests.iter().any(|request| request.starts_with("usb:")) || sys.join("bus/usb/devices/usb1").exists()
    {
        groups.extend(USB);
    }
    let sysfs = Sysfs::at(&sys);
    let kinds = mounts.iter().map(|mounted| mounted.kind.clone());
    let mut kinds: BTreeSet<String> = kinds.collect();
    for name in sysfs.names() {
        groups.extend(name.starts_with("md").then_some("md"));
        groups.extend(name.starts_with("dm-").then_some("dm"));
        let file = files::open_at_once(&system.path("/dev").join(&name)).and_then(Disk::new);
        match file.and_then(|disk| probe(&disk)).ok().flatten().map(|found| found.kind) {
            Some(FilesystemKind::Luks) => groups.extend(["dm", "encryption"]),
            Some(FilesystemKind::Lvm2) => groups.extend(["dm"]),
            Some(FilesystemKind::Raid) => groups.extend(["md"]),
            Some(kind) => kinds.extend(module(kind).map(str::to_owned)),
            None => {}
        }
    }
    let of_groups = |names: &mut dyn Iterator<Item = &str>| -> Vec<String> {
        let names: Vec<&str> = names.collect();
        let chosen = GROUPS.iter().filter(|group| names.contains(&group.name));
        chosen.flat_map(|group| group.modules).map(|&module| module.to_owned()).collect()
    };
    requests.extend(of_groups(&mut groups.iter().copied()));
    let known = of_groups(&mut std::iter::once("file-systems"));
    requests.extend(known.into_iter().filter(|module| kinds.contains(module)));
    requests.into_iter().collect()
}

/// The module that mounts a file system, where that has another name than it.
fn module(kind: FilesystemKind) -> Option<&'static str> {
    Some(match kind {
        FilesystemKind::Ext2 | FilesystemKind::Ext3 | FilesystemKind::Ext4 => "ext4",
        FilesystemKind::Vfat => "vfat",
        FilesystemKind::Exfat => "exfat",
        FilesystemKind::Xfs => "xfs",
        FilesystemKind::Btrfs => "btrfs",
        FilesystemKind::Iso9660 => "isofs",
        FilesystemKind::Squashfs => "squashfs",
        FilesystemKind::F2fs => "f2fs",
        FilesystemKind::Erofs => "erofs",
        FilesystemKind::Udf => "udf",
        _ => return None,
    })
}

/// Adds what a device and all that it hangs on are known by, and the modules that drive them now.
fn add_ancestors(sys: &Path, device: &Path, requests: &mut BTreeSet<String>) {
    let Ok(devices) = fs::canonicalize(sys.join("devices")) else { return };
    for directory in device.ancestors().take_while(|directory| **directory != *devices) {
        let alias = fs::read_to_string(directory.join("modalias")).unwrap_or_default();
        requests.extend(Some(alias.trim().to_owned()).filter(|alias| !alias.is_empty()));
        let driver = fs::read_link(directory.join("driver/module"));
        let name = driver.ok().and_then(|target| Some(target.file_name()?.to_str()?.to_owned()));
        requests.extend(name);
    }
}

/// Whether an input device has an Enter key.
fn is_keyboard(device: &Path) -> bool {
    let keys = ["device/capabilities/key", "capabilities/key"];
    let keys = keys.iter().find_map(|name| fs::read_to_string(device.join(name)).ok()).unwrap_or_default();
    let lowest = keys.split_whitespace().last().and_then(|word| u64::from_str_radix(word, 16).ok());
    lowest.is_some_and(|word| word & ENTER != 0)
}
