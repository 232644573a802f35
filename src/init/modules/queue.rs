//! Requests that wait for a thread to load them, each one once.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

use crate::formats::name_table::NameNumbers;

/// The queue, shared by those who ask and those who load.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<QueueState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct QueueState {
    waiting: VecDeque<String>,
    seen: NameNumbers,
    busy: usize,
}

impl QueueState {
    fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.busy == 0
    }
}

impl Queue {
    /// Adds a request, unless the same was made before.
    pub(super) fn push(&self, request: &str) {
        let mut state = self.lock();
        if state.seen.is_new(request.to_owned()) {
            state.waiting.push_back(request.to_owned());
            self.changed.notify_all();
        }
    }

    /// Number of different requests so far.
    pub(super) fn count(&self) -> usize {
        self.lock().seen.len()
    }

    /// Returns once nothing waits and nobody works.
    pub(super) fn wait_until_idle(&self) {
        drop(self.changed.wait_while(self.lock(), |state| !state.is_idle()));
    }

    /// Does the requests as they come, for ever.
    pub(super) fn work(&self, load: impl Fn(&str)) {
        loop {
            let idle = self.changed.wait_while(self.lock(), |state| state.waiting.is_empty());
            let mut state = idle.unwrap_or_else(PoisonError::into_inner);
            let Some(request) = state.waiting.pop_front() else { continue };
            state.busy = state.busy.saturating_add(1);
            drop(state);
            load(&request);
            let mut state = self.lock();
            state.busy = state.busy.saturating_sub(1);
            self.changed.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{Arc, mpsc},
        thread,
    };

    use super::*;

    #[test]
    fn each_request_is_done_once_and_idle_means_done() {
        let queue = Arc::new(Queue::default());
        let (done, all_done) = mpsc::channel();
        for _ in 0..2 {
            let (queue, done) = (Arc::clone(&queue), done.clone());
            thread::spawn(move || {
                // A loaded driver leads to more requests, as a new bus has devices.
                queue.work(|request| {
                    if request == "bus" {
                        queue.push("device");
                    }
                    done.send(request.to_owned()).unwrap();
                });
            });
        }
        ["bus", "disk", "bus", "disk"].iter().for_each(|request| queue.push(request));
        queue.wait_until_idle();
        assert_eq!(queue.count(), 3);
        let mut requests: Vec<String> = all_done.try_iter().collect();
        requests.sort();
        assert_eq!(requests, ["bus", "device", "disk"]);
    }
}
