//! Disks on every bus, through the modules of a distribution's kernel, and every file system.

use qemu::disk::{Filesystem, Image};
use qemu::machine::{Bus, Disk};
use qemu::{payload, snapshots};

use crate::{LIMIT, ONE_ENTRY, bootable, debian, firstlight, one_entry_cmdline};

fn boots(name: &str, bus: Bus, filesystem: Filesystem, device: &str) {
    let volume = bootable(filesystem, name, ONE_ENTRY);
    let cmdline = one_entry_cmdline(&volume);
    let image = Image::new().volume(volume).build(name).unwrap();
    let guest = firstlight(name).disk(Disk::new(image).bus(bus)).start().unwrap();
    let report = guest.wait_for_report(LIMIT).unwrap();
    assert_eq!((report.kexec, report.cmdline), (true, cmdline));
    let volume = guest.wait_for_landmark("volume", &[("label", name)], LIMIT).unwrap();
    assert_eq!(volume.field("device"), device);
}

#[test]
fn virtio_with_xfs() {
    boots("virtio-xfs", Bus::Virtio, Filesystem::Xfs, "vda1");
}

#[test]
fn nvme_with_btrfs() {
    boots("nvme-btrfs", Bus::Nvme, Filesystem::Btrfs, "nvme0n1p1");
}

#[test]
fn sata_with_ext4() {
    boots("sata-ext4", Bus::Ahci, Filesystem::Ext4, "sda1");
}

#[test]
fn usb_with_ext2() {
    boots("usb-ext2", Bus::Usb, Filesystem::Ext2, "sda1");
}

#[test]
fn scsi_with_ext4() {
    boots("scsi-ext4", Bus::Scsi, Filesystem::Ext4, "sda1");
}

#[test]
fn the_default_subvolume_of_btrfs_is_where_opensuse_boots_from() {
    let configuration = "set btrfs_relative_path=yes
set timeout=0
menuentry 'openSUSE' {
    linux /boot/vmlinuz console=ttyS0 quiet snapshot=@SNAPSHOT
    initrd /boot/initrd
}
";
    let initrd = payload::probe_initrd("snapshots").unwrap();
    let files: [(&str, &[u8]); 2] =
        [("/boot/grub2/grub.cfg", configuration.as_bytes()), ("/boot/initrd", &initrd)];
    let disk = snapshots::disk(debian(), "snapshots", &files).unwrap();
    let guest = firstlight("default-subvolume").disk(Disk::new(disk)).start().unwrap();
    let report = guest.wait_for_report(LIMIT).unwrap();
    assert_eq!(report.cmdline, "BOOT_IMAGE=/boot/vmlinuz console=ttyS0 quiet snapshot=2");
    guest
        .wait_for_landmark("load", &[("kernel", "vda1:/@/.snapshots/2/snapshot/boot/vmlinuz")], LIMIT)
        .unwrap();
}
