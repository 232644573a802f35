//! The same disk on the same machine by GRUB and by firstlight, below which is Debian's own kernel or a firmware kernel: when
//! the system's kernel speaks, and when its initrd runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Report;
use super::report::median;
use crate::cache::{Recipe, cached};
use crate::debian::Debian;
use crate::error::Context;
use crate::firmware_kernel::FirmwareKernel;
use crate::guest::Guest;
use crate::machine::{Disk, Firmware, Machine};
use crate::workshop::{self, Job};
use crate::{Result, demo, payload, place};

/// An odd number, of which the median counts.
const RUNS: usize = 3;

const LIMIT: Duration = Duration::from_secs(300);

/// From power-on to the system's first line, firstlight on a firmware kernel takes at most this part of the time that GRUB
/// takes below the same firmware.
const PART_OF_GRUB: f64 = 0.7;

/// The command line of firstlight's own kernel; it keeps silent so that the next kernel is the first to speak.
const QUIET: &str = "console=ttyS0,115200 quiet firstlight.timeout=0";

const GRUB: &str = "grub";
const ON_FIRMWARE_KERNEL: &str = "firstlight-firmware-kernel";

/// The first words of every Linux.
const FIRST_LINE: &str = "Linux version ";

/// The demo disk without a countdown. Debian's initrd keeps its size, since both loaders read all of it, but its init is the
/// probe: in a second archive, which begins at a multiple of four bytes as the kernel wants it.
pub(super) fn disk(debian: &Debian) -> Result<PathBuf> {
    let script = "\
mount -t ext4 /dev/vda3 /mnt
for initrd in /mnt/boot/initrd.img-*; do
    truncate -s $((($(stat -c %s \"$initrd\") + 3) / 4 * 4)) \"$initrd\"
    cat /dev/vdb >> \"$initrd\"
done
sed -i -e 's/set timeout=[0-9]*/set timeout=0/' /mnt/boot/grub/grub.cfg
umount /mnt
";
    let base = demo::disk(debian)?;
    let mut initrd = payload::probe_initrd("bench")?;
    // Disks come in sectors; the kernel passes over zeros after an archive.
    initrd.resize(initrd.len().next_multiple_of(4096), 0);
    let recipe = Recipe::new(script).and(base.as_os_str().as_encoded_bytes()).and(&initrd);
    cached("bench", &recipe, |image| {
        demo::copy(&base, image)?;
        let part = place::directory("machines")?.join("bench-initrd");
        fs::write(&part, &initrd).context(|| format!("writing {}", part.display()))?;
        let disks: &[&Path] = &[image, &part];
        let job = Job {
            name: "workshop-bench",
            disks,
            sources: &[],
            modules: &["ext4"],
            programs: &[],
            script,
            limit: LIMIT,
        };
        workshop::run(debian, &job)
    })
}

pub(super) fn measure(report: &mut Report) -> Result<()> {
    let debian = Debian::install()?;
    let disk = disk(&debian)?;
    let stock = (debian.kernel(), payload::firstlight(&debian)?);
    let built_in = (FirmwareKernel::build()?.kernel(), payload::firstlight_without_modules()?);
    let mut ways = Vec::new();
    for (firmware_name, firmware) in
        [("bios", Firmware::Bios), ("uefi", Firmware::Uefi), ("none", Firmware::None)]
    {
        for (loader, own) in
            [(GRUB, None), ("firstlight", Some(&stock)), (ON_FIRMWARE_KERNEL, Some(&built_in))]
        {
            let name = format!("{firmware_name}-{loader}");
            let machine = machine(&format!("bench-{name}"), firmware, &disk);
            match own {
                Some((kernel, initrd)) => ways.push((name, machine.kernel(kernel, initrd, QUIET))),
                // qboot boots no disk.
                None if firmware != Firmware::None => ways.push((name, machine)),
                None => {}
            }
        }
    }
    // In turns, so that what else this machine does meets all of them alike.
    let mut times = vec![(Vec::new(), Vec::new()); ways.len()];
    for _ in 0..RUNS {
        for ((_, machine), (kernel, probe)) in ways.iter().zip(&mut times) {
            let (first_line, report) = boot(machine)?;
            kernel.push(first_line.as_secs_f64());
            probe.push(report.as_secs_f64());
        }
    }
    let mut by_grub = None;
    for ((name, _), (kernel, probe)) in ways.iter().zip(times) {
        let kernel = median(kernel);
        let mut budget = None;
        if name.ends_with(GRUB) {
            by_grub = Some(kernel);
        } else if *name == format!("bios-{ON_FIRMWARE_KERNEL}") {
            budget = by_grub.map(|time| time * PART_OF_GRUB);
        }
        report.add(&format!("boot-{name}-kernel"), kernel, "s", budget);
        report.add(&format!("boot-{name}-probe"), median(probe), "s", None);
    }
    Ok(())
}

fn machine(name: &str, firmware: Firmware, disk: &Path) -> Machine {
    Machine::new(name).firmware(firmware).disk(Disk::new(disk))
}

/// Boots once: when the system's kernel printed its first line, and when the probe reported, both since power-on.
fn boot(machine: &Machine) -> Result<(Duration, Duration)> {
    let guest: Guest = machine.start()?;
    let first_line = guest.wait_for_text(FIRST_LINE, LIMIT)?;
    let report = guest
        .wait("the probe's report", LIMIT, |line| line.text.contains("\"release\"").then_some(line.at))?;
    Ok((first_line, report))
}
