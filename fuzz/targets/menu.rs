//! Configurations that list their choices outright, the input read as each of them: kboot.conf and petitboot.conf.
#![no_main]

use firstlight::formats::{kboot, petitboot, text};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = text::decode(data);
    let _ = kboot::parse(&text);
    let _ = petitboot::parse(&text);
});
