//! The search in the list: the selection moves to what matches while a person types.

use super::{
    Mode, Step,
    bindings::{KeyCommand, ModeName},
    entries::{Entries, MenuItem, Position},
    list,
};
use crate::ui::{field::TextField, keys::Key, screen::Picture};

const LABEL: &str = "  Search: ";

#[derive(Debug)]
pub(super) struct TitleSearch {
    field: TextField,
    /// What was selected when the search began, and the place of its entry.
    before: (Position, usize),
}

impl TitleSearch {
    pub(super) fn new(entries: &Entries) -> Self {
        Self { field: TextField::default(), before: (entries.position(), entries.selected_place()) }
    }

    /// Selects the first entry that matches from a place on, or before it where there is none.
    fn find(&self, from: usize, entries: &mut Entries) {
        let found = self.matches(entries);
        let next = found.iter().find(|place| **place >= from).or(found.first());
        if let Some(place) = next.filter(|_| !self.field.text().is_empty()) {
            entries.select_item(*place);
        }
    }

    /// The places of the entries whose titles hold every word that was typed.
    fn matches(&self, entries: &Entries) -> Vec<usize> {
        let text = self.field.text().to_ascii_lowercase();
        let is_match =
            |title: &str| text.split_whitespace().all(|word| title.to_ascii_lowercase().contains(word));
        let is_found = |item: &MenuItem| !item.hidden && is_match(&item.full_title());
        let places = entries.items().iter().enumerate().filter(|(_, item)| is_found(item));
        places.map(|(place, _)| place).collect()
    }
}

impl Mode for TitleSearch {
    fn name(&self) -> ModeName {
        ModeName::Search
    }

    fn view(&self, entries: &Entries, room: usize, columns: usize) -> Picture {
        let mut rows = list::rows(entries, room.saturating_sub(1), columns);
        let (text, (row, column)) = self.field.rows(columns.saturating_sub(LABEL.len()).saturating_sub(1));
        // The row with the cursor is enough of a long text.
        rows.push(format!("{LABEL}{}", text.get(row).map_or("", String::as_str)));
        let cursor = (rows.len().saturating_sub(1), LABEL.len().saturating_add(column));
        Picture { rows, cursor: Some(cursor) }
    }

    fn take(&mut self, command: Option<KeyCommand>, key: Key, entries: &mut Entries) -> Step {
        let place = entries.selected_place();
        match command {
            Some(KeyCommand::Accept) => return Step::Close,
            Some(KeyCommand::Cancel) => {
                entries.restore(self.before.0.clone());
                return Step::Close;
            }
            Some(KeyCommand::Down) => self.find(place.saturating_add(1), entries),
            Some(KeyCommand::Up) => {
                let found = self.matches(entries);
                let previous = found.iter().rev().find(|other| **other < place).or(found.last());
                previous.into_iter().for_each(|place| entries.select_item(*place));
            }
            _ => {
                self.field.take(key);
                self.find(self.before.1, entries);
            }
        }
        Step::Done
    }
}
