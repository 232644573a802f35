//! The kernel's log as the sink of the `log` facade: one record a write to /dev/kmsg, with its level
//! (Documentation/ABI/testing/dev-kmsg).

use std::{
    fs::{File, OpenOptions},
    io::Write,
    sync::OnceLock,
};

use log::{Level, LevelFilter, Log, Metadata, Record};

/// Where the kernel takes records.
const KMSG: &str = "/dev/kmsg";

/// Longest record written, in bytes: the kernel refuses one that is longer than its line buffer (1024 with the prefix
/// that it adds).
const RECORD_LIMIT: usize = 960;

static KMSG_LOG: OnceLock<KmsgLog> = OnceLock::new();

/// Makes a line of a text that may hold anything.
type Printable = fn(&str) -> String;

struct KmsgLog {
    name: &'static str,
    printable: Printable,
    file: File,
}

/// Sends everything that is logged, down to `level`, to the kernel's log, each record beginning with `name`. The kernel
/// shows records on its consoles as they are, so `printable` makes a harmless line of each.
///
/// Where the log cannot be opened, or a logger is installed already, nothing changes: a log is no reason to fail.
pub fn install(name: &'static str, level: LevelFilter, printable: Printable) {
    let Ok(file) = OpenOptions::new().write(true).open(KMSG) else { return };
    if log::set_logger(KMSG_LOG.get_or_init(|| KmsgLog { name, printable, file })).is_ok() {
        log::set_max_level(level);
    }
}

impl Log for KmsgLog {
    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let line = line(record.level(), &(self.printable)(&format!("{}: {}", self.name, record.args())));
        // The kernel takes a record whole or not at all, and there is nobody to report a refusal to.
        let _ = (&self.file).write(line.as_bytes());
    }

    fn flush(&self) {}
}

/// A record as the kernel takes it: the level before the text, and not too long.
fn line(level: Level, text: &str) -> String {
    let mut line = format!("<{}>{text}", priority(level));
    line.truncate(line.floor_char_boundary(RECORD_LIMIT));
    line
}

/// The level in syslog(3)'s numbers.
fn priority(level: Level) -> u8 {
    match level {
        Level::Error => 3,
        Level::Warn => 4,
        Level::Info => 6,
        Level::Debug | Level::Trace => 7,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_carries_its_level() {
        assert_eq!(line(Level::Warn, "firstlight: sda1: bad"), "<4>firstlight: sda1: bad");
        assert_eq!(line(Level::Trace, ""), "<7>");
    }

    #[test]
    fn a_long_record_is_cut_between_characters() {
        // The prefix of three bytes is odd, so that a two-byte character lies across the limit.
        let cut = line(Level::Info, &"ä".repeat(1000));
        assert_eq!(cut.len(), RECORD_LIMIT - 1);
        assert!(cut.ends_with('ä'));
    }
}
