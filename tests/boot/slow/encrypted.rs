//! Containers that cryptsetup made, opened at the rescue console.

use std::fs;

use qemu::console::Line;
use qemu::encrypted::{self, KINDS, OTHER, PASSPHRASE};
use qemu::machine::{Disk, Firmware, Machine};
use qemu::{firmware_kernel, payload, place};
use sha2::{Digest, Sha256};

use crate::rescue::Rescue;
use crate::{LIMIT, debian};

#[test]
fn containers_of_every_kind_are_opened_and_an_entry_in_one_boots() {
    let name = "encrypted";
    let configuration = "menuentry 'In a container' --id inside {
    linux /boot/vmlinuz console=ttyS0 quiet inside
    initrd /boot/initrd
}
";
    let files: [(&str, &[u8]); 3] = [
        ("/boot/vmlinuz", &fs::read(debian().kernel()).unwrap()),
        ("/boot/initrd", &payload::probe_initrd(name).unwrap()),
        ("/boot/grub/grub.cfg", configuration.as_bytes()),
    ];
    let disk = encrypted::disk(debian(), name, &files).unwrap();
    let before = Sha256::digest(fs::read(&disk).unwrap());
    let (kernel, initramfs) = (firmware_kernel::plain().unwrap(), payload::firstlight_with_luks().unwrap());
    let machine = Machine::new(name).firmware(Firmware::None);
    let machine = machine.kernel(&kernel, &initramfs, "console=ttyS0 quiet firstlight.timeout=menu");
    let copy = place::directory("disks").unwrap().join("encrypted-copy.img");
    fs::copy(&disk, &copy).unwrap();
    let guest = machine.disk(Disk::new(&copy).writable()).start().unwrap();
    let mut rescue = Rescue::open_after(guest, "explain");
    for (place, kind) in KINDS.iter().enumerate() {
        let (partition, number) = (format!("vda{}", place + 1), place + 1);
        rescue.type_line(&format!("unlock {partition} inside{number}"));
        let question = format!("Passphrase of {partition}");
        if place == 0 {
            rescue.answer(&question, "wrong");
            rescue.guest.wait_for_text("This passphrase opens none of them.", LIMIT).unwrap();
        }
        let passphrase = if number == KINDS.len() { OTHER } else { PASSPHRASE };
        rescue.answer(&question, passphrase);
        let said = rescue.rest("unlock").pop().unwrap();
        let expected = format!(
            "{partition} is open as /dev/dm-{place}, inside{number}: ext4; `mount dm-{place}` mounts it"
        );
        assert_eq!(said, expected, "{kind}");
        let mounted = format!("/dev/dm-{place} on /mnt/dm-{place} (ext4, read-only)");
        rescue.expect(&format!("mount LABEL=inside{number}"), &[&mounted]);
        rescue.expect(&format!("cat /mnt/dm-{place}/number"), &[&number.to_string()]);
    }
    rescue.expect("unlock vda1", &["vda1 is open already, as dm-0"]);
    let devices = rescue.run("devices");
    assert!(
        devices.iter().any(|row| row.contains("vda1") && row.ends_with("a member of dm-0")),
        "{devices:#?}"
    );
    // Nothing was written until now; what is mounted for writing is.
    rescue.expect("umount dm-1", &["/dev/dm-1 is unmounted from /mnt/dm-1"]);
    assert_eq!(Sha256::digest(fs::read(&copy).unwrap()), before);
    rescue.expect("mount -w dm-1", &["/dev/dm-1 on /mnt/dm-1 (ext4, WRITABLE)"]);
    rescue.expect("cp /mnt/dm-0/number /mnt/dm-1/copy", &[]);
    rescue.expect("umount dm-1", &["/dev/dm-1 is unmounted from /mnt/dm-1"]);
    rescue.expect("mount dm-1", &["/dev/dm-1 on /mnt/dm-1 (ext4, read-only)"]);
    rescue.expect("cat /mnt/dm-1/copy", &["1"]);

    rescue.type_line("boot");
    let menu =
        |line: &Line| (line.at > rescue.since && line.text.contains("@default id=inside")).then_some(());
    rescue.guest.wait("the menu with the entry in the container", LIMIT, menu).unwrap();
    rescue.guest.send("\r").unwrap();
    let report = rescue.guest.wait_for_report(LIMIT).unwrap();
    assert_eq!(
        (report.kexec, &*report.cmdline),
        (true, "BOOT_IMAGE=/boot/vmlinuz console=ttyS0 quiet inside")
    );
}
