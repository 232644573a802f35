//! The entries that failed, and why: they are not tried again on their own.

use super::{
    loader::AttemptError,
    supervision::{Request, Task},
};
use crate::formats::name_map::NameMap;

/// Why an entry is not tried again on its own.
#[derive(Debug, thiserror::Error)]
pub enum LoadFailure {
    /// An earlier worker died on it.
    #[error("the worker died while loading it")]
    WorkerDied,
    /// The load did not end before its deadline.
    #[error("{title}: the disk does not answer; check it and its cables")]
    NoAnswer {
        /// Title of the entry.
        title: String,
    },
    /// The load ended without a loaded kernel.
    #[error(transparent)]
    Attempt(#[from] AttemptError),
}

/// The failures, by the ids of their entries.
#[derive(Debug, Default)]
pub struct Failures(NameMap<LoadFailure>);

impl Failures {
    /// Those of the entries with these ids, on which earlier workers died.
    #[must_use]
    pub fn of_earlier_workers(ids: Vec<String>) -> Self {
        let mut failures = Self::default();
        ids.into_iter().for_each(|id| failures.insert(id, LoadFailure::WorkerDied));
        failures
    }

    /// Notes why the entry failed.
    pub fn insert(&mut self, id: String, failure: LoadFailure) {
        self.0.insert(id, failure);
    }

    /// Forgets why the entry failed: it may be tried again.
    pub fn remove(&mut self, id: &str) {
        self.0.remove(id);
    }

    /// Forgets the failures of attempts in this process; gives whether there were any.
    pub fn forget_attempts(&mut self) -> bool {
        let before = self.0.len();
        self.0.retain(|_, failure| matches!(failure, LoadFailure::WorkerDied));
        self.0.len() < before
    }

    /// The entry has another id now.
    pub fn rename(&mut self, old: &str, new: &str) {
        if let Some(failure) = self.0.remove(old) {
            self.0.insert(new.to_owned(), failure);
        }
    }

    /// Forgets the failures of all entries but those for which `is_kept` holds.
    pub fn retain(&mut self, is_kept: impl Fn(&str) -> bool) {
        self.0.retain(|id, _| is_kept(id));
    }

    /// Why the entry failed. A long id reaches us cut when an earlier worker died on it.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&LoadFailure> {
        // Nearly always there are none, and every entry is asked for at each event.
        if self.0.is_empty() {
            return None;
        }
        self.0.get(id).or_else(|| {
            match Request::decode(&Request::Begin(Task::Entry(id.to_owned())).encode()) {
                Some(Request::Begin(Task::Entry(cut))) => self.0.get(&cut),
                _ => None,
            }
        })
    }
}
