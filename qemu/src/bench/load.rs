//! PID 1's load of a kernel on a firmware kernel that has just started, beside kexec-tools' `kexec -c -i`: how many
//! instructions the guest executes for it, the kernel's own included.
//!
//! Where segments go decides what the kernel has to do for them (docs/architecture.md, "Where the next kernel goes"), and
//! that depends on what memory it hands out just then: so each cell has a machine of its own, which has done nothing else
//! before.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::instructions::LineClock;
use super::{Report, cells};
use crate::debian::Debian;
use crate::disk::{Filesystem, Image, Volume};
use crate::error::Error;
use crate::firmware_kernel::FirmwareKernel;
use crate::machine::{Disk, Firmware, Machine};
use crate::{Result, payload};

/// The machine's memory, in MiB, and the sizes of initrds that fit: with the kernel, which takes 64 MiB, they take up to
/// half of the memory. The largest first: they take longest, and the others fill what time is left beside them.
const MACHINES: [(u32, &[u32]); 6] = [
    (1024, &[400, 100, 20]),
    (2048, &[400, 100, 20]),
    (4096, &[400, 100, 20]),
    (8192, &[400, 100, 20]),
    (512, &[100, 20]),
    (256, &[20]),
];

/// Equal figures differ by less than this part: kernels draw lots, and interrupts come in between.
const NOISE: f64 = 0.01;

/// The load grows with the bytes. Between 100 and 400 MiB of initrd each further byte costs at most so many times what it
/// costs between 20 and 100 MiB; differences leave out what every load costs. What is left is that page tables, caches and
/// lists grow a little; a walk over what was loaded before for each page would make it four times.
const LINEAR: f64 = 1.25;

/// Maximum time of a load by the clock. Where kexec-tools takes longer, that is the result: with 400 MiB held twice in 1 GiB of
/// memory, the kernel's search for pages takes 130 s of the guest's clock, and on a busy machine more than twenty minutes of ours.
const LIMIT: Duration = Duration::from_secs(600);

/// Who loads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Loader {
    KexecTools,
    Firstlight,
}

const LOADERS: [(Loader, &str); 2] = [(Loader::KexecTools, "tools-unchecked"), (Loader::Firstlight, "ours")];

struct Payloads {
    kernel: PathBuf,
    firstlight: PathBuf,
    tools: PathBuf,
    /// By the initrd's size.
    disks: Vec<(u32, PathBuf)>,
}

pub(super) fn measure(report: &mut Report) -> Result<()> {
    let debian = Debian::install()?;
    let sizes = MACHINES.iter().flat_map(|(_, sizes)| *sizes).copied();
    let mut sizes: Vec<u32> = sizes.collect();
    sizes.sort_unstable();
    sizes.dedup();
    let disks = sizes.into_iter().map(|size| Ok((size, disk(&debian, size)?))).collect::<Result<_>>()?;
    let payloads = Payloads {
        kernel: FirmwareKernel::build()?.kernel(),
        firstlight: payload::firstlight_without_modules()?,
        tools: payload::bench_load()?,
        disks,
    };
    let clock = LineClock::new()?;
    let mut plan = Vec::new();
    for (memory, sizes) in MACHINES {
        for size in sizes {
            plan.extend(LOADERS.map(|(loader, _)| (memory, *size, loader)));
        }
    }
    let times = cells::measure(&plan, "load", |&(memory, size, loader)| {
        load(&payloads, &clock, memory, size, loader)
    });
    let mut ours = Vec::new();
    for (cell, pair) in plan.chunks(LOADERS.len()).zip(times.chunks(LOADERS.len())) {
        let Some((memory, size, _)) = cell.first() else { continue };
        let theirs = pair.first().and_then(|time| time.as_ref().ok());
        for ((loader, name), time) in LOADERS.iter().zip(pair) {
            let name = format!("load-{memory}-{size}-{name}");
            let budget = theirs.filter(|_| *loader == Loader::Firstlight).map(|time| time * (1.0 + NOISE));
            match time {
                Ok(time) => report.add(&name, *time, "ms", budget),
                Err(error) => report.add_failure(&name, "ms", error),
            }
            if let (Loader::Firstlight, Ok(time)) = (loader, time) {
                ours.push((*memory, *size, *time));
            }
        }
    }
    for (memory, _) in MACHINES {
        let of = |size| ours.iter().find(|cell| (cell.0, cell.1) == (memory, size)).map(|cell| cell.2);
        if let (Some(small), Some(middle), Some(large)) = (of(20), of(100), of(400)) {
            let growth = ((large - middle) / 300.0) / ((middle - small) / 80.0);
            report.add(&format!("load-{memory}-growth"), growth, "times", Some(LINEAR));
        }
    }
    Ok(())
}

