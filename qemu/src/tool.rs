//! Programs of this machine, run with their output kept for the error message.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs::File;
use std::io::Read;
use std::process::{Command, Stdio};

use crate::error::{Context, Error};
use crate::{Result, place};

/// How much of a failed program's output its error shows, in bytes from the end.
const SHOWN: usize = 4000;

/// A command for `program`, found in the directories of system programs too, which ordinary users do not have in their
/// PATH on Debian.
#[must_use]
pub fn command(program: &str) -> Command {
    let path = std::env::var("PATH").unwrap_or_default();
    let found = path
        .split(':')
        .chain(["/usr/sbin", "/sbin"])
        .map(|directory| format!("{directory}/{program}"))
        .find(|path| std::path::Path::new(path).exists());
    let mut command = Command::new(found.unwrap_or_else(|| program.to_owned()));
    command.env("PATH", format!("{path}:/usr/sbin:/sbin")).env("LC_ALL", "C.UTF-8");
    command
}

/// Runs `program` with `arguments` to its end and returns what it printed.
///
/// # Errors
/// When it cannot be started, or fails: then with the end of what it printed on either stream.
pub fn run<A: AsRef<OsStr>>(program: &str, arguments: impl IntoIterator<Item = A>) -> Result<String> {
    finish(command(program).args(arguments))
}

/// Runs a prepared command to its end, without input, and returns what it printed.
///
/// # Errors
/// As [`run`].
pub fn finish(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|source| Error::Start { program: shown(command), source })?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(printed);
    }
    let both = printed + &String::from_utf8_lossy(&output.stderr);
    Err(failed(command, output.status, &both))
}

/// Runs a prepared command that takes long: what it says goes to `name`.log under `target/images`, and `what` it is
/// doing is printed at once.
///
/// # Errors
/// As [`run`].
pub fn finish_logged(command: &mut Command, name: &str, what: &str) -> Result<()> {
    let path = place::directory("images")?.join(format!("{name}.log"));
    say(&format!("{what} (log: {})", path.display()));
    let begun = std::time::Instant::now();
    let log = File::create(&path).context(|| format!("writing {}", path.display()))?;
    let errors = log.try_clone().context(|| format!("writing {}", path.display()))?;
    let status = command
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors)
        .status()
        .map_err(|source| Error::Start { program: shown(command), source })?;
    if status.success() {
        say(&format!("… done in {:.0} s", begun.elapsed().as_secs_f64()));
        return Ok(());
    }
    let mut printed = Vec::new();
    File::open(&path)
        .and_then(|mut file| file.read_to_end(&mut printed))
        .context(|| format!("reading {}", path.display()))?;
    Err(failed(command, status, &String::from_utf8_lossy(&printed)))
}

/// Tells the person what is going on and may take a while.
pub fn say(message: &str) {
    eprintln!("rig: {message}");
}

fn failed(command: &Command, status: std::process::ExitStatus, printed: &str) -> Error {
    let start = printed.len().saturating_sub(SHOWN);
    let start = (start..printed.len()).find(|place| printed.is_char_boundary(*place)).unwrap_or(0);
    let output = printed.get(start..).unwrap_or_default().to_owned();
    Error::Tool { command: shown(command), status: status.to_string(), output }
}

/// A command as an error shows it, without the text of a script that is an argument.
fn shown(command: &Command) -> String {
    let mut text = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        let argument = argument.to_string_lossy();
        let _ = match argument.split_once('\n') {
            Some((first, _)) => write!(text, " {first}…"),
            None => write!(text, " {argument}"),
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_the_command_its_status_and_its_output() {
        let error = run("sh", ["-c", "echo out; echo err >&2; exit 3"]).unwrap_err().to_string();
        assert!(
            error.ends_with("sh -c echo out; echo err >&2; exit 3: exit status: 3\nout\nerr\n"),
            "{error}"
        );
    }

    #[test]
    fn a_failure_shows_the_first_line_only_of_a_script() {
        let error = run("sh", ["-c", "exit 3\necho more", "name"]).unwrap_err().to_string();
        assert!(error.ends_with("sh -c exit 3… name: exit status: 3\n"), "{error}");
    }

    #[test]
    fn a_missing_program_names_the_remedy() {
        let error = run("no-such-program", ["x"]).unwrap_err().to_string();
        assert!(error.contains("no-such-program x") && error.contains("scripts/setup.sh"), "{error}");
    }
}
