//! Instructions in a guest, counted by plugins of QEMU (qemu/plugin): our own, which the addresses of the binary distinguish
//! from those of the kernel; and all of them up to each line of the console.

use std::path::{Path, PathBuf};

use goblin::elf::{
    Elf,
    program_header::{PF_X, PT_LOAD},
};

use crate::accelerator::Accelerator;
use crate::error::{Context, Error};
use crate::machine::Machine;
use crate::{Result, pinned, place, tool};

/// The plugin, built for this machine.
pub(super) struct Counter {
    plugin: PathBuf,
    /// The addresses of the binary's code in the guest.
    code: std::ops::Range<u64>,
}

/// A machine's count, to be read when QEMU has ended.
pub(super) struct Count(PathBuf);

impl Counter {
    /// Counts the instructions of `program`, which must be linked to fixed addresses.
    pub(super) fn new(program: &Path) -> Result<Self> {
        let plugin = build("instructions")?;
        let bytes = std::fs::read(program).context(|| format!("reading {}", program.display()))?;
        let unfit = |what: &str| Error::Other(format!("{}: {what}", program.display()));
        let elf = Elf::parse(&bytes).map_err(|error| unfit(&error.to_string()))?;
        let mut code = elf.program_headers.iter().filter(|it| it.p_type == PT_LOAD && it.p_flags & PF_X != 0);
        let code =
            code.next().filter(|code| code.p_vaddr > 0).ok_or_else(|| unfit("no code at a fixed address"))?;
        Ok(Self { plugin, code: code.p_vaddr..code.p_vaddr + code.p_memsz })
    }

    /// Has a machine counted. What the next kernel runs lies elsewhere.
    pub(super) fn attach(&self, machine: Machine, name: &str) -> Result<(Machine, Count)> {
        let out = place::directory("machines")?.join(format!("{name}.instructions"));
        // A count of an earlier run is none of this one.
        let _ = std::fs::remove_file(&out);
        let plugin = format!(
            "file={},from={:x},to={:x},out={}",
            self.plugin.display(),
            self.code.start,
            self.code.end,
            out.display()
        );
        let machine = machine.emulator(pinned::counting()?).accelerator(Accelerator::Tcg);
        Ok((machine.options(["-plugin".to_owned(), plugin]), Count(out)))
    }
}

/// The plugin that notes lines, built for this machine.
pub(super) struct LineClock(PathBuf);

/// The serial console of a machine, each line with the number of instructions that were executed when it began: nanoseconds
/// of the guest's clock, as [`CLOCK`] has it, without those in which the processor waits. To be read when QEMU has ended.
pub(super) struct Timetable(PathBuf);

/// One instruction takes a nanosecond of the guest's clock, and the random numbers are always the same. Where the guest waits, its
/// clock goes with this machine's: with `sleep=off` it jumps to the guest's next timer, and while this machine is busy a disk
/// then seems to hang until the load's deadline.
pub(super) const CLOCK: [&str; 4] = ["-icount", "shift=0,sleep=on", "-seed", "1"];

impl LineClock {
    /// Builds the plugin, once for all machines: one that runs has the file mapped.
    pub(super) fn new() -> Result<Self> {
        build("console").map(Self)
    }

    /// Has a machine with one processor write a timetable.
    pub(super) fn attach(&self, machine: Machine, name: &str) -> Result<(Machine, Timetable)> {
        let out = place::directory("machines")?.join(format!("{name}.timetable"));
        let _ = std::fs::remove_file(&out);
        let plugin = format!("{},out={}", self.0.display(), out.display());
        let machine = machine.emulator(pinned::counting()?).accelerator(Accelerator::Tcg).options(CLOCK);
        Ok((machine.options(["-plugin".to_owned(), plugin]), Timetable(out)))
    }
}

impl Timetable {
    /// The lines once QEMU has ended, in ms.
    pub(super) fn read(&self) -> Result<Vec<(f64, String)>> {
        let bytes = std::fs::read(&self.0).context(|| format!("reading {}", self.0.display()))?;
        let text = String::from_utf8_lossy(&bytes);
        let line = |line: &str| {
            let (count, text) = line.split_once(' ')?;
            Some((count.parse::<f64>().ok()? / 1e6, text.to_owned()))
        };
        Ok(text.lines().filter_map(line).collect())
    }
}

/// Builds a plugin for this machine.
fn build(name: &str) -> Result<PathBuf> {
    let source = place::workspace().join(format!("qemu/plugin/{name}.c"));
    let plugin = place::directory("machines")?.join(format!("{name}.so"));
    let options = ["-shared", "-fPIC", "-O2", "-o"].map(AsRef::as_ref);
    tool::run("cc", options.into_iter().chain([plugin.as_os_str(), source.as_os_str()]))?;
    Ok(plugin)
}

impl Count {
    /// Instructions, once QEMU has ended.
    pub(super) fn read(&self) -> Result<f64> {
        let text = std::fs::read_to_string(&self.0).context(|| format!("reading {}", self.0.display()))?;
        match text.trim().parse() {
            Ok(count) if count > 0.0 => Ok(count),
            _ => Err(Error::Other(format!("{}: {text:?} is no count of instructions", self.0.display()))),
        }
    }
}
