//! /etc/firstlight.conf; after the first form feed the kernel command line.
#![no_main]

use firstlight::{boot::settings::Settings, formats::text};
use fuzz::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = text::decode(data);
    let (config, cmdline) = text.split_once('\x0c').unwrap_or((&text, ""));
    let _ = Settings::parse(config, cmdline);
    let _ = Settings::parse_with_volume("", "sda1:/firstlight.conf", config, cmdline);
});
