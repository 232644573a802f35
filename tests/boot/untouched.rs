//! Looking writes nothing: not even to file systems whose journal asks to be replayed.

use std::fs;

use qemu::disk::{Filesystem, Image, Volume};
use qemu::machine::Disk;
use qemu::pinned;

use crate::{LIMIT, firstlight};

/// Where the first volume of a built disk begins, in bytes.
const FIRST_VOLUME: u64 = 1 << 20;

#[test]
fn looking_at_file_systems_that_were_not_unmounted_changes_no_byte() {
    let file = |volume: Volume| volume.file("/photos/1.jpeg", "no kernel");
    let image = Image::new()
        .volume(file(Volume::new(Filesystem::Ext4, "dirty")))
        .volume(file(Volume::new(Filesystem::Xfs, "xfs")))
        .volume(file(Volume::new(Filesystem::Btrfs, "btrfs")))
        .build("untouched")
        .unwrap();
    // As after a power cut: a journal to replay, and a file that was deleted while it was open. Linux frees the latter
    // even with `noload`, and counts mounts and errors in the superblock.
    let place = format!("{}?offset={FIRST_VOLUME}", image.display());
    for command in ["feature needs_recovery", "set_super_value last_orphan 12", "set_super_value state 0"] {
        pinned::disks().unwrap().run("debugfs", ["-w", "-R", command, &place]).unwrap();
    }
    let header = pinned::disks()
        .unwrap()
        .run("dumpe2fs", ["-h", &format!("{}?offset={FIRST_VOLUME}", image.display())])
        .unwrap();
    assert!(header.contains("needs_recovery") && header.contains("First orphan inode:       12"), "{header}");

    let before = fs::read(&image).unwrap();
    let mut guest = firstlight("untouched").disk(Disk::new(&image).writable()).start().unwrap();
    for (device, kind) in [("vda1", "ext4"), ("vda2", "xfs"), ("vda3", "btrfs")] {
        guest.wait_for_landmark("volume", &[("device", device), ("kind", kind)], LIMIT).unwrap();
        guest.wait_for_landmark("explain", &[("device", device)], LIMIT).unwrap();
    }
    guest.send("pp").unwrap();
    guest.wait_off(LIMIT).unwrap();
    let after = fs::read(&image).unwrap();
    let changed = before.iter().zip(&after).position(|(before, after)| before != after);
    assert_eq!((before.len(), changed), (after.len(), None), "byte {changed:?} was written");
}
