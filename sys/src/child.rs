//! Starting a process with clean signals and given descriptors, as the leader of a session of its own where that is wanted:
//! posix_spawn(3).
//!
//! `std::process::Command` does the same and more, and is 15 KB of an image's program.

use std::{
    env,
    ffi::{CString, OsStr},
    io,
    os::{
        fd::{AsRawFd, OwnedFd, RawFd},
        unix::{
            ffi::{OsStrExt, OsStringExt},
            process::ExitStatusExt,
        },
    },
    process::ExitStatus,
};

use nix::{
    fcntl::OFlag,
    spawn::{PosixSpawnAttr, PosixSpawnFileActions, PosixSpawnFlags, posix_spawn},
    sys::{
        signal::{SigSet, Signal},
        stat::Mode,
    },
};
use rustix::process::{Pid, WaitOptions, waitpid};

/// A program about to be started; nothing of the starter's descriptors and blocked signals reaches it but what is named.
#[derive(Debug)]
pub struct Program {
    path: CString,
    arguments: Vec<CString>,
    environment: Vec<CString>,
    flags: PosixSpawnFlags,
    actions: PosixSpawnFileActions,
    /// Open until it has started.
    held: Vec<OwnedFd>,
}

impl Program {
    /// Will run the program at `path`, which finds `arguments`, beginning with its own name, and no environment.
    ///
    /// # Errors
    ///
    /// A zero inside of a string; no memory.
    pub fn new(path: &OsStr, arguments: &[impl AsRef<OsStr>]) -> io::Result<Self> {
        let arguments = arguments.iter().map(|argument| CString::new(argument.as_ref().as_bytes()));
        Ok(Self {
            path: CString::new(path.as_bytes())?,
            arguments: arguments.collect::<Result<_, _>>()?,
            environment: Vec::new(),
            flags: PosixSpawnFlags::POSIX_SPAWN_SETSIGDEF | PosixSpawnFlags::POSIX_SPAWN_SETSIGMASK,
            actions: PosixSpawnFileActions::init()?,
            held: Vec::new(),
        })
    }

    /// It leads a new session and process group, with our environment.
    #[must_use]
    pub fn leading(mut self) -> Self {
        self.flags |= PosixSpawnFlags::from_bits_retain(libc::POSIX_SPAWN_SETSID.into());
        self.environment = environment(&[]);
        self
    }

    /// It finds this environment (environ(7)).
    #[must_use]
    pub fn with_environment(self, environment: Vec<CString>) -> Self {
        Self { environment, ..self }
    }

    /// The process finds `descriptor` under the number `place`. Of several, the one with the least number goes first.
    ///
    /// # Errors
    ///
    /// When there is no descriptor left.
    pub fn hand(mut self, descriptor: &OwnedFd, place: RawFd) -> io::Result<Self> {
        // The lowest free number from `place` on, so that no later one is overwritten on the way.
        let held = rustix::io::fcntl_dupfd_cloexec(descriptor, place)?;
        self.actions.add_dup2(held.as_raw_fd(), place)?;
        self.held.push(held);
        Ok(self)
    }

    /// `terminal`, opened again, becomes the process's standard input, output and error, and the controlling terminal of the
    /// session that it leads (setsid(2), tty(4)); but /dev/console, opened by that name, becomes nobody's controlling terminal,
    /// and a shell there has no job control.
    ///
    /// # Errors
    ///
    /// When there is no memory.
    pub fn on_terminal(mut self, terminal: &OwnedFd) -> io::Result<Self> {
        let path = format!("/proc/self/fd/{}", terminal.as_raw_fd());
        self.actions.add_open(0, path.as_str(), OFlag::O_RDWR, Mode::empty())?;
        self.actions.add_dup2(0, 1)?;
        self.actions.add_dup2(0, 2)?;
        Ok(self)
    }

