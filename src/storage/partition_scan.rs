//! Who reads a disk's partition table: its probe, which has a deadline, and not the start of its driver. A disk that does not answer
//! would hold that up for ever, with it all other starts, and the jump, for which the kernel waits for them (device_shutdown).
//!
//! Linux has no setting for this. But its driver opens the disk to read the table, and the controller `devices` of control groups
//! refuses to open what is not on its list (Documentation/admin-guide/cgroup-v1/devices.rst), to the kernel's own threads, too: each
//! device is put on the list when it is announced, which is after that attempt. A kernel without this controller reads the table.

use std::{fs::OpenOptions, io, io::Write, path::Path};

/// Where the controller is mounted.
const CONTROLLER: &str = "/sys/fs/cgroup";

/// What may be opened without being announced: all that is no disk, and loop devices and arrays (9), which are opened as soon as
/// they are made (Documentation/admin-guide/devices.txt). Nodes of all devices are made (`m`).
const ALWAYS: &[&str] = &["c *:* rwm", "b *:* m", "b 7:* rw", "b 9:* rw"];

/// Keeps the drivers that start from now on from reading partition tables.
///
/// # Errors
/// The kernel's reason: `NotFound` or `PermissionDenied` where it has no such controller.
pub fn hold_back() -> io::Result<()> {
    write("devices.deny", "a")?;
    ALWAYS.iter().try_for_each(|rule| write("devices.allow", rule)).inspect_err(|_| release())
}

/// Lets the kernel read partition tables again, and every device be opened.
pub fn release() {
    // Where there is no controller, nothing was held back.
    let _ = write("devices.allow", "a");
}

/// Lets a device be opened, by its number.
pub(super) fn permit((major, minor): (u32, u32)) {
    // As above.
    let _ = write("devices.allow", &format!("b {major}:{minor} rw"));
}

fn write(file: &str, rule: &str) -> io::Result<()> {
    OpenOptions::new().write(true).open(Path::new(CONTROLLER).join(file))?.write_all(rule.as_bytes())
}
