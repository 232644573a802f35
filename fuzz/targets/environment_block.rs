//! GRUB's environment block.
#![no_main]

use firstlight::formats::grub::environment_block;
use fuzz::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = environment_block::read(data);
    let _ = environment_block::write(data, &[("saved_entry", Some("1>2")), ("next_entry", None)]);
});
