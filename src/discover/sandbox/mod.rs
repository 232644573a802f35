//! Discovery in a process that has nothing to lose: started anew from this very binary, confined, given read-only
//! directories, and given a deadline.
//!
//! A volume whose content ends that process loses its own entries and no others. Where there are several disks, each is searched
//! in a process of its own ([`divide`]), so that none of them speaks for another.

mod child;
mod codec;
mod confine;
mod divide;
mod isolate;
#[cfg(feature = "running-system")]
mod namespaces;
mod roots;
mod wire;

use std::{
    borrow::Borrow,
    ffi::OsStr,
    io::{self, Read},
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::net::UnixStream,
    },
    process::ExitStatus,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    pipe::{PipeFlags, pipe_with},
    process::{Pid, PidfdFlags, Signal, WaitOptions, kill_process, pidfd_open},
};

use self::wire::FinderRequest;
pub use self::{
    child::{run, run_probe},
    isolate::Verdicts,
};
use super::{
    explain::Survey,
    finder::Context,
    search::{Searched, conclude},
};
use crate::{
    entry::{Discovery, Volume, VolumeReference},
    formats::text,
    storage::{OpenVolume, watch::Progress},
    sys::child::{Program, wait},
};

/// How long a survey may take where nobody says otherwise.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// How long a process that was killed may take to end. One that waits for a dead disk does not end at all.
const END_DEADLINE: Duration = Duration::from_millis(300);

/// Maximum length of what a process says on its standard error, in bytes.
const WORDS_LIMIT: usize = 1024;

/// Maximum size of an answer, in bytes. [`super::share`] keeps the finders below it.
const ANSWER_LIMIT: usize = 16 << 20;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The process could not be started or given its work.
    #[error("cannot start the finder: {0}; is /proc mounted?")]
    Start(io::Error),
    /// It ended without an answer.
    #[error("the finder ended badly ({0})")]
    Died(ExitStatus),
    /// It took too long, and was killed.
    #[error("the finder took longer than {} seconds", .0.as_secs())]
    TimedOut(Duration),
    /// It gave more than an answer.
    #[error("the finder's answer is longer than {ANSWER_LIMIT} bytes")]
    TooLong,
    /// It gave something else.
    #[error("the finder's answer makes no sense")]
    Garbled,
}

/// Whether the finder's answer makes sense.
#[must_use]
pub fn is_understood(answer: &[u8]) -> bool {
    codec::decode::<Searched>(answer).is_some()
}

/// Finds everything that the volumes offer to boot.
///
/// # Errors
/// [`SandboxError`] if no volume could be searched at all.
pub fn discover(volumes: &[impl Borrow<OpenVolume>], context: &Context) -> Result<Discovery, SandboxError> {
    survey(volumes, context).map(|survey| survey.discovery)
}

/// How a survey is made: what earlier ones found out, how long it may take, and who learns what it waits for.
pub struct Conduct<'a> {
    /// The facts that configurations ask for.
    pub context: &'a Context,
    /// What is known of volumes; this survey adds to it.
    pub verdicts: &'a mut Verdicts,
    /// How long it may take.
    pub limit: Duration,
    /// Is given the volumes that a survey which has met with trouble still waits for.
    pub waiting: &'a (dyn Fn(Vec<VolumeReference>) + Sync),
    /// Has the volumes searched one at a time, and learns which of them one search after the other adds.
    pub apart: Option<&'a dyn Fn(Progress)>,
}

/// As [`survey`], with the images on the volumes that have to be mounted for that: they join the volumes.
///
/// # Errors
/// As [`survey`].
pub fn survey_with_images<V: Borrow<OpenVolume> + From<OpenVolume>>(
    volumes: &mut Vec<V>,
    conduct: &mut Conduct<'_>,
) -> Result<Survey, SandboxError> {
    let first = survey_as(volumes, conduct)?;
    let images = OpenVolume::images(volumes, &first.images);
    if images.is_empty() {
        return Ok(first);
    }
    volumes.extend(images.into_iter().map(V::from));
    survey_as(volumes, conduct)
}

/// Finds everything that the volumes offer to boot, and tells how that came about.
///
/// # Errors
/// [`SandboxError`] if the process that searches could not be started.
pub fn survey(volumes: &[impl Borrow<OpenVolume>], context: &Context) -> Result<Survey, SandboxError> {
    let mut verdicts = Verdicts::default();
    let conduct =
        Conduct { context, verdicts: &mut verdicts, limit: DEADLINE, waiting: &|_| {}, apart: None };
    survey_as(volumes, &mut { conduct })
}

fn survey_as(volumes: &[impl Borrow<OpenVolume>], conduct: &mut Conduct<'_>) -> Result<Survey, SandboxError> {
    let all: Vec<&OpenVolume> = volumes.iter().map(Borrow::borrow).collect();
    let Conduct { context, verdicts, limit, waiting, apart } = conduct;
    isolate::survey_by(&all, verdicts, *limit, *waiting, *apart, &|volumes, limit| {
        let program = Program::new(OsStr::new("/proc/self/exe"), &["firstlight", "finder"]);
        ask(program.map_err(SandboxError::Start)?, volumes, context, limit)
    })
}

/// Starts a process, gives it its work, and hears its answer.
fn ask(
    program: Program,
    volumes: &[&OpenVolume],
    context: &Context,
    deadline: Duration,
) -> Result<Survey, SandboxError> {
    let Ended { answer, status, said } = give_work(program, volumes, context, deadline)?;
    for line in said.lines() {
        log::warn!("the finder says: {line}");
    }
    match status {
        Some(status) if status.success() => {
            let (unconfined, answer) = wire::split_opening(&answer).ok_or(SandboxError::Garbled)?;
            let searched: Searched = codec::decode(answer).ok_or(SandboxError::Garbled)?;
            let volumes: Vec<Volume> = volumes.iter().map(|open| open.volume.clone()).collect();
            Ok(Survey { unconfined, ..conclude(&volumes, context, searched) })
        }
        Some(status) => Err(SandboxError::Died(status)),
        None => Err(SandboxError::TimedOut(deadline)),
    }
}

