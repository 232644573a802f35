//! The commands by name: one table for each file.

mod blscfg;
mod boot;
mod chain;
mod cosmetic;
mod expression;
mod files;
mod flow;
mod loopback;
mod machine;
mod menu;
mod probe;
mod reads;
mod regexp;
mod saved;
mod search;
mod translate;
mod uki;
mod variables;

use std::{rc::Rc, sync::LazyLock};

use super::{evaluate::Evaluator, failure::CommandResult, syntax::Block};
use crate::sort;

/// One call of a command.
pub struct Call<'c> {
    /// The name that it was called by.
    pub name: &'c str,
    /// Its arguments; a block is the last, as text.
    pub words: &'c [String],
    /// The block after its arguments.
    pub block: Option<Rc<Block>>,
}

impl Call<'_> {
    /// The argument in a place, from 0.
    #[must_use]
    pub fn word(&self, index: usize) -> Option<&str> {
        self.words.get(index).map(String::as_str)
    }
}

/// Runs a command.
pub type Handler = fn(&mut Evaluator<'_>, &Call<'_>) -> CommandResult;

/// Rows of a table of commands.
type Table = &'static [(&'static str, Handler)];

const TABLES: [Table; 18] = [
    blscfg::COMMANDS,
    boot::COMMANDS,
    chain::COMMANDS,
    cosmetic::COMMANDS,
    expression::COMMANDS,
    files::COMMANDS,
    flow::COMMANDS,
    loopback::COMMANDS,
    machine::COMMANDS,
    menu::COMMANDS,
    probe::COMMANDS,
    reads::COMMANDS,
    regexp::COMMANDS,
    saved::COMMANDS,
    search::COMMANDS,
    translate::COMMANDS,
    uki::COMMANDS,
    variables::COMMANDS,
];

/// All of them in the order of their names: they are looked for tens of thousands of times in a long menu.
static BY_NAME: LazyLock<Vec<(&str, Handler)>> = LazyLock::new(|| {
    let mut all: Vec<(&str, Handler)> = TABLES.concat();
    sort::by(&mut all, |(one, _), (other, _)| one.cmp(other));
    all
});

/// The command of this name.
#[must_use]
pub fn find(name: &str) -> Option<Handler> {
    let place = BY_NAME.binary_search_by(|(other, _)| (*other).cmp(name)).ok()?;
    BY_NAME.get(place).map(|(_, handler)| *handler)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_found_by_its_name_and_has_it_alone() {
        let names: Vec<&str> = TABLES.concat().into_iter().map(|(name, _)| name).collect();
        assert!(names.iter().all(|name| find(name).is_some()), "{names:?}");
        assert!(BY_NAME.is_sorted_by(|(one, _), (other, _)| one < other), "two of one name: {names:?}");
        assert!(find("no such command").is_none() && find("").is_none());
    }
}
