//! A boot loader's passwords: what it would not boot for everybody does not boot here either, and boots for those who know them.

use qemu::disk::{Filesystem, Image};
use qemu::machine::Disk;

use crate::{LIMIT, ONE_ENTRY, bootable, firstlight};

/// The default is for those who know the password, which is `secret`, hashed by Python's hashlib; its other entry for everybody.
const CONFIGURATION: &str = "set timeout=0
set superusers=root
password_pbkdf2 root grub.pbkdf2.sha512.1000.A0A1A2A3A4A5A6A7.8560E3EAD897AE6D14ACEE134659EE24C082822D
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
fn a_locked_default_asks_and_only_what_its_loader_gives_everybody_boots_without_a_password() {
    let own = bootable(Filesystem::Ext4, "locked", CONFIGURATION);
    let own = Image::new().volume(own).build("locked-own").unwrap();
    let other = bootable(Filesystem::Ext4, "other", ONE_ENTRY);
    let other = Image::new().volume(other).build("locked-other").unwrap();
    let mut guest = firstlight("locked").disk(Disk::new(own)).disk(Disk::new(other)).start().unwrap();
    let asks = |guest: &qemu::guest::Guest, what: &str| {
        guest.wait_for_landmark("password", &[("for", what)], LIMIT).unwrap();
    };
    guest.wait_for_landmark("locked", &[("id", "house")], LIMIT).unwrap();
    asks(&guest, "house");
    guest.send("root\rwrong\r").unwrap();
    guest.wait_for_landmark("wrong-password", &[("wait", "1")], LIMIT).unwrap();
    // After its second, back to the menu: the rescue console and the entry of the other disk ask, too.
    asks(&guest, "house");
    guest.send("\x1b").unwrap();
    guest.wait_for_text("r: rescue", LIMIT).unwrap();
    guest.send("r").unwrap();
    asks(&guest, "rescue");
    guest.send("\x03").unwrap();
    guest.wait_for_text("r: rescue", LIMIT).unwrap();
    guest.send("3\r").unwrap();
    asks(&guest, "only");
    guest.send("\x03").unwrap();
    guest.wait_for_text("r: rescue", LIMIT).unwrap();
    guest.send("2\r").unwrap();
    let report = guest.wait_for_report(LIMIT).unwrap();
    assert_eq!(report.cmdline, "BOOT_IMAGE=/boot/vmlinuz console=ttyS0 quiet guests");
    let landmarks = guest.landmarks();
    let jumps = landmarks.iter().filter(|landmark| landmark.name == "jump");
    assert_eq!(jumps.map(|landmark| landmark.field("id")).collect::<Vec<_>>(), ["guests"]);
}
