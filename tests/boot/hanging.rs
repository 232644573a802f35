//! Disks that do not answer, beside a good one: it boots, and they are named.

use std::time::Duration;

use qemu::disk::{Filesystem, Image, Volume};
use qemu::guest::Landmark;
use qemu::machine::{Bus, Disk, Machine};

use crate::{LIMIT, ONE_ENTRY, bootable, firstlight};

/// From the jump's landmark to the next kernel's report: what is waited for before the kernel shuts its devices down, and the start
/// of the next kernel, translated on a busy machine. A disk that is waited for takes longer, by its driver's time or for ever.
const JUMP_LIMIT: Duration = Duration::from_secs(90);

/// Attaches a disk that hangs and then a good one to a machine with firstlight, and waits until the good one's kernel runs. The
/// disk that hangs has one of these names, which the good one may have, too (drivers start side by side), and is named, unless it
/// appears after the boot: then there are none.
pub(crate) fn a_good_disk_boots_beside_one_that_hangs(
    name: &str,
    machine: Machine,
    bus: Bus,
    hanging: &[&str],
) {
    let data = Volume::new(Filesystem::Ext4, "data").file("/photos/1.jpeg", "no kernel");
    let data = Image::new().volume(data).build(&format!("{name}-data")).unwrap();
    let system = Image::new().volume(bootable(Filesystem::Ext4, name, ONE_ENTRY)).build(name).unwrap();
    let guest = machine.disk(Disk::new(data).bus(bus).hanging()).disk(Disk::new(system)).start().unwrap();
    guest.wait_for_landmark("jump", &[("id", "only")], LIMIT).unwrap();
    assert!(guest.wait_for_report(JUMP_LIMIT).unwrap().kexec);
    let landmarks = guest.landmarks();
    let good =
        landmarks.iter().find(|landmark| landmark.name == "volume").unwrap().field("device").to_owned();
    // The disk's own time began a little after the survey's; either may be over first, and names it.
    let is_it = |device: &str| hanging.contains(&device) && !good.starts_with(device);
    let names_it = |landmark: &Landmark| match &*landmark.name {
        "deadline" => landmark.field("waiting-for").split(',').any(is_it),
        "late" => is_it(landmark.field("device")),
        _ => false,
    };
    assert!(hanging.is_empty() || landmarks.iter().any(names_it), "{landmarks:?}");
}

#[test]
fn a_good_disk_boots_beside_a_scsi_disk_that_hangs() {
    let name = "hanging-scsi";
    a_good_disk_boots_beside_one_that_hangs(name, firstlight(name), Bus::Scsi, &["sda"]);
}

#[test]
fn a_good_disk_boots_beside_an_nvme_disk_that_hangs() {
    let name = "hanging-nvme";
    a_good_disk_boots_beside_one_that_hangs(name, firstlight(name), Bus::Nvme, &["nvme0n1"]);
}
