//! The rescue shell on a terminal, driven by the bytes that a keyboard sends: what is on the screen then is what a person sees.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io::{Read, Write},
    os::fd::OwnedFd,
    path::Path,
    time::{Duration, Instant},
};

use firstlight::sys::child::{Program, wait};
use nix::pty::{Winsize, openpty};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::{FdFlags, fcntl_setfd},
    process::{Pid, Signal, WaitOptions, kill_process},
};

/// What was typed is answered within this time, on a busy machine too.
const LIMIT: Duration = Duration::from_secs(20);

struct Terminal {
    keyboard: File,
    shell: Pid,
    emulator: vt100::Parser,
    /// All that the terminal was sent.
    sent: String,
}

impl Terminal {
    /// With the shell on it, of so many rows and columns.
    fn new((rows, columns): (u16, u16)) -> Self {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let pair = openpty(Some(&size), None).unwrap();
        let (own, other): (OwnedFd, OwnedFd) = (pair.master, pair.slave);
        for end in [&own, &other] {
            fcntl_setfd(end, FdFlags::CLOEXEC).unwrap();
        }
        let program = Path::new(env!("CARGO_BIN_EXE_firstlight")).as_os_str();
        let program = Program::new(program, &[OsStr::new("firstlight"), OsStr::new("shell")]).unwrap();
        let shell = program.leading().on_terminal(&other).unwrap().spawn().unwrap();
        let mut terminal = Self {
            keyboard: own.into(),
            shell,
            emulator: vt100::Parser::new(rows, columns, 0),
            sent: String::new(),
        };
        terminal.expect("> ");
        terminal
    }

    fn screen(&self) -> String {
        self.emulator.screen().contents()
    }

    /// Reads until the screen shows something.
    fn expect(&mut self, expected: &str) {
        self.read_until(expected, |screen| screen.contains(expected));
    }

    /// Waits until the last row is a prompt with nothing after it.
    fn prompt(&mut self) {
        let is_prompt = |row: &str| row.starts_with("rescue ") && row.trim_end().ends_with('>');
        self.read_until("the prompt", |screen| screen.lines().last().is_some_and(is_prompt));
    }

    fn read_until(&mut self, awaited: &str, is_there: impl Fn(&str) -> bool) {
        let deadline = Instant::now() + LIMIT;
        while !is_there(&self.screen()) {
            let left = Timespec::try_from(deadline.saturating_duration_since(Instant::now())).unwrap();
            let ready = poll(&mut [PollFd::new(&self.keyboard, PollFlags::IN)], Some(&left)).unwrap();
            assert!(ready > 0, "no {awaited:?} in\n{}", self.screen());
            let mut bytes = [0; 4096];
            let length = self.keyboard.read(&mut bytes).unwrap();
            self.emulator.process(&bytes[..length]);
            self.sent.push_str(&String::from_utf8_lossy(&bytes[..length]));
        }
    }

    fn keys(&mut self, bytes: &str) {
        self.keyboard.write_all(bytes.as_bytes()).unwrap();
    }

    /// Types a line on a clear screen and waits for the next prompt after what is expected.
    fn run(&mut self, line: &str, expected: &str) {
        self.keys("\x0c");
        self.expect("> ");
        self.keys(&format!("{line}\r"));
        self.expect(expected);
        self.prompt();
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = kill_process(self.shell, Signal::KILL);
        let _ = wait(self.shell, WaitOptions::empty());
    }
}

#[test]
fn lines_are_edited_completed_and_run() {
    let directory = tempfile::TempDir::new().unwrap();
    fs::write(directory.path().join("My File"), "what is in it\n").unwrap();
    fs::write(directory.path().join("other"), "another\n").unwrap();
    let at = directory.path().to_str().unwrap();
    let mut terminal = Terminal::new((24, 80));
    terminal.run("nosuch", "nosuch: no command `nosuch`; `help` lists them");
    terminal.run(&format!("cd {at}"), &format!("rescue {at}>"));
    terminal.run("ls", "My File  other");
    // A completed name with a space, a word with quotes, and a line with a mistake that is corrected.
    terminal.run("cat M\t", "what is in it");
    terminal.run("cat \"My File\"", "what is in it");
    terminal.run("cxt other\x01\x1b[C\x1b[3~a", "another");
    terminal.run("cat \t\to\t", "another");
    terminal.run("cat 'My", "the quote ' has no end");
    // The line before, and the one before that.
    terminal.run("\x1b[A\x1b[A", "another");
    terminal.run("cd", "rescue />");
}

