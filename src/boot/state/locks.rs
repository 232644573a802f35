//! Locks: who has to give a password before what, the question for it, and what comes of the answer. A password that was given
//! holds as long as this worker lives, as GRUB has it.

use std::time::Duration;

use super::{Decider, WorkerAction, WorkerState, landmark, view::full_title};
use crate::{
    boot::{
        passwords::{Answer, Question},
        supervision::Request,
    },
    entry::{Entry, Lock, Password},
    ui::{keys::Key, secret::SecretText},
};

/// Maximum time in which no try is taken after a wrong one.
const DELAY_LIMIT: Duration = Duration::from_secs(64);

/// What is wanted by whoever is asked for a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// To boot the entry with this id.
    Entry(String),
    /// To change the selected entry; the key that said so.
    Editor(Key),
    Rescue,
}

/// Whether a lock holds somebody up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Barrier {
    Open,
    /// A password opens it.
    Password,
    /// Nothing opens it.
    Closed,
}

/// The passwords that were given, and the question that is open.
#[derive(Debug, Default)]
pub(super) struct Locks {
    given: Vec<Password>,
    /// The machine's own has been given.
    own_given: bool,
    wanted: Option<Wanted>,
    /// Number of the try that is being checked.
    checking: Option<u64>,
    tries: u64,
    /// Wrong tries since the last right one.
    wrong: u32,
    /// After a wrong try: when the next one is taken.
    refused_until: Option<Duration>,
}

impl WorkerState {
    /// What stands before something with this lock, where the boot loader has one. `is_default` is what boots on its own: the
    /// machine's own password does not stand before that.
    fn barrier(&self, lock: Option<&Lock>, is_default: bool) -> Barrier {
        let has_own = self.settings.password.is_some();
        if self.locks.own_given {
            return Barrier::Open;
        }
        if has_own && !is_default {
            return if self.without_menu { Barrier::Closed } else { Barrier::Password };
        }
        let Some(lock) = lock else { return Barrier::Open };
        let mut own = self.passwords_of(lock);
        if own.any(|password| self.locks.given.contains(password)) {
            Barrier::Open
        } else if self.without_menu || lock.passwords.is_empty() && !has_own {
            // Nobody could type anything, or nothing that is typed is right.
            Barrier::Closed
        } else {
            Barrier::Password
        }
    }

    fn passwords_of(&self, lock: &Lock) -> impl Iterator<Item = &Password> {
        lock.passwords.iter().filter_map(|place| self.discovery.passwords.get(*place))
    }

    /// What stands before the boot of an entry.
    pub(super) fn barrier_before(&self, entry: &Entry) -> Barrier {
        self.barrier(entry.lock.as_ref(), self.default.as_ref() == Some(&entry.id))
    }

    /// What stands before the loader's own command line, and so before the rescue console.
    pub(super) fn barrier_before_console(&self) -> Barrier {
        self.barrier(self.discovery.lock.as_ref(), false)
    }

    /// What stands before a change of an entry.
    pub(super) fn barrier_before_editor(&self, entry: &Entry) -> Barrier {
        self.barrier_before_console().max(self.barrier(entry.lock.as_ref(), false))
    }

    /// Whether anybody is asked before the rescue console opens.
    pub(super) fn has_console_lock(&self) -> bool {
        self.settings.password.is_some() || self.discovery.lock.is_some()
    }

    /// Asks for the password that opens the way to what is wanted.
    pub(super) fn ask(&mut self, wanted: Wanted, actions: &mut Vec<WorkerAction>) {
        let what = match &wanted {
            Wanted::Entry(id) => format!("{} is locked.", self.title(id)),
            Wanted::Editor(_) => "To change entries takes a password.".to_owned(),
            Wanted::Rescue => "The rescue console is locked.".to_owned(),
        };
        self.locks.wanted = Some(wanted);
        let question = self.question();
        let what = match (question.asks_user(), question.own.is_some()) {
            (true, true) => format!("{what} The machine's own password needs no user name."),
            _ => what,
        };
        self.menu.ask(what, question.asks_user());
        self.decider = Decider::Person(None);
        if self.locks.refused_until.is_none() {
            actions.push(self.waits_for_password());
        }
    }

    /// The landmark that says that a password can be typed.
    fn waits_for_password(&self) -> WorkerAction {
        let name = match &self.locks.wanted {
            Some(Wanted::Entry(id)) => id,
            Some(Wanted::Editor(_)) => "editor",
            Some(Wanted::Rescue) | None => "rescue",
        };
        landmark("password", [("for", name.to_owned())])
    }

