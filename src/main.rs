//! Which door: PID 1, `modprobe` for the kernel's own requests, `kexec`, or the `firstlight` command.

use std::{
    env,
    ffi::{OsStr, OsString},
    path::Path,
    process::ExitCode,
};

use firstlight::{boot, cli, discover, init};

/// Runs with the arguments behind its name.
type Door = fn(&[OsString]) -> ExitCode;

/// What this binary is under another name, such as a symbolic link's.
const NAMES: &[(&str, Door)] = &[("modprobe", init::modules::modprobe), ("kexec", cli::kexec::run)];

/// What this binary is by its first argument: parts that it starts itself, and `firstlight kexec`.
const PARTS: &[(&str, Door)] = &[
    ("worker", boot::worker::run),
    ("finder", discover::sandbox::run),
    ("rescue", init::rescue::run),
    ("kexec", cli::kexec::run),
];

fn main() -> ExitCode {
    if std::process::id() == 1 {
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
    if let Some(door) = Path::new(&program).file_name().and_then(|name| door(NAMES, name)) {
        return door(&arguments);
    }
    if let Some((first, rest)) = arguments.split_first()
        && let Some(door) = door(PARTS, first)
    {
        return door(rest);
    }
    cli::run(&arguments)
}

fn door(doors: &[(&str, Door)], wanted: &OsStr) -> Option<Door> {
    doors.iter().find(|(name, _)| wanted == *name).map(|(_, door)| *door)
}
