//! Flattened image trees: which files the default configuration names.
#![no_main]

use firstlight::formats::kernel_file::{fit, flat_tree};
use fuzz::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = flat_tree::parse(data, data.len() as u64);
    let Ok(configuration) = fit::default_configuration(&data) else { return };
    let images = std::iter::once(&configuration.kernel).chain(&configuration.ramdisk);
    for image in images.chain(&configuration.devicetrees) {
        assert!(image.offset + image.size <= data.len() as u64);
    }
});
