//! The `kexec` command: kexec-tools' options, and the command line that they make.

mod address;
pub mod cmdline;
mod options;
mod parse;
mod table;
pub mod types;
mod usage;

pub use options::Options;
pub use parse::{Invocation, parse};
pub use table::names;
pub use usage::UsageError;

/// The output of `kexec --help`.
pub const HELP: &str = include_str!("help.txt");
