//! The commands and their options, for man pages and shell completions: made from the tables that `--help` shows
//! and that the command line is read by.

use super::{COMMANDS, Command, Opt, arguments};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptionReference {
    pub short: Option<char>,
    /// Its name without dashes.
    pub long: &'static str,
    /// The name of its value; empty if it has none.
    pub value: &'static str,
    /// Its effect.
    pub what: &'static str,
}

/// One word after `firstlight`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandReference {
    /// The word.
    pub name: &'static str,
    pub operands: &'static str,
    /// Its purpose, in a line.
    pub summary: &'static str,
    /// A longer description; may be empty.
    pub details: &'static str,
    pub options: Vec<OptionReference>,
    /// Command lines with what they do.
    pub examples: &'static [(&'static str, &'static str)],
}

/// Every command of `firstlight`, in the order of its help.
#[must_use]
pub fn commands() -> Vec<CommandReference> {
    COMMANDS.iter().map(command).collect()
}

/// The options that every command knows.
#[must_use]
pub fn common_options() -> Vec<OptionReference> {
    arguments::COMMON.iter().map(option).collect()
}

fn command(command: &'static Command) -> CommandReference {
    let &Command { name, operands, summary, details, options, examples, .. } = command;
    CommandReference {
        name,
        operands,
        summary,
        details,
        options: options.iter().map(option).collect(),
        examples,
    }
}

fn option(option: &'static Opt) -> OptionReference {
    let &Opt { short, long, value, what } = option;
    OptionReference { short, long, value, what }
}
