//! Errors of the rig, with all that a person needs to know: a failed test needs no second run.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// An error of the rig.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or a device of this machine.
    #[error("{action}: {source}")]
    Io {
        /// The operation, with the path.
        action: String,
        /// The kernel's answer.
        source: io::Error,
    },
    /// A program of this machine could not be started.
    #[error("{program}: {source}; scripts/setup.sh installs what is missing")]
    Start {
        /// The program.
        program: String,
        /// The kernel's answer.
        source: io::Error,
    },
    /// A program of this machine failed.
    #[error("{command}: {status}\n{output}")]
    Tool {
        /// The command as a shell would be given it.
        command: String,
        /// How it ended.
        status: String,
        /// The end of what it printed.
        output: String,
    },
    /// A guest did not say what was waited for in time.
    #[error("{machine}: no {awaited} within {limit:?}; {console}")]
    Deadline {
        /// The machine's name.
        machine: String,
        /// The awaited event.
        awaited: String,
        /// How long.
        limit: Duration,
        /// The last console lines and where the rest is.
        console: Tail,
    },
    /// A guest ended before it said what was waited for.
    #[error("{machine}: ended without {awaited}; {console}")]
    Ended {
        /// The machine's name.
        machine: String,
        /// The awaited event.
        awaited: String,
        /// The last console lines and where the rest is.
        console: Tail,
    },
    /// A guest's kernel gave up.
    #[error("{machine}: kernel panic while waiting for {awaited}; {console}")]
    Panicked {
        /// The machine's name.
        machine: String,
        /// The awaited event.
        awaited: String,
        /// The last console lines and where the rest is.
        console: Tail,
    },
    /// QEMU's monitor refused a command.
    #[error("monitor: {command}: {answer}")]
    Monitor {
        /// The command.
        command: String,
        /// QEMU's output.
        answer: String,
    },
    /// Anything else, in words.
    #[error("{0}")]
    Other(String),
}

/// The end of a console and where all of it is.
#[derive(Debug)]
pub struct Tail {
    /// The file that holds the whole console.
    pub log: PathBuf,
    /// The last lines.
    pub lines: Vec<String>,
}

impl std::fmt::Display for Tail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "the end of {}:", self.log.display())?;
        self.lines.iter().try_for_each(|line| writeln!(f, "    {line}"))
    }
}

/// Says what an input or output error happened to.
pub(crate) trait Context<T> {
    /// `action` is what was being done, with the path.
    fn context(self, action: impl FnOnce() -> String) -> Result<T, Error>;
}

impl<T, E: Into<io::Error>> Context<T> for Result<T, E> {
    fn context(self, action: impl FnOnce() -> String) -> Result<T, Error> {
        self.map_err(|source| Error::Io { action: action(), source: source.into() })
    }
}
