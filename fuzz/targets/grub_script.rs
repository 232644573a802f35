//! GRUB's script, evaluated; behind each form feed stands a further file.
#![no_main]

use firstlight::formats::{
    grub::{self, Facts, flavour},
    text,
};
use fuzz::Files;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = text::decode(data);
    let files = Files::new(text.split('\x0c'));
    for flavour in [&flavour::UPSTREAM, &flavour::RHEL8, &flavour::SUSE] {
        let _ = grub::read(&files, 0, "/boot/grub/grub.cfg", Facts::here(true), flavour);
    }
});
