//! The `firstlight` command: `firstlight list | show | boot | config | status`, exit code 0 done, 1 failed, 2 wrong usage.

mod arguments;
#[cfg(feature = "running-system")]
mod boot;
mod config;
#[cfg(feature = "running-system")]
mod countdown;
mod help;
mod inspect;
#[cfg(feature = "running-system")]
mod install;
mod kernel_file;
pub mod kexec;
mod list;
mod log;
mod named_file;
mod own_password;
#[cfg(feature = "running-system")]
pub mod reference;
mod status;
mod table;
mod target;
mod volume_option;

use std::{
    ffi::OsString,
    io::{self, Write},
    process::ExitCode,
};

use arguments::Arguments;
use serde::Serialize;

use crate::{
    formats::text::{printable_json, printable_lines},
    sys,
};

/// An option of a command, as `--help` shows it and as a mistyped one is compared with.
struct Opt {
    short: Option<char>,
    long: &'static str,
    /// The name of its value; empty if it has none.
    value: &'static str,
    what: &'static str,
}

/// One word after `firstlight`.
struct Command {
    name: &'static str,
    /// The operands, for a usage line.
    operands: &'static str,
    summary: &'static str,
    /// The text of the help below the summary.
    details: &'static str,
    options: &'static [Opt],
    /// Command lines with what they do.
    examples: &'static [(&'static str, &'static str)],
    run: fn(&mut Arguments) -> Result<String, Failure>,
}

/// Every command, in the order of the help.
static COMMANDS: &[Command] = &[
    list::LIST,
    list::SHOW,
    #[cfg(feature = "running-system")]
    boot::BOOT,
    #[cfg(feature = "running-system")]
    install::INSTALL,
    inspect::INSPECT,
    config::CONFIG,
    status::STATUS,
];

/// Why a command has nothing to print on stdout.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// The common options ask for this text instead: exit code 0.
    #[error("{0}")]
    Answered(String),
    /// The command line is wrong: exit code 2.
    #[error("{0}")]
    Usage(String),
    /// It was tried and failed: exit code 1.
    #[error("{0}")]
    Failed(String),
    /// There is an answer, and something is wrong all the same: exit code 1.
    #[error("{message}")]
    Flawed { text: String, message: String },
    /// Another process has said why: its exit code.
    #[cfg(feature = "running-system")]
    #[error("it failed")]
    Reported(u8),
}

/// Runs the command line without its first word, as `firstlight` got it.
#[must_use]
pub fn run(arguments: &[OsString]) -> ExitCode {
    sys::pipe::die_quietly();
    finish(answer(arguments))
}

/// Runs the command line in a session of its own: the part of `firstlight boot` that goes on when the terminal ends.
#[cfg(feature = "running-system")]
#[must_use]
pub fn run_detached(arguments: &[OsString]) -> ExitCode {
    match boot::join_session() {
        Ok(()) => finish(answer(arguments)),
        Err(_) => ExitCode::FAILURE,
    }
}

fn finish(answer: Result<String, Failure>) -> ExitCode {
    match answer {
        Ok(text) | Err(Failure::Answered(text)) => print(&text),
        #[cfg(feature = "running-system")]
        Err(Failure::Reported(code)) => ExitCode::from(code),
        Err(failure) => {
            if let Failure::Flawed { text, .. } = &failure {
                print(text);
            }
            // Nobody is left to tell if stderr is closed too.
            let _ = writeln!(io::stderr(), "firstlight: {}", printable_lines(&failure.to_string()));
            ExitCode::from(if matches!(failure, Failure::Usage(_)) { 2 } else { 1 })
        }
    }
}

fn answer(arguments: &[OsString]) -> Result<String, Failure> {
    let mut arguments = Arguments::new(arguments);
    let command = arguments.command(COMMANDS)?;
    (command.run)(&mut arguments)
}

/// The option that every command with an answer has.
const JSON: Opt = Opt { short: None, long: "json", value: "", what: "print JSON" };

fn json(value: &impl Serialize) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Failure::Failed(error.to_string()))?;
    Ok(printable_json(&text) + "\n")
}

/// Writes what was asked for. Nothing in it steers the terminal.
fn print(text: &str) -> ExitCode {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(printable_lines(text).as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "firstlight: cannot write the output: {error}");
            ExitCode::from(1)
        }
    }
}
