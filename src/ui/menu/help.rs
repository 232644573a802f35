//! All keys of the menu with their meaning.

use super::{
    Mode,
    bindings::{ModeName, all_keys},
    entries::Entries,
};
use crate::ui::{screen::Picture, wrap::wrapped};

#[derive(Debug)]
pub(super) struct Help;

impl Mode for Help {
    fn name(&self) -> ModeName {
        ModeName::Help
    }

    fn view(&self, _entries: &Entries, _room: usize, columns: usize) -> Picture {
        let keys = all_keys();
        let width = keys.iter().map(|(names, _)| names.len()).max().unwrap_or(0);
        let indent = " ".repeat(width.saturating_add(4));
        keys.iter()
            .flat_map(|(names, help)| wrapped(&format!("  {names:width$}  {help}"), columns, &indent))
            .collect::<Vec<_>>()
            .into()
    }
}
