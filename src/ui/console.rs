//! All consoles of the machine at once: every text reaches all of them, and none of them can hold up the boot.

use std::{
    fs::{File, OpenOptions},
    io::Read,
    os::{
        fd::{AsFd, OwnedFd},
        unix::fs::OpenOptionsExt,
    },
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::OFlags,
    io::Errno,
    termios::{Winsize, tcdrain, tcgetwinsize},
};

use super::{firmware_console, landmark};
use crate::{
    formats::text::printable_lines,
    sys::threads::{Work, within},
};

/// The kernel's list of consoles (Documentation/ABI/testing/sysfs-tty).
const ACTIVE: &str = "/sys/class/tty/console/active";

/// Maximum size of the list of consoles, in bytes.
const ACTIVE_LIMIT: u64 = 4096;

/// A console that takes nothing for this long is stuck: it gets only what it takes at once, until it takes again.
///
/// A serial line counts as writable only when its buffer has nearly drained: 4 KiB at 115200 baud take 0.36 s.
const STALL: Duration = Duration::from_secs(1);

/// Maximum time that one text holds up its writer, however slowly a console takes it.
const PATIENCE: Duration = Duration::from_secs(3);

/// Assumed size of a terminal that does not know its own, such as a serial line.
const USUAL_SIZE: Size = Size { columns: 80, rows: 24 };

/// Size of a terminal in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Size {
    /// Characters in a row.
    pub columns: usize,
    pub rows: usize,
}

/// All consoles, open for writing without blocking. Clones write to the same consoles.
#[derive(Clone, Debug)]
pub struct Consoles {
    consoles: Arc<Mutex<Vec<Console>>>,
}

#[derive(Debug)]
struct Console {
    terminal: Arc<OwnedFd>,
    stuck: bool,
}

impl Consoles {
    /// Opens every console that the kernel or the firmware names, or else /dev/console. Never fails: without any console,
    /// what is written goes nowhere.
    #[must_use]
    pub fn open() -> Self {
        let mut active = String::new();
        if let Ok(file) = File::open(ACTIVE) {
            // A list that cannot be read is an empty one.
            let _ = file.take(ACTIVE_LIMIT).read_to_string(&mut active);
        }
        let mut terminals: Vec<_> = active.split_whitespace().filter_map(open_terminal).collect();
        let own = firmware_console::find(Path::new("/"));
        let own = own.filter(|(name, _)| !active.split_whitespace().any(|active| active == name));
        if let Some((name, speed)) = own
            && let Some(terminal) = open_terminal(&name)
        {
            firmware_console::set_speed(&terminal, speed);
            terminals.push(terminal);
        }
        if terminals.is_empty() {
            terminals.extend(open_terminal("console"));
        }
        Self::over(terminals)
    }

    /// Consoles over terminals that are already open with `O_NONBLOCK`.
    #[must_use]
    pub fn over(terminals: Vec<OwnedFd>) -> Self {
        let consoles = terminals
            .into_iter()
            .map(|terminal| Console { terminal: Arc::new(terminal), stuck: false })
            .collect();
        Self { consoles: Arc::new(Mutex::new(consoles)) }
    }

    /// Writes lines to all consoles, whatever is in them: nothing but their ends steers the terminal, and none passes for a
    /// landmark. Errors are ignored, and a console that does not take it costs at most a few seconds, once.
    pub fn write(&self, text: &str) {
        self.send(&printable_lines(text));
    }

    fn send(&self, text: &str) {
        let mut consoles = self.lock();
        let texts = consoles.iter_mut().map(|console| (console, text.as_bytes())).collect();
        write_all(texts);
    }

    /// Writes a landmark line to all consoles.
    pub fn landmark(&self, name: &str, fields: &[(&str, &str)]) {
        self.send(&(landmark::line(name, fields) + "\n"));
    }

    /// The size of each console.
    #[must_use]
    pub fn sizes(&self) -> Vec<Size> {
        self.lock().iter().map(|console| size(&*console.terminal)).collect()
    }

    /// Writes to each console what `draw` makes for a terminal of its size, with the sequences that steer it.
    pub fn draw(&self, draw: impl Fn(Size) -> String) {
        let mut consoles = self.lock();
        let texts: Vec<String> = consoles.iter().map(|console| draw(size(&*console.terminal))).collect();
        write_all(
            consoles.iter_mut().zip(&texts).map(|(console, text)| (console, text.as_bytes())).collect(),
        );
    }

    /// Waits until the terminals have sent what was written, for `deadline` at most: a jump drops what is still
    /// buffered.
    pub fn drain(&self, deadline: Duration) {
        // tcdrain(3) knows no deadline.
        let drain = |terminal: Arc<OwnedFd>| -> Work {
            Box::new(move || {
                let _ = tcdrain(&terminal);
            })
        };
        within(deadline, "drain", self.terminals().into_iter().map(drain).collect());
    }

