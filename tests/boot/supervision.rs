//! A worker that dies in the middle of its work.

use std::io::{BufRead, BufReader, Write};

use qemu::disk::{Filesystem, Image};
use qemu::machine::{Disk, Firmware, Machine};
use qemu::payload;

use crate::{LIMIT, bootable, debian};

/// The kernel's `rdinit` is the rig's `/kill-worker`, which leaves a child that kills the worker when the rig says so,
/// and becomes the unchanged `/init`.
#[test]
fn a_worker_killed_while_it_loads_is_started_again_and_the_boot_completes() {
    let configuration = "set timeout=0
menuentry 'First' --id first {
    linux /boot/vmlinuz console=ttyS0 quiet first
    initrd /boot/initrd
}
menuentry 'Second' --id second {
    linux /boot/vmlinuz console=ttyS0 quiet second
    initrd /boot/initrd
}
";
    let image =
        Image::new().volume(bootable(Filesystem::Ext4, "killed", configuration)).build("killed").unwrap();
    let initramfs = payload::firstlight_with_killer(debian()).unwrap();
    let guest = Machine::new("killed")
        .firmware(Firmware::None)
        .kernel(&debian().kernel(), &initramfs, "console=ttyS0 quiet rdinit=/kill-worker")
        .disk(Disk::new(image))
        .second_serial()
        .start()
        .unwrap();
    guest.wait_for_landmark("load", &[("id", "first")], LIMIT).unwrap();
    let mut port = guest.second_serial().unwrap();
    port.write_all(b"kill\n").unwrap();
    port.set_read_timeout(Some(LIMIT)).unwrap();
    let mut answers = BufReader::new(port).lines().map(Result::unwrap);
    answers.find(|line| line.starts_with("killed ")).unwrap();
    guest.wait_for_landmark("worker", &[("state", "died"), ("signal", "9")], LIMIT).unwrap();
    // It died on the first entry, which is passed over.
    let report = guest.wait_for_report(LIMIT).unwrap();
    assert_eq!(
        (report.kexec, report.cmdline.as_str()),
        (true, "BOOT_IMAGE=/boot/vmlinuz console=ttyS0 quiet second")
    );
}
