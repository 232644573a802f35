//! Our own instructions in a guest, without the kernel's: counted by a plugin of QEMU's (qemu/plugin) where the binary
//! stands, which is at addresses of its own.

use std::path::{Path, PathBuf};

use goblin::elf::{
    Elf,
    program_header::{PF_X, PT_LOAD},
};

use crate::error::{Context, Error};
use crate::machine::Machine;
use crate::{Result, place, tool};

/// The plugin, built for this machine.
pub(super) struct Counter {
    plugin: PathBuf,
    /// Where the binary's code stands, in the guest's addresses.
    code: std::ops::Range<u64>,
}

/// A machine's count, to be read when QEMU has ended.
pub(super) struct Count(PathBuf);

impl Counter {
    /// Counts the instructions of `program`, which must be linked to fixed addresses.
    pub(super) fn new(program: &Path) -> Result<Self> {
        let source = place::workspace().join("qemu/plugin/instructions.c");
        let plugin = place::directory("machines")?.join("instructions.so");
        tool::run(
            "cc",
            [
                "-shared".as_ref(),
                "-fPIC".as_ref(),
                "-O2".as_ref(),
                "-o".as_ref(),
                plugin.as_os_str(),
                source.as_os_str(),
            ],
        )?;
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
        Ok((machine.options(["-plugin".to_owned(), plugin]), Count(out)))
    }
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
