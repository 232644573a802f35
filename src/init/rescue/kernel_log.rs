//! The kernel's log as a person reads it (Documentation/ABI/testing/dev-kmsg).

use std::{
    collections::VecDeque,
    fs::OpenOptions,
    io::{self, ErrorKind, Read},
    os::unix::fs::OpenOptionsExt,
};

use rustix::fs::OFlags;

use crate::formats::text;

/// Maximum size of a record of the kernel, in bytes (CONSOLE_EXT_LOG_MAX).
const RECORD_LIMIT: usize = 8192;

/// Maximum number of lines that are kept.
const LINES_LIMIT: usize = 10_000;

/// The last `count` messages that are wanted, each with its time in seconds.
///
/// # Errors
///
/// When /dev/kmsg cannot be opened or read.
pub(super) fn last_lines(count: usize, wanted: fn(&str) -> bool) -> io::Result<String> {
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let mut log = OpenOptions::new().read(true).custom_flags(flags).open("/dev/kmsg")?;
    let mut lines = VecDeque::new();
    let mut record = [0_u8; RECORD_LIMIT];
    loop {
        match log.read(&mut record) {
            Ok(length @ 1..) => {
                lines.extend(line(record.get(..length).unwrap_or_default()).filter(|line| wanted(line)));
            }
            Ok(_) => break,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            // Overwritten while we read: the next read gives the oldest that is left.
            Err(error) if matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::Interrupted) => {}
            Err(error) => return Err(error),
        }
        if lines.len() > count.min(LINES_LIMIT) {
            lines.pop_front();
        }
    }
    Ok(lines.into_iter().collect())
}

/// `priority,sequence,microseconds,flags;message`, then lines of details that are left out.
fn line(record: &[u8]) -> Option<String> {
    let record = String::from_utf8_lossy(record);
    let (head, message) = record.lines().next()?.split_once(';')?;
    let microseconds: u64 = head.split(',').nth(2)?.parse().ok()?;
    let (seconds, fraction) = (microseconds / 1_000_000, microseconds % 1_000_000);
    Some(format!("[{seconds:5}.{fraction:06}] {}\n", text::printable(message)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_shown_with_its_time() {
        let record = b"6,339,5140900,-;NET: Registered protocol family 10\n SUBSYSTEM=net\n";
        assert_eq!(line(record).as_deref(), Some("[    5.140900] NET: Registered protocol family 10\n"));
        for record in [&b""[..], b"6,339;x", b"no record", b"6,1,x,-;y"] {
            assert_eq!(line(record), None);
        }
    }
}
