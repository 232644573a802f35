//! GRUB's script, evaluated; after each form feed comes a further file.
#![no_main]

use firstlight::formats::grub::{self, Facts, flavour};
use fuzz::{Files, bounds, fuzz_target};

fuzz_target!(|data: &[u8]| {
    let files = Files::new(data.split(|byte| *byte == b'\x0c'));
    let flavours = [&flavour::UPSTREAM, &flavour::RHEL8, &flavour::SUSE];
    let flavour = flavours[bounds::way(flavours.len())];
    let _ = grub::read(&files, 0, "/boot/grub/grub.cfg", Facts::here(true), flavour);
});
