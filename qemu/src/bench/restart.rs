//! A running Debian restarted by its firmware and GRUB, and by `firstlight boot --now`: from the command to the first line of
//! the system's kernel, in the same guest.
//!
//! This is time by the clock, with nothing counted: firmware and GRUB wait for devices and for the clock in loops, which
//! would be counted as work. So it depends on what else this machine does, and the two ways take turns, whose medians are
//! compared. The system is started once; each restart begins from a snapshot of it. GRUB's countdown is set to nothing: how
//! long a person may think is not what is measured.

use std::time::Duration;

use serde_json::json;

use super::Report;
use super::report::median;
use crate::console::Line;
use crate::debian::Debian;
use crate::error::Error;
use crate::guest::Guest;
use crate::machine::{Disk, Firmware, Machine};
use crate::monitor::Monitor;
use crate::{Result, demo, disk, payload, place};

/// An odd number, of which the median counts.
const RUNS: usize = 3;

/// From the command to the first line.
const LIMIT: Duration = Duration::from_secs(300);

/// The shell's output when it runs the command; the typed line does not begin so.
const BEGUN: &str = "bench: begun";

const FIRMWARES: [(&str, Firmware); 2] = [("bios", Firmware::Bios), ("uefi", Firmware::Uefi)];

/// Neither stops the system's services.
const COMMANDS: [&str; 2] = ["reboot -ff", "/root/firstlight boot --now"];

/// As root, before the snapshot.
const PREPARE: &str =
    "chmod +x /root/firstlight; sed -i 's/set timeout=.*/set timeout=0/' /boot/grub/grub.cfg; sync";

pub(super) fn measure(report: &mut Report) -> Result<()> {
    let debian = Debian::install()?;
    for (name, firmware) in FIRMWARES {
        let names = ["grub", "firstlight"].map(|way| format!("restart-{name}-{way}"));
        match restarts(&debian, name, firmware) {
            Ok([by_grub, by_us]) => {
                report.add(&names[0], by_grub, "s", None);
                report.add(&names[1], by_us, "s", Some(by_grub));
            }
            Err(error) => names.iter().for_each(|name| report.add_failure(name, "s", &error)),
        }
    }
    Ok(())
}

/// Of each of the [`COMMANDS`] the median, in seconds.
fn restarts(debian: &Debian, name: &str, firmware: Firmware) -> Result<[f64; 2]> {
    let name = format!("bench-restart-{name}");
    let image = place::directory("disks")?.join(format!("{name}.img"));
    demo::copy(&demo::disk(debian)?, &image)?;
    disk::write_into_ext(&image, Debian::root_offset(), &[("/root/firstlight", &payload::installed()?)])?;
    let machine = Machine::new(&name).firmware(firmware).disk(Disk::new(&image).boot_index(0));
    let mut guest = machine.options(["-action", "reboot=reset"]).start()?;
    let mut monitor = guest.monitor()?;
    let prompt = late(&guest, Duration::ZERO, |line| line.text.contains("demo login: "))?;
    guest.send("root\n")?;
    let shell = late(&guest, prompt, at_shell)?;
    guest.send(&format!("{PREPARE}\n"))?;
    let mut since = late(&guest, shell, at_shell)?;
    snapshot(&mut monitor, "savevm")?;
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..RUNS {
        for (command, times) in COMMANDS.iter().zip(&mut times) {
            snapshot(&mut monitor, "loadvm")?;
            guest.send(&format!("echo {BEGUN}; {command}\n"))?;
            let begun = late(&guest, since, |line| line.text.starts_with(BEGUN))?;
            since = late(&guest, begun, |line| line.text.contains("Linux version "))?;
            times.push((since - begun).as_secs_f64());
        }
    }
    Ok(times.map(median))
}

fn at_shell(line: &Line) -> bool {
    line.text.contains("root@demo:~#")
}

/// The time of the first such line after `since`.
fn late(guest: &Guest, since: Duration, such: fn(&Line) -> bool) -> Result<Duration> {
    guest.wait("the restart's next line", LIMIT, |line| (line.at > since && such(line)).then_some(line.at))
}

/// Keeps the machine as it is now, or brings it back. QEMU's monitor for people is silent where that succeeds.
fn snapshot(monitor: &mut Monitor, command: &str) -> Result<()> {
    let line = json!({ "command-line": format!("{command} ready") });
    match monitor.execute("human-monitor-command", &line)?.as_str() {
        Some("") => Ok(()),
        answer => Err(Error::Other(format!("{command}: {}", answer.unwrap_or_default()))),
    }
}
