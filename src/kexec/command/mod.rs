//! The `kexec` command: kexec-tools' options, and the command line that they make.

pub mod cmdline;
pub mod options;

/// What `kexec --help` prints.
pub const HELP: &str = include_str!("help.txt");