/// A disk with Debian's kernel and an initrd of so many MiB that nothing can pack, nor leave out as a hole.
fn disk(debian: &Debian, size: u32) -> Result<PathBuf> {
    let config = "set timeout=0\nmenuentry 'Load' {\n linux /vmlinuz console=ttyS0\n initrd /initrd\n}\n";
    let mut word = 0x9e37_79b9_7f4a_7c15_u64;
    let words = std::iter::repeat_with(|| {
        // xorshift64 (Marsaglia 2003).
        word ^= word << 13;
        word ^= word >> 7;
        word ^= word << 17;
        word.to_le_bytes()
    });
    let piece: Vec<u8> = words.take((1 << 20) / 8).flatten().collect();
    let initrd = piece.repeat(size as usize);
    let volume = Volume::new(Filesystem::Ext4, "load")
        .file("/boot/grub/grub.cfg", config)
        .file("/vmlinuz", debian.kernel())
        .file("/initrd", initrd);
    Image::new().volume(volume).build(&format!("bench-load-{size}"))
}

/// Starts a machine that loads; in ms, at an instruction a nanosecond. Infinite where kexec-tools does not come to an end.
fn load(payloads: &Payloads, clock: &LineClock, memory: u32, size: u32, loader: Loader) -> Result<f64> {
    let (initrd, words, begin, end) = match loader {
        Loader::KexecTools => (&payloads.tools, "", "bench: load", "bench: loaded "),
        Loader::Firstlight => {
            (&payloads.firstlight, "firstlight.timeout=0", "firstlight: @load", "Starting Load")
        }
    };
    let name = format!("bench-load-{memory}-{size}-{loader:?}");
    let disk = payloads.disks.iter().find(|disk| disk.0 == size).map(|disk| disk.1.as_path());
    let machine = Machine::new(&name)
        .firmware(Firmware::None)
        .memory(memory)
        .kernel(&payloads.kernel, initrd, &format!("console=ttyS0,115200 quiet {words}"))
        .disk(Disk::new(disk.unwrap_or(Path::new(""))));
    let (machine, timetable) = clock.attach(machine, &name)?;
    let guest = machine.start()?;
    guest.wait_for_text(begin, LIMIT)?;
    let last = guest.wait("the end of the load", LIMIT, |line| {
        let is_last = line.whole && (line.text.starts_with(end) || line.text.contains("firstlight: @fail"));
        is_last.then(|| line.text.clone())
    });
    if loader == Loader::KexecTools && matches!(last, Err(Error::Deadline { .. })) {
        return Ok(f64::INFINITY);
    }
    let last = last?;
    let is_loaded = match loader {
        Loader::KexecTools => last == "bench: loaded 0",
        Loader::Firstlight => {
            // The loaded kernel starts.
            guest.wait_for_text("Linux version 6.1", LIMIT)?;
            last.starts_with(end)
        }
    };
    if !is_loaded {
        return Err(Error::Other(format!("{name}: {last:?}; {}", guest.console().tail())));
    }
    guest.quit(LIMIT)?;
    let lines = timetable.read()?;
    let at = |text: &str| {
        let line = lines.iter().find(|(_, line)| line.starts_with(text));
        line.map(|(at, _)| *at).ok_or_else(|| Error::Other(format!("{name}: no line {text:?}")))
    };
    Ok(at(end)? - at(begin)?)
}
