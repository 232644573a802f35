//! The shell of one console: it leads a session of its own on that terminal, reads lines, and runs a process for each command, so
//! that Ctrl-C ends the command and never the shell.

use std::{
    env,
    ffi::{OsStr, OsString},
    io,
    os::fd::OwnedFd,
    process::{ExitCode, ExitStatus},
};

use log::LevelFilter;
use nix::sys::signal::{SigSet, Signal};
use rustix::{
    io::Errno,
    net::{SendFlags, send},
    process::{Signal as DeathSignal, WaitOptions, set_parent_process_death_signal},
};

use super::{
    boot::ByHand,
    editing::LineEditor,
    output::{Failure, Output},
    systems,
    table::{self, Run},
    terminal::{self, Keys, Terminal},
    words::Line,
};
use crate::{
    boot::supervision::{Request, WORKER_END},
    formats::text::{decode, os_string, printable},
    sys::{child, inherited, kmsg},
    ui::keys::Key,
};

/// The descriptor on which whoever started the shell learns that somebody uses it.
pub(super) const USED: i32 = 4;

/// What follows a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// The next line is read.
    Prompt,
    /// The boot loader starts again.
    Leave,
}

/// The first word of a process that becomes a program in another root directory.
pub(super) const ENTER: &str = "enter";

/// The shell's state.
#[derive(Debug, Default)]
pub(super) struct Shell {
    /// PID 1's ear.
    init: Option<OwnedFd>,
    /// The kernel that `boot` starts.
    pub(super) by_hand: Option<ByHand>,
}

/// The door `firstlight shell [WORD]…`: the shell, or one of its commands.
#[must_use]
pub fn run(arguments: &[OsString]) -> ExitCode {
    // Before this process opens anything itself: nobody may have handed anything over.
    let (init, used) = (inherited::take(WORKER_END).ok(), inherited::take(USED).ok());
    kmsg::install("firstlight rescue", LevelFilter::Info, printable);
    let words: Vec<String> = arguments.iter().map(|word| decode(word.as_encoded_bytes())).collect();
    match words.split_first() {
        Some((name, words)) => run_command(name, words, init.as_ref()),
        None => Shell { init, by_hand: None }.serve(used),
    }
}

/// Runs one command in this process.
fn run_command(name: &str, words: &[String], init: Option<&OwnedFd>) -> ExitCode {
    let mut output = Output::standard();
    let ran = match name {
        ENTER => Err(systems::enter(words)),
        _ => table::find(name).and_then(|command| match command.run {
            Run::Apart(run) => run(words, &mut output),
            Run::Asking { apart, .. } => apart(words, &mut output, init),
            Run::Here(_) => Err("this is a command of the shell itself".into()),
        }),
    };
    match ran {
        Ok(()) | Err(Failure::Stopped) => ExitCode::SUCCESS,
        Err(Failure::Said(sentence)) => {
            say(name, &sentence);
            ExitCode::FAILURE
        }
    }
}

impl Shell {
    /// Reads and runs lines for ever.
    fn serve(mut self, mut used: Option<OwnedFd>) -> ExitCode {
        // It goes with who started it.
        let _ = set_parent_process_death_signal(Some(DeathSignal::KILL));
        hold_signals();
        Terminal::take_control();
        let (mut editor, mut keys) = (LineEditor::default(), Keys::default());
        loop {
            Terminal::make_raw();
            let mut typed = |key: Key| {
                if let Some(used) = used.take_if(|_| key == Key::Enter) {
                    // Whoever listens waits for the end, too: it stays open.
                    let _ = rustix::io::write(&used, b"u");
                    std::mem::forget(used);
                }
            };
            let Some(line) = editor.read(&prompt(), &mut keys, &mut typed) else {
                return ExitCode::FAILURE;
            };
            Terminal::make_line_mode();
            if self.take(&line) == Next::Leave {
                return ExitCode::SUCCESS;
            }
        }
    }

    /// Carries out one line.
    fn take(&mut self, line: &str) -> Next {
        let words = match Line::read(line).finish() {
            Ok(words) => words,
            Err(sentence) => {
                terminal::write(&(printable(&sentence) + "\n"));
                return Next::Prompt;
            }
        };
        let Some((name, rest)) = words.split_first() else { return Next::Prompt };
        let next = table::find(name).and_then(|command| match command.run {
            Run::Here(run) | Run::Asking { here: run, .. } => run(self, rest),
            Run::Apart(_) => self.run_apart(&words).map(|()| Next::Prompt),
        });
        match next {
            Ok(next) => next,
            Err(Failure::Stopped) => Next::Prompt,
            Err(Failure::Said(sentence)) => {
                say(name, &sentence);
                Next::Prompt
            }
        }
    }

    /// Runs a command in a process of its own to its end.
    pub(super) fn run_apart(&self, words: &[String]) -> Result<(), Failure> {
        let failed = |error: io::Error| Failure::Said(format!("no process for it: {error}"));
        let all = ["firstlight", "shell"].into_iter().map(OsString::from);
        let all: Vec<OsString> = all.chain(words.iter().map(|word| os_string(word))).collect();
        let mut program = child::Program::new(OsStr::new("/proc/self/exe"), &all).map_err(failed)?;
        if let Some(init) = &self.init {
            program = program.hand(init, WORKER_END).map_err(failed)?;
        }
        let process = program.spawn().map_err(failed)?;
        let status = child::wait(process, WaitOptions::empty()).map_err(failed)?.unwrap_or_default();
        report(status);
        Ok(())
    }

    /// Asks PID 1 for something.
    pub(super) fn ask(&self, request: &Request) -> Result<(), Failure> {
        ask(self.init.as_ref(), request)
    }
}

/// Asks PID 1 for something.
pub(super) fn ask(init: Option<&OwnedFd>, request: &Request) -> Result<(), Failure> {
    let Some(init) = init else { return Err("PID 1 is not there; this is no rescue console".into()) };
    loop {
        match send(init, &request.encode(), SendFlags::NOSIGNAL) {
            Ok(_) => return Ok(()),
            Err(Errno::INTR) => {}
            Err(error) => {
                return Err(Failure::Said(format!("PID 1 does not hear the rescue console: {error}")));
            }
        }
    }
}

/// What a person should know of the end of a process.
fn report(status: ExitStatus) {
    use std::os::unix::process::ExitStatusExt;
    if let Some(signal) = status.signal() {
        let name = Signal::try_from(signal).map_or("a signal", Signal::as_str);
        // The terminal has echoed ^C.
        let text = if name == "SIGINT" { "\n".to_owned() } else { format!("{name} ended it\n") };
        terminal::write(&text);
    }
}

/// The keys that end or stop programs are for those, and not for this process.
pub(super) fn hold_signals() {
    let mut set = SigSet::empty();
    for signal in [Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTSTP, Signal::SIGTTIN, Signal::SIGTTOU] {
        set.add(signal);
    }
    if let Err(error) = set.thread_block() {
        log::warn!("Ctrl-C may end the rescue shell: {error}");
    }
}

fn say(name: &str, sentence: &str) {
    terminal::write(&format!("{}: {}\n", printable(name), printable(sentence)));
}

fn prompt() -> String {
    let directory = env::current_dir().unwrap_or_default();
    format!("rescue {}> ", printable(&decode(directory.as_os_str().as_encoded_bytes())))
}
