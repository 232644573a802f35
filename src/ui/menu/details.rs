//! The details of the selected entry: where it is written and what it will do.

use super::{
    Mode,
    bindings::ModeName,
    entries::{Entries, MenuItem, Row},
};
use crate::ui::{screen::Picture, titles, wrap::wrapped};

#[derive(Debug)]
pub(super) struct Details;

impl Mode for Details {
    fn name(&self) -> ModeName {
        ModeName::Details
    }

    fn view(&self, entries: &Entries, _room: usize, columns: usize) -> Picture {
        match entries.selected_row() {
            Some(Row::Item(place)) => entries.items().get(*place).map(|item| details(item, columns)),
            Some(Row::Submenu { title, places, .. }) => Some(contents(entries, title, places, columns)),
            None => None,
        }
        .unwrap_or_default()
        .into()
    }
}

fn details(item: &MenuItem, columns: usize) -> Vec<String> {
    let mut rows = wrapped(&item.full_title(), columns, "  ");
    rows.push(String::new());
    let width = item.details.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (name, value) in &item.details {
        let indent = " ".repeat(width.saturating_add(4));
        rows.extend(wrapped(&format!("  {name:width$}  {value}"), columns, &indent));
    }
    rows
}

/// The titles of what is in a submenu.
fn contents(entries: &Entries, title: &str, places: &[usize], columns: usize) -> Vec<String> {
    let depth = entries.open_submenu().len().saturating_add(1);
    let mut rows = wrapped(&titles::joined(entries.open_submenu(), title), columns, "  ");
    rows.push(String::new());
    for item in places.iter().filter_map(|place| entries.items().get(*place)) {
        let below = item.submenus.get(depth..).unwrap_or_default();
        rows.extend(wrapped(&format!("  {}", titles::joined(below, &item.title)), columns, "    "));
    }
    rows
}
