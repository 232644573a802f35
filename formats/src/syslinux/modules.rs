//! Modules of the loader that only choose among command lines, or load a kernel: what they come to on a machine of 64 bits
//! (the Syslinux Project's com32/modules: ifcpu64.c, ifcpu.c, whichsys.c, linux.c).

use super::{Label, Program};

/// The effect of a label with such a module.
pub(super) enum Meaning {
    /// A line for the loader's prompt: a label or a kernel, and arguments.
    Command(String),
    /// A kernel with its arguments.
    Kernel(String),
}

/// The effect of a label's module, if it is one of these.
pub(super) fn meaning(label: &Label) -> Option<Meaning> {
    let Program::Other(module) = &label.program else { return None };
    let words: Vec<&str> = label.append.split_whitespace().collect();
    let mut parts = words.split(|word| *word == "--");
    let command = match &*module.rsplit('/').next().unwrap_or_default().to_ascii_lowercase() {
        "linux.c32" => return (!words.is_empty()).then(|| Meaning::Kernel(words.join(" "))),
        "ifcpu64.c32" => parts.next()?,
        "ifcpu.c32" => {
            // The first of two if the processor has what is asked for; whether a host runs this machine is not known.
            let asked = parts.next()?;
            parts.nth(usize::from(asked.contains(&"hypervisor")))?
        }
        "whichsys.c32" => {
            let own = if label.file.to_ascii_lowercase().contains("iso") { "-iso-" } else { "-sys-" };
            let start = words.iter().position(|word| *word == own)?.saturating_add(1);
            let rest = words.get(start..).unwrap_or_default();
            rest.split(|word| matches!(*word, "-iso-" | "-pxe-" | "-sys-")).next()?
        }
        _ => return None,
    };
    (!command.is_empty()).then(|| Meaning::Command(command.join(" ")))
}
