//! The seconds before something that a person has typed happens, in which any key stops it.

use std::{
    io::{self, IsTerminal},
    os::fd::{AsFd, BorrowedFd},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    termios::{LocalModes, OptionalActions, QueueSelector, Termios, tcflush, tcgetattr, tcsetattr},
};

/// Whether a person types and reads here: stdin, stdout and stderr are all terminals.
pub(super) fn is_terminal() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal() && io::stderr().is_terminal()
}

/// Waits for so many seconds, and says whether nobody has pressed a key on the terminal. `show` is given the seconds that are
/// left, once for each. A terminal that goes away stops it, too.
///
/// # Errors
/// The kernel's reason why it is no terminal.
pub(super) fn passes(terminal: impl AsFd, seconds: u64, show: &mut dyn FnMut(u64)) -> io::Result<bool> {
    let terminal = terminal.as_fd();
    let _raw = Raw::enter(terminal)?;
    let start = Instant::now();
    for left in (1..=seconds).rev() {
        show(left);
        let end = start + Duration::from_secs(seconds.saturating_sub(left).saturating_add(1));
        if pressed(terminal, end)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Waits for a key until the given time.
fn pressed(terminal: BorrowedFd<'_>, end: Instant) -> io::Result<bool> {
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(left).map_err(io::Error::other)?;
        let mut events = [PollFd::new(&terminal, PollFlags::IN)];
        match poll(&mut events, Some(&timeout)) {
            Ok(0) => return Ok(false),
            Ok(_) => {
                // The key is no input for the shell. On a terminal that is gone there is none.
                let _ = tcflush(terminal, QueueSelector::IFlush);
                return Ok(true);
            }
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// A terminal that gives each key at once and shows none, as it was before when this is dropped. The keys that send signals
/// are keys like others, so that it is never left so.
struct Raw<'a> {
    terminal: BorrowedFd<'a>,
    before: Termios,
}

impl<'a> Raw<'a> {
    fn enter(terminal: BorrowedFd<'a>) -> io::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut raw = before.clone();
        raw.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG);
        tcsetattr(terminal, OptionalActions::Now, &raw)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Raw<'_> {
    fn drop(&mut self) {
        // On a terminal that is gone there is nothing to put back.
        let _ = tcsetattr(self.terminal, OptionalActions::Now, &self.before);
    }
}

#[cfg(test)]
mod tests {
    use std::{fs::File, io::Write};

    use nix::pty::openpty;

    use super::*;

    #[test]
    fn a_key_stops_the_countdown_and_the_terminal_is_as_before() {
        for key in [b"x", b"\n", b"\x03"] {
            let pair = openpty(None, None).unwrap();
            let mut person = File::from(pair.master);
            let before = tcgetattr(&pair.slave).unwrap();
            let mut shown = Vec::new();
            let passed = passes(&pair.slave, 600, &mut |left| {
                shown.push(left);
                person.write_all(key).unwrap();
            });
            assert_eq!((passed.unwrap(), shown), (false, vec![600]));
            assert_eq!(tcgetattr(&pair.slave).unwrap().local_modes, before.local_modes);
        }
    }

    #[test]
    fn a_terminal_that_goes_away_stops_it() {
        let pair = openpty(None, None).unwrap();
        let mut person = Some(pair.master);
        assert!(!passes(&pair.slave, 600, &mut |_| drop(person.take())).unwrap());
    }

    #[test]
    fn without_a_key_it_passes_after_its_seconds() {
        let pair = openpty(None, None).unwrap();
        let (start, mut shown) = (Instant::now(), Vec::new());
        assert!(passes(&pair.slave, 1, &mut |left| shown.push(left)).unwrap());
        assert_eq!(shown, [1]);
        assert!(start.elapsed() >= Duration::from_secs(1));
    }
}
