//! The end of all work before the jump or the power: processes end, disks are unmounted and written out. Each step is bounded
//! in time, since a disk that hangs must not hold up the machine.

use std::{
    fs,
    sync::mpsc,
    thread,
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
    let is_done = within(if all_ended { UNMOUNTING } else { UNMOUNTING_BESIDE_SILENCE }, unmount);
    if !is_done {
        log::warn!("unmounting hangs: a device does not answer; nothing on it was written by firstlight");
    }
    is_done
}

/// Does `work` on a thread of its own; gives whether it was done in time. A thread that is not done is abandoned.
fn within(patience: Duration, work: impl FnOnce() + Send + 'static) -> bool {
    let (done, wait) = mpsc::channel();
    let started = thread::Builder::new().name("unmount".into()).spawn(move || {
        work();
        // Nobody waits any more if it took too long.
        let _ = done.send(());
    });
    started.is_ok() && wait.recv_timeout(patience).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_that_hangs_is_abandoned() {
        let (release, held) = mpsc::channel::<()>();
        assert!(!within(Duration::from_millis(1), move || held.recv().unwrap_or(())));
        drop(release);
        assert!(within(Duration::from_secs(60), || {}));
    }
}
