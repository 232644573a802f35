//! Changes that a boot loader would have made to the data that it keeps from one boot to the next.

use serde::Serialize;

use super::FileReference;

/// One variable that GRUB would have written into an environment block (`grubenv`), or what SYSLINUX would have written into
/// ldlinux.sys: `boot-once` alone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct EnvironmentChange {
    /// The block's file; a path without a slash before it is a list of blocks of the device (`512+1`).
    pub block: FileReference,
    /// The variable.
    pub name: String,
    /// Its value; `None` deletes it.
    pub value: Option<String>,
}
