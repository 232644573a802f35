//! PID 1's child, the worker or the rescue console: how it is started, heard and killed.

use std::{
    ffi::OsStr,
    io,
    time::{Duration, Instant},
};

use rustix::{
    fd::{AsFd, BorrowedFd, OwnedFd},
    io::Errno,
    net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socketpair},
    process::{Pid, Signal, WaitStatus, kill_process_group},
};

use super::supervise::Death;
use crate::{
    boot::remembered::{REMEMBERED, Remembered},
    boot::supervision::{Notice, PACKET_LIMIT, Request, WORKER_END},
    sys::child::Program,
};

/// Maximum number of packets that are read in one turn, so that a child that never stops sending cannot keep PID 1 from its
/// other work.
const PACKETS_A_TURN: usize = 64;

/// Maximum time between a child's hanging up and its death; after it, the child is killed.
const HANGING_UP: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(super) struct Child {
    pid: Pid,
    socket: OwnedFd,
    hung_up: bool,
    deadline: Option<Instant>,
}

impl Child {
    /// Starts our own binary again with these arguments; the worker is given what is `remembered`.
    pub(super) fn start(arguments: &[String], remembered: Option<&Remembered>) -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC;
        let (socket, childs_end) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
        let all: Vec<&str> = ["firstlight"].into_iter().chain(arguments.iter().map(String::as_str)).collect();
        let mut program =
            Program::new(OsStr::new("/proc/self/exe"), &all)?.leading().hand(&childs_end, WORKER_END)?;
        match remembered.map(Remembered::file) {
            Some(Ok(file)) => program = program.hand(&file, REMEMBERED)?,
            // A worker that remembers nothing is better than none.
            Some(Err(error)) => log::error!("the worker does not know what to pass over: {error}"),
            None => {}
        }
        let pid = program.spawn()?;
        Ok(Self { pid, socket, hung_up: false, deadline: None })
    }

    pub(super) fn pid(&self) -> Pid {
        self.pid
    }

    /// Readable when it said something or hung up; `None` once it has.
    pub(super) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        (!self.hung_up).then(|| self.socket.as_fd())
    }

    /// When a child that hung up must have died.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Whether it hung up long ago and lives; said once.
    pub(super) fn is_overdue(&mut self) -> bool {
        self.deadline.take_if(|deadline| *deadline <= Instant::now()).is_some()
    }

    /// Takes what it asks for, in order, without waiting.
    pub(super) fn hear(&mut self) -> Vec<Request> {
        let mut heard = Vec::new();
        let mut packet = [0_u8; PACKET_LIMIT];
        for _ in 0..PACKETS_A_TURN {
            if self.hung_up {
                break;
            }
            match recv(&self.socket, &mut packet, RecvFlags::DONTWAIT) {
                Ok((length @ 1.., _)) => match Request::decode(packet.get(..length).unwrap_or_default()) {
                    Some(request) => heard.push(request),
                    None => log::warn!("the worker sent an unknown request"),
                },
                Err(Errno::AGAIN) => break,
                Err(Errno::INTR) => {}
                // Nothing, or an error that will not go away: nothing more will come.
                Ok(_) | Err(_) => {
                    self.hung_up = true;
                    self.deadline = Instant::now().checked_add(HANGING_UP);
                }
            }
        }
        heard
    }

    /// Sends it a notice, without waiting.
    pub(super) fn notify(&self, notice: Notice) {
        if let Err(error) = send(&self.socket, notice.encode(), SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
            log::warn!("the worker did not get a notice: {error}");
        }
    }

    /// Kills it and every process of its group, also when it is gone itself.
    pub(super) fn kill(&self) {
        match kill_process_group(self.pid, Signal::KILL) {
            Ok(()) | Err(Errno::SRCH) => {}
            Err(error) => log::warn!("process group {} not killed: {error}", self.pid.as_raw_nonzero()),
        }
    }
}

