//! Which door: PID 1 or `init`, `modprobe` for the kernel's own requests, `kexec`, or the `firstlight` command.

use std::{env, ffi::OsString, process::ExitCode};

fn main() -> ExitCode {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    firstlight::cli::run(&arguments)
}
