//! The measurements of `scripts/bench.sh`: sizes, the speed of the finders, our time and memory in a guest, kexec beside
//! kexec-tools, and whole boots.

mod boots;
mod cells;
mod finders;
mod flash;
mod guest;
mod instructions;
mod kexec;
mod load;
mod report;
mod restart;
mod sizes;

pub use report::{Measurement, Report};

use crate::Result;

/// A group of measurements, by which they are chosen on the command line.
#[derive(Clone, Copy)]
pub struct Group {
    /// Its name.
    pub name: &'static str,
    /// Its subject, in words.
    pub what: &'static str,
    /// Takes the measurements.
    pub run: fn(&mut Report) -> Result<()>,
}

/// All groups, quickest first.
pub const GROUPS: &[Group] = &[
    Group {
        name: "sizes",
        what: "the binary, and the initramfs around it in each compression",
        run: sizes::measure,
    },
    Group {
        name: "flash",
        what: "the kernel below firstlight and its initramfs, by profile, and what weighs how much in the kernel",
        run: flash::measure,
    },
    Group {
        name: "finders",
        what: "firstlight list on this machine, over many entries",
        run: finders::measure,
    },
    Group {
        name: "guest",
        what: "our time and memory from /init to the jump, in counted instructions",
        run: guest::measure,
    },
    Group {
        name: "kexec",
        what: "loading and jumping by kexec-tools and by firstlight, and restarts by GRUB and by firstlight",
        run: |report| kexec::measure(report).and_then(|()| restart::measure(report)),
    },
    Group {
        name: "load",
        what: "PID 1's load on a fresh firmware kernel beside kexec-tools', from 256 MiB to 8 GiB of memory",
        run: load::measure,
    },
    Group {
        name: "boots",
        what: "the same disk by GRUB and by firstlight, from power-on",
        run: boots::measure,
    },
];
