//! A recovery stick with Debian's kernel on a PC with an installed Debian, up to that Debian's login prompt.

use qemu::demo;
use qemu::firmware_images::Payload;
use qemu::guest::Landmark;
use qemu::machine::{Bus, Disk, Firmware, Machine};

use crate::{LIMIT, LOGIN_LIMIT, debian, initramfs};

#[test]
fn a_stick_boots_debian_under_a_bios_and_under_uefi() {
    let kernel = debian().kernel();
    let payload = Payload { kernel: &kernel, initramfs: initramfs(), cmdline: "console=ttyS0 quiet" };
    let stick = payload.stick("stick").unwrap();
    for (name, firmware) in [("stick-bios", Firmware::Bios), ("stick-uefi", Firmware::Uefi)] {
        let guest = Machine::new(name)
            .firmware(firmware)
            .disk(Disk::new(&stick).bus(Bus::Usb).boot_index(0))
            .disk(Disk::new(demo::disk(debian()).unwrap()))
            .start()
            .unwrap();
        guest.wait_for_landmark("jump", &[("title", "Debian GNU/Linux")], LIMIT).unwrap();
        guest.wait_for_text("demo login: ", LOGIN_LIMIT).unwrap();
        // What GRUB loads from the stick is no system's kernel.
        let is_own = |entry: &Landmark| entry.name == "entry" && entry.field("id").contains("KERNEL");
        assert_eq!(guest.landmarks().into_iter().filter(is_own).collect::<Vec<_>>(), [], "{name}");
    }
}