/// The end of a process, from its status of wait(2).
pub(super) fn death(status: WaitStatus) -> Death {
    match status.terminating_signal() {
        Some(signal) => Death::Signal(signal),
        None => Death::Exit(status.exit_status().unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use rustix::{
        event::{PollFd, PollFlags, poll},
        process::WaitOptions,
    };

    use super::*;
    use crate::boot::{link::Link, supervision::Task};

    fn pair() -> (Child, OwnedFd) {
        let (socket, other) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap();
        (Child { pid: rustix::process::getpid(), socket, hung_up: false, deadline: None }, other)
    }

    #[test]
    fn what_a_child_said_before_it_hung_up_is_heard_first() {
        let (mut child, other) = pair();
        assert_eq!(child.hear(), []);
        let jump = Request::Jump { entry: "debian".into(), title: "Debian".into() };
        send(&other, &jump.encode(), SendFlags::empty()).unwrap();
        send(&other, b"\xff nonsense", SendFlags::empty()).unwrap();
        drop(other);
        assert_eq!(child.hear(), [jump]);
        assert_eq!((child.descriptor().is_none(), child.deadline().is_some()), (true, true));
        assert_eq!(child.hear(), []);
    }

    #[test]
    fn a_child_that_never_stops_sending_is_heard_in_turns() {
        let (mut child, other) = pair();
        let sent = std::iter::repeat_with(|| send(&other, &Request::Rescue.encode(), SendFlags::DONTWAIT))
            .take_while(Result::is_ok)
            .count();
        let mut turns = Vec::new();
        while turns.last() != Some(&0) {
            turns.push(child.hear().len());
        }
        assert_eq!(turns.iter().sum::<usize>(), sent);
        assert!(turns.iter().all(|turn| *turn <= PACKETS_A_TURN));
    }

    /// Takes the place of a worker: this test binary, running the test of this name.
    fn worker_of_a_test(name: &str) -> Child {
        let (socket, childs_end) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap();
        let program = std::env::current_exe().unwrap();
        let arguments = ["test", "--exact", "--ignored", name];
        let program = Program::new(program.as_os_str(), &arguments).unwrap().leading();
        let pid = program.hand(&childs_end, WORKER_END).unwrap().spawn().unwrap();
        Child { pid, socket, hung_up: false, deadline: None }
    }

    #[test]
    fn a_panic_in_any_thread_of_the_worker_is_heard_with_its_place_and_message() {
        let mut child = worker_of_a_test("init::child::tests::a_worker_that_panics");
        let mut heard = Vec::new();
        while !child.hung_up {
            poll(&mut [PollFd::new(&child.socket, PollFlags::IN)], None).unwrap();
            heard.extend(child.hear());
        }
        crate::sys::child::wait(child.pid, WaitOptions::empty()).unwrap();
        let [Request::Panicked(line)] = &heard[..] else { panic!("{heard:?}") };
        let (place, rest) = line.split_once(" in thread load: ").unwrap();
        assert_eq!(rest, "index out of bounds: the len is 3 but the index is 7");
        assert!(place.starts_with("panicked at src/init/child.rs:"), "{place}");
    }

    #[test]
    #[ignore = "panics; a_panic_in_any_thread_of_the_worker_is_heard_with_its_place_and_message runs it in its own process"]
    fn a_worker_that_panics() {
        Link::inherited().unwrap().report_panics();
        let places = [1, 2, 3];
        let load = move || places[std::hint::black_box(7)];
        std::thread::Builder::new().name("load".to_owned()).spawn(load).unwrap().join().unwrap_err();
    }

    #[test]
    fn a_worker_is_started_whatever_the_id_that_the_last_one_died_on() {
        let remembered = Remembered { pass_over: vec![Task::Entry("a\0b".into())], ..Remembered::default() };
        // This test binary takes the worker's place, and its harness refuses the option.
        let child = Child::start(&["--no-such-option".to_owned()], Some(&remembered)).unwrap();
        let status = crate::sys::child::wait(child.pid, WaitOptions::empty()).unwrap().unwrap();
        assert_eq!(status.code(), Some(101));
    }

    #[test]
    fn a_notice_to_a_child_that_is_gone_is_no_error() {
        let (child, other) = pair();
        drop(other);
        child.notify(Notice::JumpFailed);
    }
}
