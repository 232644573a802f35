//! Going on when the terminal or the ssh connection ends: in a session of its own and, under systemd, in a scope of its own
//! (systemd-run(1)), since a login's processes may be ended with it.

use std::{
    env,
    ffi::OsString,
    fs::File,
    io::{self, Read, Write},
    path::Path,
    process::{Command, ExitStatus},
};

use rustix::pipe::{PipeFlags, pipe_with};

use super::init_system::find;
use crate::sys::{child::Leader, inherited};

/// First argument of the process that does the work: no file's name, which `kexec` would take for a kernel.
pub const DOOR: &str = "--boot-session";

/// Number of the descriptor over which the process says that it is there.
const READY: i32 = 3;

/// Starts this program again behind [`DOOR`], out of reach of the terminal's end, and waits for it as long as there is
/// somebody to wait.
///
/// # Errors
/// It cannot be started.
pub fn run(arguments: &[OsString]) -> io::Result<ExitStatus> {
    // Not /proc/self/exe, which would be systemd-run's.
    let program = env::current_exe()?;
    if Path::new("/run/systemd/system").is_dir()
        && let Some(runner) = find("systemd-run")
    {
        let mut command = Command::new(runner);
        command.args(["--scope", "--quiet", "--collect", "--slice=system.slice", "--"]);
        command.arg(&program);
        if let Some(status) = start(command, arguments)? {
            return Ok(status);
        }
        log::info!("systemd gave no scope; going on in a session of our own");
    }
    start(Command::new(program), arguments)?.ok_or_else(|| io::Error::other("it ended at once"))
}

/// Says to who started this process by [`run`] that it is there.
///
/// # Errors
/// Nobody waits to hear it: then nobody knows that anything is done here, and nothing shall be.
pub fn report() -> io::Result<()> {
    File::from(inherited::take(READY)?).write_all(&[1])
}

/// `None` if the program was never reached.
fn start(mut command: Command, arguments: &[OsString]) -> io::Result<Option<ExitStatus>> {
    command.arg(DOOR).args(arguments);
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC)?;
    let mut child = Leader::new(command).hand(&writer, READY)?.spawn()?;
    drop(writer);
    let reached = File::from(reader).read(&mut [0])? > 0;
    let status = child.wait()?;
    Ok(reached.then_some(status))
}
