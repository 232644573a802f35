//! Disks whose partitions are not what they seem: an old image below them, a damaged table, a table for other sectors.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;

use qemu::disk::{Filesystem, Image};
use qemu::machine::{Disk, Machine};

use crate::{LIMIT, ONE_ENTRY, bootable, firstlight, live, one_entry_cmdline};

/// Boots the disk of the volume with this name, of which no byte must change.
fn boots(machine: &Machine, disk: &Path, cmdline: &str) {
    let before = fs::read(disk).unwrap();
    let guest = machine.start().unwrap();
    let report = guest.wait_for_report(LIMIT).unwrap();
    assert_eq!((report.kexec, report.cmdline.as_str()), (true, cmdline));
    guest.wait_for_landmark("volume", &[("device", "vda1"), ("kind", "ext4")], LIMIT).unwrap();
    drop(guest);
    assert!(before == fs::read(disk).unwrap(), "the disk was written");
}

#[test]
fn a_partition_counts_and_not_the_image_that_the_disk_held_before() {
    let volume = bootable(Filesystem::Ext4, "stale", ONE_ENTRY);
    let cmdline = one_entry_cmdline(&volume);
    let disk = Image::new().volume(volume).build("stale").unwrap();
    // What partitioning leaves of an image: all but the table's own sectors and what the partitions take.
    let old = fs::read(live::image("stale")).unwrap();
    let file = fs::File::options().write(true).open(&disk).unwrap();
    file.write_all_at(&old[34 * 512..1 << 20], 34 * 512).unwrap();
    boots(&firstlight("stale").disk(Disk::new(&disk).writable()), &disk, &cmdline);
}

#[test]
fn a_partition_table_whose_beginning_is_lost_is_read_from_its_copy() {
    let volume = bootable(Filesystem::Ext4, "damaged", ONE_ENTRY);
    let cmdline = one_entry_cmdline(&volume);
    let disk = Image::new().volume(volume).build("damaged").unwrap();
    fs::File::options().write(true).open(&disk).unwrap().write_all_at(&[0; 512], 512).unwrap();
    boots(&firstlight("damaged").disk(Disk::new(&disk).writable()), &disk, &cmdline);
}

#[test]
fn a_partition_table_for_small_sectors_is_read_on_a_disk_with_large_ones() {
    let volume = bootable(Filesystem::Ext4, "sectors", ONE_ENTRY).with_large_blocks();
    let cmdline = one_entry_cmdline(&volume);
    let disk = Image::new().volume(volume).build("sectors").unwrap();
    let drive = format!("if=none,id=large,format=raw,file={}", disk.display());
    let device = "virtio-blk-pci,drive=large,logical_block_size=4096,physical_block_size=4096";
    let machine = firstlight("sectors").options(["-drive", &drive, "-device", device]);
    boots(&machine, &disk, &cmdline);
}
