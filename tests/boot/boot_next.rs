//! An entry that only the firmware can start: chosen in the menu, it runs after the reset, once.

use std::fs;

use qemu::disk::{Filesystem, Image, Volume};
use qemu::loader::uki;
use qemu::machine::{Disk, Firmware, Machine};
use qemu::{payload, pinned, place};

use crate::{LIMIT, debian, initramfs};

const WORDS: &str = "console=ttyS0 quiet";

#[test]
fn a_program_of_the_firmware_that_is_chosen_runs_after_the_reset_and_only_then() {
    let name = "boot-next";
    let initrd = payload::probe_initrd("main").unwrap();
    let (kernel, first) = (fs::read(debian().kernel()).unwrap(), format!("{WORDS} first"));
    let sections: uki::Sections = &[
        (".osrel", b"ID=debian\nPRETTY_NAME=First\n"),
        (".cmdline", first.as_bytes()),
        (".linux", &kernel),
        (".initrd", &initrd),
    ];
    // Windows is played by systemd-boot, which boots its one entry.
    let systemd_boot =
        pinned::tests().unwrap().file("/usr/lib/systemd/boot/efi/systemd-bootx64.efi").unwrap();
    let esp = Volume::new(Filesystem::Vfat, "esp")
        .file("/EFI/BOOT/BOOTX64.EFI", uki::build(name, sections).unwrap())
        .file("/EFI/Microsoft/Boot/bootmgfw.efi", systemd_boot)
        .file("/loader/loader.conf", "timeout 0\n")
        .file("/linux", debian().kernel())
        .file("/initrd", initrd)
        .file(
            "/loader/entries/a.conf",
            format!("title A\nlinux /linux\ninitrd /initrd\noptions {WORDS} windows\n"),
        );
    let disk = Image::new().volume(esp).build(name).unwrap();
    let variables = place::directory("disks").unwrap().join("boot-next.variables");
    let _ = fs::remove_file(&variables);
    let machine = |name: &str| Machine::new(name).firmware(Firmware::Uefi).variables(&variables);

    let words = "console=ttyS0 quiet firstlight.timeout=menu";
    let guest = machine("boot-next-menu").kernel(&debian().kernel(), initramfs(), words);
    let mut guest = guest.disk(Disk::new(&disk)).start().unwrap();
    guest.wait_for_landmark("entry", &[("title", "Windows Boot Manager")], LIMIT).unwrap();
    guest.wait_for_text("(restarts into it)", LIMIT).unwrap();
    guest.send("/windows\r\r").unwrap();
    guest.wait_for_text("The firmware starts Windows Boot Manager after a reset.", LIMIT).unwrap();
    guest.wait_off(LIMIT).unwrap();
    for word in ["windows", "first"] {
        let guest =
            machine(&format!("boot-next-{word}")).disk(Disk::new(&disk).boot_index(0)).start().unwrap();
        let report = guest.wait_for_report(LIMIT).unwrap();
        assert_eq!(report.cmdline.rsplit(' ').next(), Some(word));
    }
}
