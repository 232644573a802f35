//! The hardware watchdog, if the settings ask for it: petted by PID 1's loop, so that a machine that hangs restarts.

use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    time::{Duration, Instant},
};

use crate::sys::watchdog::{name, set_timeout};

const DEVICE: &str = "/dev/watchdog";

/// Written before the device is closed, this stops the watchdog, unless its driver was set up so that nothing stops it.
const MAGIC_CLOSE: &[u8] = b"V";

/// The name of the kernel's own watchdog, a timer (drivers/watchdog/softdog.c).
const SOFTWARE: &str = "Software Watchdog";

/// Whether the kernel stops watchdogs before a jump: `0` if it does not, `-1` if each driver decides
/// (drivers/watchdog/watchdog_core.c).
const STOPS_ON_REBOOT: &str = "/sys/module/watchdog/parameters/stop_on_reboot";

#[derive(Debug)]
pub(super) struct Watchdog {
    device: File,
    name: String,
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
        let name = name(&device).unwrap_or_default();
        Some(Self { device, name, interval, due: Instant::now() })
    }

    /// Why it does not guard the next kernel, even if it is left running.
    pub(super) fn ends_before_the_next_kernel(&self) -> Option<&'static str> {
        let stops = fs::read_to_string(STOPS_ON_REBOOT).unwrap_or_default();
        ends_before_the_next_kernel(&self.name, stops.trim())
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

fn ends_before_the_next_kernel(name: &str, stops_on_reboot: &str) -> Option<&'static str> {
    if name == SOFTWARE {
        return Some(
            "it is a timer of this kernel (softdog) and ends with it; a machine needs one of hardware",
        );
    }
    let stops = "this kernel may stop it before the jump; start it with the word `watchdog.stop_on_reboot=0`";
    (stops_on_reboot != "0").then_some(stops)
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
    fn a_watchdog_that_the_next_kernel_does_not_have_is_known() {
        let ends =
            |name, stops| ends_before_the_next_kernel(name, stops).map(|reason| reason.split(' ').next());
        for (name, stops, expected) in [
            ("i6300ESB timer", "0", None),
            ("i6300ESB timer", "-1", Some(Some("this"))),
            ("iTCO_wdt", "1", Some(Some("this"))),
            // A kernel before 5.8 has no such word.
            ("iTCO_wdt", "", Some(Some("this"))),
            ("Software Watchdog", "0", Some(Some("it"))),
        ] {
            assert_eq!(ends(name, stops), expected, "{name} {stops}");
        }
    }

    #[test]
    fn pets_are_frequent_enough_and_not_endless() {
        for (seconds, milliseconds) in
            [(60, 20_000), (1, 333), (0, 100), (-5, 100), (i32::MAX, 715_827_882_333)]
        {
            assert_eq!(interval(seconds).as_millis(), milliseconds, "{seconds}");
        }
    }
}
