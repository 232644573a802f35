//! A running Debian restarted through its firmware and GRUB, and by `firstlight boot --now`: from the command to the first
//! line of the system's kernel, in the same guest.

use std::time::Duration;

use super::Report;
use super::instructions::Timetable;
use crate::debian::Debian;
use crate::error::Error;
use crate::guest::Guest;
use crate::machine::{Disk, Firmware, Machine};
use crate::{Result, demo, disk, payload, place};

/// A boot of the whole system, translated.
const LIMIT: Duration = Duration::from_secs(600);

/// What the shell says when it runs the command; what is typed on its line does not begin so.
const BEGUN: &str = "bench: begun";

/// Each way with its command. Neither stops the system's services, and GRUB does not wait.
const WAYS: [(&str, &str); 2] = [
    ("firstlight", "/root/firstlight boot --now"),
    ("seabios-grub", "sed -i 's/set timeout=.*/set timeout=0/' /boot/grub/grub.cfg && sync && reboot -ff"),
];

pub(super) fn measure(report: &mut Report) -> Result<()> {
    let debian = Debian::install()?;
    let name = "bench-reboot";
    let image = place::directory("disks")?.join(format!("{name}.img"));
    demo::copy(&demo::disk(&debian)?, &image)?;
    disk::write_into_ext(&image, Debian::root_offset(), &[("/root/firstlight", &payload::installed()?)])?;
    let machine = Machine::new(name).firmware(Firmware::Bios).disk(Disk::new(&image).boot_index(0));
    let (machine, timetable) = Timetable::attach(machine.options(["-action", "reboot=reset"]), name)?;
    let mut guest = machine.start()?;
    let mut since = Duration::ZERO;
    for (_, command) in WAYS {
        since = restart(&mut guest, since, command)?;
    }
    guest.quit(LIMIT)?;
    let times = times(&timetable.read()?)?;
    // Ours comes first, and may take at most as long as the other.
    let budgets = [times.last().copied(), None];
    for (((way, _), time), budget) in WAYS.iter().zip(&times).zip(budgets) {
        report.add(&format!("reboot-{way}"), *time, "ms", budget);
    }
    Ok(())
}

/// Logs in, gives the command, and returns when the next kernel spoke. What came up to `since` does not count.
fn restart(guest: &mut Guest, since: Duration, command: &str) -> Result<Duration> {
    let after = |guest: &Guest, text: &str, since| {
        let seen =
            |line: &crate::console::Line| (line.at > since && line.text.contains(text)).then_some(line.at);
        guest.wait(text, LIMIT, seen)
    };
    let prompt = after(guest, "demo login: ", since)?;
    guest.send("root\n")?;
    let shell = after(guest, "root@demo:~#", prompt)?;
    guest.send(&format!("chmod +x /root/firstlight; echo {BEGUN}; {command}\n"))?;
    let begun = guest
        .wait(BEGUN, LIMIT, |line| (line.at > shell && line.text.starts_with(BEGUN)).then_some(line.at))?;
    after(guest, "Linux version ", begun)
}

/// From each line that begins so to the next kernel's first one, in ms.
fn times(lines: &[(f64, String)]) -> Result<Vec<f64>> {
    let mut begun = None;
    let mut times = Vec::new();
    for (at, line) in lines {
        if line.starts_with(BEGUN) {
            begun = Some(*at);
        } else if line.contains("Linux version ") {
            times.extend(begun.take().map(|begun| at - begun));
        }
    }
    if times.len() == WAYS.len() {
        Ok(times)
    } else {
        Err(Error::Other(format!("{} restarts were timed", times.len())))
    }
}
