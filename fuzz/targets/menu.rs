//! Configurations that list their choices outright, the input read as each of them.
#![no_main]

use firstlight::formats::{
    grub_legacy, kboot,
    lilo::{self, Dialect},
    limine::{self, Syntax},
    petitboot, text,
};
use fuzz::{bounds, fuzz_target};

fuzz_target!(|data: &[u8]| {
    let text = text::decode(data);
    bounds::lap();
    let _ = kboot::parse(&text);
    bounds::lap();
    let _ = petitboot::parse(&text);
    bounds::lap();
    let _ = grub_legacy::parse(&text, Some(1));
    for dialect in [Dialect::Lilo, Dialect::Elilo, Dialect::Yaboot] {
        bounds::lap();
        let _ = lilo::parse(&text, dialect, "/EFI/a");
    }
    for syntax in [Syntax::Slashes, Syntax::Colons] {
        bounds::lap();
        let _ = limine::parse(&text, syntax, true);
    }
});
