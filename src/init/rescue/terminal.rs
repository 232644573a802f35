//! The terminal that a process of the rescue shell has as its standard input and output.

use std::{os::fd::AsFd, time::Duration};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fd::BorrowedFd,
    io::Errno,
    process::{getpgrp, ioctl_tiocsctty},
    stdio::{stdin, stdout},
    termios::{InputModes, LocalModes, OptionalActions, OutputModes, tcgetattr, tcsetattr, tcsetpgrp},
};

use crate::ui::{
    console::{Size, size},
    input::raw,
    keys::{Decoder, Key},
};

#[cfg(feature = "luks")]
use crate::ui::secret::SecretText;

/// As in `ui::input`: the rest of a control sequence follows its ESC within this time.
const ESCAPE_DEADLINE: Duration = Duration::from_millis(100);

/// The terminal, and the bytes of a key that has not come to its end.
#[derive(Debug)]
pub(super) struct Terminal;

impl Terminal {
    /// The standard output, if it is a terminal.
    pub(super) fn standard() -> Option<Self> {
        tcgetattr(stdout()).is_ok().then_some(Self)
    }

    pub(super) fn size(&self) -> Size {
        size(stdout())
    }

    /// Writes text with the sequences that steer a terminal.
    pub(super) fn write(&self, text: &str) {
        write(text);
    }

    /// Asks, and waits for one key as the answer; `None` when no more can come.
    pub(super) fn ask(&self, question: &str) -> Option<Key> {
        // Before the question is read: a quick answer would be echoed into the text.
        let before = raw(stdin());
        self.write(question);
        let key = Keys::default().next();
        if let Some(modes) = before {
            // As it was.
            let _ = tcsetattr(stdin(), OptionalActions::Now, &modes);
        }
        key
    }

    /// Asks for a secret, of which nothing is shown; `None` where it is given up, by Ctrl-C, or no more can come.
    #[cfg(feature = "luks")]
    pub(super) fn secret(&self, question: &str) -> Option<SecretText> {
        // As for `ask`.
        let before = raw(stdin());
        self.write(question);
        let (mut keys, mut typed) = (Keys::default(), SecretText::default());
        let typed = loop {
            match keys.next() {
                Some(Key::Enter) => break Some(typed),
                Some(Key::Control('c' | 'd')) | None => break None,
                Some(key) => typed.take(key),
            }
        };
        if let Some(modes) = before {
            let _ = tcsetattr(stdin(), OptionalActions::Now, &modes);
        }
        self.write("\n");
        typed
    }

    /// Becomes the terminal of this process's session, if it leads one.
    pub(super) fn take_control() {
        // It may be already; without it, only Ctrl-C does less.
        let _ = ioctl_tiocsctty(stdin());
    }

    /// Makes it a terminal for editing lines: each key comes at once, and nothing is printed by itself.
    pub(super) fn make_raw() {
        // Whoever ran in between may have been ended in the foreground.
        let _ = tcsetpgrp(stdin(), getpgrp());
        make_line_mode(stdin());
        raw(stdin());
    }

    /// Makes it a terminal for programs: it edits lines, echoes, and makes signals of Ctrl-C and its like.
    pub(super) fn make_line_mode() {
        make_line_mode(stdin());
    }
}

/// Keys of the standard input.
#[derive(Debug, Default)]
pub(super) struct Keys {
    decoder: Decoder,
}

impl Keys {
    /// Waits for the next key; `None` when no more can come.
    pub(super) fn next(&mut self) -> Option<Key> {
        loop {
            let patience = Timespec::try_from(ESCAPE_DEADLINE).ok().filter(|_| self.decoder.pending());
            match poll(&mut [PollFd::from_borrowed_fd(stdin(), PollFlags::IN)], patience.as_ref()) {
                Ok(0) => {
                    if let Some(key) = self.decoder.pause() {
                        return Some(key);
                    }
                    continue;
                }
                Ok(_) => {}
                Err(Errno::INTR | Errno::AGAIN) => continue,
                Err(_) => return None,
            }
            let mut byte = [0_u8; 1];
            match rustix::io::read(stdin(), &mut byte) {
                Ok(1..) => {
                    if let Some(key) = byte.first().and_then(|byte| self.decoder.push(*byte)) {
                        return Some(key);
                    }
                }
                Err(Errno::INTR | Errno::AGAIN) => {}
                Ok(0) | Err(_) => return None,
            }
        }
    }
}

/// Writes to the standard output.
pub(super) fn write(text: &str) {
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        match rustix::io::write(stdout(), rest) {
            Ok(written) => rest = rest.get(written..).unwrap_or_default(),
            Err(Errno::INTR) => {}
            // A terminal that does not wait.
            Err(Errno::AGAIN) => {
                let _ = poll(&mut [PollFd::from_borrowed_fd(stdout(), PollFlags::OUT)], None);
            }
            // There is nobody to tell.
            Err(_) => return,
        }
    }
}

/// The terminal edits lines and echoes, whatever whoever had it before wanted.
pub(super) fn make_line_mode(terminal: impl AsFd) {
    let terminal: BorrowedFd<'_> = terminal.as_fd();
    let Ok(mut modes) = tcgetattr(terminal) else { return };
    modes.input_modes |= InputModes::ICRNL;
    modes.output_modes |= OutputModes::OPOST | OutputModes::ONLCR;
    modes.local_modes |= LocalModes::ICANON | LocalModes::ISIG | LocalModes::IEXTEN;
    modes.local_modes |= LocalModes::ECHO | LocalModes::ECHOE | LocalModes::ECHOK;
    // A terminal that stays as it is can still be typed on.
    let _ = tcsetattr(terminal, OptionalActions::Now, &modes);
}
/// The name of the kind of terminal (terminfo(5)) for programs that ask for it.
pub(super) fn kind() -> &'static str {
    let name = std::fs::read_link("/proc/self/fd/0").unwrap_or_default();
    let name = name.to_string_lossy();
    let is_virtual =
        name.strip_prefix("/dev/tty").is_some_and(|rest| rest.bytes().all(|it| it.is_ascii_digit()));
    if is_virtual { "linux" } else { "vt220" }
}
