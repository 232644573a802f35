//! The hardware watchdog, if the settings ask for it: petted by PID 1's loop, so that a machine that hangs restarts.

use std::{
    fs::{File, OpenOptions},
    io::Write,
    time::{Duration, Instant},
};

use crate::sys::watchdog::set_timeout;

const DEVICE: &str = "/dev/watchdog";

/// Written before the device is closed, this stops the watchdog, unless its driver was set up so that nothing stops it.
const MAGIC_CLOSE: &[u8] = b"V";

#[derive(Debug)]
pub(super) struct Watchdog {
    device: File,
    interval: Duration,
    due: Instant,
}

impl Watchdog {
    /// Starts it, to bite after `seconds` without a pet; `None`, with a word to the log, where there is no watchdog (yet:
    /// its driver may be a module).
    pub(super) fn start(seconds: u32) -> Option<Self> {
        let device = OpenOptions::new().write(true).open(DEVICE);
        let device = device.inspect_err(|error| log::info!("{DEVICE}: {error}")).ok()?;
        let wanted = i32::try_from(seconds).unwrap_or(i32::MAX);
        let taken = set_timeout(&device, wanted).unwrap_or_else(|error| {
            log::warn!("{DEVICE}: its time cannot be set to {seconds} s: {error}");
            wanted
        });
        let interval = interval(taken);
        let milliseconds = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX);
        log::info!("{DEVICE}: bites after {taken} s, petted every {milliseconds} ms");
        Some(Self { device, interval, due: Instant::now() })
    }

    pub(super) fn due(&self) -> Instant {
        self.due
    }

    pub(super) fn pet_if_due(&mut self) {
        let now = Instant::now();
        if now >= self.due {
            self.due = now.checked_add(self.interval).unwrap_or(now);
            if let Err(error) = self.device.write_all(b"\0") {
                log::error!("{DEVICE}: not petted: {error}");
            }
        }
    }

    /// Leaves it running with its full time.
    pub(super) fn leave_running(mut self) {
        self.due = Instant::now();
        self.pet_if_due();
    }

    pub(super) fn stop(mut self) {
        if let Err(error) = self.device.write_all(MAGIC_CLOSE) {
            log::error!("{DEVICE}: not stopped: {error}");
        }
    }
}

/// Three pets fit into the watchdog's time.
fn interval(seconds: i32) -> Duration {
    let seconds = u32::try_from(seconds).unwrap_or_default();
    Duration::from_secs(u64::from(seconds)).checked_div(3).unwrap_or_default().max(Duration::from_millis(100))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pets_are_frequent_enough_and_not_endless() {
        for (seconds, milliseconds) in
            [(60, 20_000), (1, 333), (0, 100), (-5, 100), (i32::MAX, 715_827_882_333)]
        {
            assert_eq!(interval(seconds).as_millis(), milliseconds, "{seconds}");
        }
    }
}
