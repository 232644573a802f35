//! A running Debian restarted by its firmware and GRUB, and by `firstlight boot --now`: from the command to the first line of
//! the system's kernel, in the same guest.
//!
//! This is time by the clock, with nothing counted: firmware and GRUB wait for devices and for the clock in loops, which
//! would be counted as work. So it depends on what else this machine does, and the two ways take turns, whose medians are
//! compared. GRUB's countdown is set to nothing: how long a person may think is not what is measured.

use std::time::Duration;

use super::Report;
use super::report::median;
use crate::debian::Debian;
use crate::guest::Guest;
use crate::machine::{Disk, Firmware, Machine};
use crate::{Result, demo, disk, payload, place};

/// An odd number, of which the median counts.
const RUNS: usize = 3;

/// From the command to the first line.
const LIMIT: Duration = Duration::from_secs(300);

/// What the shell says when it runs the command; what is typed on its line does not begin so.
const BEGUN: &str = "bench: begun";

const FIRST_LINE: &str = "Linux version ";

const FIRMWARES: [(&str, Firmware); 2] = [("bios", Firmware::Bios), ("uefi", Firmware::Uefi)];

/// Neither stops the system's services.
const COMMANDS: [&str; 2] = ["reboot -ff", "/root/firstlight boot --now"];

/// As root, once; it lasts, since the machine is only reset.
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
    let mut since = Duration::ZERO;
    let mut times = [Vec::new(), Vec::new()];
    for run in 0..RUNS {
        for (command, times) in COMMANDS.iter().zip(&mut times) {
            let before = if run == 0 { PREPARE } else { "" };
            let (begun, spoke) = restart(&mut guest, since, before, command)?;
            times.push((spoke - begun).as_secs_f64());
            since = spoke;
        }
    }
    Ok(times.map(median))
}

/// Logs in, gives the command, and returns when that was and when the next kernel spoke. What came up to `since` is old.
fn restart(guest: &mut Guest, since: Duration, before: &str, command: &str) -> Result<(Duration, Duration)> {
    let late = |guest: &Guest, since: Duration, text: &str| {
        guest.wait(text, LIMIT, |line| (line.at > since && line.text.contains(text)).then_some(line.at))
    };
    let prompt = late(guest, since, "demo login: ")?;
    guest.send("root\n")?;
    let shell = late(guest, prompt, "root@demo:~#")?;
    guest.send(&format!("{before}\n"))?;
    let shell = late(guest, shell, "root@demo:~#")?;
    guest.send(&format!("echo {BEGUN}; {command}\n"))?;
    let begun = |line: &crate::console::Line| line.at > shell && line.text.starts_with(BEGUN);
    let begun = guest.wait(BEGUN, LIMIT, |line| begun(line).then_some(line.at))?;
    Ok((begun, late(guest, begun, FIRST_LINE)?))
}
