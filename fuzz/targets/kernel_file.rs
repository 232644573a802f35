//! Kernel files of every kind, and what compressed ones begin with.
#![no_main]

use firstlight::formats::{bzimage, compression::Compression, kernel_file};
use fuzz::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = kernel_file::recognise(data, u64::try_from(data.len()).unwrap_or(u64::MAX));
    let _ = bzimage::parse(data);
    let _ = Compression::recognise(data);
});
