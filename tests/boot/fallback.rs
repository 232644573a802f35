//! Obstacles to a boot: disks with nothing on them, a damaged kernel, nothing at all.

use std::fs;

use qemu::disk::{Filesystem, Image, Volume};
use qemu::machine::Disk;

use crate::{LIMIT, ONE_ENTRY, bootable, debian, firstlight, one_entry_cmdline};

#[test]
fn a_disk_with_nothing_bootable_is_passed_over() {
    let data = Volume::new(Filesystem::Ext4, "data").file("/photos/1.jpeg", "no kernel");
    let data = Image::new().volume(data).build("passed-over-data").unwrap();
    let volume = bootable(Filesystem::Ext4, "system", ONE_ENTRY);
    let cmdline = one_entry_cmdline(&volume);
    let system = Image::new().volume(volume).build("passed-over-system").unwrap();
    let guest = firstlight("passed-over").disk(Disk::new(data)).disk(Disk::new(system)).start().unwrap();
    let report = guest.wait_for_report(LIMIT).unwrap();
    // What a person reads last says what was started.
    guest.wait_for_text("Starting The only one after ", LIMIT).unwrap();
    guest.wait_for_text("  /boot/vmlinuz on ", LIMIT).unwrap();
    guest.wait_for_text(&format!("  {cmdline}"), LIMIT).unwrap();
    assert_eq!((report.kexec, report.cmdline), (true, cmdline));
    // Which of the disks the kernel calls vda depends on which starts first.
    guest.wait_for_landmark("volume", &[("label", "data")], LIMIT).unwrap();
}

#[test]
fn a_damaged_kernel_is_reported_and_the_next_entry_boots() {
    let configuration = "set timeout=0
menuentry 'Damaged' --id damaged {
    linux /boot/damaged console=ttyS0 quiet first
    initrd /boot/initrd
}
menuentry 'Whole' --id whole {
    linux /boot/vmlinuz console=ttyS0 quiet second
    initrd /boot/initrd
}
";
    let mut kernel = fs::read(debian().kernel()).unwrap();
    // The setup header, up to the end of its first sector's second half.
    kernel[0x1f1..0x300].fill(0);
    let volume = bootable(Filesystem::Ext4, "damaged", configuration).file("/boot/damaged", kernel);
    let image = Image::new().volume(volume).build("damaged").unwrap();
    let guest = firstlight("damaged").disk(Disk::new(image)).start().unwrap();
    let report = guest.wait_for_report(LIMIT).unwrap();
    assert_eq!(
        (report.kexec, report.cmdline.as_str()),
        (true, "BOOT_IMAGE=/boot/vmlinuz console=ttyS0 quiet second")
    );
    let failure = guest.wait_for_landmark("fail", &[("stage", "load"), ("id", "damaged")], LIMIT).unwrap();
    assert!(failure.field("reason").contains("/boot/damaged"), "{failure:?}");
    let order: Vec<String> = guest
        .landmarks()
        .iter()
        .filter(|landmark| matches!(landmark.name.as_str(), "load" | "fail" | "jump"))
        .map(|landmark| format!("{} {}", landmark.name, landmark.field("id")))
        .collect();
    assert_eq!(order, ["load damaged", "fail damaged", "load whole", "jump whole"]);
}

#[test]
fn when_nothing_boots_the_reason_is_shown_for_each_device_and_pid_1_lives() {
    let image = Image::new()
        .volume(Volume::new(Filesystem::Ext4, "data").file("/photos/1.jpeg", "no kernel"))
        .volume(Volume::new(Filesystem::Nothing, "nothing"))
        .build("nothing-boots")
        .unwrap();
    let mut guest = firstlight("nothing-boots").disk(Disk::new(image)).start().unwrap();
    for (device, reason) in [
        ("vda1", "ext4, no boot configuration, no kernel in / or /boot"),
        ("vda2", "no file system that is known"),
    ] {
        let explained = guest.wait_for_landmark("explain", &[("device", device)], LIMIT).unwrap();
        assert_eq!(explained.field("reason"), reason);
    }
    // It waits for a person, and does what PID 1 alone can do.
    guest.send("r").unwrap();
    guest.wait_for_text("rescue /> ", LIMIT).unwrap();
    guest.send("poweroff\n").unwrap();
    guest.wait_off(LIMIT).unwrap();
}
