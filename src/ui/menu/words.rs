//! A prompt for words that are added to the command line of the selected entry for one boot.

use super::{
    MenuChoice, Mode, Step,
    bindings::{KeyCommand, ModeName},
    entries::{BootParts, Entries},
};
use crate::ui::{field::TextField, keys::Key, screen::Picture, wrap::wrapped};

#[derive(Debug)]
pub(super) struct Words {
    id: String,
    title: String,
    parts: BootParts,
    field: TextField,
}

impl Words {
    /// `None` where the selected entry cannot be changed.
    pub(super) fn new(entries: &Entries) -> Option<Self> {
        let item = entries.selected()?;
        Some(Self {
            id: item.id.clone(),
            title: item.title.clone(),
            parts: item.parts.clone()?,
            field: TextField::default(),
        })
    }
}

impl Mode for Words {
    fn name(&self) -> ModeName {
        ModeName::Words
    }

    fn view(&self, _entries: &Entries, room: usize, columns: usize) -> Picture {
        let mut rows = wrapped(&self.title, columns, "  ");
        rows.push(String::new());
        rows.extend(wrapped(&format!("  {}", self.parts.cmdline), columns, "  "));
        rows.extend(["", "Words to add to it for this boot:", ""].map(str::to_owned));
        let (text, (row, column)) = self.field.rows(columns.saturating_sub(3));
        rows.extend(text.iter().map(|row| format!("  {row}")));
        let above = rows.len().saturating_sub(text.len());
        super::around((above.saturating_add(row), column.saturating_add(2)), rows, room)
    }

    fn take(&mut self, command: Option<KeyCommand>, key: Key, _entries: &mut Entries) -> Step {
        match command {
            Some(KeyCommand::Accept) => {
                let words = self.field.text().trim();
                let mut parts = self.parts.clone();
                if !words.is_empty() {
                    let space = if parts.cmdline.is_empty() { "" } else { " " };
                    parts.cmdline = [&parts.cmdline, space, words].concat();
                }
                return Step::Choose(MenuChoice::BootWith(self.id.clone(), parts));
            }
            Some(KeyCommand::Cancel) => return Step::Close,
            _ => drop(self.field.take(key)),
        }
        Step::Done
    }
}
