//! A loaded kernel: what happens only if it is started, the jump into it, and how it is dropped.

use std::{io, path::PathBuf};

use rustix::{
    io::Errno,
    system::{RebootCommand, reboot},
};

use super::state::Slot;
use crate::{
    entry::{EnvironmentChange, FileReference},
    sys,
};

/// A kernel that the running kernel has accepted, and that waits for the jump.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadedKernel {
    /// Name of the file that it came from.
    pub name: String,
    /// Its command line.
    pub cmdline: String,
    /// It reads that as Linux does: it is no multiboot kernel.
    pub is_linux: bool,
    /// Actions to take right before the jump, in this order, and never if another kernel takes its place.
    pub before_jump: Vec<BeforeJump>,
    /// What may keep its system from starting, for a person to read.
    pub warnings: Vec<String>,
}

/// An action that is taken only if the jump is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BeforeJump {
    /// Remove a variable of the firmware that counts for one boot.
    RemoveVariable {
        /// Its name, as its owner writes it.
        name: &'static str,
        /// Its file in efivarfs.
        path: PathBuf,
    },
    /// Change GRUB's environment blocks, as GRUB would have by now.
    ChangeEnvironment(Vec<EnvironmentChange>),
    /// Rename the file of an entry, whose name counts the attempts, as systemd-boot would have by now.
    CountAttempt {
        /// The file.
        file: FileReference,
        /// Its name from now on.
        name: String,
    },
}

/// Drops the kernel loaded for the next jump. Without one, does nothing.
///
/// # Errors
/// The kernel's reason.
pub fn unload() -> io::Result<()> {
    unload_from(Slot::Boot)
}

/// Drops the kernel loaded there. Without one, does nothing.
///
/// # Errors
/// The kernel's reason.
pub fn unload_from(slot: Slot) -> io::Result<()> {
    match sys::kexec::file_unload(slot == Slot::Crash) {
        // Either call drops what the other loaded; a kernel may have one of them only.
        Err(Errno::NOSYS) => Ok(sys::kexec::segments_load(0, &[], slot == Slot::Crash)?),
        answer => Ok(answer?),
    }
}

/// Jumps into the loaded kernel. Returns only if that fails, with the kernel's reason: `EINVAL` where none is loaded.
#[must_use]
pub fn jump() -> io::Error {
    match reboot(RebootCommand::Kexec) {
        Ok(()) => io::Error::other("the jump came back"),
        Err(errno) => errno.into(),
    }
}
