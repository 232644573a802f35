//! The end of all work before the jump or the power: processes end, disks are unmounted and written out. Each step is bounded
//! in time, since a disk that hangs must not hold up the machine.

use std::{
    fs,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    sys::{
        signal::{Signal, kill},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::Pid,
};
use sys_mount::UnmountFlags;

use super::{mounts, signals::Signals};
use crate::sys::threads::within;

/// Maximum time for processes to end on their own.
const TERMINATION: Duration = Duration::from_secs(1);

/// Maximum time for killed processes to end: one that waits for a disk stays until the disk answers.
const KILLING: Duration = Duration::from_secs(2);

/// Maximum time for unmounting and syncing.
const UNMOUNTING: Duration = Duration::from_secs(5);

/// The same where a disk does not answer: syncing comes to it, too, and then waits for ever.
const UNMOUNTING_BESIDE_SILENCE: Duration = Duration::from_secs(1);

/// Ends every process but this one; gives whether all have ended.
pub(super) fn end_processes(signals: &mut Signals) -> bool {
    for (signal, patience) in [(Signal::SIGTERM, TERMINATION), (Signal::SIGKILL, KILLING)] {
        // ESRCH: there is none, which the wait finds out as well.
        let _ = kill(Pid::from_raw(-1), signal);
        if wait_for_all(signals, patience) {
            return true;
        }
    }
    log::warn!("processes are left that cannot be killed: a device does not answer them");
    false
}

/// Reaps until there is no child left; whatever loses its parent becomes ours.
fn wait_for_all(signals: &mut Signals, patience: Duration) -> bool {
    let Some(deadline) = Instant::now().checked_add(patience) else { return false };
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Err(Errno::ECHILD) => return true,
            Ok(WaitStatus::StillAlive) => {
                if !signals.wait(deadline) {
                    return false;
                }
            }
            Ok(_) | Err(_) => {}
        }
    }
}

/// Unmounts every disk, last mounted first, and writes out what is unwritten; gives whether that was done in time. `all_ended` says
/// that no process is left.
pub(super) fn unmount_and_sync(all_ended: bool) -> bool {
    let unmount = || {
        let points = mounts::mount_points(&fs::read("/proc/self/mountinfo").unwrap_or_default());
        for point in points.iter().rev().filter(|point| !mounts::is_of_the_kernel(point)) {
            if let Err(error) = sys_mount::unmount(point, UnmountFlags::empty()) {
                log::warn!("{point} not unmounted: {error}");
            }
        }
        rustix::fs::sync();
    };
    let is_done = within(
        if all_ended { UNMOUNTING } else { UNMOUNTING_BESIDE_SILENCE },
        "unmount",
        vec![Box::new(unmount)],
    );
    if !is_done {
        log::warn!("unmounting hangs: a device does not answer; nothing on it was written by firstlight");
    }
    is_done
}
