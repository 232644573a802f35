//! Kernel files of every kind, what compressed ones begin with, and what gzip has packed.
#![no_main]

use firstlight::formats::{bzimage, compression::Compression, gzip, kernel_file};
use fuzz::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = kernel_file::recognise(data, u64::try_from(data.len()).unwrap_or(u64::MAX));
    let _ = bzimage::parse(data);
    let _ = Compression::recognise(data);
    // As much as tells a kernel by its head.
    let (mut packed, mut head) = (data, [0; 4096]);
    let _ = gzip::decompress(&mut packed, &mut head.as_mut_slice());
});
