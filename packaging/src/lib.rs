//! Packaging of firstlight for a running system: man pages, shell completions, services, and a Debian package. Nothing of
//! it is in the program itself.
#![forbid(unsafe_code)]

pub mod completions;
pub mod deb;
pub mod man;
pub mod tree;
