//! fstab, and the names of file systems in it.
#![no_main]

use firstlight::formats::{fstab, text, volume_name::VolumeName};
use fuzz::fuzz_target;

fuzz_target!(|data: &[u8]| {
    for mount in fstab::parse(&text::decode(data)) {
        let _ = VolumeName::parse(&mount.source);
    }
});
