//! The firmware's boot options.
#![no_main]

use firstlight::formats::efi_boot;
use fuzz::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = efi_boot::order(data);
    let _ = efi_boot::load_option(data).map(|option| option.command_line());
});
