//! Text that may be longer than the screen: all keys, the devices of the machine, all messages.

use std::cell::Cell;

use super::{
    Mode, Step,
    bindings::{KeyCommand, ModeName, all_keys},
    entries::Entries,
};
use crate::ui::{keys::Key, screen::Picture, wrap::wrapped};

/// Rows that Page Up and Page Down move by.
const PAGE: usize = 10;

#[derive(Debug)]
pub(super) struct Pager {
    name: ModeName,
    /// Makes the text, for so many columns.
    text: fn(&Entries, usize) -> Vec<String>,
    /// The first row that is shown.
    top: usize,
    /// The last one that can be the first, since the text was drawn last.
    last: Cell<usize>,
}

impl Pager {
    fn new(name: ModeName, text: fn(&Entries, usize) -> Vec<String>) -> Self {
        Self { name, text, top: 0, last: Cell::default() }
    }

    /// All keys of the menu with their meaning.
    pub(super) fn keys() -> Self {
        Self::new(ModeName::Help, |_, columns| table(all_keys().into_iter(), columns))
    }

    /// The devices of the machine, each with what is on it, or why that does not boot.
    pub(super) fn devices() -> Self {
        Self::new(ModeName::Devices, |entries, columns| {
            let devices = entries.devices().iter();
            table(devices.map(|(device, text)| (device.clone(), text.as_str())), columns)
        })
    }

    /// All messages, newest last.
    pub(super) fn messages() -> Self {
        Self::new(ModeName::Messages, |entries, columns| {
            let messages = entries.messages().iter();
            let rows: Vec<String> = messages.flat_map(|message| wrapped(message, columns, "  ")).collect();
            if rows.is_empty() { vec!["There is no message.".to_owned()] } else { rows }
        })
    }
}

impl Mode for Pager {
    fn name(&self) -> ModeName {
        self.name
    }

    fn view(&self, entries: &Entries, room: usize, columns: usize) -> Picture {
        let mut rows = (self.text)(entries, columns);
        if rows.len() > room {
            // One row says that there is more.
            let room = room.saturating_sub(1);
            self.last.set(rows.len().saturating_sub(room));
            let top = self.top.min(self.last.get());
            let below = self.last.get().saturating_sub(top);
            rows.drain(..top);
            rows.truncate(room);
            rows.push(format!("  ... {top} rows above, {below} below"));
        }
        rows.into()
    }

    fn take(&mut self, command: Option<KeyCommand>, _key: Key, _entries: &mut Entries) -> Step {
        let last = self.last.get();
        self.top = match command {
            Some(KeyCommand::Up) => self.top.saturating_sub(1),
            Some(KeyCommand::Down) => self.top.saturating_add(1),
            Some(KeyCommand::PageUp) => self.top.saturating_sub(PAGE),
            Some(KeyCommand::PageDown) => self.top.saturating_add(PAGE),
            Some(KeyCommand::First) => 0,
            Some(KeyCommand::Last) => last,
            _ => self.top,
        }
        .min(last);
        Step::Done
    }
}

/// Names and texts in two columns.
fn table<'a>(rows: impl Iterator<Item = (String, &'a str)>, columns: usize) -> Vec<String> {
    let rows: Vec<(String, &str)> = rows.collect();
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let indent = " ".repeat(width.saturating_add(4));
    let row = |(name, text): &(String, &str)| wrapped(&format!("  {name:width$}  {text}"), columns, &indent);
    rows.iter().flat_map(row).collect()
}
