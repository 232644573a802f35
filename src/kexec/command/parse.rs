//! The command line of kexec-tools: its options, their side effects on each other, and the words that systemd, Debian, Arch,
//! NixOS and kdump call it with.
//!
//! As with `getopt_long`, options and words may stand in any order, short options bundle, and an option's value stands after
//! `=` or in the next word.

#[cfg(test)]
mod tests;

use std::{ffi::OsString, os::unix::ffi::OsStrExt};

use lexopt::{Arg, Parser};

use super::{
    address,
    options::Options,
    table::{Meaning, Row, by_letter, by_name, is_of_loader, needs_value},
    usage::UsageError,
};
use crate::{
    formats::text::{decode, printable},
    kexec::{Method, state::Slot},
};

/// The meaning of a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Invocation {
    /// `--help`.
    Help,
    /// `--version`.
    Version,
    /// Do something.
    Act(Box<Options>),
}

/// Reads the arguments after the program's name.
///
/// # Errors
/// [`UsageError`] names the word that is wrong.
pub fn parse<I>(arguments: I) -> Result<Invocation, UsageError>
where
    I: IntoIterator,
    I::Item: Into<std::ffi::OsString>,
{
    let mut parser = Parser::from_args(arguments);
    parser.set_short_equals(false);
    let mut options = Options::default();
    let mut keep = Keep::default();
    let mut of_loader = None;
    let mut valued = None;
    while let Some(argument) = parser.next().map_err(|error| UsageError::Syntax(error.to_string()))? {
        let (row, written) = match argument {
            Arg::Value(word) => {
                options.take_kernel(decode(word.as_bytes()), valued)?;
                continue;
            }
            Arg::Short(letter) => (by_letter(letter)?, format!("-{letter}")),
            Arg::Long(name) => {
                let (row, written) = (by_name(name)?, format!("--{name}"));
                if !row.value && parser.optional_value().is_some() {
                    return Err(UsageError::Value(written));
                }
                (row, written)
            }
        };
        let value = if row.value {
            let value: OsString = parser.value().map_err(|_| UsageError::NoValue(written.clone()))?;
            decode(value.as_bytes())
        } else {
            String::new()
        };
        if row.value && value.is_empty() && needs_value(row.meaning) {
            return Err(UsageError::Empty(written));
        }
        valued = row.value.then_some(row.meaning);
        match row.meaning {
            Meaning::Help => return Ok(Invocation::Help),
            Meaning::Version => return Ok(Invocation::Version),
            Meaning::Unsupported(why) => return Err(UsageError::Unsupported(row.long, why)),
            meaning if is_of_loader(meaning) => {
                of_loader.get_or_insert(row.long);
                options.take_loader_option(row, value)?;
            }
            _ => options.take(row, &mut keep),
        }
    }
    if keep.interfaces {
        options.interfaces_down = false;
    }
    if keep.dirty_data {
        options.sync = false;
    }
    match of_loader {
        Some(long) if !options.load || options.status => Err(UsageError::LoadsNothing(long)),
        _ => options.check().map(|()| Invocation::Act(Box::new(options))),
    }
}

/// `-x` and `-y`, which count at any place.
#[derive(Default)]
struct Keep {
    interfaces: bool,
    dirty_data: bool,
}

impl Options {
    /// The kernel is the first word that is no option, and the only one. `valued` is the option before it, if that
    /// takes a value.
    fn take_kernel(&mut self, word: String, valued: Option<Meaning>) -> Result<(), UsageError> {
        let Some(first) = &self.kernel else {
            self.kernel = Some(word);
            return Ok(());
        };
        let hint = match valued {
            Some(Meaning::Append) => "; put the whole command line into quotes",
            Some(Meaning::Initrd) => "; write --initrd once for each file",
            _ => "",
        };
        Err(UsageError::SecondKernel { first: printable(first), second: printable(&word), hint })
    }

