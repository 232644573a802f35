//! The table of machines in a unified kernel image.
#![no_main]

use firstlight::formats::hwids::{Machine, compatible};
use fuzz::fuzz_target;

fuzz_target!(|data: &[u8]| {
    // The hash of `A&B` is in the seed.
    let names = ["A", "B", "C", "D", "E", "F"].map(|name| Some(name.to_owned()));
    let _ = compatible(data, &Machine { names });
});
