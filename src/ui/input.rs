//! Keys from every console at once: terminals in raw mode, read on one thread.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    sync::Arc,
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    termios::{InputModes, LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr},
};

use super::{
    console::Consoles,
    keys::{Decoder, Key},
};
use crate::sys::threads;

/// The rest of a control sequence follows its ESC within this time, even on a slow serial line. An ESC without it is the
/// escape key.
const ESCAPE_DEADLINE: Duration = Duration::from_millis(100);

/// Terminals in raw mode, with the modes that they had before.
#[derive(Debug)]
pub struct Input {
    saved: Vec<(Arc<OwnedFd>, Termios)>,
}

impl Input {
    /// Puts all consoles into raw mode and gives every key to `sink`, from a thread of its own.
    ///
    /// # Errors
    /// The kernel's reason why there is no thread.
    pub fn listen(consoles: &Consoles, sink: impl Fn(Key) + Send + 'static) -> io::Result<Self> {
        let terminals = consoles.terminals();
        let saved =
            terminals.iter().filter_map(|terminal| Some((Arc::clone(terminal), raw(&**terminal)?))).collect();
        threads::start("keys", None, Box::new(move || read(&terminals, &sink)))?;
        Ok(Self { saved })
    }

    /// Puts the terminals back as they were. Keys are still read until the process ends.
    pub fn restore(&self) {
        for (terminal, modes) in &self.saved {
            // A terminal that is gone needs no modes.
            let _ = tcsetattr(terminal, OptionalActions::Now, modes);
        }
    }
}

/// Makes the terminal give each byte at once and print none of them; tells its modes before. Output stays as it is, so
/// that a line feed still returns the carriage.
pub fn raw(terminal: impl AsFd) -> Option<Termios> {
    let terminal = terminal.as_fd();
    let before = tcgetattr(terminal).ok()?;
    let mut modes = before.clone();
    modes.local_modes -= LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG | LocalModes::IEXTEN;
    // Without these, Control-S on a serial line would stop all output.
    modes.input_modes -= InputModes::IXON | InputModes::IXOFF;
    modes.special_codes[SpecialCodeIndex::VMIN] = 1;
    modes.special_codes[SpecialCodeIndex::VTIME] = 0;
    tcsetattr(terminal, OptionalActions::Now, &modes).ok()?;
    Some(before)
}

/// Reads until the last terminal is gone.
fn read(terminals: &[Arc<OwnedFd>], sink: &impl Fn(Key)) {
    let mut open: Vec<_> = terminals.iter().map(|terminal| (terminal, Decoder::default())).collect();
    let deadline = Timespec::try_from(ESCAPE_DEADLINE).ok();
    while !open.is_empty() {
        let pending = open.iter().any(|(_, decoder)| decoder.pending());
        let mut polled: Vec<_> =
            open.iter().map(|(terminal, _)| PollFd::new(&***terminal, PollFlags::IN)).collect();
        match poll(&mut polled, deadline.as_ref().filter(|_| pending)) {
            Ok(0) => {
                open.iter_mut().filter_map(|(_, decoder)| decoder.pause()).for_each(sink);
                continue;
            }
            Ok(_) | Err(Errno::INTR) => {}
            Err(_) => return,
        }
        let ready: Vec<bool> = polled.iter().map(|polled| !polled.revents().is_empty()).collect();
        let mut ready = ready.into_iter();
        open.retain_mut(|(terminal, decoder)| ready.next() != Some(true) || take(terminal, decoder, sink));
    }
}

/// Reads what is there; whether the terminal is still good.
fn take(terminal: &OwnedFd, decoder: &mut Decoder, sink: &impl Fn(Key)) -> bool {
    let mut bytes = [0_u8; 64];
    match rustix::io::read(terminal, &mut bytes) {
        Ok(0) => false,
        Ok(count) => {
            bytes.iter().take(count).filter_map(|byte| decoder.push(*byte)).for_each(sink);
            true
        }
        Err(error) => matches!(error, Errno::AGAIN | Errno::INTR),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use rustix::pipe::{PipeFlags, pipe_with};

    use super::*;

    #[test]
    fn keys_of_all_consoles_arrive_and_one_that_is_gone_hurts_no_other() {
        let (first, first_keyboard) = pipe_with(PipeFlags::NONBLOCK).unwrap();
        let (second, second_keyboard) = pipe_with(PipeFlags::NONBLOCK).unwrap();
        let consoles = Consoles::over(vec![first, second]);
        let (sender, keys) = mpsc::channel();
        Input::listen(&consoles, move |key| sender.send(key).unwrap()).unwrap();
        rustix::io::write(&first_keyboard, b"1").unwrap();
        assert_eq!(keys.recv(), Ok(Key::Character('1')));
        drop(first_keyboard);
        rustix::io::write(&second_keyboard, b"\x1b[A\x1b").unwrap();
        assert_eq!([keys.recv(), keys.recv()], [Ok(Key::Up), Ok(Key::Escape)]);
        drop(second_keyboard);
        // The thread has ended, and its sink with it.
        assert!(keys.recv().is_err());
    }
}
