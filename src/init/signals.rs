//! The signals that PID 1 answers, as descriptors to wait for, from the first instruction on.

use std::{
    os::fd::{AsFd, BorrowedFd},
    time::{Duration, Instant},
};

use nix::sys::{
    signal::{SigSet, Signal},
    signalfd::{SfdFlags, SignalFd},
};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    system::RebootCommand,
};

use super::power::Power;

/// The request that each signal means, by the convention of BusyBox's and sysvinit's init. The kernel turns Ctrl-Alt-Del into SIGINT
/// to PID 1 once PID 1 has asked for that (reboot(2), LINUX_REBOOT_CMD_CAD_OFF).
const MEANINGS: &[(Signal, Power)] = &[
    (Signal::SIGINT, Power::Reboot),
    (Signal::SIGTERM, Power::Reboot),
    (Signal::SIGUSR1, Power::Halt),
    (Signal::SIGUSR2, Power::Off),
];

/// The waiting signals of PID 1.
#[derive(Debug)]
pub(super) struct Signals {
    descriptor: Option<SignalFd>,
    asked: Option<Power>,
}

impl Signals {
    /// Blocks the signals, so that they wait from now on, in this thread and all that it starts.
    pub(super) fn block() -> Self {
        let mut set = SigSet::from(Signal::SIGCHLD);
        MEANINGS.iter().for_each(|(signal, _)| set.add(*signal));
        let descriptor = set
            .thread_block()
            .and_then(|()| SignalFd::with_flags(&set, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC));
        Self { descriptor: descriptor.ok(), asked: None }
    }

    /// From now on Ctrl-Alt-Del is a signal to PID 1 and not an immediate restart.
    pub(super) fn take_ctrl_alt_del() {
        if let Err(error) = rustix::system::reboot(RebootCommand::CadOff) {
            log::warn!("Ctrl-Alt-Del restarts the machine at once: {error}");
        }
    }

    /// Readable when a signal waits.
    pub(super) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.descriptor.as_ref().map(AsFd::as_fd)
    }

    /// Takes the waiting signals; what they ask for is kept until [`Self::asked`].
    pub(super) fn collect(&mut self) {
        while let Some(Ok(Some(signal))) = self.descriptor.as_ref().map(SignalFd::read_signal) {
            let meant =
                |(meaning, _): &&(Signal, Power)| u32::try_from(*meaning as i32) == Ok(signal.ssi_signo);
            if let Some((_, power)) = MEANINGS.iter().find(meant) {
                self.asked = Some(*power);
            }
        }
    }

    /// The last request, once.
    pub(super) fn asked(&mut self) -> Option<Power> {
        self.asked.take()
    }

    /// Waits until a signal comes, but not past `deadline`; says whether there is time left.
    pub(super) fn wait(&mut self, deadline: Instant) -> bool {
        let Some(left) =
            deadline.checked_duration_since(Instant::now()).filter(|left| *left > Duration::ZERO)
        else {
            return false;
        };
        let Some(descriptor) = self.descriptor() else { return false };
        // However poll(2) ends, the signals are collected afterwards.
        let _ = poll(&mut [PollFd::new(&descriptor, PollFlags::IN)], Timespec::try_from(left).ok().as_ref());
        self.collect();
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_given_before_anyone_listens_is_answered() {
        let mut signals = Signals::block();
        nix::sys::signal::raise(Signal::SIGUSR2).unwrap();
        assert!(signals.wait(Instant::now() + Duration::from_secs(60)));
        assert_eq!((signals.asked(), signals.asked()), (Some(Power::Off), None));
    }

    #[test]
    fn waiting_ends_at_the_deadline() {
        assert!(!Signals::block().wait(Instant::now()));
    }
}
