//! The rescue console: on each console a shell of its own ([`shell`]), nothing of the boot needed.
//!
//! It is a process of its own in the worker's place, so that PID 1 never waits for a terminal. The shells ask PID 1 for power as the
//! worker does; when one leaves, this process ends with status 0, and PID 1 starts the worker again.

mod boot;
mod complete;
mod edit;
mod editing;
mod files;
mod kernel;
mod kernel_log;
mod output;
mod power;
mod shell;
mod systems;
mod table;
mod terminal;
#[cfg(feature = "luks")]
mod unlock;
mod volumes;
mod words;

use std::{
    ffi::{OsStr, OsString},
    io,
    os::fd::{AsFd, OwnedFd},
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use log::LevelFilter;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    pipe::{PipeFlags, pipe_with},
    process::{Pid, Signal, WaitOptions, kill_process_group},
};
pub use shell::run as run_shell;

use crate::{
    boot::settings::AfterFailure,
    boot::supervision::{Request, WORKER_END},
    formats::text::printable,
    sys::{child, inherited, kmsg},
    ui::console::Consoles,
};

/// Maximum time without a typed line on an unattended machine; after it, the machine carries out `after-failure`.
const UNATTENDED: Duration = Duration::from_secs(60);

/// Maximum number of times that the shell of a console is started again.
const STARTS_LIMIT: u32 = 5;

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
    let terminals = consoles.terminals();
    terminals.iter().for_each(|terminal| terminal::make_line_mode(&**terminal));
    consoles.write("\nfirstlight: rescue console. `help` lists the commands.\n");
    if let Some(request) = &unattended {
        let seconds = UNATTENDED.as_secs();
        consoles.write(&format!("Without a line typed within {seconds} s: {}.\n", describe(request)));
    }
    let init = inherited::take(WORKER_END).ok();
    let mut shells: Vec<Console> =
        terminals.into_iter().filter_map(|terminal| Console::start(terminal, init.as_ref())).collect();
    let mut unattended = unattended.zip(Instant::now().checked_add(UNATTENDED));
    loop {
        let Some(ready) = wait(&shells, init.as_ref(), unattended.as_ref().map(|(_, deadline)| *deadline))
        else {
            if let Some((request, _)) = unattended.take()
                && shell::ask(init.as_ref(), &request).is_err()
            {
                log::error!("PID 1 does not hear the rescue console");
            }
            continue;
        };
        if ready.init_is_gone {
            return ExitCode::FAILURE;
        }
        for place in ready.shells.into_iter().rev() {
            let Some(console) = shells.get_mut(place) else { continue };
            match console.hear() {
                Heard::Used => unattended = None,
                Heard::Nothing => {}
                Heard::Left => {
                    shells.iter().for_each(Console::kill);
                    for sentence in volumes::detach_all() {
                        consoles.write(&format!("firstlight: {sentence}\n"));
                    }
                    return ExitCode::SUCCESS;
                }
                Heard::Ended => {
                    if !console.start_again(init.as_ref()) {
                        shells.remove(place);
                    }
                }
            }
        }
    }
}

/// One console and the shell on it.
#[derive(Debug)]
struct Console {
    terminal: Arc<OwnedFd>,
    shell: Pid,
    /// Readable when somebody uses the shell, and at its end.
    used: OwnedFd,
    starts: u32,
}

/// What came of a console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heard {
    /// A line was typed.
    Used,
    Nothing,
    /// The boot loader shall start again.
    Left,
    /// The shell is gone: its terminal hung up, or something ended it.
    Ended,
}

impl Console {
    fn start(terminal: Arc<OwnedFd>, init: Option<&OwnedFd>) -> Option<Self> {
        match start_shell(&terminal, init) {
            Ok((shell, used)) => Some(Self { terminal, shell, used, starts: 1 }),
            Err(error) => {
                log::error!("no shell on this console: {error}");
                None
            }
        }
    }

    /// Starts it anew where the terminal is still there; `false` where that is of no use.
    fn start_again(&mut self, init: Option<&OwnedFd>) -> bool {
        let is_there = rustix::termios::tcgetattr(&*self.terminal).is_ok();
        if !is_there || self.starts >= STARTS_LIMIT {
            return false;
        }
        self.starts = self.starts.saturating_add(1);
        match start_shell(&self.terminal, init) {
            Ok((shell, used)) => (self.shell, self.used) = (shell, used),
            Err(error) => log::error!("no shell on this console: {error}"),
        }
        true
    }

    fn hear(&self) -> Heard {
        match rustix::io::read(&self.used, &mut [0_u8]) {
            Ok(1..) => Heard::Used,
            Err(Errno::AGAIN | Errno::INTR) => Heard::Nothing,
            Ok(0) | Err(_) => {
                let status = child::wait(self.shell, WaitOptions::empty());
                if status.is_ok_and(|status| status.is_some_and(|status| status.success())) {
                    Heard::Left
                } else {
                    Heard::Ended
                }
            }
        }
    }

    /// Ends the shell; what runs on its terminal gets SIGHUP.
    fn kill(&self) {
        // It may be gone already.
        let _ = kill_process_group(self.shell, Signal::KILL);
    }
}

/// Starts a shell that leads a session on the terminal; the descriptor tells whether it is used, and of its end.
fn start_shell(terminal: &OwnedFd, init: Option<&OwnedFd>) -> io::Result<(Pid, OwnedFd)> {
    let (used, shells_end) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
    let program = child::Program::new(OsStr::new("/proc/self/exe"), &["firstlight", "shell"])?;
    let mut program = program.leading().on_terminal(terminal)?;
    if let Some(init) = init {
        program = program.hand(init, WORKER_END)?;
    }
    Ok((program.hand(&shells_end, shell::USED)?.spawn()?, used))
}

struct Ready {
    /// Places of those that have something to say.
    shells: Vec<usize>,
    init_is_gone: bool,
}

/// Until a shell is used or ends, or PID 1 is gone; `None` once the deadline has passed.
fn wait(shells: &[Console], init: Option<&OwnedFd>, deadline: Option<Instant>) -> Option<Ready> {
    let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
    let timeout = left.and_then(|left| Timespec::try_from(left).ok());
    let descriptors = shells.iter().map(|console| console.used.as_fd()).chain(init.map(AsFd::as_fd));
    let mut polled: Vec<_> =
        descriptors.map(|descriptor| PollFd::from_borrowed_fd(descriptor, PollFlags::IN)).collect();
    match poll(&mut polled, timeout.as_ref()) {
        Ok(0) => return None,
        // Interrupted, or short of memory: nothing is ready, and the next turn waits again.
        Err(_) => return Some(Ready { shells: Vec::new(), init_is_gone: false }),
        Ok(_) => {}
    }
    let is_ready = |place: &usize| polled.get(*place).is_some_and(|polled| !polled.revents().is_empty());
    Some(Ready {
        shells: (0..shells.len()).filter(is_ready).collect(),
        init_is_gone: init.is_some() && is_ready(&shells.len()),
    })
}

fn describe(request: &Request) -> &'static str {
    if *request == Request::PowerOff { "the machine powers off" } else { "the machine restarts" }
}

/// Shows what a word may become, as `ls` shows names.
fn show_choices(choices: &[String]) {
    // A person who has seen enough goes on typing.
    let _ = output::Output::standard().columns_of(choices);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deadline_and_the_end_of_pid_1_are_distinguished() {
        let (init, end) = rustix::pipe::pipe().unwrap();
        assert!(wait(&[], Some(&init), Some(Instant::now())).is_none());
        drop(end);
        assert!(wait(&[], Some(&init), None).unwrap().init_is_gone);
    }
}
