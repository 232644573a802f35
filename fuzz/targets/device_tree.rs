//! A device tree with other properties in `/chosen`.
#![no_main]

use firstlight::formats::device_tree;
use fuzz::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let changes = [("bootargs", Some(b"quiet\0".to_vec())), ("kaslr-seed", None)];
    if let Some(tree) = device_tree::with_chosen(data, &changes) {
        // The written tree can be read.
        assert!(device_tree::with_chosen(&tree, &changes).is_some());
    }
});
