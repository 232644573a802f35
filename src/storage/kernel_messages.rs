//! What the kernel writes to its log about a device while we wait for it (Documentation/ABI/testing/dev-kmsg): its reasons
//! say more than an error number.

use std::{
    fs::{File, OpenOptions},
    io::{ErrorKind, Read, Seek, SeekFrom},
    os::unix::fs::OpenOptionsExt,
};

use rustix::fs::OFlags;

use crate::formats::text;

/// Maximum size of a record, in bytes (CONSOLE_EXT_LOG_MAX).
const RECORD_LIMIT: usize = 8192;

/// Maximum number of records that are read: other devices have their say, too.
const RECORDS_LIMIT: usize = 4096;

/// Level of a warning, in syslog(3)'s numbers; more serious ones are lower.
const WARNING: u32 = 4;

/// A place in the kernel's log.
#[derive(Debug)]
pub(super) struct KernelMessages(Option<File>);

impl KernelMessages {
    /// The end of the log as it is now. Without a log that can be read there is nothing after it.
    pub fn from_now() -> Self {
        let flags = OFlags::NONBLOCK.bits().cast_signed();
        let log = OpenOptions::new().read(true).custom_flags(flags).open("/dev/kmsg");
        Self(log.ok().and_then(|mut log| log.seek(SeekFrom::End(0)).ok().map(|_| log)))
    }

    /// The warnings and errors since then about the device of this name, by this driver: each once, without the names.
    pub fn about(self, device: &str, driver: &str) -> Vec<String> {
        let Some(mut log) = self.0 else { return Vec::new() };
        let mut messages = Vec::new();
        let mut record = [0; RECORD_LIMIT];
        for _ in 0..RECORDS_LIMIT {
            match log.read(&mut record) {
                Ok(length @ 1..) => {
                    let record = text::decode(record.get(..length).unwrap_or_default());
                    if let Some(message) =
                        message(&record, device, driver).filter(|it| !messages.contains(it))
                    {
                        messages.push(message);
                    }
                }
                // Overwritten while we read: the next read gives the oldest that is left.
                Err(error) if matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::Interrupted) => {}
                Ok(_) | Err(_) => break,
            }
        }
        messages
    }
}

/// The message of a record `priority,sequence,microseconds,flags;message` if it is a warning about the device. Drivers write
/// `EXT4-fs (sda1): …`, `XFS (sda1): …`, `BTRFS error (device sda1): …`; some name no device.
fn message(record: &str, device: &str, driver: &str) -> Option<String> {
    let (head, message) = record.lines().next()?.split_once(';')?;
    let priority: u32 = head.split(',').next()?.parse().ok()?;
    let named =
        message.split_once(&format!("{device}): ")).filter(|(before, _)| before.ends_with(['(', ' ', '=']));
    let unnamed = || {
        let (before, after) = message.split_once(": ")?;
        let starts = before.get(..driver.len())?.eq_ignore_ascii_case(driver);
        (starts && !before.contains('(')).then_some(after)
    };
    let message = named.map(|(_, after)| after).or_else(unnamed)?;
    (priority & 7 <= WARNING).then(|| message.trim().trim_end_matches('.').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_about_the_device_are_taken_out_of_the_log() {
        for (record, expected) in [
            // As Linux 6.1 and 6.12 wrote them.
            (
                "3,521,1203004,-;EXT4-fs (vda1): couldn't mount because of unsupported optional features (10000)",
                Some("couldn't mount because of unsupported optional features (10000)"),
            ),
            (
                "4,530,1,-;XFS (vda1): Filesystem needs repair.  Please run xfs_repair.\n SUBSYSTEM=block",
                Some("Filesystem needs repair.  Please run xfs_repair"),
            ),
            (
                "2,531,1,-;BTRFS critical (device vda1): unable to find chunk map",
                Some("unable to find chunk map"),
            ),
            (
                "3,532,1,-;SQUASHFS error: Filesystem uses \"zstd\" compression. This is not supported",
                Some("Filesystem uses \"zstd\" compression. This is not supported"),
            ),
            ("5,533,1,-;XFS (vda1): Mounting V5 Filesystem", None),
            ("3,534,1,-;EXT4-fs (vda12): no journal found", None),
            ("3,535,1,-;EXT4-fs (sda1): no journal found", None),
            ("3,536,1,-;XFS (dm-0): log mount failed", None),
            ("no record", None),
        ] {
            let driver = if record.contains("SQUASHFS") { "squashfs" } else { "xfs" };
            assert_eq!(message(record, "vda1", driver).as_deref(), expected, "{record}");
        }
    }
}
