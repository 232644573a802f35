//! The demo disk, a Debian as an installer leaves it: up to its login prompt, and the same things given to its kernel
//! by GRUB and by firstlight.

use std::path::PathBuf;

use qemu::debian::Debian;
use qemu::machine::{Disk, Firmware, Machine};
use qemu::{demo, disk, payload, place};

use crate::{LIMIT, LOGIN_LIMIT, debian, firstlight};

#[test]
fn debian_comes_up_to_its_login_prompt() {
    let mut guest = firstlight("demo").disk(Disk::new(demo::disk(debian()).unwrap())).start().unwrap();
    guest.wait_for_landmark("jump", &[("title", "Debian GNU/Linux")], LIMIT).unwrap();
    guest.wait_for_text("demo login: ", LOGIN_LIMIT).unwrap();
    guest.send("root\n").unwrap();
    guest.wait_for_text("root@demo:~#", LIMIT).unwrap();
}

/// A copy of the demo disk whose initrd is the probe, and beside Debian's own entries one with an initrd of two parts.
/// grub-mkconfig's grub.cfg is as it was: it sources custom.cfg at its end.
fn probe_disk(name: &str, custom: &str) -> PathBuf {
    let image = place::directory("disks").unwrap().join(format!("{name}.img"));
    demo::copy(&demo::disk(debian()).unwrap(), &image).unwrap();
    let initrd = format!("/boot/initrd.img-{}", debian().release());
    let probe = payload::probe_initrd("main").unwrap();
    let first = payload::initrd_part("first").unwrap();
    let files: [(&str, &[u8]); 3] =
        [(&initrd, &probe), ("/boot/first.img", &first), ("/boot/grub/custom.cfg", custom.as_bytes())];
    disk::write_into_ext(&image, Debian::root_offset(), &files).unwrap();
    image
}

fn compare_with_grub(name: &str, firmware: Firmware, custom: &str, parts: &[&str]) {
    let image = probe_disk(name, custom);
    let machine =
        Machine::new(&format!("{name}-grub")).firmware(firmware).disk(Disk::new(&image).boot_index(0));
    let by_grub = machine.start().unwrap().wait_for_report(LIMIT).unwrap();
    // On every bus: Debian's own entries name the root file system, not the device.
    if custom.is_empty() {
        assert!(by_grub.cmdline.contains(" root=UUID=f1257116-"), "{}", by_grub.cmdline);
    }
    let guest = firstlight(&format!("{name}-firstlight")).disk(Disk::new(&image)).start().unwrap();
    let by_firstlight = guest.wait_for_report(LIMIT).unwrap();
    assert_eq!(by_grub.release, debian().release());
    assert_eq!(by_grub.parts.iter().map(|part| part.name.as_str()).collect::<Vec<_>>(), parts);
    assert_eq!((by_grub.kexec, by_firstlight.kexec), (false, true));
    assert_eq!(
        (by_firstlight.release, by_firstlight.cmdline, by_firstlight.parts),
        (by_grub.release, by_grub.cmdline, by_grub.parts)
    );
}

#[test]
fn the_default_entry_gets_what_grub_gives_it_under_seabios() {
    compare_with_grub("same-bios", Firmware::Bios, "", &["main"]);
}

#[test]
fn an_initrd_of_two_parts_comes_whole_and_in_order_as_under_uefi() {
    let custom = format!(
        "set default=two
menuentry 'Two parts' --id two {{
    linux /boot/vmlinuz-{release} root=/dev/vda3 \"quoted words\" console=ttyS0 quiet
    initrd /boot/first.img /boot/initrd.img-{release}
}}
",
        release = debian().release()
    );
    compare_with_grub("same-uefi", Firmware::Uefi, &custom, &["first", "main"]);
}

#[test]
fn the_next_kernel_has_uefi_services_where_firstlight_has() {
    let image = probe_disk("uefi", "");
    let machine = firstlight("uefi").firmware(Firmware::Uefi).disk(Disk::new(image));
    let report = machine.start().unwrap().wait_for_report(LIMIT).unwrap();
    assert_eq!((report.kexec, report.efi), (true, true));
}
