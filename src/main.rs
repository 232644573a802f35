//! Which door: PID 1 or `init`, `modprobe` for the kernel's own requests, `kexec`, or the `firstlight` command.

use std::{env, ffi::OsString, process::ExitCode};

use firstlight::{cli, init};

/// Runs with the arguments behind its name.
type Door = fn(&[OsString]) -> ExitCode;

/// What this binary is when it is started again by itself, by its first argument.
const DOORS: &[(&str, Door)] = &[("rescue", init::rescue::run)];

fn main() -> ExitCode {
    if std::process::id() == 1 {
        init::run();
    }
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    if let Some((first, rest)) = arguments.split_first()
        && let Some((_, door)) = DOORS.iter().find(|(name, _)| first == name)
    {
        return door(rest);
    }
    cli::run(&arguments)
}
