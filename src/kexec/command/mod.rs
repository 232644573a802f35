//! The `kexec` command: kexec-tools' options, and the command line that they make.

mod address;
pub mod cmdline;
pub mod options;

/// What `kexec --help` prints.
pub const HELP: &str = include_str!("help.txt");

/// What `--type` may say. Which of them it is, each file tells by itself; the system call for files is told none.
pub static TYPES: &[&str] = &[
    "multiboot2-x86",
    "elf-x86_64",
    "multiboot-x86",
    "elf-x86",
    "bzImage64",
    "bzImage",
    "vmlinux",
    "Image",
    "uImage",
    "vmlinuz",
    "uki",
];
