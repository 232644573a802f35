//! kexec-tools' `kexec` and ours in the same guest: from the load call to its return, and from the jump to the next kernel's
//! first line. What ours takes at most is what the fastest way of kexec-tools takes in the same run.

use std::path::Path;
use std::time::Duration;

use super::Report;
use super::instructions::Timetable;
use crate::debian::Debian;
use crate::error::Error;
use crate::machine::{Firmware, Machine};
use crate::{Result, payload};

/// Sizes of the initrd, in MiB.
const SIZES: [u32; 3] = [20, 100, 400];

/// Each way with its program and its words.
const WAYS: [(&str, &str, &str); 5] = [
    ("tools-file", "theirs", "-s"),
    ("tools-segments", "theirs", "-c"),
    ("tools-unchecked", "theirs", "-c,-i"),
    ("tools-default", "theirs", ""),
    ("ours", "ours", ""),
];

/// kexec-tools' default is one of the ways above, by its version, so that it is measured at one size only, for its budget.
const DEFAULT: (&str, u32) = ("tools-default", 100);

/// From the jump on, ours is to be so many times faster than kexec-tools' default.
const FASTER_THAN_DEFAULT: f64 = 1.5;

/// Kernels draw lots for their address, and interrupts come in between: what is the same differs by less than this part.
const NOISE: f64 = 0.01;

/// In MiB: three copies of the largest initrd, and twice what is loaded.
const MEMORY: u32 = 3072;

/// Hashing 400 MiB, translated, on a machine that has other things to do.
const LIMIT: Duration = Duration::from_secs(3600);

/// From the load call to its return, and from the jump to the first line, in ms.
#[derive(Clone, Copy, Debug)]
struct Times {
    load: f64,
    jump: f64,
}

pub(super) fn measure(report: &mut Report) -> Result<()> {
    let debian = Debian::install()?;
    let initrd = payload::bench_kexec(&debian)?;
    for size in SIZES {
        let (mut best, mut default) = (Times { load: f64::INFINITY, jump: f64::INFINITY }, f64::INFINITY);
        for (way, program, words) in WAYS {
            if way == DEFAULT.0 && size != DEFAULT.1 {
                continue;
            }
            let times = jump(&debian, &initrd, &format!("program={program} words={words} size={size}"))?;
            let mut budgets = (None, None);
            if program == "ours" {
                let jump = (best.jump * (1.0 + NOISE)).min(default / FASTER_THAN_DEFAULT);
                budgets = (Some(best.load * (1.0 + NOISE)), Some(jump));
            } else if way == DEFAULT.0 {
                default = times.jump;
            } else {
                best = Times { load: best.load.min(times.load), jump: best.jump.min(times.jump) };
            }
            report.add(&format!("kexec-load-{size}-{way}"), times.load, "ms", budgets.0);
            report.add(&format!("kexec-jump-{size}-{way}"), times.jump, "ms", budgets.1);
        }
    }
    Ok(())
}

/// Starts a machine that loads and jumps as `words` of its command line say.
fn jump(debian: &Debian, initrd: &Path, words: &str) -> Result<Times> {
    let name = "bench-kexec";
    let machine = Machine::new(name).firmware(Firmware::None).memory(MEMORY).kernel(
        &debian.kernel(),
        initrd,
        &format!("console=ttyS0 quiet {words}"),
    );
    let (machine, timetable) = Timetable::attach(machine, name)?;
    let guest = machine.start()?;
    guest.wait_for_text("bench: loaded 0", LIMIT)?;
    guest.wait("the next kernel's second line", LIMIT, |line| {
        line.text.contains("Command line: earlyprintk").then_some(())
    })?;
    guest.quit(LIMIT)?;
    let lines = timetable.read()?;
    let at = |text: &str| {
        let line = lines.iter().find(|(_, line)| line.contains(text));
        line.map(|(at, _)| *at).ok_or_else(|| Error::Other(format!("{words}: no line {text:?}")))
    };
    let (load, loaded) = (at("bench: load")?, at("bench: loaded")?);
    let first = at("Linux version ")?;
    Ok(Times { load: loaded - load, jump: first - loaded })
}
