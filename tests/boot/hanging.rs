//! Disks whose driver never ends its start, beside a good one.

use qemu::disk::{Filesystem, Image, Volume};
use qemu::machine::{Bus, Disk};

use crate::{LIMIT, ONE_ENTRY, bootable, firstlight};

/// Starts a machine with a disk that hangs and a good one, and waits until the good one's kernel is loaded and the jump begins. The
/// jump itself waits for the driver: the kernel shuts down each device first.
fn a_good_disk_is_chosen_beside_one_that_hangs(
    name: &str,
    bus: Bus,
    (landmark, field): (&str, &str),
    hanging: &str,
) {
    let data = Volume::new(Filesystem::Ext4, "data").file("/photos/1.jpeg", "no kernel");
    let data = Image::new().volume(data).build(&format!("{name}-data")).unwrap();
    let system = Image::new().volume(bootable(Filesystem::Ext4, name, ONE_ENTRY)).build(name).unwrap();
    let hanging_disk = Disk::new(data).bus(bus).hanging();
    let guest = firstlight(name).disk(hanging_disk).disk(Disk::new(system)).start().unwrap();
    guest.wait_for_landmark("jump", &[("id", "only")], LIMIT).unwrap();
    let named = guest.wait_for_landmark(landmark, &[], LIMIT).unwrap();
    assert_eq!(named.field(field), hanging);
}

#[test]
fn a_good_disk_is_chosen_beside_a_scsi_disk_that_hangs() {
    a_good_disk_is_chosen_beside_one_that_hangs(
        "hanging-scsi",
        Bus::Scsi,
        ("deadline", "waiting-for"),
        "sda",
    );
}

#[test]
fn a_good_disk_is_chosen_beside_an_nvme_disk_that_hangs() {
    a_good_disk_is_chosen_beside_one_that_hangs("hanging-nvme", Bus::Nvme, ("late", "device"), "nvme0n1");
}
