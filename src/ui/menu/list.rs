//! The list of entries: the mode at the bottom of the stack. A row is selected by moving to it or by typing its number.

use super::{
    MenuChoice, Mode, Step,
    bindings::{KeyCommand, ModeName},
    entries::Entries,
};
use crate::ui::{keys::Key, screen::Picture, titles};

/// Maximum digits in a typed row number.
const DIGITS: usize = 4;

/// Rows that Page Up and Page Down move by.
const PAGE: usize = 10;

/// The share of a row, as its divisor, that the problem may take from a long title.
const PROBLEM_PART: usize = 3;

#[derive(Debug, Default)]
pub(super) struct List {
    /// Digits of a row number that is being typed.
    typed: String,
}

impl List {
    /// Another mode gets the digits from now on.
    pub(super) fn forget_number(&mut self) {
        self.typed.clear();
    }
}

impl Mode for List {
    fn name(&self) -> ModeName {
        ModeName::List
    }

    fn view(&self, entries: &Entries, room: usize, columns: usize) -> Picture {
        let mut rows = rows(entries, room, columns);
        if !self.typed.is_empty() {
            let digits = entries.items().len().to_string().len();
            rows.truncate(room.saturating_sub(1));
            rows.push(format!("  {:>digits$}_", self.typed));
        }
        rows.into()
    }

    fn take(&mut self, command: Option<KeyCommand>, key: Key, entries: &mut Entries) -> Step {
        // Any key but these ends the number.
        let mut typed = std::mem::take(&mut self.typed);
        match (command, key) {
            (Some(KeyCommand::Boot), _) => {
                if typed.is_empty() || select_number(&typed, entries) {
                    entries.keep();
                    let id = entries.selected().map(|item| item.id.clone());
                    return id.map_or(Step::Done, |id| Step::Choose(MenuChoice::Boot(id)));
                }
            }
            (Some(KeyCommand::Digit), Key::Character(digit)) => {
                if typed.len() < DIGITS {
                    typed.push(digit);
                }
                select_number(&typed, entries);
                self.typed = typed;
            }
            (Some(KeyCommand::EraseDigit), _) => {
                typed.pop();
                self.typed = typed;
            }
            (Some(KeyCommand::Up), _) => entries.select(entries.place().saturating_sub(1)),
            (Some(KeyCommand::Down), _) => entries.select(entries.place().saturating_add(1)),
            (Some(KeyCommand::PageUp), _) => entries.select(entries.place().saturating_sub(PAGE)),
            (Some(KeyCommand::PageDown), _) => entries.select(entries.place().saturating_add(PAGE)),
            (Some(KeyCommand::First), _) => entries.select(0),
            (Some(KeyCommand::Last), _) => entries.select(usize::MAX),
            _ => return Step::Pass,
        }
        Step::Done
    }
}

/// The entries around the selected one, as many as there is room for.
pub(super) fn rows(entries: &Entries, room: usize, columns: usize) -> Vec<String> {
    let count = entries.items().len();
    let first = entries.place().saturating_sub(room / 2).min(count.saturating_sub(room));
    let digits = count.to_string().len();
    // Before a title come two marks, the number and two spaces; the last column stays free.
    let columns = columns.saturating_sub(digits.saturating_add(5));
    let limits = entries.items().iter().map(|item| {
        let problem = item.problem.as_ref().map_or(0, |problem| problem.chars().count().saturating_add(3));
        (item.title.as_str(), columns.saturating_sub(problem.min(columns / PROBLEM_PART)))
    });
    let titles = titles::fitting(&limits.collect::<Vec<_>>());
    let shown = entries.items().iter().zip(titles).enumerate().skip(first).take(room);
    shown
        .map(|(place, (item, title))| {
            let pointer = if place == entries.place() { '>' } else { ' ' };
            let default = if item.default { '*' } else { ' ' };
            let number = place.saturating_add(1);
            let problem = item.problem.as_ref().map_or_else(String::new, |problem| format!(" ({problem})"));
            format!("{pointer}{default}{number:>digits$}  {title}{problem}")
        })
        .collect()
}

/// Selects the row with this number, counted from 1, if there is one.
fn select_number(digits: &str, entries: &mut Entries) -> bool {
    let place = digits.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
    let place = place.filter(|place| *place < entries.items().len());
    place.into_iter().for_each(|place| entries.select(place));
    place.is_some()
}
