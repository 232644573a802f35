//! The descriptions of generations of Guix System and NixOS.
#![no_main]

use firstlight::formats::{bootspec, guix::Parameters, text};
use fuzz::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = text::decode(data);
    let _ = Parameters::parse(&text).map(|parameters| parameters.cmdline("/gnu/store/x-system"));
    let _ = (bootspec::string(&text, "init"), bootspec::string(&text, "label"));
});
