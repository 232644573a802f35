//! The question for a password, with a name before it where the loader has users. What is typed as the password is not shown, not
//! even how much it is.

use super::{
    MenuChoice, Mode, Step,
    bindings::{KeyCommand, ModeName},
    entries::Entries,
};
use crate::ui::{field::TextField, keys::Key, screen::Picture, secret::SecretText, wrap::wrapped};

/// Columns of the names of the fields, with the space around them.
const LABELS: usize = 14;

#[derive(Debug)]
pub(super) struct Prompt {
    /// What is locked, as a sentence.
    what: String,
    /// The name, where one is asked for.
    user: Option<TextField>,
    password: SecretText,
    /// The name is typed, and its password is next.
    has_user: bool,
}

impl Prompt {
    pub(super) fn new(what: String, asks_user: bool) -> Self {
        let user = asks_user.then(TextField::default);
        Self { what, has_user: user.is_none(), user, password: SecretText::default() }
    }
}

impl Mode for Prompt {
    fn name(&self) -> ModeName {
        ModeName::Prompt
    }

    fn view(&self, _entries: &Entries, room: usize, columns: usize) -> Picture {
        let mut rows = wrapped(&self.what, columns, "  ");
        rows.push(String::new());
        let mut cursor = (0, 0);
        let width = LABELS.saturating_sub(2);
        if let Some(user) = &self.user {
            let (text, (row, column)) = user.rows(columns.saturating_sub(LABELS).saturating_sub(1));
            cursor = (rows.len(), column.saturating_add(LABELS));
            rows.push(format!("  {:width$}{}", "user name", text.get(row).map_or("", String::as_str)));
        }
        if self.has_user {
            cursor = (rows.len(), LABELS);
            rows.push(format!("  {:width$}", "password"));
        }
        super::around(cursor, rows, room)
    }

    fn take(&mut self, command: Option<KeyCommand>, key: Key, _entries: &mut Entries) -> Step {
        match command {
            Some(KeyCommand::Cancel) => return Step::Close,
            Some(KeyCommand::Accept) if self.has_user => {
                let user = self.user.as_mut().map(std::mem::take).unwrap_or_default();
                self.has_user = self.user.is_none();
                let password = std::mem::take(&mut self.password);
                return Step::Choose(MenuChoice::Answer(user.text().to_owned(), password));
            }
            Some(KeyCommand::Accept) => self.has_user = true,
            _ => match &mut self.user {
                Some(user) if !self.has_user => drop(user.take(key)),
                _ => self.password.take(key),
            },
        }
        Step::Done
    }
}
