//! Firmware images: what is in them, and the same with the first file taken out and the second one replaced.
#![no_main]

use fuzz::fuzz_target;
use initramfs::flash::{Changes, Replacement, edit, inspect};

fuzz_target!(|data: &[u8]| {
    let Ok(items) = inspect(data) else { return };
    let mut files =
        items.iter().filter(|item| !item.kind.starts_with("volume")).filter_map(|item| item.guid.clone());
    let drop = files.next().into_iter().collect();
    let replacement = |file| Replacement { file, program: vec![7; 100], title: "new".into() };
    let changes = Changes { drop, replace: files.next().map(replacement).into_iter().collect() };
    if let Ok(edited) = edit(data, &changes) {
        assert_eq!(edited.image.len(), data.len());
        // What was written can be read.
        inspect(&edited.image).expect("an image that was changed");
    }
});
