//! Configurations that list their choices outright, the input read as each of them.
#![no_main]

use firstlight::formats::{
    grub_legacy, kboot,
    lilo::{self, Dialect},
    limine::{self, Syntax},
    petitboot, text,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = text::decode(data);
    let _ = kboot::parse(&text);
    let _ = petitboot::parse(&text);
    let _ = grub_legacy::parse(&text, Some(1));
    for dialect in [Dialect::Lilo, Dialect::Elilo, Dialect::Yaboot] {
        let _ = lilo::parse(&text, dialect, "/EFI/a");
    }
    for syntax in [Syntax::Slashes, Syntax::Colons] {
        let _ = limine::parse(&text, syntax, true);
    }
});
