//! The result of discovery: entries in their loader's order, its default and timeout, and everything that went wrong.

use serde::Serialize;

use super::{Entry, Lock, Password, VolumeReference};

/// Something that cost an entry, a statement or a file, with its place.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Warning {
    /// The volume that the file is on.
    pub volume: VolumeReference,
    /// Path of the file on that volume.
    pub path: String,
    /// Line in that file, from 1, where there is one.
    pub line: Option<u32>,
    /// The event, and what was lost by it.
    pub message: String,
}

/// How the menu shows itself before the default boots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TimeoutStyle {
    /// The menu, with the seconds counting down.
    #[default]
    Menu,
    /// Only the seconds.
    Countdown,
    /// Nothing.
    Hidden,
}

impl TimeoutStyle {
    fn is_menu(&self) -> bool {
        *self == Self::Menu
    }
}

/// Everything that a set of volumes offers to boot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Discovery {
    /// Seconds until the default boots; `None` waits for a person.
    pub timeout: Option<u32>,
    /// How the menu shows itself meanwhile.
    #[serde(skip_serializing_if = "TimeoutStyle::is_menu")]
    pub timeout_style: TimeoutStyle,
    /// Id of the entry that boots on its own.
    pub default: Option<String>,
    /// Id of the entry that its loader has saved as its default (GRUB's `saved_entry`), whether or not that is the default.
    #[serde(skip)]
    pub saved: Option<String>,
    /// Ids of the entries that its loader tries when the default fails, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fallback: Vec<String>,
    /// The configuration that decides asks for a password before its loader's own command line.
    #[serde(rename = "locked", skip_serializing_if = "Option::is_none")]
    pub lock: Option<Lock>,
    /// The passwords of all configurations, to which the locks refer.
    #[serde(skip)]
    pub passwords: Vec<Password>,
    /// Parts that could not be read, each with its place.
    pub warnings: Vec<Warning>,
    /// All entries, in the order of the loader that owns them.
    pub entries: Vec<Entry>,
}
