//! A kernel below firstlight that enforces signatures: what is signed boots, what is not is refused with its reason, and the
//! next entry has its turn.

use std::fs;
use std::path::PathBuf;

use qemu::disk::{Filesystem, Image, Volume};
use qemu::firmware_kernel::FirmwareKernel;
use qemu::machine::{Disk, Firmware, Machine};
use qemu::roots::Root;
use qemu::{payload, place, tool};

use crate::{LIMIT, debian, initramfs};

/// The kernel, signed by the key that the enforcing one trusts.
fn signed(kernels: &FirmwareKernel) -> Vec<u8> {
    let directory = place::directory("signatures").unwrap();
    let root = Root::unpack("trixie", &["sbsigntool"]).unwrap();
    let files: [(&str, PathBuf); 3] =
        [("kernel", kernels.kernel()), ("key", kernels.key()), ("certificate", kernels.certificate())];
    for (name, file) in files {
        fs::copy(file, directory.join(name)).unwrap();
    }
    let mut sign = root.command(&[&directory], "sbsign");
    sign.current_dir(&directory);
    sign.args(["--key", "key", "--cert", "certificate", "--output", "signed", "kernel"]);
    tool::finish(&mut sign).unwrap();
    fs::read(directory.join("signed")).unwrap()
}

#[test]
fn on_a_kernel_that_enforces_signatures_what_is_unsigned_is_refused_and_the_next_entry_boots() {
    let kernels = FirmwareKernel::build().unwrap();
    let entry = |id: &str| {
        format!(
            "menuentry {id} --id {id} {{\n linux /boot/{id} console=ttyS0 quiet {id}\n initrd /boot/initrd\n}}\n"
        )
    };
    let configuration = ["set timeout=0\n".to_owned(), entry("unsigned"), entry("stranger"), entry("signed")];
    let volume = Volume::new(Filesystem::Ext4, "signatures")
        .file("/boot/unsigned", kernels.kernel())
        .file("/boot/stranger", debian().kernel())
        .file("/boot/signed", signed(&kernels))
        .file("/boot/initrd", payload::probe_initrd("signatures").unwrap())
        .file("/boot/grub/grub.cfg", configuration.concat());
    let image = Image::new().volume(volume).build("signatures").unwrap();
    // Its modules are for another kernel; this one has its drivers built in.
    let initramfs = initramfs();
    let guest = Machine::new("signatures")
        .firmware(Firmware::None)
        .kernel(&kernels.enforcing(), initramfs, "console=ttyS0 quiet")
        .disk(Disk::new(image))
        .start()
        .unwrap();
    let report = guest.wait_for_report(LIMIT).unwrap();
    // The signed kernel is a firmware kernel, too: its built-in words come first.
    let cmdline =
        "libata.force=nodbdelay watchdog.stop_on_reboot=0 BOOT_IMAGE=/boot/signed console=ttyS0 quiet signed";
    assert_eq!((report.kexec, report.cmdline.as_str()), (true, cmdline));
    // Unsigned at all, and signed by Debian, whose certificate is not built in.
    for (id, errno) in [("unsigned", "(ENODATA)"), ("stranger", "(ENOKEY)")] {
        let failure = guest.wait_for_landmark("fail", &[("stage", "load"), ("id", id)], LIMIT).unwrap();
        assert!(failure.field("reason").contains(errno), "{failure:?}");
    }
}
