//! The entries of the menu and the selected one, which all modes share.

/// The parts of an entry that a person can change. Files are written as `volume:/path`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BootParts {
    pub kernel: String,
    pub initrds: Vec<String>,
    pub cmdline: String,
}

/// One row: an entry that can be chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MenuItem {
    pub id: String,
    /// Its title, after those of the submenus that lead to it.
    pub title: String,
    /// It boots on its own.
    pub default: bool,
    /// Why it cannot boot or has not booted.
    pub problem: Option<String>,
    /// Names and values of its parts.
    pub details: Vec<(&'static str, String)>,
    /// What can be changed before it boots; `None` where it is locked or has no kernel.
    pub parts: Option<BootParts>,
}

/// All rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entries {
    items: Vec<MenuItem>,
    selected: usize,
    /// A person has moved the selection.
    moved: bool,
}

impl Entries {
    #[must_use]
    pub fn items(&self) -> &[MenuItem] {
        &self.items
    }

    /// Place of the selected row.
    #[must_use]
    pub fn place(&self) -> usize {
        self.selected
    }

    #[must_use]
    pub fn selected(&self) -> Option<&MenuItem> {
        self.items.get(self.selected)
    }

    /// Selects the row at this place, or the last one.
    pub(super) fn select(&mut self, place: usize) {
        self.selected = place.min(self.items.len().saturating_sub(1));
        self.moved = true;
    }

    /// A person has chosen the selected row: it stays selected.
    pub(super) fn keep(&mut self) {
        self.moved = true;
    }

    pub(super) fn replace(&mut self, items: Vec<MenuItem>) {
        let id = self.selected().filter(|_| self.moved).map(|item| item.id.as_str());
        let same = items.iter().position(|item| Some(item.id.as_str()) == id);
        let default = || items.iter().position(|item| item.default);
        self.selected = same.or_else(default).unwrap_or(0);
        self.items = items;
    }
}
