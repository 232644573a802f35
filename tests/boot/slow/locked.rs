//! GRUB's users beside GRUB itself: who boots what, by the same names and passwords, typed on the same serial line.

use qemu::Report;
use qemu::disk::{Filesystem, Image};
use qemu::guest::Guest;
use qemu::loader::grub;
use qemu::machine::{Disk, Firmware, Machine};

use crate::{LIMIT, bootable, firstlight};

/// One entry for a user, one for superusers, and one for everybody. The hash is of `gift`, made by Python's
/// hashlib.
const CONFIGURATION: &str = "serial --unit=0 --speed=115200
terminal_input serial
terminal_output serial
set timeout=0
set default=@DEFAULT
set superusers=root
password root secret
password_pbkdf2 guest grub.pbkdf2.sha512.1000.A0A1A2A3A4A5A6A7.80AB5ECF430BC7F26C4012A5F240EB548F91DA73
password stranger strange
menuentry 'Of the house' --id house --users guest {
    linux @KERNEL console=ttyS0 quiet house
    initrd /boot/initrd
}
menuentry 'For guests' --id guests --unrestricted {
    linux @KERNEL console=ttyS0 quiet guests
    initrd /boot/initrd
}
menuentry 'Of the owner' --id owner --users '' {
    linux @KERNEL console=ttyS0 quiet owner
    initrd /boot/initrd
}
";

/// The last word of what boots after the question has been answered; `None` where the answer is refused.
fn booted(guest: &Guest, refused: &str) -> Option<String> {
    let outcome = guest.wait("what comes of it", LIMIT, |line| match Report::parse(&line.text) {
        Some(report) => Some(report.cmdline.rsplit(' ').next().map(str::to_owned)),
        None => line.text.contains(refused).then_some(None),
    });
    outcome.unwrap()
}

#[test]
fn whoever_grub_lets_boot_an_entry_boots_it_and_nobody_else() {
    for default in ["house", "owner"] {
        let name = format!("locked-{default}");
        let volume = bootable(Filesystem::Ext4, &name, &CONFIGURATION.replace("@DEFAULT", default));
        let disk = Image::mbr().volume(volume).build(&name).unwrap();
        grub::install(&disk, grub::Release::Debian12, &["serial", "terminal", "password", "password_pbkdf2"])
            .unwrap();
        for (user, password) in
            [("root", "secret"), ("guest", "gift"), ("guest", "secret"), ("stranger", "strange")]
        {
            let machine = Machine::new(&format!("{name}-grub")).firmware(Firmware::Bios);
            let mut grub = machine.disk(Disk::new(&disk).boot_index(0)).start().unwrap();
            for (question, answer) in [("Enter username:", user), ("Enter password:", password)] {
                grub.wait_for_text(question, LIMIT).unwrap();
                grub.send(&format!("{answer}\r")).unwrap();
            }
            let by_grub = booted(&grub, "access denied");
            drop(grub);

            let mut guest = firstlight(&name).disk(Disk::new(&disk)).start().unwrap();
            guest.wait_for_landmark("password", &[("for", default)], LIMIT).unwrap();
            guest.send(&format!("{user}\r{password}\r")).unwrap();
            assert_eq!(booted(&guest, "@wrong-password"), by_grub, "{default}: {user} {password}");
            // Superusers boot everything.
            assert!(user != "root" || by_grub.as_deref() == Some(default), "{by_grub:?}");
        }
    }
}
