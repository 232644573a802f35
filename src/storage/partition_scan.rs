//! Who reads a disk's partition table: its probe, which has a deadline, and not the start of its driver. A disk that does not answer
//! would hold that up for ever, with it all other starts, and the jump, for which the kernel waits for them (device_shutdown).
//!
//! Linux has no setting for this. But its driver opens the disk to read the table, and the controller `devices` of control groups
//! refuses to open what is not on its list (Documentation/admin-guide/cgroup-v1/devices.rst), to the kernel's own threads, too: each
//! device is put on the list when it is announced, which is after that attempt. A kernel without this controller reads the table.

use std::{fs, io};

/// The controller's list, and what takes from it.
const ALLOW: &str = "/sys/fs/cgroup/devices.allow";
const DENY: &str = "/sys/fs/cgroup/devices.deny";

/// What may be opened without being announced: all that is no disk, and loop devices and arrays (9), which are opened as soon as
/// they are made (Documentation/admin-guide/devices.txt). Nodes of all devices are made (`m`).
const ALWAYS: &[&str] = &["c *:* rwm", "b *:* m", "b 7:* rw", "b 9:* rw"];

/// Keeps the drivers that start from now on from reading partition tables.
///
/// # Errors
/// The kernel's reason: `NotFound` or `PermissionDenied` where it has no such controller.
pub fn hold_back() -> io::Result<()> {
    fs::write(DENY, "a")?;
    ALWAYS.iter().try_for_each(|rule| fs::write(ALLOW, rule)).inspect_err(|_| release())
}

/// Lets the kernel read partition tables again, and every device be opened.
pub fn release() {
    // Where there is no controller, nothing was held back.
    let _ = fs::write(ALLOW, "a");
}

/// Lets a device be opened, by its number: `8:1`.
pub(super) fn permit(number: &str) {
    // As above.
    let _ = fs::write(ALLOW, ["b ", number, " rw"].concat());
}
