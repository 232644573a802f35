//! Packaging of firstlight for a running system: man pages, shell completions, services, and a Debian package. Nothing of
//! it is in the program itself.

pub mod completions;
pub mod deb;
pub mod man;
pub mod tree;
