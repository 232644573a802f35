//! The firmware's tables about the machine.
#![no_main]

use firstlight::formats::smbios;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = smbios::oem_strings(data);
});
