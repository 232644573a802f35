//! The entry point of all programs that this binary is: PID 1, `modprobe` for the kernel's own requests, `kexec`, and the
//! `firstlight` command.
#![forbid(unsafe_code)]

use std::{
    env,
    ffi::{OsStr, OsString},
    path::Path,
    process::ExitCode,
};

#[cfg(feature = "command-line")]
use firstlight::cli;
use firstlight::{boot, discover, init};

/// A program, which gets the arguments after its name.
type EntryPoint = fn(&[OsString]) -> ExitCode;

/// Programs by the binary's name, such as a symbolic link's.
const NAMES: &[(&str, EntryPoint)] = &[
    ("modprobe", init::modules::modprobe),
    #[cfg(feature = "command-line")]
    ("kexec", cli::kexec::run),
];

/// Programs by the first argument: those that firstlight starts itself, and `firstlight kexec`.
const PARTS: &[(&str, EntryPoint)] = &[
    ("worker", boot::worker::run),
    ("finder", discover::sandbox::run),
    ("rescue", init::rescue::run),
    ("shell", init::rescue::run_shell),
    #[cfg(feature = "command-line")]
    ("kexec", cli::kexec::run),
];

fn main() -> ExitCode {
    // A container's only program has that number too, and is no machine's init.
    #[cfg(feature = "running-system")]
    let is_alone = firstlight::running::guards::in_container();
    #[cfg(not(feature = "running-system"))]
    let is_alone = false;
    if std::process::id() == 1 && !is_alone {
        init::run();
    }
    let mut arguments = env::args_os();
    let program = arguments.next().unwrap_or_default();
    let arguments: Vec<OsString> = arguments.collect();
    // The file that it starts itself from has whatever name it was installed under, that of `kexec` too.
    #[cfg(feature = "running-system")]
    if let Some((first, rest)) = arguments.split_first()
        && first == firstlight::running::detach::DOOR
    {
        return cli::run_detached(rest);
    }
    if let Some(run) = Path::new(&program).file_name().and_then(|name| entry_point(NAMES, name)) {
        return run(&arguments);
    }
    if let Some((first, rest)) = arguments.split_first()
        && let Some(run) = entry_point(PARTS, first)
    {
        return run(rest);
    }
    command_line(&arguments)
}

#[cfg(feature = "command-line")]
fn command_line(arguments: &[OsString]) -> ExitCode {
    cli::run(arguments)
}

#[cfg(not(feature = "command-line"))]
fn command_line(_: &[OsString]) -> ExitCode {
    // If stderr is closed, nobody can read the message.
    let _ = std::io::Write::write_all(
        &mut std::io::stderr(),
        b"firstlight: this image has no such command; `initramfs build --with command-line` makes one that has\n",
    );
    ExitCode::from(2)
}

fn entry_point(table: &[(&str, EntryPoint)], wanted: &OsStr) -> Option<EntryPoint> {
    table.iter().find(|(name, _)| wanted == *name).map(|(_, run)| *run)
}
