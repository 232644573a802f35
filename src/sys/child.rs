//! Starting a process as the leader of a session of its own, with clean signals and given descriptors.
#![expect(unsafe_code, reason = "what a child does between fork and exec is outside what std can promise")]

use std::{
    io,
    os::{
        fd::{AsRawFd, OwnedFd, RawFd},
        unix::process::CommandExt,
    },
    process::{Child, Command, Stdio},
};

use nix::sys::signal::SigSet;

/// A process about to be started; nothing of the starter's session, signals or descriptors reaches it but what is named.
#[derive(Debug)]
pub struct Leader {
    command: Command,
    handed: Option<(OwnedFd, RawFd)>,
    terminal: bool,
}

impl Leader {
    /// Will run `command` as the leader of a new session and process group, with no signal blocked.
    #[must_use]
    pub fn new(command: Command) -> Self {
        Self { command, handed: None, terminal: false }
    }

    /// The process finds `descriptor` under the number `place`.
    ///
    /// # Errors
    ///
    /// When there is no descriptor left.
    pub fn hand(mut self, descriptor: &OwnedFd, place: RawFd) -> io::Result<Self> {
        // The lowest free number from `place` on: from now on `place` is taken, by this very copy or by something else,
        // and std's own pipe, through which a failed execve(2) is told, cannot get it.
        let held = rustix::io::fcntl_dupfd_cloexec(descriptor, place)?;
        self.handed = Some((held, place));
        Ok(self)
    }

    /// `terminal` becomes the process's standard input, output and error, and the controlling terminal of its session.
    ///
    /// # Errors
    ///
    /// When there is no descriptor left.
    pub fn on_terminal(mut self, terminal: &OwnedFd) -> io::Result<Self> {
        self.command.stdin(Stdio::from(terminal.try_clone()?));
        self.command.stdout(Stdio::from(terminal.try_clone()?));
        self.command.stderr(Stdio::from(terminal.try_clone()?));
        self.terminal = true;
        Ok(self)
    }

    /// Starts it.
    ///
    /// # Errors
    ///
    /// What fork(2) or execve(2) said, or the step between them that failed.
    pub fn spawn(self) -> io::Result<Child> {
        let Self { mut command, handed, terminal } = self;
        let prepare = move || {
            rustix::process::setsid()?;
            if terminal {
                rustix::process::ioctl_tiocsctty(io::stdin())?;
            }
            if let Some((descriptor, place)) = &handed {
                place_descriptor(descriptor, *place)?;
            }
            SigSet::empty().thread_set_mask()?;
            Ok(())
        };
        // SAFETY: the closure runs in the child after fork(2), where other threads' locks may stay locked for ever: it
        // makes system calls only, allocates nothing and takes no lock.
        unsafe { command.pre_exec(prepare) };
        command.spawn()
    }
}

/// Makes `descriptor` also known as `place`, to be kept over execve(2).
fn place_descriptor(descriptor: &OwnedFd, place: RawFd) -> io::Result<()> {
    // SAFETY: system calls on numbers, in a child that is about to execve(2): whatever stood under `place` is either this
    // descriptor or one that was to be closed on execve(2) anyway (see `Leader::hand`), and nothing here uses it.
    let result = unsafe {
        if descriptor.as_raw_fd() == place {
            libc::fcntl(place, libc::F_SETFD, 0)
        } else {
            libc::dup2(descriptor.as_raw_fd(), place)
        }
    };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use std::{fs::File, io::Read};

    use super::*;

    #[test]
    fn the_process_leads_a_session_and_finds_its_descriptor() {
        let (reader, writer) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).unwrap();
        let mut command = Command::new("/bin/sh");
        // Fields 1 and 6 of stat(5) are the process and its session.
        command.args(["-c", "read -r pid x x x x session x < /proc/$$/stat; echo $((pid == session)) >&7"]);
        let mut child = Leader::new(command).hand(&writer, 7).unwrap().spawn().unwrap();
        drop(writer);
        let mut said = String::new();
        File::from(reader).read_to_string(&mut said).unwrap();
        assert_eq!((said.as_str(), child.wait().unwrap().code()), ("1\n", Some(0)));
    }

    #[test]
    fn what_cannot_be_started_says_why() {
        let error = Leader::new(Command::new("/nowhere/program")).spawn().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
