//! The details of the selected entry: where it is written and what it will do.

use super::{
    Mode,
    bindings::ModeName,
    entries::{Entries, MenuItem},
};
use crate::ui::{screen::Picture, wrap::wrapped};

#[derive(Debug)]
pub(super) struct Details;

impl Mode for Details {
    fn name(&self) -> ModeName {
        ModeName::Details
    }

    fn view(&self, entries: &Entries, _room: usize, columns: usize) -> Picture {
        entries.selected().map_or_else(Vec::new, |item| details(item, columns)).into()
    }
}

fn details(item: &MenuItem, columns: usize) -> Vec<String> {
    let mut rows = wrapped(&item.title, columns, "  ");
    rows.push(String::new());
    let width = item.details.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (name, value) in &item.details {
        let indent = " ".repeat(width.saturating_add(4));
        rows.extend(wrapped(&format!("  {name:width$}  {value}"), columns, &indent));
    }
    rows
}
