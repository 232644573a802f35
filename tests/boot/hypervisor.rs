//! Xen with its first Linux, by multiboot: GRUB starts it from a disk, and firstlight from the same disk; the probe
//! in that Linux sees no difference.

use std::path::PathBuf;

use qemu::disk::{Filesystem, Image, Volume};
use qemu::loader::{Release, grub};
use qemu::machine::{Disk, Firmware, Machine};
use qemu::payload;

use crate::{LIMIT, debian};

/// As Debian's 20_linux_xen writes it, with `@2` for the version that is in the commands' names.
const CONFIGURATION: &str = r#"
set timeout=0
menuentry 'Debian GNU/Linux, with Xen hypervisor' --class xen $menuentry_id_option 'xen-gnulinux-simple' {
	insmod part_msdos
	insmod ext2
	echo	'Loading Xen ...'
	if [ "$grub_platform" = "pc" -o "$grub_platform" = "" ]; then
	    xen_rm_opts=
	else
	    xen_rm_opts="no-real-mode edd=off"
	fi
	multiboot@2	/boot/xen.gz placeholder console=com1 dom0_mem=512M ${xen_rm_opts}
	echo	'Loading Linux ...'
	module@2	/boot/vmlinuz placeholder root=LABEL=none ro console=hvc0 "a b" quiet
	echo	'Loading initial ramdisk ...'
	module@2	--nounzip   /boot/main.img
}
"#;

fn disk(name: &str, version: &str) -> PathBuf {
    let volume = Volume::new(Filesystem::Ext4, name)
        .file("/boot/xen.gz", debian().hypervisor())
        .file("/boot/vmlinuz", debian().kernel())
        .file("/boot/main.img", payload::probe_initrd("main").unwrap())
        .file("/boot/grub/grub.cfg", CONFIGURATION.replace("@2", version));
    let image = Image::mbr().volume(volume).build(name).unwrap();
    grub::install(&image, Release::Installed, &["multiboot", "multiboot2", "gzio"]).unwrap();
    image
}

fn xen(name: &str, version: &str, firmware: Firmware) {
    let image = disk(name, version);
    let own = Machine::new(&format!("{name}-own")).disk(Disk::new(&image).boot_index(0)).start().unwrap();
    let own = own.wait_for_report(LIMIT).unwrap();
    let cmdline = "placeholder root=LABEL=none ro console=hvc0 \"a b\" quiet";
    assert_eq!((own.cmdline.as_str(), own.parts.len()), (cmdline, 1), "{own:?}");

    let initramfs = payload::whole_firstlight(debian()).unwrap();
    let machine =
        Machine::new(&format!("{name}-firstlight")).firmware(firmware).disk(Disk::new(&image));
    let guest = machine.kernel(&debian().kernel(), &initramfs, "console=ttyS0 quiet").start().unwrap();
    guest.wait_for_text("(XEN) Xen version 4.", LIMIT).unwrap();
    // What the BIOS would be asked for cannot be had behind Linux.
    let words = "(XEN) Command line: placeholder console=com1 dom0_mem=512M no-real-mode edd=off";
    guest.wait_for_text(words, LIMIT).unwrap();
    assert_eq!(guest.wait_for_report(LIMIT).unwrap(), own);
}

#[test]
fn xen_by_multiboot_2() {
    xen("xen-2", "2", Firmware::Bios);
}

#[test]
fn xen_by_multiboot_2_under_uefi() {
    xen("xen-2-uefi", "2", Firmware::Uefi);
}