/// The end of a process in the finder's place.
#[derive(Debug)]
pub struct Probed {
    /// How it ended; `None` if it was killed at the deadline.
    pub status: Option<ExitStatus>,
    /// What could not be done to confine it.
    pub unconfined: Option<String>,
    /// What it wrote to its standard error.
    pub said: String,
}

/// Starts a program that calls [`run_probe`] as the finder is started, for a test.
///
/// # Errors
/// [`SandboxError`] if it could not be started or given its work.
pub fn probe(program: Program, volumes: &[&OpenVolume], context: &Context) -> Result<Probed, SandboxError> {
    let Ended { answer, status, said } = give_work(program, volumes, context, DEADLINE)?;
    let unconfined = wire::split_opening(&answer).and_then(|(unconfined, _)| unconfined);
    Ok(Probed { status, unconfined, said })
}

struct Ended {
    answer: Vec<u8>,
    status: Option<ExitStatus>,
    said: String,
}

fn give_work(
    program: Program,
    volumes: &[&OpenVolume],
    context: &Context,
    deadline: Duration,
) -> Result<Ended, SandboxError> {
    let end = Instant::now() + deadline;
    let Started { own, child, words } = start(program, deadline).map_err(SandboxError::Start)?;
    let request = FinderRequest {
        context: context.clone(),
        volumes: volumes.iter().map(|open| open.volume.clone()).collect(),
    };
    // A directory that something leads out of is handed over as a mount that nothing leads out of, where we may make one.
    let mounts: Vec<Option<OwnedFd>> = volumes.iter().map(|open| roots::apart(open.root.as_fd())).collect();
    let directories = volumes.iter().zip(&mounts);
    let directories: Vec<BorrowedFd<'_>> =
        directories.map(|(open, mount)| mount.as_ref().map_or(open.root.as_fd(), AsFd::as_fd)).collect();
    // A process that ended before it took its work shows in how it ended; it may have answered before.
    if let Err(error) = wire::send(&own, &request, &directories) {
        log::debug!("the finder did not take its work: {error}");
    }
    let answer = receive(&own, end, deadline);
    let status = reap(child, answer.is_ok().then_some(end));
    Ok(Ended { answer: answer?, status, said: said(words) })
}

/// A process, the socket that is its standard input and output, and the pipe that is its standard error.
struct Started {
    own: UnixStream,
    child: Pid,
    words: OwnedFd,
}

fn start(program: Program, deadline: Duration) -> io::Result<Started> {
    let (own, other) = UnixStream::pair()?;
    // A finder that does not take its work must not hold us up.
    own.set_write_timeout(Some(deadline))?;
    let other = OwnedFd::from(other);
    // Not our own standard error, which is the console: a process that a disk has taken over could read its keys. Neither end
    // waits for the other.
    let (words, writer) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
    // Its ends of the socket are closed here, so that the end of the process is the end of its answer.
    let child = program.hand(&other, 0)?.hand(&other, 1)?.hand(&writer, 2)?.spawn()?;
    Ok(Started { own, child, words })
}

/// What is in the pipe.
fn said(words: OwnedFd) -> String {
    let mut bytes = vec![0; WORDS_LIMIT];
    let length = rustix::io::read(words, &mut bytes).unwrap_or(0);
    bytes.truncate(length);
    text::decode_owned(bytes)
}

/// Reads to the end of the answer.
fn receive(mut socket: &UnixStream, end: Instant, deadline: Duration) -> Result<Vec<u8>, SandboxError> {
    let mut answer = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        if !wait_until_readable(socket, end) {
            return Err(SandboxError::TimedOut(deadline));
        }
        match socket.read(&mut buffer) {
            Ok(0) => return Ok(answer),
            Ok(count) => answer.extend_from_slice(buffer.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // The other end closed with part of its work unread.
            Err(_) => return Ok(answer),
        }
        if answer.len() > ANSWER_LIMIT {
            return Err(SandboxError::TooLong);
        }
    }
}

/// Takes the process's end, killing it if it does not come by then.
fn reap(child: Pid, end: Option<Instant>) -> Option<ExitStatus> {
    let pidfd = pidfd_open(child, PidfdFlags::empty()).ok();
    let ending = || wait(child, WaitOptions::NOHANG).ok().flatten();
    let ended = |end| pidfd.as_ref().is_none_or(|pidfd| wait_until_readable(pidfd, end));
    if end.is_some_and(ended)
        && let Some(status) = ending()
    {
        return Some(status);
    }
    // Fails only if it has ended.
    let _ = kill_process(child, Signal::KILL);
    ended(Instant::now() + END_DEADLINE);
    if ending().is_none() {
        log::warn!("a finder hangs in the kernel, perhaps on a dead disk; it is abandoned");
    }
    None
}

/// Whether that happens before the deadline.
fn wait_until_readable(descriptor: impl AsFd, end: Instant) -> bool {
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(left).ok();
        match poll(&mut [PollFd::new(&descriptor, PollFlags::IN)], timeout.as_ref()) {
            Err(rustix::io::Errno::INTR) => {}
            Ok(0) | Err(_) => return false,
            Ok(_) => return true,
        }
    }
}

#[cfg(test)]
mod tests;
