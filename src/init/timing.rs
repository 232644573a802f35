//! When each stage was reached, on the monotonic clock, which begins with the kernel (`firstlight.timing`).

use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use rustix::time::{ClockId, clock_gettime};

use crate::formats::text::printable;

/// Maximum number of stamps.
const LIMIT: usize = 128;

#[derive(Debug)]
pub(super) struct Timing {
    stamps: Vec<(String, Duration)>,
}

impl Timing {
    /// Stamps the beginning.
    pub(super) fn begin() -> Self {
        let mut timing = Self { stamps: Vec::new() };
        timing.stamp("init");
        timing
    }

    /// Stamps that `stage` is reached now.
    pub(super) fn stamp(&mut self, stage: &str) {
        if self.stamps.len() < LIMIT {
            let now = Duration::try_from(clock_gettime(ClockId::Monotonic)).unwrap_or_default();
            self.stamps.push((printable(stage), now));
        }
    }

    /// A line for each stage: seconds since the kernel's start, milliseconds since the stage before, and its name.
    pub(super) fn table(&self) -> String {
        let mut table = String::from("   seconds       +ms  stage\n");
        let mut before = self.stamps.first().map_or(Duration::ZERO, |(_, at)| *at);
        for (stage, at) in &self.stamps {
            // In whole numbers: the formatting of fractions is 12 KiB of code.
            let since = u64::try_from(at.saturating_sub(before).as_micros()).unwrap_or(u64::MAX);
            let (millis, tenths) = (since / 1000, since / 100 % 10);
            table.push_str(&format!(
                "{:6}.{:03} {millis:7}.{tenths}  {stage}\n",
                at.as_secs(),
                at.subsec_millis()
            ));
            before = *at;
        }
        table
    }
}

/// The most memory that PID 1 ever had resident, and the largest of its children that have ended, in KiB.
pub(super) fn memory() -> String {
    let peak = |who| getrusage(who).map_or(0, |usage| usage.max_rss());
    let (own, children) = (peak(UsageWho::RUSAGE_SELF), peak(UsageWho::RUSAGE_CHILDREN));
    format!("memory in KiB: init {own}, largest other {children}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_shows_when_and_how_long() {
        let stamps = [("init", 1500), ("mounted", 1502), ("jump", 12_345)];
        let stamps = stamps.map(|(stage, millis)| (stage.to_owned(), Duration::from_millis(millis)));
        assert_eq!(
            Timing { stamps: stamps.into() }.table(),
            "   seconds       +ms  stage\n     1.500       0.0  init\n     1.502       2.0  mounted\n    12.345   10843.0  jump\n"
        );
    }

    #[test]
    fn a_stage_is_one_line_whatever_its_name() {
        let mut timing = Timing::begin();
        timing.stamp("loading a\u{1b}[2J\nfirstlight: @jump id=\u{202e}x");
        let table = timing.table();
        let (_, row) = table.trim_end().rsplit_once('\n').unwrap();
        assert!(row.ends_with("  loading a?[2J?firstlight: ?jump id=?x"), "{table}");
    }

    #[test]
    fn stamps_are_bounded() {
        let mut timing = Timing::begin();
        (0..1000).for_each(|_| timing.stamp("again"));
        assert_eq!(timing.stamps.len(), LIMIT);
    }
}
