//! Leaving: the machine's power, once nothing is left running or mounted.

use rustix::system::RebootCommand;

/// Ways to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Power {
    /// Restart through the firmware.
    Reboot,
    Off,
    /// Stop, with the power on.
    Halt,
}

impl Power {
    pub(super) fn describe(self) -> &'static str {
        match self {
            Self::Reboot => "The machine restarts.",
            Self::Off => "The machine powers off.",
            Self::Halt => "The machine stops.",
        }
    }

    /// Asks the kernel for it; returns only if it refuses.
    pub(super) fn take(self) {
        let command = match self {
            Self::Reboot => RebootCommand::Restart,
            Self::Off => RebootCommand::PowerOff,
            Self::Halt => RebootCommand::Halt,
        };
        if let Err(error) = rustix::system::reboot(command) {
            log::error!("reboot: {error}");
        }
    }
}
