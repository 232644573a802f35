//! Superblocks of every kind, logs that wait to be replayed, and the place of an ISO 9660 image.
#![no_main]

use firstlight::{
    entry::FilesystemKind::{Btrfs, Ext4, F2fs, Xfs},
    formats::{iso9660::Layout, superblock},
};
use fuzz::{Sparse, fuzz_target};

fuzz_target!(|data: &[u8]| {
    let _ = superblock::probe(&Sparse::new(data));
    for kind in [Ext4, Xfs, Btrfs, F2fs] {
        let _ = superblock::dirty_log(kind, &Sparse::new(data));
    }
    let _ = Layout::read(&Sparse::new(data));
    let _ = superblock::btrfs::default_subvolume(data);
    let _ = superblock::btrfs::place_in_parent(data);
});
