//! Whether this machine runs guests on its own processor (KVM) or has to translate them (TCG).
//!
//! That `/dev/kvm` exists says little, and that a few instructions run says no more: there are virtual machines whose
//! nested KVM runs a BIOS and hangs a kernel. So a kernel is started, and KVM is taken if it comes to its end, where it
//! finds no root file system. The answer is kept until this machine is booted again.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use crate::cache::{Recipe, cached};
use crate::debian::Debian;
use crate::error::{Context, Error};
use crate::{Result, tool};

/// The way that a guest's instructions are executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accelerator {
    /// The processor itself.
    Kvm,
    /// QEMU's translator.
    Tcg,
}

/// Twice what translating takes, in seconds: a KVM that is slower is of no use.
const LIMIT: &str = "12";

impl Accelerator {
    /// The fastest one that works here. Where there is a `/dev/kvm` this takes a second or, if it does not work, [`LIMIT`], once.
    ///
    /// # Errors
    /// When QEMU is not there, or a file cannot be written.
    pub fn detect() -> Result<Self> {
        if fs::OpenOptions::new().read(true).write(true).open("/dev/kvm").is_err() {
            return Ok(Self::Tcg);
        }
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let answer = cached("accelerator", &Recipe::new(&boot).and(LIMIT), |path| {
            let runs = Self::Kvm.runs(&Debian::install()?.kernel())?;
            tool::say(if runs { "KVM works" } else { "KVM is there and does not work: translating instead" });
            fs::write(path, if runs { "kvm" } else { "tcg" })
                .context(|| format!("writing {}", path.display()))
        })?;
        let word = fs::read_to_string(&answer).context(|| format!("reading {}", answer.display()))?;
        Ok(if word == "kvm" { Self::Kvm } else { Self::Tcg })
    }

    /// QEMU's options for it.
    #[must_use]
    pub fn options(self) -> &'static [&'static str] {
        match self {
            Self::Kvm => &["-accel", "kvm", "-cpu", "host"],
            // Without SMAP: QEMU 7.2, of Debian 12, reads the stack with the rights of ring 0 when ring 3 executes IRET, and with
            // SMAP that faults. The kernel of Xen's first domain, which runs in ring 3, dies of it at its start.
            // Without ERMS: the translator stores the bytes of a `rep stosb` one by one, where a processor that has ERMS stores
            // lines of its cache, and Linux clears every page with it. Without that flag it stores eight bytes at a time. FSRM goes
            // with it: Linux takes a processor that has it for one with ERMS.
            Self::Tcg => &["-accel", "tcg", "-cpu", "max,smap=off,erms=off,fsrm=off"],
        }
    }

    /// Whether `kernel` comes to its end with it.
    ///
    /// # Errors
    /// When QEMU cannot be started.
    pub fn runs(self, kernel: &Path) -> Result<bool> {
        let mut qemu = tool::command("timeout");
        qemu.args([
            "--signal=KILL",
            LIMIT,
            "qemu-system-x86_64",
            "-machine",
            "q35",
            "-bios",
            "qboot.rom",
            "-m",
            "256",
        ])
        .args(self.options())
        .args(["-nodefaults", "-display", "none", "-no-reboot", "-serial", "stdio"])
        .args(["-append", "console=ttyS0 quiet panic=-1", "-kernel"])
        .arg(kernel)
        .stdin(Stdio::null());
        let output = qemu.output().map_err(|source| Error::Start { program: "timeout".into(), source })?;
        let said = String::from_utf8_lossy(&output.stdout);
        Ok(output.status.success() && said.contains("Kernel panic - not syncing: VFS"))
    }
}
