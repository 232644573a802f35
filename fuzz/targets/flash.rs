//! Firmware images: what is in them, and the same with the first file taken out and the second one replaced, and with
//! a payload.
#![no_main]

use fuzz::fuzz_target;
use initramfs::flash::{Changes, FlashItem, Kind, Payload, Replacement, edit, inspect, put, with_area};

fuzz_target!(|data: &[u8]| {
    let payload = [Payload { kind: Kind::Kernel, content: vec![7; 100] }];
    let larger = with_area(data, data.len().saturating_add(8192)).unwrap_or_default();
    for image in [data, &larger] {
        if let Ok(with_payload) = put(image, &payload) {
            // Whether the other parts of the image can be read does not change: the area alone is written.
            let (before, after) = (inspect(image), inspect(&with_payload));
            assert_eq!(before.is_ok(), after.is_ok());
            let shown =
                |items: &[FlashItem]| items.iter().any(|item| item.kind == "payload" && item.size == 100);
            assert!(after.is_err() || after.is_ok_and(|items| shown(&items)));
        }
    }
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
