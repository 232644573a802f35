//! fstab.
#![no_main]

use firstlight::formats::{fstab, text};
use fuzz::fuzz_target;

fuzz_target!(|data: &[u8]| drop(fstab::parse(&text::decode(data))));
