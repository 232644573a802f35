//! What the commands and their options are, for man pages and shell completions: made from the tables that `--help` shows
//! and that the command line is read by.

use super::{COMMANDS, Command, Opt, arguments};

/// One option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptionReference {
    /// Its letter.
    pub short: Option<char>,
    /// Its name without dashes.
    pub long: &'static str,
    /// What its value is called; empty if it has none.
    pub value: &'static str,
    /// What it does.
    pub what: &'static str,
}

/// One word after `firstlight`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandReference {
    /// The word.
    pub name: &'static str,
    /// What stands behind it.
    pub operands: &'static str,
    /// What it is for, in a line.
    pub summary: &'static str,
    /// More about it; may be empty.
    pub details: &'static str,
    /// Its own options.
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