    /// The terminals themselves, for reading.
    #[must_use]
    pub fn terminals(&self) -> Vec<Arc<OwnedFd>> {
        self.lock().iter().map(|console| Arc::clone(&console.terminal)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Console>> {
        self.consoles.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn open_terminal(name: &str) -> Option<OwnedFd> {
    // A name with a slash would lead out of /dev.
    let name = (!name.contains('/')).then_some(name)?;
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let mut options = OpenOptions::new();
    options.read(true).write(true).custom_flags(flags.bits().cast_signed());
    options.open(Path::new("/dev").join(name)).ok().map(OwnedFd::from)
}

/// The size of a terminal.
pub fn size(terminal: impl AsFd) -> Size {
    match tcgetwinsize(terminal) {
        Ok(Winsize { ws_row: rows @ 1.., ws_col: columns @ 1.., .. }) => {
            Size { columns: columns.into(), rows: rows.into() }
        }
        _ => USUAL_SIZE,
    }
}

/// Writes to several consoles side by side, so that a slow one does not keep the others waiting.
fn write_all(mut texts: Vec<(&mut Console, &[u8])>) {
    let start = Instant::now();
    let mut deadline = start + STALL;
    loop {
        let mut progress = false;
        texts.retain_mut(|(console, rest)| {
            let written = write_some(&console.terminal, rest);
            let Some(written) = written else { return false };
            *rest = rest.get(written..).unwrap_or_default();
            progress |= written > 0;
            if rest.is_empty() {
                console.stuck = false;
            }
            !rest.is_empty() && !console.stuck
        });
        if texts.is_empty() {
            return;
        }
        let now = Instant::now();
        if progress {
            deadline = (now + STALL).min(start + PATIENCE);
        }
        let Some(left) = deadline.checked_duration_since(now).filter(|left| !left.is_zero()) else { break };
        let mut polled: Vec<_> =
            texts.iter().map(|(console, _)| PollFd::new(&*console.terminal, PollFlags::OUT)).collect();
        // A failed poll(2) is like one that timed out: the next turn writes or gives up.
        let _ = poll(&mut polled, Timespec::try_from(left).ok().as_ref());
    }
    for (console, _) in texts {
        console.stuck = true;
    }
}

/// Bytes that the terminal took; `None` if it takes no more, ever.
fn write_some(terminal: &OwnedFd, bytes: &[u8]) -> Option<usize> {
    match rustix::io::write(terminal, bytes) {
        Ok(written) => Some(written),
        Err(Errno::AGAIN | Errno::INTR) => Some(0),
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};

    use rustix::pipe::{PipeFlags, pipe_with};

    use super::*;

    fn line_of(reader: &mut BufReader<File>) -> String {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        line
    }

    #[test]
    fn a_console_that_takes_nothing_holds_up_no_other() {
        let (_held, stuck) = pipe_with(PipeFlags::NONBLOCK).unwrap();
        while rustix::io::write(&stuck, &[b'x'; 4096]).is_ok() {}
        let (reader, good) = pipe_with(PipeFlags::NONBLOCK).unwrap();
        rustix::io::ioctl_fionbio(&reader, false).unwrap();
        let mut reader = BufReader::new(File::from(reader));
        let consoles = Consoles::over(vec![stuck, good]);
        for line in ["one\n", "two\n", "three\n"] {
            consoles.write(line);
            assert_eq!(line_of(&mut reader), line);
        }
        let stuck: Vec<bool> = consoles.lock().iter().map(|console| console.stuck).collect();
        assert_eq!(stuck, [true, false]);
    }

    #[test]
    fn a_stuck_console_that_accepts_text_again_gets_all_of_it() {
        let (reader, writer) = pipe_with(PipeFlags::NONBLOCK).unwrap();
        let consoles = Consoles::over(vec![writer]);
        consoles.lock()[0].stuck = true;
        consoles.landmark("start", &[("version", "1")]);
        let mut reader = BufReader::new(File::from(reader));
        assert_eq!(line_of(&mut reader), "firstlight: @start version=1\n");
        assert!(!consoles.lock()[0].stuck);
    }

    #[test]
    fn lines_steer_no_terminal_and_pass_for_no_landmark() {
        let (reader, writer) = pipe_with(PipeFlags::NONBLOCK).unwrap();
        Consoles::over(vec![writer]).write("Starting \u{1b}[2J\u{202e}firstlight: @jump id=x ...\n");
        assert_eq!(
            line_of(&mut BufReader::new(File::from(reader))),
            "Starting ?[2J?firstlight: ?jump id=x ...\n"
        );
    }

    #[test]
    fn a_console_that_is_gone_and_no_console_at_all_are_no_error() {
        let (reader, writer) = pipe_with(PipeFlags::NONBLOCK).unwrap();
        drop(reader);
        for consoles in [Consoles::over(vec![writer]), Consoles::over(vec![])] {
            consoles.write("text\n");
            consoles.drain(Duration::from_secs(60));
        }
    }

    #[test]
    fn a_terminal_without_a_size_is_drawn_as_a_serial_line() {
        let (reader, writer) = pipe_with(PipeFlags::NONBLOCK).unwrap();
        Consoles::over(vec![writer]).draw(|size| format!("{}x{}\n", size.columns, size.rows));
        assert_eq!(line_of(&mut BufReader::new(File::from(reader))), "80x24\n");
    }
}
