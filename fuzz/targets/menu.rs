//! Configurations that list their choices outright, the input read as one of them.
#![no_main]

use firstlight::formats::{
    bls::Variables,
    grub_legacy, kboot,
    lilo::{self, Dialect},
    limine::{self, Syntax},
    petitboot, text,
};
use fuzz::{bounds, fuzz_target};

fuzz_target!(|data: &[u8]| {
    let text = text::decode(data);
    let _ = match bounds::way(8) {
        0 => kboot::parse(&text),
        1 => petitboot::parse(&text),
        2 => grub_legacy::parse(&text, Some(1)),
        3 => lilo::parse(&text, Dialect::Lilo, "/EFI/a"),
        4 => lilo::parse(&text, Dialect::Elilo, "/EFI/a"),
        5 => lilo::parse(&text, Dialect::Yaboot, "/EFI/a"),
        6 => {
            let last = text.lines().next_back().unwrap_or_default();
            let variables = Variables { one_shot: Some(last.into()), ..Variables::default() };
            limine::parse(&text, Syntax::Slashes, true, &variables, Some(last))
        }
        _ => limine::parse(&text, Syntax::Colons, true, &Variables::default(), None),
    };
});
