//! kexec-tools' `kexec` and ours in the same guest: from the load call to its return, and from the jump to the next kernel's
//! first line. What ours takes at most is what the fastest way of kexec-tools takes in the same run.
//!
//! Each cell has a machine of its own, since each ends in another kernel.

use std::path::Path;
use std::time::Duration;

use super::instructions::LineClock;
use super::{Report, cells};
use crate::debian::Debian;
use crate::error::Error;
use crate::machine::{Firmware, Machine};
use crate::oracles::KEXEC_TOOLS;
use crate::{Result, payload};

/// Sizes of the initrd, in MiB. The largest first: they take longest, and the others fill what time is left beside them.
const SIZES: [u32; 3] = [400, 100, 20];

/// Each way with its program and its words. Ours comes last, since the others are its budget.
const WAYS: [(&str, &str, &str); 5] = [
    ("tools-file", "theirs", "-s"),
    ("tools-segments", "theirs", "-c"),
    ("tools-unchecked", "theirs", "-c,-i"),
    (DEFAULT, "theirs", ""),
    ("ours", "ours", ""),
];

/// Which of the other three kexec-tools takes on its own depends on its version: for the budget from the jump on it is
/// measured at one size, without a word.
const DEFAULT: &str = "tools-default";
const DEFAULT_SIZE: u32 = 100;

/// From the jump on, ours is to be so many times faster than kexec-tools' default.
const FASTER_THAN_DEFAULT: f64 = 1.5;

/// Kernels draw lots for their address, and interrupts come in between: what is the same differs by less than this part.
const NOISE: f64 = 0.01;

/// In MiB. With less, the pages that `kexec_load` is given lie where others are to go, and Linux looks through all that it
/// has for each of them: 22 s instead of 3 for kexec-tools with 400 MiB in 3 GiB, which tells nothing of either program.
const MEMORY: u32 = 4096;

/// Hashing 400 MiB, translated, on a machine that has other things to do.
const LIMIT: Duration = Duration::from_secs(1800);

/// From the load call to its return, and from the jump to the first line, in ms.
#[derive(Clone, Copy, Debug)]
struct Times {
    load: f64,
    jump: f64,
}

impl Times {
    /// Of each the shorter one.
    fn least(self, other: Self) -> Self {
        Self { load: self.load.min(other.load), jump: self.jump.min(other.jump) }
    }
}

/// One machine: the size, the way's place in [`WAYS`], and what was measured.
type Cell = (u32, usize, Result<Times>);

pub(super) fn measure(report: &mut Report) -> Result<()> {
    let debian = Debian::install()?;
    let initrd = payload::bench_kexec(&debian, &KEXEC_TOOLS.root()?)?;
    let clock = LineClock::new()?;
    let ways = |size: u32| (0..WAYS.len()).map(move |way| (size, way));
    let wanted = |(size, way): &(u32, usize)| WAYS[*way].0 != DEFAULT || *size == DEFAULT_SIZE;
    let plan: Vec<(u32, usize)> = SIZES.into_iter().flat_map(ways).filter(wanted).collect();
    let times = cells::measure(&plan, "kexec", |&(size, way)| jump(&debian, &initrd, &clock, size, way));
    let cells = plan.iter().zip(times).map(|((size, way), times)| (*size, *way, times));
    let mut cells: Vec<Cell> = cells.collect();
    cells.sort_by_key(|(size, way, _)| (*size, *way));
    for row in cells.chunk_by(|one, other| one.0 == other.0) {
        add(report, row);
    }
    Ok(())
}

/// Reports the cells of one size.
fn add(report: &mut Report, row: &[Cell]) {
    let theirs = |default: bool| {
        let times =
            row.iter().filter(|cell| WAYS[cell.1].1 == "theirs" && (WAYS[cell.1].0 == DEFAULT) == default);
        times.filter_map(|cell| cell.2.as_ref().ok().copied()).reduce(Times::least)
    };
    let (best, default) = (theirs(false), theirs(true));
    for (size, way, times) in row {
        let (way, program, _) = WAYS[*way];
        let [load_name, jump_name] = ["load", "jump"].map(|part| format!("kexec-{part}-{size}-{way}"));
        let times = match times {
            Ok(times) => times,
            Err(error) => {
                report.add_failure(&load_name, "ms", error);
                report.add_failure(&jump_name, "ms", error);
                continue;
            }
        };
        let (mut load, mut jump) = (None, None);
        if program == "ours" {
            load = best.map(|best| best.load * (1.0 + NOISE));
            let default = default.map(|default| default.jump / FASTER_THAN_DEFAULT);
            jump = best.map(|best| best.jump * (1.0 + NOISE)).into_iter().chain(default).reduce(f64::min);
        }
        report.add(&load_name, times.load, "ms", load);
        report.add(&jump_name, times.jump, "ms", jump);
    }
}

/// Starts a machine that loads and jumps in this way.
fn jump(debian: &Debian, initrd: &Path, clock: &LineClock, size: u32, way: usize) -> Result<Times> {
    let (way, program, words) = WAYS[way];
    let name = format!("bench-kexec-{size}-{way}");
    let machine = Machine::new(&name).firmware(Firmware::None).memory(MEMORY).kernel(
        &debian.kernel(),
        initrd,
        &format!("console=ttyS0 quiet program={program} words={words} size={size}"),
    );
    let (machine, timetable) = clock.attach(machine, &name)?;
    let guest = machine.start()?;
    let loaded = "bench: loaded ";
    let status = guest.wait("the load call's return", LIMIT, |line| {
        line.text.strip_prefix(loaded).filter(|_| line.whole).map(str::to_owned)
    })?;
    if status != "0" {
        return Err(Error::Other(format!("{name}: kexec ended with {status}; {}", guest.console().tail())));
    }
    guest.wait("the next kernel's second line", LIMIT, |line| {
        line.text.contains("Command line: earlyprintk").then_some(())
    })?;
    guest.quit(LIMIT)?;
    let lines = timetable.read()?;
    let at = |text: &str| {
        let line = lines.iter().find(|(_, line)| line.contains(text));
        line.map(|(at, _)| *at).ok_or_else(|| Error::Other(format!("{name}: no line {text:?}")))
    };
    let (load, loaded) = (at("bench: load")?, at(loaded)?);
    let first = at("Linux version ")?;
    Ok(Times { load: loaded - load, jump: first - loaded })
}
