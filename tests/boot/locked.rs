//! A boot loader's passwords: what it would not boot for everybody does not boot here either.

use qemu::disk::{Filesystem, Image};
use qemu::machine::Disk;

use crate::{LIMIT, ONE_ENTRY, bootable, firstlight};

/// The default is for those who know the password, its other entry for everybody.
const CONFIGURATION: &str = "set timeout=0
set superusers=root
password root secret
menuentry 'Of the house' --id house {
    linux @KERNEL console=ttyS0 quiet house
    initrd /boot/initrd
}
menuentry 'For guests' --id guests --unrestricted {
    linux @KERNEL console=ttyS0 quiet guests
    initrd /boot/initrd
}
";

#[test]
fn a_locked_default_stops_and_only_what_its_loader_gives_everybody_can_be_chosen() {
    let own = bootable(Filesystem::Ext4, "locked", CONFIGURATION);
    let own = Image::new().volume(own).build("locked-own").unwrap();
    let other = bootable(Filesystem::Ext4, "other", ONE_ENTRY);
    let other = Image::new().volume(other).build("locked-other").unwrap();
    let mut guest = firstlight("locked").disk(Disk::new(own)).disk(Disk::new(other)).start().unwrap();
    guest.wait_for_landmark("locked", &[("id", "house")], LIMIT).unwrap();
    guest.wait_for_text("Of the house is locked: nothing boots on its own.", LIMIT).unwrap();
    // Neither the rescue console nor an entry of the other disk, which is the third row.
    guest.send("r").unwrap();
    guest.wait_for_text("The rescue console is locked: the boot loader's configuration asks", LIMIT).unwrap();
    guest.send("3\r").unwrap();
    guest.wait_for_text("The only one is locked: the boot loader's configuration asks", LIMIT).unwrap();
    guest.send("2\r").unwrap();
    let report = guest.wait_for_report(LIMIT).unwrap();
    assert_eq!(report.cmdline, "BOOT_IMAGE=/boot/vmlinuz console=ttyS0 quiet guests");
    let landmarks = guest.landmarks();
    let jumps = landmarks.iter().filter(|landmark| landmark.name == "jump");
    assert_eq!(jumps.map(|landmark| landmark.field("id")).collect::<Vec<_>>(), ["guests"]);
}
