//! Xen with its first Linux, by multiboot: GRUB starts it from a disk, and firstlight from the same disk; the probe
//! in that Linux sees no difference.

use std::path::PathBuf;

use qemu::disk::{Filesystem, Image, Volume};
use qemu::guest::Guest;
use qemu::loader::grub::{self, Release};
use qemu::machine::{Disk, Firmware, Machine};
use qemu::workshop::{self, Job};
use qemu::{Report, payload};

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
    grub::install(&image, Release::Debian12, &["multiboot", "multiboot2", "gzio"]).unwrap();
    image
}

/// That Xen says so, and what the probe in its first Linux reports.
fn report(guest: &Guest, words: &str) -> Report {
    guest.wait_for_text("(XEN) Xen version 4.", LIMIT).unwrap();
    guest
        .wait_for_text(&format!("(XEN) Command line: placeholder console=com1 dom0_mem=512M{words}"), LIMIT)
        .unwrap();
    guest.wait_for_report(LIMIT).unwrap()
}

// The facts that the BIOS would be asked for cannot be had after Linux.
const BEHIND_LINUX: &str = " no-real-mode edd=off";

/// From a Linux that runs, by either version of the protocol.
fn from_a_running_system(name: &str, version: &str) {
    let image = disk(name, version);
    let job = Job {
        name,
        disks: &[],
        sources: &[&image],
        modules: &["ext4"],
        programs: &[],
        script: "firstlight boot --now 'Debian GNU/Linux, with Xen'",
        limit: LIMIT,
    };
    let firstlight = payload::installed_program().unwrap();
    let guest = workshop::machine(debian(), &job, &[(&firstlight, "/usr/sbin/firstlight")]).unwrap();
    let report = report(&guest.start().unwrap(), BEHIND_LINUX);
    let parts: Vec<&str> = report.parts.iter().map(|part| part.name.as_str()).collect();
    let words = "placeholder root=LABEL=none ro console=hvc0 \"a b\" quiet";
    assert_eq!((report.cmdline.as_str(), parts.as_slice()), (words, &["main"][..]), "{report:?}");
}

#[test]
fn xen_by_multiboot_2_from_a_running_system() {
    from_a_running_system("xen-2-running", "2");
}

#[test]
fn xen_by_multiboot_1_from_a_running_system() {
    from_a_running_system("xen-1-running", "");
}

mod slow {
    use super::*;

    #[test]
    fn xen_by_multiboot_2_under_both_firmwares() {
        let image = disk("xen-2", "2");
        let own = Machine::new("xen-2-own").disk(Disk::new(&image).boot_index(0)).start().unwrap();
        let own = report(&own, "");
        let cmdline = "placeholder root=LABEL=none ro console=hvc0 \"a b\" quiet";
        assert_eq!((own.cmdline.as_str(), own.parts.len()), (cmdline, 1), "{own:?}");

        let initramfs = payload::firstlight(debian()).unwrap();
        let by_firstlight = |firmware| {
            let machine =
                Machine::new(&format!("xen-2-{firmware:?}")).firmware(firmware).disk(Disk::new(&image));
            let guest =
                machine.kernel(&debian().kernel(), &initramfs, "console=ttyS0 quiet").start().unwrap();
            report(&guest, BEHIND_LINUX)
        };
        assert_eq!(by_firstlight(Firmware::Bios), own);
        // Here it has another memory map and other tables, and gets them from us.
        let behind_uefi = by_firstlight(Firmware::Uefi);
        let root = behind_uefi.cmdline.strip_prefix(&format!("{cmdline} acpi_rsdp=0x")).unwrap();
        assert!(u32::from_str_radix(root, 16).is_ok() && behind_uefi.parts == own.parts, "{behind_uefi:?}");
        assert!(behind_uefi.platform.acpi.iter().any(|table| table == "DSDT"), "{behind_uefi:?}");
    }
}