    /// Whether the words can be honoured together.
    fn check(&self) -> Result<(), UsageError> {
        let loads = self.load && !self.status;
        if let Some(kernel) = self.kernel.as_deref().filter(|_| !loads && !self.print_crash_size) {
            let action = match () {
                () if self.status => "--status",
                () if self.exec => "--exec",
                () => "--unload",
            };
            return Err(UsageError::KernelNotLoaded { kernel: printable(kernel), action });
        }
        if self.slot == Slot::Crash && self.exec {
            return Err(UsageError::CrashStarts(if self.load { "force" } else { "exec" }));
        }
        let by_file = [
            ("dtb", self.devicetree.is_some()),
            ("noefi", self.no_efi),
            ("mem-min", self.memory_min > 0),
            ("mem-max", self.memory_max < u64::MAX),
            ("module", !self.modules.is_empty()),
        ];
        match by_file.into_iter().find(|(_, given)| *given && loads && self.method == Method::File) {
            Some((long, _)) => Err(UsageError::NotBy(long, "kexec_file_load", "-s")),
            None if self.hotplug && loads && self.method == Method::Segments => {
                Err(UsageError::NotBy("hotplug", "kexec_load", "-c"))
            }
            None => Ok(()),
        }
    }

    /// The last action named decides what is loaded and executed; what an earlier one switched on beside that (sync,
    /// interfaces, unload) stays on, as in kexec-tools.
    fn take(&mut self, row: &Row, keep: &mut Keep) {
        match row.meaning {
            Meaning::Debug => {
                self.debug = true;
                self.status_of_boot = true;
            }
            Meaning::Force => {
                (self.load, self.exec, self.shutdown) = (true, true, false);
                (self.sync, self.interfaces_down) = (true, true);
            }
            Meaning::Load => {
                (self.load, self.exec, self.shutdown) = (true, false, false);
                self.status_of_boot = true;
            }
            Meaning::Unload => {
                (self.load, self.exec, self.shutdown) = (false, false, false);
                (self.sync, self.unload) = (false, true);
            }
            Meaning::Exec => {
                (self.load, self.exec, self.shutdown) = (false, true, false);
                (self.sync, self.interfaces_down) = (true, true);
            }
            Meaning::Panic => {
                (self.load, self.exec, self.shutdown, self.sync) = (true, false, false, false);
                (self.slot, self.status_of_boot) = (Slot::Crash, false);
            }
            Meaning::Status => self.status = true,
            Meaning::NoInterfacesDown => keep.interfaces = true,
            Meaning::NoSync => keep.dirty_data = true,
            Meaning::NoChecks => self.no_checks = true,
            Meaning::File => self.method = Method::File,
            Meaning::Segments => self.method = Method::Segments,
            Meaning::Auto => self.method = Method::Auto,
            Meaning::PrintCrashSize => self.print_crash_size = true,
            Meaning::Hotplug => self.hotplug = true,
            _ => self.without_effect.push(row.long),
        }
    }

    fn take_loader_option(&mut self, row: &Row, value: String) -> Result<(), UsageError> {
        match row.meaning {
            Meaning::Type => self.image_type = Some(value),
            Meaning::MemoryMin => self.memory_min = bound(row.long, value)?,
            Meaning::MemoryMax => self.memory_max = bound(row.long, value)?,
            Meaning::Append => self.append = Some(value),
            Meaning::ReuseCmdline => self.reuse_cmdline = true,
            Meaning::Initrd => self.initrds.push(value),
            Meaning::DeviceTree => self.devicetree = Some(value),
            Meaning::Module => self.modules.push(value),
            Meaning::NoEfi => self.no_efi = true,
            _ => self.without_effect.push(row.long),
        }
        Ok(())
    }
}

fn bound(long: &str, value: String) -> Result<u64, UsageError> {
    address::parse(&value).ok_or_else(|| UsageError::Address(format!("--{long}"), value))
}