#[test]
fn ctrl_c_ends_what_runs_and_never_the_shell() {
    let directory = tempfile::TempDir::new().unwrap();
    let at = directory.path().to_str().unwrap();
    // A copy that takes long.
    File::create(directory.path().join("large")).unwrap().set_len(4 << 30).unwrap();
    let mut terminal = Terminal::new((24, 80));
    terminal.keys("a line that is given up\x03");
    terminal.expect("^C");
    terminal.run("cd", "rescue />");
    terminal.keys(&format!("\x0ccp {at}/large {at}/copy\r"));
    let deadline = Instant::now() + LIMIT;
    while !directory.path().join("copy.unfinished").exists() {
        assert!(Instant::now() < deadline, "{}", terminal.screen());
        std::thread::yield_now();
    }
    terminal.keys("\x03");
    terminal.expect("^C");
    terminal.prompt();
    assert!(!directory.path().join("copy").exists());
    terminal.run("help cd", "makes DIR the directory");
}

#[test]
fn programs_run_in_the_foreground_and_a_shell_has_job_control() {
    let mut terminal = Terminal::new((24, 80));
    terminal.keys("run /bin/sh -c 'echo it runs; exec sleep 1000'\r");
    terminal.expect("\nit runs");
    terminal.keys("\x03");
    terminal.expect("SIGINT");
    terminal.prompt();
    terminal.run("run /bin/sh -c 'exit 3'", "(exit status: 3)");
    terminal.keys("\x0csh\r");
    terminal.keys("echo got $(set -o | grep monitor)\n");
    terminal.expect("got monitor on");
    // A job of its own is ended by Ctrl-C, the shell is not.
    terminal.keys("sh -c 'echo a job; exec sleep 1000'\n");
    terminal.expect("\na job");
    terminal.keys("\x03");
    terminal.keys("echo still $((6 * 7))\n");
    terminal.expect("still 42");
    terminal.keys("exit 0\n");
    terminal.prompt();
    terminal.run("cd", "rescue />");
}

#[test]
fn long_text_is_shown_a_screen_at_a_time() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let rows: String = (1..=100).map(|number| format!("row {number} of it\n")).collect();
    fs::write(file.path(), rows).unwrap();
    let at = file.path().to_str().unwrap();
    for size in [(24, 80), (12, 40), (43, 132)] {
        let mut terminal = Terminal::new(size);
        terminal.keys(&format!("\x0ccat {at}\r"));
        terminal.expect("-- more");
        let page = size.0 - 1;
        assert!(terminal.screen().contains(&format!("row {page} of it\n")), "{}", terminal.screen());
        terminal.keys(" ");
        terminal.expect(&format!("row {} of it\n-- more", 2 * page));
        terminal.keys("\r");
        terminal.expect(&format!("row {} of it\n-- more", 2 * page + 1));
        terminal.keys("q");
        terminal.prompt();
        assert!(!terminal.screen().contains("-- more"), "{}", terminal.screen());
    }
}

#[test]
fn a_key_takes_few_bytes_of_a_slow_line_and_the_shell_starts_at_once() {
    let start = Instant::now();
    let mut terminal = Terminal::new((24, 80));
    let started = start.elapsed();
    for (key, shown) in [("c", "> c"), ("a", "> ca"), ("\x1b[D", "> ca"), ("t", "> cta")] {
        terminal.sent.clear();
        terminal.keys(key);
        terminal.expect(shown);
        assert!(terminal.sent.len() <= 200, "{key:?}: {:?}", terminal.sent);
    }
    // 50 ms on an idle machine; the build that is tested is not optimised.
    assert!(started < Duration::from_secs(2), "{started:?}");
}

#[test]
fn a_file_is_edited_on_the_screen_and_the_shell_comes_back() {
    let directory = tempfile::TempDir::new().unwrap();
    let file = directory.path().join("fstab");
    fs::write(&file, "UUID=1 / ext4 defaults 0 1\n/dev/nowhere /srv ext4 defaults 0 2\n").unwrap();
    for size in [(24, 80), (12, 40), (43, 132)] {
        let mut terminal = Terminal::new(size);
        terminal.keys(&format!("edit {}\r", file.display()));
        terminal.expect("Ctrl-S saves");
        // Before the second line, and back after an accident.
        terminal.keys("\x1b[B#");
        terminal.expect("#/dev/nowhere");
        terminal.keys("\x18");
        terminal.expect("not saved");
        terminal.keys("n\x13");
        terminal.expect("bytes are saved.");
        terminal.keys("\x18");
        terminal.prompt();
    }
    assert_eq!(
        fs::read_to_string(&file).unwrap(),
        "UUID=1 / ext4 defaults 0 1\n###/dev/nowhere /srv ext4 defaults 0 2\n"
    );
}

#[test]
fn noise_on_the_line_ends_nothing() {
    let mut terminal = Terminal::new((24, 80));
    let mut state = 0x5eed_u64;
    for _ in 0..2000 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let byte = (state >> 33) as u8;
        // No line is run.
        if !matches!(byte, b'\r' | b'\n') {
            terminal.keyboard.write_all(&[byte]).unwrap();
        }
    }
    terminal.keys("\x1b\x1b[A\x03\x03");
    terminal.run("cd", "rescue />");
}
