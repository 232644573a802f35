//! Whether this machine runs guests on its own processor (KVM) or has to translate them (TCG).
//!
//! That `/dev/kvm` exists says little (nested virtual machines, containers): a guest of five bytes is started, and what it
//! does to QEMU's exit status is the answer. It is kept until the machine is booted again.

use std::fs;

use crate::cache::{Recipe, cached};
use crate::error::Context;
use crate::{Result, tool};

/// What executes a guest's instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accelerator {
    /// The processor itself.
    Kvm,
    /// QEMU's translator.
    Tcg,
}

/// Written to the debug port by the guest below; QEMU's exit status is then twice it plus one.
const SIGN: u8 = 42;

/// At the reset vector, 16 bytes below the end: `mov al, SIGN; out 0xf4, al; hlt`.
const FIRMWARE: [u8; 5] = [0xb0, SIGN, 0xe6, 0xf4, 0xf4];

impl Accelerator {
    /// What works here.
    ///
    /// # Errors
    /// When QEMU is not there, or a file cannot be written.
    pub fn detect() -> Result<Self> {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let answer = cached("accelerator", &Recipe::new(&boot), |path| {
            let word = if kvm_works(path)? { "kvm" } else { "tcg" };
            fs::write(path, word).context(|| format!("writing {}", path.display()))
        })?;
        let word = fs::read_to_string(&answer).context(|| format!("reading {}", answer.display()))?;
        Ok(if word == "kvm" { Self::Kvm } else { Self::Tcg })
    }

    /// QEMU's options for it.
    #[must_use]
    pub fn options(self) -> &'static [&'static str] {
        match self {
            Self::Kvm => &["-accel", "kvm", "-cpu", "host"],
            Self::Tcg => &["-accel", "tcg", "-cpu", "max"],
        }
    }
}

fn kvm_works(scratch: &std::path::Path) -> Result<bool> {
    let mut image = vec![0xf4; 64 * 1024];
    let reset = image.len() - 16;
    image[reset..reset + FIRMWARE.len()].copy_from_slice(&FIRMWARE);
    fs::write(scratch, &image).context(|| format!("writing {}", scratch.display()))?;
    let mut qemu = tool::command("timeout");
    qemu.args(["10", "qemu-system-x86_64", "-accel", "kvm", "-machine", "pc", "-nodefaults", "-display", "none"]);
    qemu.args(["-device", "isa-debug-exit,iobase=0xf4", "-bios"]).arg(scratch);
    // Asked for its version first: a QEMU that is missing is no answer about KVM.
    tool::run("qemu-system-x86_64", ["--version"])?;
    let output = qemu.output().context(|| "starting QEMU".into())?;
    Ok(output.status.code() == Some(i32::from(SIGN) * 2 + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn detecting_gives_the_same_answer_twice() {
        assert_eq!(Accelerator::detect().unwrap(), Accelerator::detect().unwrap());
    }
}
