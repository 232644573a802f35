//! A guest's serial console as lines with times, without terminal control, also written to a file as it comes.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::Result;
use crate::error::{Context, Tail};

/// How many lines an error shows.
const SHOWN: usize = 25;

/// A line of the console.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When its first character came, since the machine was started.
    pub at: Duration,
    /// Its text without control characters and without the newline.
    pub text: String,
    /// Whether its newline has come: a prompt has none, and another line may still grow.
    pub whole: bool,
}

/// The outcome of waiting.
#[derive(Debug, PartialEq, Eq)]
pub enum Seen<T> {
    /// It came.
    Found(T),
    /// The deadline passed.
    Deadline,
    /// The console was closed: the machine is off.
    Closed,
    /// The kernel gave up.
    Panicked,
}

/// A console that is being read.
pub struct Console {
    shared: Arc<Shared>,
    reader: Option<JoinHandle<()>>,
    log: PathBuf,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    lines: Vec<Line>,
    closed: bool,
    panicked: bool,
}

impl Console {
    /// Reads `source` to its end on a thread of its own. Everything is written to the file `log` and, if `echo` is set,
    /// to standard output.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub fn read(source: impl Read + Send + 'static, log: &Path, echo: bool) -> Result<Self> {
        let file = File::create(log).context(|| format!("writing {}", log.display()))?;
        let shared = Arc::new(Shared { state: Mutex::default(), changed: Condvar::new() });
        let theirs = Arc::clone(&shared);
        let reader = std::thread::spawn(move || theirs.fill(source, file, echo));
        Ok(Self { shared, reader: Some(reader), log: log.to_owned() })
    }

    /// Waits until `look` finds something in a line (any that came since the start, also one that has no newline yet)
    /// or `deadline` comes.
    pub fn wait<T>(&self, deadline: Instant, mut look: impl FnMut(&Line) -> Option<T>) -> Seen<T> {
        let mut state = self.shared.lock();
        let mut looked_at = 0;
        loop {
            for line in state.lines.iter().skip(looked_at) {
                if let Some(found) = look(line) {
                    return Seen::Found(found);
                }
            }
            // The last line is checked again when it has grown.
            looked_at = state.lines.len().saturating_sub(usize::from(state.is_in_line()));
            if state.panicked {
                return Seen::Panicked;
            }
            if state.closed {
                return Seen::Closed;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Seen::Deadline;
            }
            state = self
                .shared
                .changed
                .wait_timeout(state, left)
                .map_or_else(|poisoned| poisoned.into_inner().0, |(state, _)| state);
        }
    }

    /// Waits until the machine closes its console; whether it did so before `deadline`.
    pub fn wait_closed(&self, deadline: Instant) -> bool {
        let mut state = self.shared.lock();
        while !state.closed {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self
                .shared
                .changed
                .wait_timeout(state, left)
                .map_or_else(|poisoned| poisoned.into_inner().0, |(state, _)| state);
        }
        true
    }

    /// All lines so far.
    #[must_use]
    pub fn lines(&self) -> Vec<Line> {
        self.shared.lock().lines.clone()
    }

    /// The end of the console, for an error.
    #[must_use]
    pub fn tail(&self) -> Tail {
        let state = self.shared.lock();
        let from = state.lines.len().saturating_sub(SHOWN);
        let lines = state.lines.iter().skip(from);
        Tail {
            log: self.log.clone(),
            lines: lines.map(|line| format!("[{:8.3}] {}", line.at.as_secs_f64(), line.text)).collect(),
        }
    }

    /// Waits for the reader, which ends when the machine has closed its console.
    pub fn finish(&mut self) {
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

impl State {
    fn is_in_line(&self) -> bool {
        self.lines.last().is_some_and(|line| !line.whole)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fill(&self, mut source: impl Read, mut log: File, echo: bool) {
        let start = Instant::now();
        let mut screen = Screen::default();
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = source.read(&mut bytes) {
            let at = start.elapsed();
            let text = screen.text(bytes.get(..count).unwrap_or_default());
            let mut state = self.lock();
            for piece in text.split_inclusive('\n') {
                if !state.is_in_line() {
                    state.lines.push(Line { at, text: String::new(), whole: false });
                    let _ = write!(log, "[{:8.3}] ", at.as_secs_f64());
                }
                let _ = log.write_all(piece.as_bytes());
                if let Some(line) = state.lines.last_mut() {
                    line.text.push_str(piece.trim_end_matches('\n'));
                    line.whole = piece.ends_with('\n');
                    let panicked = line.text.contains("Kernel panic - not syncing");
                    state.panicked |= panicked;
                }
            }
            drop(state);
            self.changed.notify_all();
            if echo {
                let mut out = std::io::stdout().lock();
                let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
            }
        }
        self.lock().closed = true;
        self.changed.notify_all();
    }
}

/// Turns a terminal's byte stream into plain lines: escape sequences vanish, those that move the cursor or clear the
/// screen end the line.
#[derive(Default)]
struct Screen {
    state: Escape,
    /// The start of a UTF-8 character whose end has not come yet.
    held: Vec<u8>,
    in_line: bool,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Escape {
    #[default]
    None,
    /// After ESC.
    Begun,
    /// In a control sequence, up to its final letter.
    Control,
    /// In an operating system command, up to BEL or ESC.
    Command,
}

impl Screen {
    fn text(&mut self, bytes: &[u8]) -> String {
        let mut plain = std::mem::take(&mut self.held);
        for byte in bytes {
            match (self.state, *byte) {
                (_, 0x1b) => self.state = Escape::Begun,
                (Escape::Begun, b'[') => self.state = Escape::Control,
                (Escape::Begun, b']') => self.state = Escape::Command,
                (Escape::Begun, _) | (Escape::Command, 7) => self.state = Escape::None,
                (Escape::Control, 0x40..=0x7e) => {
                    self.state = Escape::None;
                    if matches!(byte, b'H' | b'J' | b'f') {
                        self.break_line(&mut plain);
                    }
                }
                (Escape::Control | Escape::Command, _) => {}
                (Escape::None, b'\n') => {
                    plain.push(b'\n');
                    self.in_line = false;
                }
                (Escape::None, b'\t') => plain.push(b' '),
                (Escape::None, 0..0x20 | 0x7f) => {}
                (Escape::None, byte) => {
                    plain.push(byte);
                    self.in_line = true;
                }
            }
        }
        if let Err(error) = std::str::from_utf8(&plain)
            && error.error_len().is_none()
        {
            self.held = plain.split_off(error.valid_up_to());
        }
        String::from_utf8_lossy(&plain).into_owned()
    }

    fn break_line(&mut self, plain: &mut Vec<u8>) {
        if self.in_line {
            plain.push(b'\n');
            self.in_line = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn console(bytes: &'static [u8], name: &str) -> Console {
        let mut console =
            Console::read(bytes, &std::env::temp_dir().join(format!("firstlight-{name}")), false).unwrap();
        console.finish();
        console
    }

    #[test]
    fn terminal_control_is_no_text_and_a_moved_cursor_ends_a_line() {
        let console =
            console(b"\x1b[1;31mred\x1b[0m\r\nA\x1b[5;1HB\x1b]0;title\x07\tC\nl\xc3\xb6gin: ", "screen");
        let texts: Vec<String> = console.lines().into_iter().map(|line| line.text).collect();
        assert_eq!(texts, ["red", "A", "B C", "lögin: "]);
    }

    #[test]
    fn a_character_may_come_in_two_pieces() {
        let mut screen = Screen::default();
        assert_eq!((screen.text(b"l\xc3"), screen.text(b"\xb6")), ("l".to_owned(), "ö".to_owned()));
    }

    #[test]
    fn waiting_ends_with_what_was_seen() {
        let soon = || Instant::now() + Duration::from_secs(5);
        let plain = console(b"one\ntwo: 2", "plain");
        assert_eq!(
            plain.wait(soon(), |line| line.text.strip_prefix("two: ").map(str::to_owned)),
            Seen::Found("2".into())
        );
        assert_eq!(plain.wait(soon(), |_| None::<()>), Seen::Closed);
        let panic = console(b"[ 1.0] Kernel panic - not syncing: VFS\n", "panic");
        assert_eq!(panic.wait(soon(), |_| None::<()>), Seen::Panicked);
    }

    #[test]
    fn a_silent_console_meets_the_deadline() {
        let (reader, _writer) = std::io::pipe().unwrap();
        let console = Console::read(reader, &std::env::temp_dir().join("firstlight-silent"), false).unwrap();
        let deadline = Instant::now() + Duration::from_millis(10);
        assert_eq!(console.wait(deadline, |_| None::<()>), Seen::Deadline);
    }
}
