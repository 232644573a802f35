//! Kernel modules: for the hardware that is there, for what appears later, and when the kernel itself asks.
//!
//! The uevent socket is opened before sysfs is walked, so that nothing falls between. All of it runs on threads of its
//! own: a driver that hangs in its start holds up neither PID 1 nor the other drivers.

mod idle;
mod insert;
mod loader;
mod modprobe;
mod parameters;
mod queue;
mod walk;

use std::{
    io,
    thread::{self, Builder},
    time::{Duration, Instant},
};

use idle::Idle;
use loader::{ModuleLoader, Tables};
pub(super) use modprobe::load_by_name;
pub use modprobe::run as modprobe;
use queue::Queue;
use rustix::{
    event::{PollFd, PollFlags, poll},
    fd::{AsFd, BorrowedFd, OwnedFd},
    io::Errno,
    pipe::{PipeFlags, pipe_with},
};

use crate::storage::uevent::{Socket, UeventAction, UeventMessage};

/// Modules that no device's alias names. One that this kernel lacks or has built in is not logged.
const ALWAYS: &[&str] = &[
    // The PC's own keyboard: machines whose firmware does not describe its controller have one all the same.
    "i8042", "atkbd",
];

/// Beginnings of aliases that are passed over: a processor's name only drivers that make something faster, and the kernel
/// asks for these itself when it has a use for them.
const PASSED_OVER: &[&str] = &["cpu:"];

/// Threads that load. Each load returns only when no driver's start runs any more (do_init_module in kernel/module/main.c calls
/// async_synchronize_full), though its module works by then: beside a disk that hangs, each load takes a thread for itself.
const LOADERS: usize = 32;

/// Size of the stack of such a thread, in bytes: decompressing calls nothing deep.
const STACK_SIZE: usize = 512 << 10;

/// Maximum number of rounds in which devices that appear while modules are loaded count as there at the start. Later ones are
/// served all the same.
const ROUNDS: usize = 32;

/// Maximum time for all drivers of the hardware that was there at the start; one that takes longer is not waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// The loading of the modules for the hardware that was there at the start.
#[derive(Debug)]
pub(super) struct Loading {
    /// The thread closes the other end when it is done.
    end: OwnedFd,
    deadline: Instant,
}

/// Starts it, unless there is no descriptor or thread left; where there is nothing to load it is over soon.
pub(super) fn start() -> Option<Loading> {
    Loading::start().inspect_err(|error| log::error!("no modules are loaded: {error}")).ok()
}

impl Loading {
    fn start() -> io::Result<Self> {
        let (end, open_until_loaded) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        Builder::new().name("modules".into()).spawn(move || match Socket::open() {
            Ok(socket) => {
                if let Some(tables) = Tables::read() {
                    serve(&tables, &socket, open_until_loaded);
                }
            }
            Err(error) => log::error!("no modules are loaded: uevents: {error}"),
        })?;
        let now = Instant::now();
        Ok(Self { end, deadline: now.checked_add(PATIENCE).unwrap_or(now) })
    }

    /// Readable when it is over.
    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.end.as_fd()
    }

    /// When it counts as over whatever happens.
    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Whether it is over.
    pub(super) fn is_over(&self) -> bool {
        if Instant::now() >= self.deadline {
            log::warn!("a driver has not started within {} s and is not waited for", PATIENCE.as_secs());
            return true;
        }
        rustix::io::read(&self.end, &mut [0_u8]) != Err(Errno::AGAIN)
    }
}

/// Loads what is asked for, for ever.
fn serve(tables: &Tables, socket: &Socket, open_until_loaded: OwnedFd) {
    let loader = ModuleLoader::new(tables).for_many();
    let queue = Queue::default();
    thread::scope(|scope| {
        let work = || queue.work(|request| loader.load_for_device(request));
        let thread = || Builder::new().name("modules-load".into()).stack_size(STACK_SIZE);
        let start = || thread().spawn_scoped(scope, work);
        let started = (0..LOADERS).filter(|_| start().is_ok()).count();
        match (started, Idle::start(scope, &queue)) {
            (1.., Ok(idle)) => {
                coldplug(&queue, socket, &idle);
                log::info!("the modules for the hardware that is there are loaded ({})", loader.count());
                drop(open_until_loaded);
                hotplug(&queue, socket);
            }
            _ => {
                log::error!("no modules are loaded: no thread can be started");
                drop(open_until_loaded);
            }
        }
    });
}

/// Everything that is there, and what appears because of it.
fn coldplug(queue: &Queue, socket: &Socket, idle: &Idle) {
    ALWAYS.iter().for_each(|name| queue.push(name));
    walk::modaliases(|modalias| wanted(queue, modalias));
    let mut is_heard = true;
    for _ in 0..ROUNDS {
        let known = queue.count();
        idle.begin();
        // A driver that starts brings devices that want others, whether or not its load has returned.
        while !idle.has_come() {
            let mut polled = vec![PollFd::from_borrowed_fd(idle.descriptor(), PollFlags::IN)];
            polled.extend(is_heard.then(|| PollFd::new(socket, PollFlags::IN)));
            // However it ends, both are looked at.
            let _ = poll(&mut polled, None);
            is_heard = take_waiting(queue, socket);
        }
        is_heard = take_waiting(queue, socket);
        if queue.count() == known {
            return;
        }
    }
}

/// Takes the messages that wait; whether more may come.
fn take_waiting(queue: &Queue, socket: &Socket) -> bool {
    loop {
        match socket.receive_waiting() {
            Ok(Some(message)) => take(queue, &message),
            Ok(None) => return true,
            Err(_) => return false,
        }
    }
}

/// Everything that appears later.
fn hotplug(queue: &Queue, socket: &Socket) {
    loop {
        match socket.receive() {
            Ok(message) => take(queue, &message),
            Err(error) => {
                log::error!("no modules are loaded for devices that appear from now on: {error}");
                return;
            }
        }
    }
}

fn take(queue: &Queue, message: &UeventMessage) {
    match message {
        UeventMessage::Event(event) if event.action != UeventAction::Remove => {
            event.modalias.iter().for_each(|modalias| wanted(queue, modalias));
        }
        UeventMessage::Event(_) => {}
        UeventMessage::Lost => walk::modaliases(|modalias| wanted(queue, modalias)),
    }
}

fn wanted(queue: &Queue, modalias: &str) {
    if !PASSED_OVER.iter().any(|beginning| modalias.starts_with(beginning)) {
        queue.push(modalias);
    }
}
