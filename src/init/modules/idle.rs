//! The event "nothing is left to load", for a thread that hears uevents meanwhile: a load beside a disk that hangs may not return.

use std::{
    io,
    thread::{Builder, Scope},
};

use rustix::{
    fd::{AsFd, BorrowedFd, OwnedFd},
    io::{read, retry_on_intr, write},
    pipe::{PipeFlags, pipe_with},
};

use super::{STACK_SIZE, queue::Queue};

/// A thread that waits for the queue.
#[derive(Debug)]
pub(super) struct Idle {
    begin: OwnedFd,
    event: OwnedFd,
}

impl Idle {
    /// Starts the thread.
    ///
    /// # Errors
    /// There is no descriptor or no thread left.
    pub(super) fn start<'scope>(scope: &'scope Scope<'scope, '_>, queue: &'scope Queue) -> io::Result<Self> {
        let (event, happened) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        let (waits, begin) = pipe_with(PipeFlags::CLOEXEC)?;
        let thread = Builder::new().name("modules-idle".into()).stack_size(STACK_SIZE);
        thread.spawn_scoped(scope, move || {
            while retry_on_intr(|| read(&waits, &mut [0_u8])).is_ok_and(|count| count > 0) {
                queue.wait_until_idle();
                // The other end is open as long as anybody waits.
                let _ = write(&happened, &[0]);
            }
        })?;
        Ok(Self { begin, event })
    }

    /// Begins to wait.
    pub(super) fn begin(&self) {
        // The thread ends when this end is closed.
        let _ = write(&self.begin, &[0]);
    }

    /// Readable when nothing waits and nobody works.
    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }

    /// Whether that was so; once for each time that was begun.
    pub(super) fn has_come(&self) -> bool {
        read(&self.event, &mut [0_u8]).is_ok_and(|count| count > 0)
    }
}
