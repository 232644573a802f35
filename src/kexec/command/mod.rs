//! The `kexec` command: kexec-tools' options, and the command line that they make.

mod address;
pub mod cmdline;
pub mod options;
pub mod types;

/// What `kexec --help` prints.
pub const HELP: &str = include_str!("help.txt");
