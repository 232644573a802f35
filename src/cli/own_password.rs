//! `firstlight config password`: the line of the settings with the hash of a password that is typed twice and not shown.

use std::io::{self, BufRead, IsTerminal, Write};

use rustix::{
    rand::{GetRandomFlags, getrandom},
    termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr},
};
use zeroize::Zeroizing;

use super::Failure;
use crate::boot::passwords::OwnPassword;

/// Asks for the password, and makes the line.
///
/// # Errors
/// Nothing was typed, or not twice the same.
pub(super) fn line() -> Result<String, Failure> {
    let failed = |error: io::Error| Failure::Failed(format!("the password could not be read: {error}"));
    let password = read("Password: ").map_err(failed)?;
    let again = read("The same again: ").map_err(failed)?;
    if password.is_empty() {
        return Err(Failure::Failed("an empty password locks nothing; type one".to_owned()));
    }
    if password != again {
        return Err(Failure::Failed("the two passwords differ; try again".to_owned()));
    }
    let mut salt = [0; 16];
    getrandom(&mut salt, GetRandomFlags::empty()).map_err(|error| failed(error.into()))?;
    let own = OwnPassword::new(&password, salt)
        .ok_or_else(|| Failure::Failed("no hash was made: 19 MiB of memory are not free".to_owned()))?;
    Ok(format!("password = {own}\n"))
}

/// A line from the standard input; a terminal does not show it.
fn read(question: &str) -> io::Result<Zeroizing<String>> {
    let input = io::stdin();
    let terminal = if input.is_terminal() { Some(tcgetattr(&input)?) } else { None };
    if let Some(modes) = &terminal {
        eprint!("{question}");
        io::stderr().flush()?;
        let mut silent = modes.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(&input, OptionalActions::Flush, &silent)?;
    }
    let mut line = Zeroizing::new(String::with_capacity(4096));
    let done = input.lock().read_line(&mut line);
    if let Some(modes) = &terminal {
        tcsetattr(&input, OptionalActions::Flush, modes)?;
        eprintln!();
    }
    done?;
    let length = line.trim_end_matches(['\r', '\n']).len();
    line.truncate(length);
    Ok(line)
}
