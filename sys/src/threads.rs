//! Threads, started through one function whatever they do, and work that is given up when it takes too long.

use std::{
    io,
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread,
    time::Duration,
};

/// What a thread does. It is boxed, so that the code that starts a thread is there once.
pub type Work = Box<dyn FnOnce() + Send>;

/// Starts a thread of this name, with a stack of so many bytes or the usual one, that nobody waits for.
///
/// # Errors
/// The kernel's reason why there is no thread.
pub fn start(name: &str, stack: Option<usize>, work: Work) -> io::Result<()> {
    let mut thread = thread::Builder::new().name(name.to_owned());
    if let Some(size) = stack {
        thread = thread.stack_size(size);
    }
    thread.spawn(work).map(drop)
}

/// Does each piece of work on a thread of its own; gives whether all were done in time. A thread that is not done is abandoned, and
/// work without a thread is not done.
pub fn within(patience: Duration, name: &str, works: Vec<Work>) -> bool {
    let left = Arc::new((Mutex::new(works.len()), Condvar::new()));
    for work in works {
        let own = Arc::clone(&left);
        let started = start(
            name,
            None,
            Box::new(move || {
                work();
                let (left, changed) = &*own;
                let mut left = left.lock().unwrap_or_else(PoisonError::into_inner);
                *left = left.saturating_sub(1);
                changed.notify_all();
            }),
        );
        if let Err(error) = started {
            log::warn!("no thread ({name}): {error}");
            return false;
        }
    }
    let (left, changed) = &*left;
    let left = left.lock().unwrap_or_else(PoisonError::into_inner);
    let (left, _) =
        changed.wait_timeout_while(left, patience, |left| *left > 0).unwrap_or_else(PoisonError::into_inner);
    *left == 0
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn work_that_hangs_is_abandoned() {
        let (release, held) = mpsc::channel::<()>();
        let hangs: Work = Box::new(move || held.recv().unwrap_or(()));
        assert!(!within(Duration::from_millis(1), "hangs", vec![hangs, Box::new(|| {})]));
        drop(release);
    }

    #[test]
    fn all_of_the_work_is_done() {
        let (sender, done) = mpsc::channel();
        let works = (0..4).map(|number| {
            let sender = sender.clone();
            Box::new(move || sender.send(number).unwrap()) as Work
        });
        assert!(within(Duration::from_secs(60), "works", works.collect()));
        let mut numbers: Vec<i32> = done.try_iter().collect();
        numbers.sort_unstable();
        assert_eq!(numbers, [0, 1, 2, 3]);
        assert!(within(Duration::ZERO, "none", vec![]));
    }
}
