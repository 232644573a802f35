//! Disks that do not answer, on every bus.

use qemu::machine::Bus;

use crate::firstlight;
use crate::hanging::a_good_disk_boots_beside_one_that_hangs;

/// A bus, and what a disk of it is called that comes before one on virtio.
const BUSES: [(&str, Bus, &str); 5] = [
    ("virtio", Bus::Virtio, "vda"),
    ("scsi", Bus::Scsi, "sda"),
    ("nvme", Bus::Nvme, "nvme0n1"),
    ("ahci", Bus::Ahci, "sda"),
    ("usb", Bus::Usb, "sda"),
];

#[test]
fn a_good_disk_boots_beside_one_that_hangs_under_debians_kernel() {
    for (bus_name, bus, device) in BUSES {
        let name = format!("hanging-debian-{bus_name}");
        a_good_disk_boots_beside_one_that_hangs(&name, firstlight(&name), bus, &[device]);
    }
}
