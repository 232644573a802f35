//! The load for the next jump: when one begins, when it is given up, and when it is jumped into.

use std::time::Duration;

use super::{Decider, WorkerAction, WorkerState, landmark, view::full_title};
use crate::{
    boot::{
        failures::LoadFailure,
        loader::AttemptError,
        supervision::{Request, Task},
        words,
    },
    entry::{Entry, FileReference},
    formats::text::printable,
    kexec::LoadedKernel,
};

/// Maximum time of a load; after it, the disk does not answer and the load has failed.
const LOAD_DEADLINE: Duration = Duration::from_secs(180);

/// Progress of the load for the next jump.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Load {
    #[default]
    Nothing,
    Begun {
        number: u64,
        entry: Box<Entry>,
        since: Duration,
    },
    Done {
        entry: Box<Entry>,
        kernel: LoadedKernel,
    },
}

impl Load {
    /// The time at which it is given up.
    pub(super) fn deadline(&self) -> Option<Duration> {
        match self {
            Self::Begun { since, .. } => Some(since.saturating_add(LOAD_DEADLINE)),
            Self::Nothing | Self::Done { .. } => None,
        }
    }
}

impl WorkerState {
    /// Whether a kernel is loaded.
    pub(super) fn is_loaded(&self) -> bool {
        matches!(self.load, Load::Done { .. })
    }

    /// Loads the entry, unless that is done or another load must end first.
    pub(super) fn load(&mut self, entry: Entry, now: Duration, actions: &mut Vec<WorkerAction>) {
        let entry = self.as_decided(entry);
        match &self.load {
            Load::Begun { .. } => return,
            Load::Done { entry: loaded, .. } if same_load(loaded, &entry) => return,
            // Were it left in place, it would be started where loading the other one fails.
            Load::Done { .. } => actions.push(WorkerAction::Unload),
            Load::Nothing => {}
        }
        self.loads = self.loads.saturating_add(1);
        let path = |file: &FileReference| format!("{}:{}", file.volume, file.full_path());
        let initrds: Vec<String> = entry.initrds.iter().map(path).collect();
        actions.push(WorkerAction::Ask(Request::Begin(Task::Entry(entry.id.clone()))));
        actions.push(landmark(
            "load",
            [
                ("id", entry.id.clone()),
                ("kernel", entry.kernel.as_ref().map(path).unwrap_or_default()),
                ("initrds", initrds.join(",")),
            ],
        ));
        // Who chooses an entry has read that it needs the word, or reads it now.
        let nokaslr = self.settings.nokaslr || matches!(self.decider, Decider::Person(_));
        // What a person has typed stays as it is: it began with the settings' words.
        let is_edited = self.edited.as_deref().is_some_and(|edited| *edited == entry);
        let cmdline = if is_edited { entry.cmdline.clone() } else { words::cmdline(&entry, &self.settings) };
        let with_words = Entry { cmdline, ..entry.clone() };
        actions.push(WorkerAction::Load { number: self.loads, entry: Box::new(with_words), nokaslr });
        self.load = Load::Begun { number: self.loads, entry: Box::new(entry), since: now };
    }

    /// Jumps into the entry, as soon as it is loaded.
    pub(super) fn boot(&mut self, entry: Entry, now: Duration, actions: &mut Vec<WorkerAction>) {
        let entry = self.as_decided(entry);
        match &self.load {
            Load::Done { entry: loaded, kernel } if same_load(loaded, &entry) => {
                let title = printable(&full_title(&entry));
                actions.push(WorkerAction::Jump { entry: entry.id, title, kernel: kernel.clone() });
                self.decider = Decider::Leaving;
            }
            _ => self.load(entry, now, actions),
        }
    }

    /// The entry with what its loader writes, which may keep what a person chose, and only that.
    fn as_decided(&self, mut entry: Entry) -> Entry {
        let is_chosen = matches!(self.decider, Decider::Person(_));
        entry.changes.retain(|change| is_chosen || !change.when_chosen);
        entry
    }

    /// Takes the result of the load with this number.
    pub(super) fn loaded(
        &mut self,
        number: u64,
        result: Result<LoadedKernel, AttemptError>,
        actions: &mut Vec<WorkerAction>,
    ) {
        match std::mem::take(&mut self.load) {
            Load::Begun { number: begun, entry, .. } if begun == number => {
                actions.push(WorkerAction::Ask(Request::End(Task::Entry(entry.id.clone()))));
                match result {
                    Ok(kernel) => {
                        kernel.warnings.iter().for_each(|warning| self.report(warning.clone()));
                        self.load = Load::Done { entry, kernel };
                    }
                    Err(error) => self.load_failed(&entry.id, error.into(), actions),
                }
            }
            // One that had been given up.
            other => self.load = other,
        }
    }

    pub(super) fn give_up_a_hanging_load(&mut self, now: Duration, actions: &mut Vec<WorkerAction>) {
        if let Load::Begun { entry, .. } = &self.load
            && self.load.deadline().is_some_and(|deadline| deadline <= now)
        {
            let id = entry.id.clone();
            self.load = Load::Nothing;
            actions.push(WorkerAction::Ask(Request::End(Task::Entry(id.clone()))));
            self.load_failed(&id, LoadFailure::NoAnswer { title: self.title(&id) }, actions);
        }
    }

    fn load_failed(&mut self, id: &str, failure: LoadFailure, actions: &mut Vec<WorkerAction>) {
        let reason = failure.to_string();
        actions.push(landmark(
            "fail",
            [("stage", "load".to_owned()), ("id", id.to_owned()), ("reason", reason.clone())],
        ));
        self.report(reason);
        self.failures.insert(id.to_owned(), failure);
        if self.decider == Decider::Person(Some(id.to_owned())) {
            self.decider = Decider::Person(None);
        }
    }
}

/// Whether a jump into one is a jump into the other.
fn same_load(one: &Entry, other: &Entry) -> bool {
    let parts = |entry: &Entry| {
        (
            entry.id.clone(),
            entry.kernel.clone(),
            entry.initrds.clone(),
            entry.cmdline.clone(),
            entry.changes.clone(),
        )
    };
    parts(one) == parts(other)
}
