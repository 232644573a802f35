//! The options of a command: `--long`, `--long=value`, `-s`, `-s value`; where they end and what an unknown one is.

use super::failure::CommandFailure;

/// Whether an option has a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// It has none.
    None,
    /// It must have one.
    Needed,
    /// The next word is its value unless it looks like an option.
    Optional,
}

/// One option that a command knows.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// Name after `--`.
    pub long: &'static str,
    /// Letter after `-`.
    pub short: Option<char>,
    /// Whether it has a value.
    pub value: Value,
}

/// Shorthand for a row of a command's table of options.
#[must_use]
pub const fn known(long: &'static str, short: Option<char>, value: Value) -> Known {
    Known { long, short, value }
}

/// How a command reads its options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// An unknown option is an error.
    Strict,
    /// An unknown option is an argument.
    Lenient,
    /// Options end at the first argument; an unknown one is an argument.
    AtStart,
}

/// The options and arguments that were given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// Options in order, with their values.
    pub options: Vec<(&'static str, Option<String>)>,
    /// Everything else in order.
    pub arguments: Vec<String>,
}

impl Given {
    /// Whether the option is there.
    #[must_use]
    pub fn has(&self, long: &str) -> bool {
        self.options.iter().any(|(name, _)| *name == long)
    }

    /// The last value given for an option.
    #[must_use]
    pub fn value(&self, long: &str) -> Option<&str> {
        self.values(long).last()
    }

    /// All values given for an option, in order.
    pub fn values(&self, long: &str) -> impl Iterator<Item = &str> {
        self.options.iter().filter(move |(name, _)| *name == long).filter_map(|(_, value)| value.as_deref())
    }

    /// The argument in a place, from 0.
    #[must_use]
    pub fn argument(&self, index: usize) -> Option<&str> {
        self.arguments.get(index).map(String::as_str)
    }
}

/// Sorts words into options and arguments.
///
/// # Errors
/// An unknown option under [`Rule::Strict`], or an option without the value that it needs.
pub fn parse(words: &[String], table: &[Known], rule: Rule) -> Result<Given, CommandFailure> {
    let mut given = Given::default();
    let mut words = words.iter().peekable();
    while let Some(word) = words.next() {
        if !is_option(word) || (rule == Rule::AtStart && !given.arguments.is_empty()) {
            given.arguments.push(word.clone());
            continue;
        }
        if word == "--" {
            given.arguments.extend(words.by_ref().cloned());
            break;
        }
        let found = match word.strip_prefix("--") {
            Some(long) => {
                let (name, value) =
                    long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value)));
                let known = table.iter().find(|known| known.long == name);
                known.map(|known| vec![(*known, value.map(str::to_owned))])
            }
            None => letters(word, table),
        };
        let Some(found) = found else {
            if rule == Rule::Strict {
                return Err(CommandFailure::usage(format!("unknown option {word}")));
            }
            given.arguments.push(word.clone());
            continue;
        };
        for (known, mut value) in found {
            if known.value == Value::None && value.is_some() {
                return Err(CommandFailure::usage(format!("--{} takes no value", known.long)));
            }
            if known.value != Value::None && value.is_none() {
                value = words.next_if(|next| !is_option(next)).cloned();
                if value.is_none() && known.value == Value::Needed {
                    return Err(CommandFailure::usage(format!("--{} lacks its value", known.long)));
                }
            }
            given.options.push((known.long, value));
        }
    }
    Ok(given)
}

fn is_option(word: &str) -> bool {
    word.len() > 1 && word.starts_with('-')
}

/// Several letters after one `-`; `None` if one of them is unknown.
fn letters(word: &str, table: &[Known]) -> Option<Vec<(Known, Option<String>)>> {
    word.chars()
        .skip(1)
        .map(|letter| table.iter().find(|known| known.short == Some(letter)).map(|known| (*known, None)))
        .collect()
}
