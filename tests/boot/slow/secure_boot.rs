//! Secure Boot from the firmware to the system: OVMF starts firstlight only as it was signed, and the kernel below firstlight only
//! kernels that a certificate in the firmware's db stands for, Debian's among them. That kernel is firstlight's own, which was
//! built so, or Debian's, which Secure Boot locks down.

use std::path::PathBuf;

use qemu::console::Line;
use qemu::disk::{Filesystem, Image, Volume};
use qemu::firmware_images::{Payload, esp};
use qemu::firmware_kernel::FirmwareKernel;
use qemu::machine::{Disk, Firmware, Machine};
use qemu::{demo, payload, secure_boot};

use crate::{LIMIT, LOGIN_LIMIT, debian, initramfs};

/// What firstlight runs on: a kernel and an initramfs.
type Below = (PathBuf, PathBuf);

fn on_own_kernel() -> Below {
    (FirmwareKernel::build().unwrap().enforcing(), payload::firstlight_without_modules().unwrap())
}

fn on_debians_kernel() -> Below {
    (debian().kernel(), initramfs().clone())
}

/// firstlight as one program, signed.
fn signed((kernel, initramfs): &Below) -> Vec<u8> {
    let payload = Payload { kernel, initramfs, cmdline: "console=ttyS0 quiet" };
    secure_boot::signer().unwrap().sign(&payload.uki().unwrap()).unwrap()
}

/// A machine that trusts the tests' own key and Debian's, and starts `program`.
fn machine(name: &str, program: Vec<u8>) -> Machine {
    let variables = secure_boot::variables(name, &[secure_boot::debian_certificate().unwrap()]).unwrap();
    let esp = esp(&format!("{name}-esp"), program).unwrap();
    Machine::new(name).firmware(Firmware::SecureBoot).variables(variables).disk(Disk::new(esp).boot_index(0))
}

fn boots_debian_which_finds_secure_boot_on(name: &str, below: &Below) {
    let disk = Disk::new(demo::disk(debian()).unwrap());
    let mut guest = machine(name, signed(below)).disk(disk).start().unwrap();
    guest.wait_for_landmark("jump", &[("title", "Debian GNU/Linux")], LIMIT).unwrap();
    guest.wait_for_text("demo login: ", LOGIN_LIMIT).unwrap();
    guest.send("root\n").unwrap();
    guest.wait_for_text("root@demo:~#", LIMIT).unwrap();
    // Four bytes of attributes, then the value; the line that is typed does not read so.
    guest
        .send("od -An -tu1 /sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c | sed 's/^/on:/'\n")
        .unwrap();
    guest.wait_for_text("on:   6   0   0   0   1", LIMIT).unwrap();
}

#[test]
fn a_signed_image_of_the_enforcing_kernel_boots_debian_which_finds_secure_boot_on() {
    boots_debian_which_finds_secure_boot_on("secure-boot", &on_own_kernel());
}

#[test]
fn a_signed_image_of_debians_kernel_boots_debian_which_finds_secure_boot_on() {
    boots_debian_which_finds_secure_boot_on("secure-boot-debian", &on_debians_kernel());
}

#[test]
fn the_firmware_refuses_an_image_that_was_changed() {
    let mut program = signed(&on_debians_kernel());
    // In the kernel, which is the last of its sections, before the signature.
    let place = program.len() - (1 << 20);
    program[place] ^= 1;
    let guest = machine("secure-boot-changed", program).start().unwrap();
    let refused = |line: &Line| {
        (line.text.contains("BdsDxe: failed to load") && line.text.contains("Access Denied")).then_some(())
    };
    guest.wait("the firmware's refusal", LIMIT, refused).unwrap();
    assert_eq!(guest.landmarks(), []);
}

/// Debian's kernel is signed; the same kernel without its signature is the entry before it.
fn boots_only_the_signed_kernel(name: &str, below: &Below) {
    let entry = |id: &str| {
        format!(
            "menuentry {id} --id {id} {{\n linux /boot/{id} console=ttyS0 quiet {id}\n initrd /boot/initrd\n}}\n"
        )
    };
    let configuration = ["set timeout=0\n".to_owned(), entry("unsigned"), entry("signed")].concat();
    let volume = Volume::new(Filesystem::Ext4, name)
        .file("/boot/unsigned", secure_boot::unsigned(&debian().kernel(), name).unwrap())
        .file("/boot/signed", debian().kernel())
        .file("/boot/initrd", payload::probe_initrd(name).unwrap())
        .file("/boot/grub/grub.cfg", configuration);
    let image = Image::new().volume(volume).build(name).unwrap();
    let guest = machine(name, signed(below)).disk(Disk::new(image)).start().unwrap();
    let report = guest.wait_for_report(LOGIN_LIMIT).unwrap();
    assert_eq!(
        (report.kexec, report.efi, report.cmdline.as_str()),
        (true, true, "BOOT_IMAGE=/boot/signed console=ttyS0 quiet signed"),
        "{name}"
    );
    let failure = guest.wait_for_landmark("fail", &[("stage", "load"), ("id", "unsigned")], LIMIT).unwrap();
    assert!(failure.field("reason").contains("(ENODATA)"), "{name}: {failure:?}");
}

#[test]
fn the_enforcing_kernel_boots_debians_signed_kernel_and_not_the_same_without_its_signature() {
    boots_only_the_signed_kernel("secure-boot-kernels", &on_own_kernel());
}

#[test]
fn debians_kernel_which_secure_boot_locks_down_boots_only_the_signed_kernel() {
    boots_only_the_signed_kernel("secure-boot-locked-down", &on_debians_kernel());
}
