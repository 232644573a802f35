//! Disks whose driver never ends its start, beside a good one.

use qemu::disk::{Filesystem, Image, Volume};
use qemu::guest::Landmark;
use qemu::machine::{Bus, Disk};

use crate::{LIMIT, ONE_ENTRY, bootable, firstlight};

/// Starts a machine with a disk that hangs and a good one, and waits until the good one's kernel is loaded and the jump begins. The
/// jump itself waits for the driver: the kernel shuts down each device first.
fn a_good_disk_is_chosen_beside_one_that_hangs(name: &str, bus: Bus, hanging: &[&str]) {
    let data = Volume::new(Filesystem::Ext4, "data").file("/photos/1.jpeg", "no kernel");
    let data = Image::new().volume(data).build(&format!("{name}-data")).unwrap();
    let system = Image::new().volume(bootable(Filesystem::Ext4, name, ONE_ENTRY)).build(name).unwrap();
    let hanging_disk = Disk::new(data).bus(bus).hanging();
    let guest = firstlight(name).disk(hanging_disk).disk(Disk::new(system)).start().unwrap();
    guest.wait_for_landmark("jump", &[("id", "only")], LIMIT).unwrap();
    // The disk's own time began a little after the survey's; either may be over first, and names it.
    let names_it = |landmark: &Landmark| match &*landmark.name {
        "deadline" => landmark.field("waiting-for").split(',').any(|device| hanging.contains(&device)),
        "late" => hanging.contains(&landmark.field("device")),
        _ => false,
    };
    let landmarks = guest.landmarks();
    assert!(landmarks.iter().any(names_it), "{landmarks:?}");
}

#[test]
fn a_good_disk_is_chosen_beside_a_scsi_disk_that_hangs() {
    a_good_disk_is_chosen_beside_one_that_hangs("hanging-scsi", Bus::Scsi, &["sda"]);
}

#[test]
fn a_good_disk_is_chosen_beside_an_nvme_disk_that_hangs() {
    a_good_disk_is_chosen_beside_one_that_hangs("hanging-nvme", Bus::Nvme, &["nvme0n1", "nvme nvme0"]);
}
