//! Words of a kernel command line.
#![no_main]

use firstlight::formats::{cmdline, text};
use fuzz::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = text::decode(data);
    let _ = cmdline::words(&text).count();
    let _ = cmdline::without(&text, &["initrd"]);
});
