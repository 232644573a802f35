//! ChromeOS's kernel partitions: sizes and addresses in the preamble.
#![no_main]

use firstlight::formats::kernel_file::chromeos;
use fuzz::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = chromeos::parse(data);
});
