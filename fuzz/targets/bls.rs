//! Boot Loader Specification: entries, their names, loader.conf.
#![no_main]

use firstlight::formats::{
    bls::{BlsEntry, LoaderConf, Reading, Variables, entry_name},
    text,
};
use fuzz::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = text::decode(data);
    for reading in [Reading::SystemdBoot, Reading::Grub] {
        let _ = BlsEntry::parse(&text, reading);
    }
    let _ = entry_name(&text, ".conf");
    let variables = Variables { default: Some(text.to_string()), ..Variables::default() };
    let _ = LoaderConf::parse(&text).choice(&variables, &[(&text, false), ("arch.conf", true)]);
});
