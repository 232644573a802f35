//! Unified kernel images: sections, profiles and their texts.
#![no_main]

use firstlight::formats::{
    kernel_file::pe,
    uki::{self, Sections},
};
use fuzz::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some(program) = pe::parse(data, data.len() as u64) else { return };
    let read = |section: &pe::Section| {
        let start = usize::try_from(section.offset).ok()?;
        Some(data.get(start..start.checked_add(usize::try_from(section.size).ok()?)?)?.to_vec())
    };
    for profile in 0..3 {
        let _ = Sections::of(&program, profile).and_then(|sections| sections.get(".initrd"));
        let _ = Sections::of(&program, profile).and_then(|sections| uki::linked(sections, &read));
    }
    let _ = uki::profiles(&program, &read);
});
