//! Changes that a boot loader would have made to the data that it keeps from one boot to the next.

use serde::Serialize;

use super::FileReference;

/// One variable that GRUB would have written into an environment block (`grubenv`), or what SYSLINUX would have written into
/// ldlinux.sys: `boot-once` or `menu-save`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct EnvironmentChange {
    /// The block's file; a path without a slash before it is a list of blocks of the device (`512+1`).
    pub block: FileReference,
    /// The variable.
    pub name: String,
    /// Its value; `None` deletes it.
    pub value: Option<String>,
    /// Written only where a person chooses the entry as it is in the menu, and not where it boots on its own.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub when_chosen: bool,
}

impl EnvironmentChange {
    /// A change that is written whoever chooses the entry.
    #[must_use]
    pub fn new(block: FileReference, name: impl Into<String>, value: Option<String>) -> Self {
        Self { block, name: name.into(), value, when_chosen: false }
    }
}
