//! The entries of the menu, the submenu that is open and the selected row, which all modes share.

use crate::ui::{keys::Key, titles};

/// The parts of an entry that a person can change. Files are written as `volume:/path`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BootParts {
    pub kernel: String,
    pub initrds: Vec<String>,
    pub cmdline: String,
}

/// A file as a person types it in the editor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypedFile {
    pub text: String,
    /// It is the kernel, and no initrd.
    pub is_kernel: bool,
}

/// What is known of a file that was typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileVerdict {
    /// As it was typed.
    pub text: String,
    /// Why it cannot be loaded.
    pub fault: Option<String>,
    /// For a kernel, the longest command line that it takes, in bytes.
    pub cmdline_limit: Option<usize>,
}

/// An entry that can be chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MenuItem {
    pub id: String,
    /// Titles of the submenus that lead to it, outermost first.
    pub submenus: Vec<String>,
    pub title: String,
    /// The version of its kernel, where that is known.
    pub version: String,
    /// How old its newest file is, where that is known.
    pub age: String,
    /// The key that boots it, where that does nothing else.
    pub hotkey: Option<Key>,
    /// It is no row: only its key boots it.
    pub hidden: bool,
    /// The system and disk that it belongs to; a heading says it where there are several. Equal ones stand together.
    pub group: String,
    /// It boots on its own.
    pub default: bool,
    /// Why it cannot boot or has not booted.
    pub problem: Option<String>,
    /// Names and values of its parts.
    pub details: Vec<(&'static str, String)>,
    /// What can be changed before it boots; `None` where it has no kernel, or nobody may change it yet.
    pub parts: Option<BootParts>,
}

impl MenuItem {
    /// Its title after those of the submenus that lead to it.
    #[must_use]
    pub fn full_title(&self) -> String {
        titles::joined(&self.submenus, &self.title)
    }
}

/// A row of the list: what is in the submenu that is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// An entry, by its place among all.
    Item(usize),
    /// A further submenu.
    Submenu {
        title: String,
        /// The places of the entries in it and in those below it.
        places: Vec<usize>,
        /// One of them boots on its own.
        default: bool,
    },
}

impl Row {
    /// The place of its first entry among all.
    fn first(&self) -> usize {
        match self {
            Self::Item(place) => *place,
            Self::Submenu { places, .. } => places.first().copied().unwrap_or(0),
        }
    }
}

/// What is open and selected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Position {
    /// Titles of the submenu that is open and of those that lead to it.
    open: Vec<String>,
    /// Place of the selected row.
    selected: usize,
}

/// All entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entries {
    items: Vec<MenuItem>,
    rows: Vec<Row>,
    position: Position,
    /// A person has moved the selection.
    moved: bool,
    /// The devices, each with what is on it, or why that does not boot.
    devices: Vec<(String, String)>,
    messages: Vec<String>,
    /// What is known of the files in the editor; of those that are being looked at, no more than their text.
    verdicts: Vec<FileVerdict>,
}

impl Entries {
    #[must_use]
    pub fn items(&self) -> &[MenuItem] {
        &self.items
    }

    /// The rows of the submenu that is open.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Titles of the submenu that is open and of those that lead to it; none at the top.
    #[must_use]
    pub fn open_submenu(&self) -> &[String] {
        &self.position.open
    }

    /// Place of the selected row.
    #[must_use]
    pub fn place(&self) -> usize {
        self.position.selected
    }

    #[must_use]
    pub fn selected_row(&self) -> Option<&Row> {
        self.rows.get(self.position.selected)
    }

    /// The selected entry; `None` where the selected row is a submenu.
    #[must_use]
    pub fn selected(&self) -> Option<&MenuItem> {
        match self.selected_row() {
            Some(Row::Item(place)) => self.items.get(*place),
            Some(Row::Submenu { .. }) | None => None,
        }
    }

    /// The place of the selected entry among all, or of the first in the selected submenu.
    pub(super) fn selected_place(&self) -> usize {
        self.selected_row().map_or(0, Row::first)
    }

    #[must_use]
    pub fn devices(&self) -> &[(String, String)] {
        &self.devices
    }

    #[must_use]
    pub fn messages(&self) -> &[String] {
        &self.messages
    }

    pub(super) fn inform(&mut self, devices: Vec<(String, String)>, messages: Vec<String>) {
        (self.devices, self.messages) = (devices, messages);
    }

    /// The group of the entry of a row, or of the first entry in a submenu.
    pub(super) fn group(&self, row: &Row) -> &str {
        self.items.get(row.first()).map_or("", |item| &item.group)
    }