    /// Takes the next try, if it is time.
    pub(super) fn listen_again(&mut self, actions: &mut Vec<WorkerAction>) {
        if self.locks.refused_until.take_if(|end| *end <= self.now).is_some() && self.menu.is_asking() {
            actions.push(self.waits_for_password());
        }
    }

    /// What opens the way to what is wanted.
    fn question(&self) -> Question {
        let own = self.settings.password.clone();
        let (lock, is_default) = match &self.locks.wanted {
            Some(Wanted::Entry(id)) => {
                (self.entry(id).and_then(|entry| entry.lock.as_ref()), self.default.as_ref() == Some(id))
            }
            Some(Wanted::Editor(_)) => {
                let selected = self.menu.entries().selected().and_then(|item| self.entry(&item.id));
                let of_entry = selected.and_then(|entry| entry.lock.as_ref());
                // Where both are closed, the second is asked for afterwards.
                match self.barrier_before_console() {
                    Barrier::Open => (of_entry, false),
                    _ => (self.discovery.lock.as_ref(), false),
                }
            }
            Some(Wanted::Rescue) | None => (self.discovery.lock.as_ref(), false),
        };
        // The machine's own stands above the loader's.
        let lock = lock.filter(|_| own.is_none() || is_default);
        let passwords = lock.map_or_else(Vec::new, |lock| self.passwords_of(lock).cloned().collect());
        Question { passwords, own }
    }

    /// Whether keys for the question are passed over: a try is being checked, or the last one was wrong a short while ago.
    pub(super) fn passes_over_keys(&self) -> bool {
        self.menu.is_asking() && (self.locks.checking.is_some() || self.locks.refused_until.is_some())
    }

    /// When keys are taken again.
    pub(super) fn refused_until(&self) -> Option<Duration> {
        self.locks.refused_until
    }

    /// The line for the question.
    pub(super) fn what_comes_of_answer(&self) -> Option<String> {
        if !self.menu.is_asking() {
            return None;
        }
        if self.locks.checking.is_some() {
            return Some("The password is checked ...".to_owned());
        }
        let left = self.locks.refused_until?.saturating_sub(self.now);
        Some(format!("That is not right. The next try is in {} s.", super::view::seconds(left)))
    }

    /// Has a try checked.
    pub(super) fn answered(&mut self, user: String, typed: SecretText, actions: &mut Vec<WorkerAction>) {
        self.locks.tries = self.locks.tries.saturating_add(1);
        self.locks.checking = Some(self.locks.tries);
        let question = Box::new(self.question());
        actions.push(WorkerAction::CheckPassword { number: self.locks.tries, question, user, typed });
    }

    /// Takes what came of the try with this number.
    pub(super) fn checked(&mut self, number: u64, answer: Answer, actions: &mut Vec<WorkerAction>) {
        if self.locks.checking != Some(number) {
            return;
        }
        self.locks.checking = None;
        match answer {
            Answer::Wrong => {
                let delay = 1_u64.checked_shl(self.locks.wrong).unwrap_or(u64::MAX);
                let delay = Duration::from_secs(delay).min(DELAY_LIMIT);
                self.locks.wrong = self.locks.wrong.saturating_add(1);
                self.locks.refused_until = Some(self.now.saturating_add(delay));
                return actions.push(landmark("wrong-password", [("wait", delay.as_secs().to_string())]));
            }
            Answer::Own => self.locks.own_given = true,
            Answer::Password(password) => self.locks.given.push(password),
        }
        (self.locks.wrong, self.menu_stale) = (0, true);
        // Who has gone back to the menu meanwhile wants nothing any more.
        let wanted = self.locks.wanted.take().filter(|_| self.menu.is_asking());
        self.menu.answered();
        match wanted {
            Some(Wanted::Entry(id)) => self.decider = Decider::Person(Some(id)),
            Some(Wanted::Editor(key)) => self.pressed(key, actions),
            Some(Wanted::Rescue) => {
                self.rescue_asked = true;
                actions.push(WorkerAction::Ask(Request::Lock(false)));
            }
            None => {}
        }
    }

    /// Says that an entry stays locked.
    pub(super) fn report_closed(&mut self, entry: &Entry) {
        self.report(format!("{} is locked: {CLOSED}.", full_title(entry)));
    }
}

/// Why nothing opens a lock.
pub(super) const CLOSED: &str =
    "the boot loader's configuration asks for a password before it, and sets none that can be checked here";
