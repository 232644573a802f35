//! The firmware's tables about the machine.
#![no_main]

use firstlight::formats::{smbios, syslinux::words};
use fuzz::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = smbios::oem_strings(data);
    let _ = words::words(data, None);
});
