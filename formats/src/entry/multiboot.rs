//! Arguments of a multiboot kernel (Xen) beside its command line.

use serde::Serialize;

/// The words for the modules, whose files are among an entry's initrds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Multiboot {
    /// Version of the protocol that the loader speaks, 1 or 2; 0 if that is left to the kernel's file.
    pub version: u8,
    /// Of each module, in order.
    pub modules: Vec<MultibootModule>,
}

/// A module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MultibootModule {
    /// Its words, without its file's name: the command line of Xen's first Linux.
    pub cmdline: String,
    /// It is handed over as it is, even if it is compressed.
    pub as_it_is: bool,
}

impl Multiboot {
    /// Whether there is nothing to tell.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }
}
