//! Partition tables.
#![no_main]

use firstlight::formats::partition;
use fuzz::{Sparse, fuzz_target};

fuzz_target!(|data: &[u8]| {
    let _ = partition::read(&Sparse::new(data));
    let _ = partition::read_gpt(&Sparse::new(data));
});
