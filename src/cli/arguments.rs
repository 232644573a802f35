//! Command-line arguments, over lexopt: what all commands share, and messages that name the nearest known option.

use std::ffi::OsString;

use super::{Command, Failure, Opt, help};
use crate::boot::nearest::nearest;
use ::log::LevelFilter;
use lexopt::Arg;

/// Options that every command knows.
pub(super) static COMMON: &[Opt] = &[
    Opt { short: Some('v'), long: "verbose", value: "", what: "say more about the way (-vv: everything)" },
    Opt { short: Some('q'), long: "quiet", value: "", what: "no warnings, only errors" },
    Opt { short: Some('h'), long: "help", value: "", what: "this help" },
    Opt { short: None, long: "version", value: "", what: "the version" },
];

/// The rest of the command line.
pub(super) struct Arguments {
    parser: lexopt::Parser,
    command: Option<&'static Command>,
    verbosity: i8,
}

impl Arguments {
    pub(super) fn new(arguments: &[OsString]) -> Self {
        Self { parser: lexopt::Parser::from_args(arguments), command: None, verbosity: 0 }
    }

    /// Takes the command's name, with the common options before it.
    pub(super) fn command(&mut self, commands: &'static [Command]) -> Result<&'static Command, Failure> {
        let Some(argument) = self.next()? else {
            return Err(Failure::Usage("no command given; `firstlight --help` lists them".into()));
        };
        let Argument::Operand(name) = argument else { return Err(self.unknown(&argument)) };
        let name = name.to_string_lossy();
        let command = commands.iter().find(|command| command.name == name).ok_or_else(|| {
            let advice = nearest(&name, commands.iter().map(|command| command.name)).map_or_else(
                || "`firstlight --help` lists them".into(),
                |near| format!("is `{near}` meant?"),
            );
            Failure::Usage(format!("no command `{name}`; {advice}"))
        })?;
        self.command = Some(command);
        Ok(command)
    }

    /// The next option or operand; the common options are dealt with here.
    pub(super) fn next(&mut self) -> Result<Option<Argument>, Failure> {
        loop {
            let argument = match self.parser.next().map_err(|error| wrong(&error))? {
                None => return Ok(None),
                Some(Arg::Value(value)) => return Ok(Some(Argument::Operand(value))),
                Some(Arg::Long(name)) => Argument::Option(name.to_owned()),
                Some(Arg::Short(letter)) => {
                    let options = self.command.map_or(&[][..], |command| command.options);
                    let known = options.iter().chain(COMMON).find(|option| option.short == Some(letter));
                    Argument::Option(
                        known.map_or_else(|| letter.to_string(), |option| option.long.to_owned()),
                    )
                }
            };
            match &argument {
                Argument::Option(name) if name == "verbose" => {
                    self.verbosity = self.verbosity.saturating_add(1);
                }
                Argument::Option(name) if name == "quiet" => {
                    self.verbosity = self.verbosity.saturating_sub(1);
                }
                Argument::Option(name) if name == "help" => {
                    return Err(Failure::Answered(self.command.map_or_else(help::overview, help::of)));
                }
                Argument::Option(name) if name == "version" => {
                    return Err(Failure::Answered(
                        concat!("firstlight ", env!("CARGO_PKG_VERSION"), "\n").into(),
                    ));
                }
                _ => return Ok(Some(argument)),
            }
        }
    }

    /// The value of the option that came last.
    pub(super) fn value(&mut self) -> Result<OsString, Failure> {
        self.parser.value().map_err(|error| wrong(&error))
    }

    /// Lets the log appear on stderr, as much of it as the options ask for.
    pub(super) fn start_log(&self) {
        let level = match self.verbosity {
            ..0 => LevelFilter::Error,
            0 => LevelFilter::Warn,
            1 => LevelFilter::Info,
            2.. => LevelFilter::Debug,
        };
        super::log::start("firstlight", level);
    }

    /// The message for an argument that the command does not know.
    pub(super) fn unknown(&self, argument: &Argument) -> Failure {
        let name = match argument {
            Argument::Operand(value) => {
                return Failure::Usage(format!("`{}` is one word too many", value.to_string_lossy()));
            }
            Argument::Option(name) => name,
        };
        let options = self.command.map_or(&[][..], |command| command.options);
        let dashes = if name.chars().count() == 1 { "-" } else { "--" };
        let whose = self.command.map_or_else(String::new, |command| format!(" {}", command.name));
        let advice = nearest(name, options.iter().chain(COMMON).map(|option| option.long)).map_or_else(
            || format!("`firstlight{whose} --help` lists them"),
            |near| format!("is `--{near}` meant?"),
        );
        Failure::Usage(format!("no option `{dashes}{name}`; {advice}"))
    }
}

pub(super) enum Argument {
    /// An option by its long name without dashes (an unknown short one by its letter).
    Option(String),
    /// Anything else.
    Operand(OsString),
}

fn wrong(error: &lexopt::Error) -> Failure {
    Failure::Usage(error.to_string())
}
