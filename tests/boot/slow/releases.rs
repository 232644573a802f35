//! The kernels of Debian 12, of Debian 13 and of its testing release: each as the system that firstlight starts, and as the
//! kernel below it, with its own modules.

use qemu::debian_kernel::DebianKernel;
use qemu::disk::{Filesystem, Image, Volume};
use qemu::machine::{Disk, Firmware, Machine};
use qemu::{firmware_kernel, payload};

use crate::{LIMIT, ONE_ENTRY};

const SUITES: [&str; 3] = ["bookworm", "trixie", "forky"];

/// A disk with this kernel, the probe as its initrd, and one entry.
fn disk(name: &str, kernel: &DebianKernel) -> Disk {
    let uuid = Volume::uuid_of(name, Filesystem::Ext4);
    let configuration = ONE_ENTRY.replace("@KERNEL", "/boot/vmlinuz").replace("@UUID", &uuid);
    let volume = Volume::new(Filesystem::Ext4, name)
        .file("/boot/vmlinuz", kernel.image().unwrap())
        .file("/boot/initrd", payload::probe_initrd(name).unwrap())
        .file("/boot/grub/grub.cfg", configuration);
    Disk::new(Image::new().volume(volume).build(name).unwrap())
}

#[test]
fn a_firmware_kernel_starts_each_release_of_debian() {
    let (own, initramfs) =
        (firmware_kernel::plain().unwrap(), payload::firstlight_without_modules().unwrap());
    for suite in SUITES {
        let name = format!("releases-{suite}");
        let kernel = DebianKernel::unpack(suite).unwrap();
        let machine = Machine::new(&name).firmware(Firmware::None).disk(disk(&name, &kernel));
        let guest = machine.kernel(&own, &initramfs, "console=ttyS0 quiet").start().unwrap();
        let report = guest.wait_for_report(LIMIT).unwrap();
        assert_eq!((report.kexec, &*report.release), (true, kernel.release()), "{suite}");
    }
}

#[test]
fn the_kernel_of_each_release_of_debian_runs_firstlight_and_starts_itself() {
    for suite in SUITES {
        let name = format!("releases-own-{suite}");
        let kernel = DebianKernel::unpack(suite).unwrap();
        let (image, initramfs) = (kernel.image().unwrap(), payload::firstlight_for(&kernel).unwrap());
        let machine = Machine::new(&name).firmware(Firmware::None).disk(disk(&name, &kernel));
        let guest = machine.kernel(&image, &initramfs, "console=ttyS0 quiet").start().unwrap();
        let report = guest.wait_for_report(LIMIT).unwrap();
        assert_eq!((report.kexec, &*report.release), (true, kernel.release()), "{suite}");
    }
}
