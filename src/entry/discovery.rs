//! What discovery found: entries in their loader's order, its default and timeout, and everything that went wrong.

use serde::Serialize;

use super::Entry;

/// Something that cost an entry, a statement or a file, with its place.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Warning {
    /// Kernel name of the device that the volume is on.
    pub volume: String,
    /// Path of the file on that volume.
    pub path: String,
    /// Line in that file, from 1, where there is one.
    pub line: Option<u32>,
    /// What happened and what was lost by it.
    pub message: String,
}

/// Everything that a set of volumes offers to boot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Discovery {
    /// Seconds until the default boots; `None` waits for a person.
    pub timeout: Option<u32>,
    /// Id of the entry that boots on its own.
    pub default: Option<String>,
    /// What was lost, and where.
    pub warnings: Vec<Warning>,
    /// All entries, in the order of the loader that owns them.
    pub entries: Vec<Entry>,
}
