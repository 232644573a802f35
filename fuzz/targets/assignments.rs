//! Shell assignments: os-release, /etc/default/grub.
#![no_main]

use firstlight::formats::{assignments::Assignments, text};
use fuzz::fuzz_target;

fuzz_target!(|data: &[u8]| Assignments::default().read(&text::decode(data)));
