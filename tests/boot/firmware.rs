//! firstlight where a boot loader is: in a coreboot ROM, in OVMF's flash, on an ESP, and on a stick, with no other loader that
//! chooses what boots.

use qemu::disk::{Filesystem, Image};
use qemu::firmware_images::Payload;
use qemu::machine::{Bus, Disk, Firmware, Machine};
use qemu::{firmware_kernel, payload};

use crate::{LIMIT, ONE_ENTRY, bootable, one_entry_cmdline};

/// Starts a machine that `place` has put firstlight into, with a disk beside, and waits for the probe, which the disk's own entry
/// boots.
fn boots_a_disk(name: &str, place: impl Fn(Machine, &Payload<'_>) -> qemu::Result<Machine>) {
    let (kernel, initramfs) =
        (firmware_kernel::plain().unwrap(), payload::firstlight_without_modules().unwrap());
    let payload = Payload { kernel: &kernel, initramfs: &initramfs, cmdline: "console=ttyS0 quiet" };
    let volume = bootable(Filesystem::Ext4, name, ONE_ENTRY);
    let disk = Image::new().volume(volume.clone()).build(name).unwrap();
    let guest = place(Machine::new(name), &payload).unwrap().disk(Disk::new(disk)).start().unwrap();
    let report = guest.wait_for_report(LIMIT).unwrap();
    assert_eq!((report.kexec, report.cmdline), (true, one_entry_cmdline(&volume)), "{name}");
}

#[test]
fn a_coreboot_rom_boots_a_disk() {
    boots_a_disk("firmware-coreboot", |machine, payload| {
        Ok(machine.rom(payload.coreboot("firmware-coreboot")?))
    });
}

#[test]
fn a_flash_of_ovmf_boots_a_disk() {
    boots_a_disk("firmware-flash", |machine, payload| Ok(machine.rom(payload.flash("firmware-flash")?)));
}

#[test]
fn an_esp_boots_a_disk() {
    boots_a_disk("firmware-esp", |machine, payload| {
        let esp = Disk::new(payload.esp("firmware-esp-esp")?).boot_index(0);
        Ok(machine.firmware(Firmware::Uefi).disk(esp))
    });
}

/// The only disk that the firmware may boot is the stick.
fn a_stick_boots_a_disk(name: &str, firmware: Firmware) {
    boots_a_disk(name, |machine, payload| {
        let stick = Disk::new(payload.stick(name)?).bus(Bus::Usb).boot_index(0);
        Ok(machine.firmware(firmware).disk(stick))
    });
}

#[test]
fn a_stick_boots_a_disk_under_a_bios() {
    a_stick_boots_a_disk("firmware-stick-bios", Firmware::Bios);
}

#[test]
fn a_stick_boots_a_disk_under_uefi() {
    a_stick_boots_a_disk("firmware-stick-uefi", Firmware::Uefi);
}
