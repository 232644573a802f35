//! Android's images: the first bytes choose a header, the rest is the table of a vendor's initrds.
#![no_main]

use firstlight::formats::kernel_file::{android, boot_control, u_image};
use fuzz::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = android::parse(data);
    let _ = u_image::files(data);
    let _ = boot_control::parse(data);
    if let Some(vendor) = android::parse_vendor(data) {
        let table = data.get(2128..).unwrap_or_default();
        let _ = android::vendor_ramdisks(&vendor, table);
        let _ = android::bootconfig_trailer(table);
    }
});
