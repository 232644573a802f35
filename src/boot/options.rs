//! The arguments of the worker.

use std::ffi::OsString;

use lexopt::{Arg, Parser, ValueExt};

/// Devices and entries that an earlier worker died on, and that this one passes over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkerOptions {
    /// Kernel names of devices.
    pub pass_over_devices: Vec<String>,
    /// Ids of entries.
    pub pass_over_entries: Vec<String>,
    /// A sentence that says how the last worker or PID 1 died.
    pub died: Option<String>,
}

impl WorkerOptions {
    /// Reads `[--pass-over-device NAME]… [--pass-over-entry ID]… [--died HOW]`.
    ///
    /// # Errors
    /// A message that names the wrong argument.
    pub fn parse(arguments: &[OsString]) -> Result<Self, String> {
        let mut options = Self::default();
        let mut parser = Parser::from_args(arguments);
        while let Some(argument) = parser.next().map_err(|error| error.to_string())? {
            let put: fn(&mut Self, String) = match argument {
                Arg::Long("pass-over-device") => |options, name| options.pass_over_devices.push(name),
                Arg::Long("pass-over-entry") => |options, id| options.pass_over_entries.push(id),
                Arg::Long("died") => |options, how| options.died = Some(how),
                _ => return Err(argument.unexpected().to_string()),
            };
            put(&mut options, parser.value().and_then(ValueExt::string).map_err(|error| error.to_string())?);
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_ids_add_up() {
        let parse = |arguments: &[&str]| {
            WorkerOptions::parse(&arguments.iter().map(OsString::from).collect::<Vec<_>>())
        };
        let expected = WorkerOptions {
            pass_over_devices: vec!["sda".into(), "sdb".into()],
            pass_over_entries: vec!["--strange id".into()],
            died: Some("the worker died: SIGSEGV ended it".into()),
        };
        let arguments = [
            "--pass-over-device",
            "sda",
            "--pass-over-entry=--strange id",
            "--pass-over-device=sdb",
            "--died=the worker died: SIGSEGV ended it",
        ];
        assert_eq!(parse(&arguments), Ok(expected));
        assert_eq!(parse(&[]), Ok(WorkerOptions::default()));
        for wrong in [&["--pass-over-device"][..], &["x"], &["--other"]] {
            assert!(parse(wrong).is_err());
        }
    }
}