    /// What is known of a file that was typed.
    pub(super) fn verdict(&self, text: &str) -> Option<&FileVerdict> {
        self.verdicts.iter().find(|verdict| verdict.text == text)
    }

    pub(super) fn judge(&mut self, verdict: FileVerdict) {
        if let Some(known) = self.verdicts.iter_mut().find(|known| known.text == verdict.text) {
            *known = verdict;
        }
    }

    /// Of these files, those of which nothing is known; from now on they are being looked at. What is known of others is forgotten.
    pub(super) fn begin_to_judge(&mut self, mut files: Vec<TypedFile>) -> Vec<TypedFile> {
        self.verdicts.retain(|known| files.iter().any(|file| file.text == known.text));
        files.retain(|file| self.verdict(&file.text).is_none());
        let begun =
            files.iter().map(|file| FileVerdict { text: file.text.clone(), ..FileVerdict::default() });
        self.verdicts.extend(begun);
        files
    }

    /// Selects the row at this place, or the last one.
    pub(super) fn select(&mut self, place: usize) {
        self.position.selected = place.min(self.rows.len().saturating_sub(1));
        self.moved = true;
    }

    /// Selects the entry at this place among all, in its submenu.
    pub(super) fn select_item(&mut self, place: usize) {
        let Some(item) = self.items.get(place).filter(|item| !item.hidden) else { return };
        self.position.open.clone_from(&item.submenus);
        self.fold();
        self.select(self.rows.iter().position(|row| *row == Row::Item(place)).unwrap_or(0));
    }

    /// Opens the selected row, if it is a submenu.
    pub(super) fn open(&mut self) -> bool {
        let Some(Row::Submenu { title, .. }) = self.selected_row() else { return false };
        self.position.open.push(title.clone());
        self.fold();
        let default = self.default_row();
        self.select(default);
        true
    }

    /// Closes the submenu that is open.
    pub(super) fn close(&mut self) -> bool {
        let Some(closed) = self.position.open.pop() else { return false };
        self.fold();
        let is_it = |row: &Row| matches!(row, Row::Submenu { title, .. } if *title == closed);
        self.select(self.rows.iter().position(is_it).unwrap_or(0));
        true
    }

    pub(super) fn position(&self) -> Position {
        self.position.clone()
    }

    pub(super) fn restore(&mut self, position: Position) {
        self.position = position;
        self.fold();
    }

    /// A person has chosen the selected row: it stays selected.
    pub(super) fn keep(&mut self) {
        self.moved = true;
    }

    pub(super) fn replace(&mut self, items: Vec<MenuItem>) {
        let before = self.selected_row().filter(|_| self.moved).cloned();
        let id = |place: usize| self.items.get(place).map(|item| item.id.clone());
        let before = before.map(|row| match row {
            Row::Item(place) => Err(id(place)),
            Row::Submenu { title, .. } => Ok(title),
        });
        self.items = items;
        let is_there = |item: &MenuItem| item.submenus.starts_with(&self.position.open);
        if before.is_none() || !self.items.iter().any(is_there) {
            self.position.open.clear();
        }
        self.fold();
        let is_it = |row: &Row| match (&before, row) {
            (Some(Ok(old)), Row::Submenu { title, .. }) => old == title,
            (Some(Err(old)), Row::Item(place)) => self.items.get(*place).map(|item| &item.id) == old.as_ref(),
            _ => false,
        };
        let same = self.rows.iter().position(is_it);
        self.position.selected = same.unwrap_or_else(|| self.default_row());
    }

    /// The row that is or holds what boots on its own, or the first.
    fn default_row(&self) -> usize {
        let is_default = |row: &Row| match row {
            Row::Item(place) => self.items.get(*place).is_some_and(|item| item.default),
            Row::Submenu { default, .. } => *default,
        };
        self.rows.iter().position(is_default).unwrap_or(0)
    }

    /// Makes the rows of the submenu that is open.
    fn fold(&mut self) {
        self.rows.clear();
        for (place, item) in self.items.iter().enumerate().filter(|(_, item)| !item.hidden) {
            let Some(below) = item.submenus.strip_prefix(self.position.open.as_slice()) else { continue };
            let Some(submenu) = below.first() else {
                self.rows.push(Row::Item(place));
                continue;
            };
            let same = self.rows.iter_mut().find_map(|row| match row {
                Row::Submenu { title, places, default } if title == submenu => Some((places, default)),
                _ => None,
            });
            match same {
                Some((places, default)) => {
                    places.push(place);
                    *default |= item.default;
                }
                None => self.rows.push(Row::Submenu {
                    title: submenu.clone(),
                    places: vec![place],
                    default: item.default,
                }),
            }
        }
    }
}
