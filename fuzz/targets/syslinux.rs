//! Configurations of the syslinux family; after each form feed comes a further file, which every include gives.
#![no_main]

use firstlight::formats::{
    lookup::LookupError,
    syslinux::{self, Dialect},
    text,
};
use fuzz::{bounds, fuzz_target};

fuzz_target!(|data: &[u8]| {
    let _ = syslinux::saved::parse(data);
    let text = text::decode(data);
    for dialect in [Dialect::Syslinux, Dialect::Uboot] {
        bounds::lap();
        let mut parts = text.split('\x0c');
        let first = parts.next().unwrap_or_default();
        let mut include = |_: &str| parts.next().map(str::to_owned).ok_or(LookupError::Missing);
        let _ = syslinux::read("syslinux.cfg", first, dialect, data.len() % 2 == 0, &mut include);
    }
});
