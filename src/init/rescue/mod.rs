//! The rescue console: lines typed on any console, commands from a table, nothing of the boot needed.
//!
//! It is a process of its own in the worker's place, so that PID 1 never waits for a terminal. It asks PID 1 for power
//! as the worker does; when it ends with status 0, PID 1 starts the worker again.

mod commands;
mod kernel_log;

use std::{
    ffi::OsString,
    os::fd::{AsFd, OwnedFd},
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use log::LevelFilter;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    net::{SendFlags, send},
    termios::{InputModes, LocalModes, OptionalActions, OutputModes, tcgetattr, tcsetattr},
};

use crate::{
    boot::settings::AfterFailure,
    boot::supervision::{Request, WORKER_END},
    formats::text::printable,
    sys::{inherited, kmsg},
    ui::console::Consoles,
};

/// Maximum time without a typed line on an unattended machine; after it, the machine carries out `after-failure`.
const UNATTENDED: Duration = Duration::from_secs(60);

const PROMPT: &str = "rescue> ";

/// Maximum length of a typed line, in bytes: the terminal's own limit.
const LINE_LIMIT: usize = 4096;

/// The result of a command.
enum Answer {
    /// This is shown where it was typed.
    Show(String),
    /// PID 1 is asked for this.
    Ask(Request),
    /// The worker takes over again.
    Leave,
}

/// The arguments of the rescue console: the action if nobody is there.
pub(super) fn arguments(unattended: AfterFailure) -> Vec<String> {
    let word = match unattended {
        AfterFailure::Menu => return vec!["rescue".to_owned()],
        AfterFailure::Reboot => "--reboot",
        AfterFailure::PowerOff => "--poweroff",
    };
    vec!["rescue".to_owned(), word.to_owned()]
}

/// The door `firstlight rescue [--reboot|--poweroff]`.
#[must_use]
pub fn run(arguments: &[OsString]) -> ExitCode {
    kmsg::install("firstlight rescue", LevelFilter::Info, printable);
    let unattended = match arguments.first().and_then(|word| word.to_str()) {
        Some("--reboot") => Some(Request::Reboot),
        Some("--poweroff") => Some(Request::PowerOff),
        _ => None,
    };
    let consoles = Consoles::open();
    let mut terminals = consoles.terminals();
    terminals.iter().for_each(|terminal| make_line_mode(terminal));
    consoles.write("\nfirstlight: rescue console. `help` lists the commands.\n");
    if let Some(request) = &unattended {
        let seconds = UNATTENDED.as_secs();
        consoles.write(&format!("Without a line typed within {seconds} s: {}.\n", describe(request)));
    }
    consoles.write(PROMPT);
    let init = inherited::take(WORKER_END).ok();
    let mut unattended = unattended.zip(Instant::now().checked_add(UNATTENDED));
    loop {
        let Some(ready) = wait(&terminals, init.as_ref(), unattended.as_ref().map(|(_, deadline)| *deadline))
        else {
            if let Some((request, _)) = unattended.take() {
                ask(init.as_ref(), &request);
            }
            continue;
        };
        if ready.init_is_gone {
            return ExitCode::FAILURE;
        }
        for terminal in ready.terminals {
            let Some(line) = read_line(&terminal) else {
                terminals.retain(|kept| !Arc::ptr_eq(kept, &terminal));
                continue;
            };
            unattended = None;
            match commands::answer(&line, &terminal) {
                Answer::Show(text) => {
                    Consoles::over(terminal.try_clone().into_iter().collect()).write(&(text + PROMPT));
                }
                Answer::Ask(request) => ask(init.as_ref(), &request),
                Answer::Leave => return ExitCode::SUCCESS,
            }
        }
    }
}

struct Ready {
    terminals: Vec<Arc<OwnedFd>>,
    init_is_gone: bool,
}

/// Until something was typed or PID 1 is gone; `None` once the deadline has passed.
fn wait(terminals: &[Arc<OwnedFd>], init: Option<&OwnedFd>, deadline: Option<Instant>) -> Option<Ready> {
    let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
    let timeout = left.and_then(|left| Timespec::try_from(left).ok());
    let descriptors = terminals.iter().map(AsFd::as_fd).chain(init.map(AsFd::as_fd));
    let mut polled: Vec<_> =
        descriptors.map(|descriptor| PollFd::from_borrowed_fd(descriptor, PollFlags::IN)).collect();
    match poll(&mut polled, timeout.as_ref()) {
        Ok(0) => return None,
        // Interrupted, or short of memory: nothing is ready, and the next turn waits again.
        Err(_) => return Some(Ready { terminals: Vec::new(), init_is_gone: false }),
        Ok(_) => {}
    }
    let ready: Vec<bool> = polled.iter().map(|polled| !polled.revents().is_empty()).collect();
    Some(Ready {
        terminals: terminals
            .iter()
            .zip(&ready)
            .filter(|(_, ready)| **ready)
            .map(|(one, _)| Arc::clone(one))
            .collect(),
        init_is_gone: init.is_some() && ready.last() == Some(&true),
    })
}

/// One line as the terminal gives it; `None` once it gives no more.
fn read_line(terminal: &OwnedFd) -> Option<String> {
    let mut line = [0_u8; LINE_LIMIT];
    match rustix::io::read(terminal, &mut line) {
        Ok(length @ 1..) => {
            let line = line.get(..length).unwrap_or_default();
            Some(String::from_utf8_lossy(line).trim().to_owned())
        }
        Err(Errno::AGAIN | Errno::INTR) => Some(String::new()),
        // End of file is Ctrl-D on a terminal that is still there.
        Ok(_) if tcgetattr(terminal).is_ok() => Some(String::new()),
        Ok(_) | Err(_) => None,
    }
}

fn ask(init: Option<&OwnedFd>, request: &Request) {
    let sent = init.map(|init| send(init, &request.encode(), SendFlags::NOSIGNAL));
    if !matches!(sent, Some(Ok(_))) {
        log::error!("PID 1 does not hear the rescue console");
    }
}

fn describe(request: &Request) -> &'static str {
    if *request == Request::PowerOff { "the machine powers off" } else { "the machine restarts" }
}

/// The terminal edits lines and echoes, whatever whoever had it before wanted.
fn make_line_mode(terminal: &OwnedFd) {
    let Ok(mut modes) = tcgetattr(terminal) else { return };
    modes.input_modes |= InputModes::ICRNL;
    modes.output_modes |= OutputModes::OPOST | OutputModes::ONLCR;
    modes.local_modes |= LocalModes::ICANON | LocalModes::ISIG | LocalModes::IEXTEN;
    modes.local_modes |= LocalModes::ECHO | LocalModes::ECHOE | LocalModes::ECHOK;
    // A terminal that stays as it is can still be typed on.
    let _ = tcsetattr(terminal, OptionalActions::Now, &modes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lone_console_that_hangs_up_is_noticed() {
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        rustix::io::write(&writer, b" devices \n").unwrap();
        assert_eq!(read_line(&reader).as_deref(), Some("devices"));
        drop(writer);
        assert_eq!(read_line(&reader), None);
    }

    #[test]
    fn the_deadline_and_the_end_of_pid_1_are_distinguished() {
        let (init, end) = rustix::pipe::pipe().unwrap();
        assert!(wait(&[], Some(&init), Some(Instant::now())).is_none());
        drop(end);
        assert!(wait(&[], Some(&init), None).unwrap().init_is_gone);
    }
}
