//! Our own time and memory in a guest, from the start of `/init` to the jump.
//!
//! QEMU counts instructions (`-icount`): one takes a nanosecond of the guest's clock, and while the guest waits for a
//! device its clock moves on at once. So what is measured depends neither on how fast this machine is nor on what else it
//! does. It is all that happens between two stages, the loading of modules by the kernel included.

use std::path::PathBuf;
use std::time::Duration;

use initramfs::binary;

use super::Report;
use super::instructions::Counter;
use crate::debian::Debian;
use crate::disk::{Filesystem, Image, Volume};
use crate::error::{Context, Error};
use crate::machine::{Disk, Firmware, Machine};
use crate::{Result, payload};

const LIMIT: Duration = Duration::from_secs(300);

/// Disks, entries on each of them, and what our own processes may take up to the jump, in ms: ten, and three for each
/// further disk.
const CASES: [(&str, usize, usize, f64); 4] = [
    ("one-disk-20-entries", 1, 20, 10.0),
    ("two-disks", 2, 20, 13.0),
    ("three-disks", 3, 20, 16.0),
    ("one-disk-1000-entries", 1, 1000, 50.0),
];

/// Four instructions a nanosecond, which real processors exceed: the finder's own code, built as for an image, went through
/// 2.97 million instructions for the tree of Debian 12 in 0.66 ms (4.5 a nanosecond) and 76.0 million for 1,000 entries in
/// 10.9 ms (7.0), the kernel's time for its system calls included. (A Xeon of 2.6 GHz in 2026; the instructions were counted
/// by QEMU's user mode, the time read from /proc/self/schedstat after hundreds of rounds in one process.)
const INSTRUCTIONS_PER_MS: f64 = 4e6;

/// Maximum resident memory of all our processes, in KiB, beside the kernel that they load.
const OWN_MEMORY: f64 = 8192.0;

/// The figures of `firstlight.timing` for one boot, in seconds of the guest's clock and KiB.
#[derive(Debug, Default)]
struct Timing {
    init: f64,
    loading: f64,
    jump: f64,
    memory: f64,
}

pub(super) fn measure(report: &mut Report) -> Result<()> {
    let program = binary::build(&binary::Options::default()).map_err(payload::builder)?.program;
    let counter = Counter::new(&program)?;
    let debian = Debian::install()?;
    let initrd = payload::firstlight(&debian)?;
    let loaded = debian.kernel().metadata().context(|| "reading Debian's kernel".to_owned())?.len();
    for (name, disks, entries, own_time) in CASES {
        let mut machine = Machine::new(&format!("bench-{name}"))
            .firmware(Firmware::None)
            .options(["-icount", "shift=0,sleep=off"])
            .kernel(
                &debian.kernel(),
                &initrd,
                "console=ttyS0,115200 quiet firstlight.timeout=0 firstlight.timing",
            );
        for number in 0..disks {
            machine = machine.disk(Disk::new(image(number, entries, &debian)?));
        }
        let (machine, count) = counter.attach(machine, name)?;
        let timing = boot(&machine)?;
        let own = count.read()? / INSTRUCTIONS_PER_MS;
        report.add(&format!("guest-{name}-own-time"), own, "ms", Some(own_time));
        let budget = OWN_MEMORY + loaded as f64 / 1024.0;
        report.add(&format!("guest-{name}-to-choice"), (timing.loading - timing.init) * 1000.0, "ms", None);
        report.add(&format!("guest-{name}-to-jump"), (timing.jump - timing.init) * 1000.0, "ms", None);
        report.add(&format!("guest-{name}-memory"), timing.memory, "KiB", Some(budget));
    }
    Ok(())
}

/// A disk whose grub.cfg has so many entries, all of the same kernel.
fn image(number: usize, entries: usize, debian: &Debian) -> Result<PathBuf> {
    let entry = |entry| {
        format!(
            "menuentry 'System {entry}' --id system-{number}-{entry} {{\n linux /vmlinuz quiet entry={entry}\n initrd /initrd\n}}\n"
        )
    };
    let config: String = (0..entries).map(entry).collect();
    let volume = Volume::new(Filesystem::Ext4, &format!("bench{number}"))
        .file("/boot/grub/grub.cfg", format!("set timeout=0\n{config}"))
        .file("/vmlinuz", debian.kernel())
        .file("/initrd", payload::initrd_part("bench")?);
    Image::new().volume(volume).build(&format!("bench-{number}-{entries}"))
}

/// Boots once, up to the jump.
fn boot(machine: &Machine) -> Result<Timing> {
    let guest = machine.start()?;
    guest
        .wait("the end of the timing table", LIMIT, |line| line.text.contains("  unmounted").then_some(()))?;
    // A line that is not whole yet may lack the last digits.
    let memory = guest.wait("the use of memory", LIMIT, |line| {
        let (_, numbers) = line.text.split_once("memory in KiB: ").filter(|_| line.whole)?;
        Some(numbers.to_owned())
    })?;
    let lines = guest.console().lines();
    guest.quit(LIMIT)?;
    let stage = |name: &str| {
        // `   seconds       +ms  stage`
        let mut rows = lines.iter().map(|line| line.text.split_whitespace().collect::<Vec<_>>());
        let row = rows.find(|words| words.len() > 2 && words[2..].join(" ").starts_with(name));
        let seconds = row.and_then(|words| words[0].parse().ok());
        seconds.ok_or_else(|| Error::Other(format!("firstlight.timing tells of no stage {name:?}")))
    };
    Ok(Timing {
        init: stage("init")?,
        loading: stage("loading ")?,
        jump: stage("jump")?,
        memory: memory
            .split(|letter: char| !letter.is_ascii_digit())
            .filter_map(|word| word.parse::<f64>().ok())
            .sum(),
    })
}
