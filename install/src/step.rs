//! The steps that a plan is made of: each is atomic, and repeating one that is done changes nothing.

use std::fmt;
use std::fs;
use std::io;
use std::process::{Command, Stdio};

use firstlight::formats::efi_boot::{load_option, order_value, variable};
use serde::Serialize;

use crate::state::{STATE, State};
use crate::system::System;

/// One change.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "change", rename_all = "kebab-case")]
pub enum Step {
    /// Says on disk what is installed; without anything, removes that file.
    Remember {
        /// What is installed from now on, or about to be.
        state: Option<Box<State>>,
    },
    /// Makes a directory.
    MakeDirectory {
        /// Its path.
        path: String,
    },
    /// Writes a file.
    WriteFile {
        /// Its path.
        path: String,
        /// Its size in bytes.
        size: usize,
        /// Whether it may be run.
        executable: bool,
        /// Its content.
        #[serde(skip)]
        content: Vec<u8>,
    },
    /// Removes a file.
    RemoveFile {
        /// Its path.
        path: String,
    },
    /// Removes a directory, if nothing is in it.
    RemoveDirectory {
        /// Its path.
        path: String,
    },
    /// Makes a boot option.
    CreateEntry {
        /// Its number.
        number: u16,
        /// Its value.
        #[serde(serialize_with = "hex")]
        value: Vec<u8>,
    },
    /// Removes a boot option.
    DeleteEntry {
        /// Its number.
        number: u16,
    },
    /// Puts a boot option after all others.
    OrderLast {
        /// Its number.
        number: u16,
    },
    /// Puts a boot option before all others.
    OrderFirst {
        /// Its number.
        number: u16,
    },
    /// Takes a boot option out of the order.
    OrderWithout {
        /// Its number.
        number: u16,
    },
    /// Has the firmware boot this option once.
    BootNext {
        /// Its number.
        number: u16,
    },
    /// Takes that back.
    NoBootNext {
        /// Its number.
        number: u16,
    },
    /// Writes the configuration of the existing loader again, by its own program.
    Regenerate {
        /// The program and its arguments.
        command: Vec<String>,
    },
}

fn hex<S: serde::Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

impl Step {
    /// Carries it out.
    ///
    /// # Errors
    /// The kernel's reason, or that of a program.
    pub fn apply(&self, system: &System) -> io::Result<()> {
        match self {
            Self::Remember { state: None } => system.remove(STATE),
            Self::Remember { state: Some(state) } => {
                let path = system.path(STATE);
                path.parent().map_or(Ok(()), fs::create_dir_all)?;
                let text = serde_json::to_string_pretty(state)?;
                system.write(STATE, text.as_bytes(), 0o644)
            }
            Self::MakeDirectory { path } => match fs::create_dir(system.path(path)) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
                result => result,
            },
            Self::WriteFile { path, content, executable, .. } => {
                system.write(path, content, if *executable { 0o755 } else { 0o644 })
            }
            Self::RemoveFile { path } => system.remove(path),
            Self::RemoveDirectory { path } => system.remove_directory(path),
            Self::CreateEntry { number, value } => system.set_variable(&variable(*number), value),
            Self::DeleteEntry { number } => system.remove_variable(&variable(*number)),
            Self::OrderLast { number } => reorder(system, |order| {
                order.retain(|other| other != number);
                order.push(*number);
            }),
            Self::OrderFirst { number } => reorder(system, |order| {
                order.retain(|other| other != number);
                order.insert(0, *number);
            }),
            Self::OrderWithout { number } => reorder(system, |order| order.retain(|other| other != number)),
            Self::BootNext { number } => system.set_variable("BootNext", &number.to_le_bytes()),
            Self::NoBootNext { number } => {
                let is_own = system.variable("BootNext").is_some_and(|value| value == number.to_le_bytes());
                if is_own { system.remove_variable("BootNext") } else { Ok(()) }
            }
            Self::Regenerate { command } => regenerate(system, command),
        }
    }
}

fn reorder(system: &System, change: impl Fn(&mut Vec<u16>)) -> io::Result<()> {
    let before = system.order();
    let mut order = before.clone().unwrap_or_default();
    change(&mut order);
    match (order.is_empty(), before.as_ref() == Some(&order)) {
        (_, true) => Ok(()),
        // A machine without any option had no such variable.
        (true, _) => system.remove_variable("BootOrder"),
        (false, _) => system.set_variable("BootOrder", &order_value(&order)),
    }
}

fn regenerate(system: &System, command: &[String]) -> io::Result<()> {
    let Some((program, arguments)) = command.split_first() else { return Ok(()) };
    // The program of a system that does not run cannot be run on its files.
    if !system.is_running() {
        return Ok(());
    }
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output()?;
    let said = || String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if output.status.success() {
        Ok(())
    } else {
        Err(io::Error::other(format!("{}: {}", output.status, said())))
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Remember { state: Some(_) } => write!(f, "write {STATE}"),
            Self::Remember { state: None } => write!(f, "remove {STATE}"),
            Self::MakeDirectory { path } => write!(f, "make the directory {path}"),
            Self::WriteFile { path, size, .. } => write!(f, "write {path} ({size} bytes)"),
            Self::RemoveFile { path } => write!(f, "remove {path}"),
            Self::RemoveDirectory { path } => write!(f, "remove the directory {path}, if it is empty"),
            Self::CreateEntry { number, value } => {
                let option = load_option(value).unwrap_or_default();
                let file = option.file.unwrap_or_default();
                write!(f, "make the boot option {}: {}, {file}", variable(*number), option.description)
            }
            Self::DeleteEntry { number } => write!(f, "remove the boot option {}", variable(*number)),
            Self::OrderLast { number } => write!(f, "put {number:04X} at the end of BootOrder"),
            Self::OrderFirst { number } => write!(f, "put {number:04X} at the beginning of BootOrder"),
            Self::OrderWithout { number } => write!(f, "take {number:04X} out of BootOrder"),
            Self::BootNext { number } => {
                write!(f, "set BootNext to {number:04X}: the next boot tries it, once")
            }
            Self::NoBootNext { number } => write!(f, "remove BootNext where it is {number:04X}"),
            Self::Regenerate { command } => write!(f, "run {}", command.join(" ")),
        }
    }
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
