//! Superblocks of every kind.
#![no_main]

use firstlight::formats::superblock;
use fuzz::{Sparse, fuzz_target};

fuzz_target!(|data: &[u8]| {
    let _ = superblock::probe(&Sparse::new(data));
    let _ = superblock::btrfs::default_subvolume(data);
    let _ = superblock::btrfs::place_in_parent(data);
});
