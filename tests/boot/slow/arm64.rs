//! firstlight on arm64 with no other loader in the path: started by QEMU on a machine that a device tree describes, and by UEFI, which
//! gives ACPI; each up to the login of a real Debian.

use std::time::Duration;

use initramfs::kernel::Architecture;
use qemu::debian::Release;
use qemu::firmware_images::Payload;
use qemu::guest::Guest;
use qemu::machine::{Disk, Firmware, Machine};
use qemu::{arm64, debian_arm64, firmware_kernel, payload};

/// No single step takes that long: these machines are translated always.
const LIMIT: Duration = Duration::from_secs(600);

/// What a person at the serial console gets for `command`, which prints one line. Each question has a name of its own: all lines
/// since the start are looked at.
fn answer(guest: &mut Guest, name: &str, command: &str) -> String {
    // What is typed is echoed: the marker comes together only when the shell runs it.
    guest.send(&format!("echo \"{name}\"\": $({command})\"\n")).unwrap();
    let marker = format!("{name}: ");
    guest
        .wait(&marker, LIMIT, |line| {
            line.text.strip_prefix(&marker).filter(|_| line.whole).map(str::to_owned)
        })
        .unwrap()
}

fn log_in(guest: &mut Guest) {
    guest.wait_for_text("demo login: ", LIMIT).unwrap();
    guest.send("root\n").unwrap();
    guest.wait_for_text("root@demo:~#", LIMIT).unwrap();
}

/// A machine for the disk of a release, with what a system needs.
fn machine(name: &str, of: Release) -> Machine {
    let disk = Disk::new(debian_arm64::disk(of).unwrap());
    Machine::new(name).arm64().memory(1024).processors(2).disk(disk)
}

/// Waits for the system that firstlight boots, and tells its kernel's command line and what it has of the firmware.
fn booted_by_firstlight(machine: &Machine) -> (String, String) {
    let mut guest = machine.start().unwrap();
    guest.wait_for_landmark("jump", &[("title", "Debian GNU/Linux")], LIMIT).unwrap();
    what_it_has(&mut guest)
}

fn what_it_has(guest: &mut Guest) -> (String, String) {
    log_in(guest);
    (answer(guest, "cmdline", "cat /proc/cmdline"), answer(guest, "firmware", FIRMWARE))
}

/// Names what the firmware has given to the running system.
const FIRMWARE: &str = "cd /sys/firmware; ls -d acpi/tables/DSDT devicetree/base/memory* dmi/tables/smbios* \
                        efi/efivars/BootOrder* 2>/dev/null | tr '\\n' ' '";

/// The firmware kernel starts the system by `kexec_file_load`; no word of its command line says where the console is.
#[test]
fn a_machine_with_a_device_tree_boots_debian() {
    let kernel = firmware_kernel::plain_for(Architecture::Aarch64).unwrap().plain_image();
    let initramfs = payload::firstlight_without_modules_for(Architecture::Aarch64).unwrap();
    for (name, of) in [("arm64-12", Release::Twelve), ("arm64-13", Release::Thirteen)] {
        let (cmdline, firmware) =
            booted_by_firstlight(&machine(name, of).kernel(&kernel, &initramfs, "quiet"));
        assert!(cmdline.contains(" root=UUID=f1257116-"), "{cmdline}");
        assert!(firmware.starts_with("devicetree/base/memory@"), "{firmware}");
    }
}

/// The system gets from firstlight on an ESP what it gets from its own GRUB.
#[test]
fn an_esp_boots_debian_as_its_own_grub_does() {
    let kernel = firmware_kernel::plain_for(Architecture::Aarch64).unwrap().image();
    let initramfs = payload::firstlight_without_modules_for(Architecture::Aarch64).unwrap();
    let payload = Payload { kernel: &kernel, initramfs: &initramfs, cmdline: "quiet" };
    let esp = Disk::new(payload.esp("arm64-esp-esp").unwrap()).boot_index(0);
    let of = Release::default();
    let by_grub = what_it_has(&mut machine("arm64-grub", of).firmware(Firmware::Uefi).start().unwrap());
    let by_firstlight = booted_by_firstlight(&machine("arm64-esp", of).firmware(Firmware::Uefi).disk(esp));
    assert!(
        by_grub.1.starts_with("acpi/tables/DSDT") && by_grub.1.contains("efi/efivars/BootOrder"),
        "{by_grub:?}"
    );
    assert_eq!(by_firstlight, by_grub);
}

/// Debian's own kernel below firstlight has no `kexec_file_load`: firstlight makes the device tree itself.
#[test]
fn debians_own_kernel_boots_debian_with_a_device_tree_and_with_acpi() {
    let of = Release::default();
    let kernel = arm64::kernel(of).unwrap();
    let (image, initramfs) = (kernel.image().unwrap(), payload::firstlight_on_arm64(&kernel).unwrap());
    for (name, firmware, gives) in [
        ("arm64-segments", Firmware::None, "devicetree/base/memory@"),
        ("arm64-segments-uefi", Firmware::Uefi, "acpi/tables/DSDT"),
    ] {
        let machine = machine(name, of).firmware(firmware);
        let (_, has) = booted_by_firstlight(&machine.kernel(&image, &initramfs, "console=ttyAMA0 quiet"));
        assert!(has.starts_with(gives), "{name}: {has}");
    }
}
