//! Disks that do not answer, on every bus, under Debian's kernel with its modules and under the firmware kernel, whose drivers start
//! before firstlight does.

use qemu::machine::{Bus, Firmware, Machine};
use qemu::{firmware_kernel, payload};

use crate::firstlight;
use crate::hanging::a_good_disk_boots_beside_one_that_hangs;

/// A bus, and what a disk of it is called that comes before one on virtio. usb-storage waits a second before it looks at a disk (its
/// parameter delay_use), and no driver's start waits for that: the other disk has booted by then.
const BUSES: [(&str, Bus, &[&str]); 5] = [
    ("virtio", Bus::Virtio, &["vda", "vdb"]),
    ("scsi", Bus::Scsi, &["sda"]),
    ("nvme", Bus::Nvme, &["nvme0n1"]),
    ("ahci", Bus::Ahci, &["sda"]),
    ("usb", Bus::Usb, &[]),
];

#[test]
fn a_good_disk_boots_beside_one_that_hangs_under_debians_kernel() {
    for (bus_name, bus, device) in BUSES {
        let name = format!("hanging-debian-{bus_name}");
        a_good_disk_boots_beside_one_that_hangs(&name, firstlight(&name), bus, device);
    }
}

#[test]
fn a_good_disk_boots_beside_one_that_hangs_under_the_firmware_kernel() {
    let (kernel, initramfs) =
        (firmware_kernel::plain().unwrap(), payload::firstlight_without_modules().unwrap());
    for (bus_name, bus, device) in BUSES {
        let name = format!("hanging-firmware-{bus_name}");
        let machine = Machine::new(&name).firmware(Firmware::None);
        let machine = machine.kernel(&kernel, &initramfs, "console=ttyS0 quiet");
        a_good_disk_boots_beside_one_that_hangs(&name, machine, bus, device);
    }
}
