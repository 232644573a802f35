//! firstlight where a boot loader is: in a coreboot ROM, in OVMF's flash, on an ESP, and on a stick, with no other loader that
//! chooses what boots.

use std::fs;

use initramfs::flash::Kind;
use qemu::disk::{Filesystem, Image};
use qemu::firmware_images::Payload;
use qemu::machine::{Bus, Disk, Firmware, Machine};
use qemu::{firmware_kernel, payload};

use crate::rescue::Rescue;
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

/// The kernel is beside the variables, the rest beside the code.
#[test]
fn two_flashes_of_ovmf_boot_a_disk() {
    boots_a_disk("firmware-flashes", |machine, payload| {
        let [code, variables] = payload.split_flash("firmware-flashes")?;
        Ok(machine.rom(code).variables(variables))
    });
}

/// The loader's words are on the firmware's console. Nothing is started, so nothing has to be a kernel.
#[test]
fn a_flash_that_is_damaged_or_has_no_kernel_says_so() {
    let file = payload::write_whole("firmware-damaged.part", &[7; 100_000]).unwrap();
    let payload = Payload { kernel: &file, initramfs: &file, cmdline: "quiet" };
    let whole = fs::read(payload.flash("firmware-damaged").unwrap()).unwrap();
    let kernel = flash_payload::Part::of(Kind::Kernel, &[7; 100_000]).header();
    let place = whole.windows(kernel.len()).position(|bytes| bytes == kernel).unwrap();
    let address = (1_usize << 32) - whole.len() + place;
    let changed = |at: usize| {
        let mut image = whole.clone();
        image[place + at] ^= 1;
        image
    };
    let erased = |from: usize, length: usize| {
        let mut image = whole.clone();
        image[place + from..][..length].fill(0xff);
        image
    };
    for (name, image, expected) in [
        (
            "whole",
            whole.clone(),
            "firstlight: the kernel in the flash cannot be loaded: it is no EFI program".into(),
        ),
        ("content", changed(5000), format!("firstlight: the kernel in the flash at {address:#x} is damaged")),
        (
            "header",
            changed(30),
            format!("firstlight: the part of the flash at {address:#x} is refused: its header"),
        ),
        ("none", erased(0, 64), "firstlight: no kernel is in the flash".into()),
    ] {
        let image = payload::write_whole(&format!("firmware-damaged-{name}.fd"), &image).unwrap();
        let guest = Machine::new(&format!("firmware-damaged-{name}")).rom(image).start().unwrap();
        guest.wait_for_text(&expected, LIMIT).unwrap();
    }
}

#[test]
fn an_esp_boots_a_disk() {
    boots_a_disk("firmware-esp", |machine, payload| {
        let esp = Disk::new(payload.esp("firmware-esp-esp")?).boot_index(0);
        Ok(machine.firmware(Firmware::Uefi).disk(esp))
    });
}

/// What bootctl asks for: by the time that a kernel runs, firmware takes no such variable any more.
#[test]
fn the_program_on_an_esp_says_who_it_is_and_from_where_it_came() {
    let name = "firmware-esp-variables";
    let (kernel, initramfs) =
        (firmware_kernel::plain().unwrap(), payload::firstlight_without_modules().unwrap());
    let cmdline = "console=ttyS0 quiet firstlight.timeout=menu";
    let esp = Payload { kernel: &kernel, initramfs: &initramfs, cmdline }.esp(name).unwrap();
    let disk = Image::new().volume(bootable(Filesystem::Ext4, "beside", ONE_ENTRY)).build("beside").unwrap();
    let machine = Machine::new(name).firmware(Firmware::Uefi).disk(Disk::new(esp).boot_index(0));
    let mut rescue = Rescue::open(machine.disk(Disk::new(disk)).start().unwrap());
    rescue.expect("cd /sys/firmware/efi/efivars", &[]);
    // Four bytes of attributes, then UTF-16: without the bytes that are no letters, and without points.
    let mut value = |name: &str| {
        let rows = rescue.run(&format!("hexdump {name}-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"));
        rows.iter().filter_map(|row| row.split('|').nth(1)).collect::<String>().replace('.', "")
    };
    let version = env!("CARGO_PKG_VERSION").replace('.', "");
    assert_eq!(value("LoaderInfo"), format!("firstlight {version}"));
    assert_eq!(value("LoaderDevicePartUUID"), "f1257116-0000-4000-8000-000000000001");
    assert_eq!(value("LoaderImageIdentifier"), r"\EFI\BOOT\BOOTX64EFI");
    assert!(!value("LoaderFeatures").is_empty());
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
