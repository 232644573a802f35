//! Kernel parameters that PID 1 needs otherwise than they come (Documentation/admin-guide/sysctl/kernel.rst).

use std::fs;

/// Path below /proc/sys and value.
const WANTED: &[(&str, &str)] = &[
    // By default the kernel drops records that come in a burst, and a boot is one burst.
    ("kernel/printk_devkmsg", "on"),
    // Some distributions' kernels look for modprobe elsewhere; in our image it is here.
    ("kernel/modprobe", "/sbin/modprobe"),
];

/// Sets them, each with the newline that some require. One that this kernel lacks is logged and is no failure.
pub(super) fn set_all() {
    for (name, value) in WANTED {
        if let Err(error) = fs::write(format!("/proc/sys/{name}"), format!("{value}\n")) {
            log::info!("{name} not set to {value}: {error}");
        }
    }
}