    /// Starts it.
    ///
    /// # Errors
    ///
    /// The error of fork(2), of execve(2) or of the step between them that failed.
    pub fn spawn(&self) -> io::Result<Pid> {
        let mut attributes = PosixSpawnAttr::init()?;
        attributes.set_flags(self.flags)?;
        attributes.set_sigmask(&SigSet::empty())?;
        // Rust's own start has the first ignored, a shell the others for what it runs in the background: nobody expects it of a program
        // that is started, which Ctrl-C would not end.
        let ignored = [Signal::SIGPIPE, Signal::SIGINT, Signal::SIGQUIT];
        attributes.set_sigdefault(&ignored.into_iter().collect())?;
        let pid = posix_spawn(
            self.path.as_c_str(),
            &self.actions,
            &attributes,
            &self.arguments,
            &self.environment,
        )?;
        Pid::from_raw(pid.as_raw()).ok_or(io::ErrorKind::InvalidData.into())
    }
}

/// Our environment as execve(2) takes it, without these variables.
#[must_use]
pub fn environment(without: &[&str]) -> Vec<CString> {
    let kept = env::vars_os().filter(|(name, _)| !without.iter().any(|other| name == other));
    // No string of the environment has a zero inside.
    kept.filter_map(|(name, value)| CString::new([name.into_vec(), value.into_vec()].join(&b'=')).ok())
        .collect()
}

/// How a child ended; `None` if it has not, and `options` say not to wait.
///
/// # Errors
///
/// The error of waitpid(2): it is no child of ours.
pub fn wait(child: Pid, options: WaitOptions) -> io::Result<Option<ExitStatus>> {
    let waited = rustix::io::retry_on_intr(|| waitpid(Some(child), options))?;
    Ok(waited.map(|(_, status)| ExitStatus::from_raw(status.as_raw())))
}

#[cfg(test)]
mod tests {
    use std::{fs::File, io::Read};

    use rustix::pipe::{PipeFlags, pipe_with};

    use super::*;

    fn shell(script: &str) -> Program {
        Program::new(OsStr::new("/bin/sh"), &["sh", "-c", script]).unwrap()
    }

    /// The output of a script on descriptor 7, and how it ends.
    fn said(program: Program) -> (String, Option<i32>) {
        let (reader, writer) = pipe_with(PipeFlags::CLOEXEC).unwrap();
        let program = program.hand(&writer, 7).unwrap();
        drop(writer);
        let child = program.spawn().unwrap();
        drop(program);
        let mut said = String::new();
        File::from(reader).read_to_string(&mut said).unwrap();
        (said, wait(child, WaitOptions::empty()).unwrap().unwrap().code())
    }

    #[test]
    fn the_process_leads_a_session_and_finds_its_descriptor() {
        // Fields 1 and 6 of stat(5) are the process and its session.
        let script =
            "read -r pid x x x x session x < /proc/$$/stat; echo $((pid == session)) ${HOME:+home} >&7";
        assert_eq!(said(shell(script).leading()), ("1 home\n".to_owned(), Some(0)));
        assert_eq!(said(shell(script)), ("0\n".to_owned(), Some(0)));
    }

    #[test]
    fn several_descriptors_keep_apart() {
        let pipes: Vec<_> = (0..3).map(|_| pipe_with(PipeFlags::CLOEXEC).unwrap()).collect();
        let mut program = shell("echo three >&3; echo four >&4; echo five >&5");
        for (place, (_, writer)) in (3..).zip(&pipes) {
            program = program.hand(writer, place).unwrap();
        }
        let child = program.spawn().unwrap();
        assert!(wait(child, WaitOptions::empty()).unwrap().unwrap().success());
        drop(program);
        for ((reader, writer), expected) in pipes.into_iter().zip(["three\n", "four\n", "five\n"]) {
            drop(writer);
            let mut said = String::new();
            File::from(reader).read_to_string(&mut said).unwrap();
            assert_eq!(said, expected);
        }
    }

    #[test]
    fn a_terminal_becomes_the_controlling_one() {
        let terminal = nix::pty::openpty(None, None).unwrap();
        // /dev/tty can be opened only where there is a controlling terminal.
        let script = "[ -t 0 ] && [ -t 1 ] && [ -t 2 ] && : < /dev/tty && echo yes >&7";
        let program = shell(script).leading().on_terminal(&terminal.slave).unwrap();
        assert_eq!(said(program), ("yes\n".to_owned(), Some(0)));
    }

    #[test]
    fn what_cannot_be_started_says_why() {
        let error = Program::new(OsStr::new("/nowhere/program"), &["program"]).unwrap().spawn().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert_eq!(Program::new(OsStr::new("a\0b"), &[""]).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }
}
