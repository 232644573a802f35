//! Going on when the terminal or the ssh connection ends: in a session of its own and, under systemd, in a scope of its own
//! (systemd-run(1)), since a login's processes may be ended with it.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs::File,
    io::{self, Read, Write},
    path::Path,
    process::ExitStatus,
};

use rustix::{
    pipe::{PipeFlags, pipe_with},
    process::WaitOptions,
};

use super::init_system::find;
use crate::sys::{
    child::{self, Program},
    inherited,
};

/// First argument of the process that does the work: no file's name, which `kexec` would take for a kernel.
pub const DOOR: &str = "--boot-session";

/// Number of the descriptor over which the process says that it is there.
const READY: i32 = 3;

/// Starts this program again with [`DOOR`] as its first argument, out of reach of the terminal's end, and waits for it as long as there is
/// somebody to wait.
///
/// # Errors
/// It cannot be started.
pub fn run(arguments: &[OsString]) -> io::Result<ExitStatus> {
    // Not /proc/self/exe, which would be systemd-run's.
    let program = env::current_exe()?.into_os_string();
    let own = [&[program, DOOR.into()], arguments].concat();
    if Path::new("/run/systemd/system").is_dir()
        && let Some(runner) = find("systemd-run")
    {
        let scope = ["systemd-run", "--scope", "--quiet", "--collect", "--slice=system.slice", "--"];
        let scope: Vec<OsString> = scope.iter().map(OsString::from).chain(own.clone()).collect();
        if let Some(status) = start(runner.as_os_str(), &scope)? {
            return Ok(status);
        }
        log::info!("systemd gave no scope; going on in a session of our own");
    }
    let program = own.first().map(OsString::as_os_str).unwrap_or_default();
    start(program, &own)?.ok_or_else(|| io::Error::other("it ended at once"))
}

/// Says to who started this process by [`run`] that it is there.
///
/// # Errors
/// Nobody waits to hear it: then nobody knows that anything is done here, and nothing shall be.
pub fn report() -> io::Result<()> {
    File::from(inherited::take(READY)?).write_all(&[1])
}

/// `None` if the program was never reached.
fn start(path: &OsStr, arguments: &[OsString]) -> io::Result<Option<ExitStatus>> {
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC)?;
    let program = Program::new(path, arguments)?.leading().hand(&writer, READY)?;
    let process = program.spawn()?;
    // Our copies of the descriptors would keep the pipe open.
    drop((program, writer));
    let reached = File::from(reader).read(&mut [0])? > 0;
    let status = child::wait(process, WaitOptions::empty())?;
    Ok(status.filter(|_| reached))
}
