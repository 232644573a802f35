//! Order, default, countdown, attempts and fallback: from entries to a loaded kernel.

pub mod age;
pub mod before_jump;
pub mod boot_next;
pub mod check;
pub mod choice;
pub mod election;
mod entry_pattern;
pub mod explain;
pub mod failures;
pub mod firmware;
pub mod firmware_setup;
pub mod link;
pub mod loader;
mod natural;
pub mod nearest;
pub mod passwords;
pub mod remembered;
#[cfg(test)]
pub(crate) mod samples;
pub mod settings;
pub mod state;
pub mod supervision;
mod words;
pub mod worker;
