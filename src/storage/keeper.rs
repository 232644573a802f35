//! The books of the watch: which devices there are, which are being looked at, and what is to be done next. It does no
//! I/O and knows no clock but the time that it is told.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::{Duration, Instant},
};

use super::{
    OpenVolume,
    look::{Look, Looked, Order, Part},
    watch::Sighting,
};
use crate::entry::{Device, FilesystemKind};

/// How much is done at once, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Devices looked at at the same time; one that let its deadline pass does not count.
    pub looks: usize,
    /// How long a device may take to answer before nobody waits for it any more.
    pub deadline: Duration,
    /// How long all that were known when the modules were loaded may take together.
    pub barrier: Duration,
}

/// What is to be done.
#[derive(Debug)]
pub enum Action {
    /// Look at this device, and hand in what came of it with the same number.
    Look {
        /// What to look at.
        order: Order,
        /// Number of this look.
        number: u64,
    },
    /// Say that looking at this device ended.
    Ended(String),
    /// Say this.
    Tell(Sighting),
}

/// The books.
#[derive(Debug)]
pub struct Keeper {
    limits: Limits,
    /// By their names.
    devices: BTreeMap<String, Known>,
    queue: VecDeque<Order>,
    actions: VecDeque<Action>,
    looks: u64,
    barrier: Barrier,
}

#[derive(Debug)]
struct Known {
    device: Device,
    state: State,
    /// Number of the medium that the last look was at.
    medium: Option<u64>,
}

#[derive(Debug)]
enum State {
    Queued,
    Looking {
        number: u64,
        deadline: Instant,
        /// The medium changed meanwhile; to the one with this number.
        changed: Option<Option<u64>>,
    },
    /// Its deadline passed; the look may still come to an end.
    Late {
        number: u64,
    },
    /// Holds the UUID of a btrfs file system, which the kernel shows once however many devices bear it.
    Opened {
        btrfs: Option<String>,
    },
    /// Holds what it is a part of, as long as the other parts are wanted.
    Rejected {
        part: Option<Part>,
    },
}

#[derive(Debug)]
enum Barrier {
    Ahead,
    Waiting { names: Vec<String>, deadline: Instant },
    Passed,
}

impl Keeper {
    /// Empty books.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            devices: BTreeMap::new(),
            queue: VecDeque::new(),
            actions: VecDeque::new(),
            looks: 0,
            barrier: Barrier::Ahead,
        }
    }

    /// A device is there; `unfit` says why it need not be looked at. One that is known is looked at again if its size
    /// is another than it was.
    pub fn appeared(&mut self, device: Device, unfit: Option<String>, now: Instant) {
        if self.devices.get(&device.name).is_none_or(|known| known.device.size != device.size) {
            self.enter(device, unfit, now);
        }
    }

    /// Something about a device changed: its `medium`, with the number of the new one where the kernel numbers them, or
    /// something else. It is looked at again if its medium is another or its size, or if nothing came of the last look.
    pub fn changed(
        &mut self,
        device: Device,
        unfit: Option<String>,
        medium: Option<Option<u64>>,
        now: Instant,
    ) {
        let again = self.devices.get_mut(&device.name).is_none_or(|known| match (&mut known.state, medium) {
            // Opening the drive makes it tell of the medium that the look is at; which that is shows at its end.
            (State::Looking { changed, .. }, Some(number)) => {
                *changed = Some(number);
                false
            }
            (State::Rejected { .. }, None) => true,
            (_, Some(number)) => !is_at(known.medium, number),
            (_, None) => known.device.size != device.size,
        });
        if again {
            self.enter(device, unfit, now);
        }
    }

    /// A device is gone.
    pub fn removed(&mut self, name: &str, now: Instant) {
        self.forget(name);
        self.settled(name, now);
    }

    /// These are all devices that there are; others that were known are gone.
    pub fn only(&mut self, names: &[String], now: Instant) {
        let gone = self.names(|known| !names.contains(&known.device.name));
        for name in gone {
            self.removed(&name, now);
        }
    }

    /// What came of a look. That of a device which has gone or changed since counts for nothing.
    pub fn looked(&mut self, name: &str, number: u64, looked: Looked, now: Instant) {
        self.actions.push_back(Action::Ended(name.to_owned()));
        let Looked { look, medium } = looked;
        let Some(known) = self.devices.get(name) else { return };
        match known.state {
            State::Looking { number: current, changed, .. } if current == number => {
                if changed.is_some_and(|newer| !is_at(medium, newer)) {
                    return self.enter(known.device.clone(), None, now);
                }
            }
            State::Late { number: current } if current == number => {}
            _ => return,
        }
        let (device, wanted, (state, sighting)) = match look {
            Look::Gone => return self.removed(name, now),
            Look::Rejected { device, reason, part } => {
                let state = State::Rejected { part: part.clone() };
                (device.clone(), part, (state, Sighting::Rejected { device, reason }))
            }
            Look::Opened(open) => (open.volume.device.clone(), None, self.opened(open)),
        };
        self.devices.insert(device.name.clone(), Known { device, state, medium });
        self.tell(sighting);
        // Before the parts are put together, which may have someone wait for it again.
        self.leave_barrier(name);
        match wanted {
            Some(part) => self.assemble(&part, false),
            None => self.account_for_parts(name),
        }
        self.start(now);
        self.pass_barrier(now);
    }

    /// The modules for all hardware are loaded, and all devices that there are have been told of.
    pub fn modules_loaded(&mut self, now: Instant) {
        if matches!(self.barrier, Barrier::Ahead) {
            let names = self.names(|known| matches!(known.state, State::Queued | State::Looking { .. }));
            self.barrier = Barrier::Waiting { names, deadline: now + self.limits.barrier };
            self.pass_barrier(now);
        }
    }

    /// Lets go of what took too long.
    pub fn expire(&mut self, now: Instant) {
        let is_late =
            |known: &Known| matches!(known.state, State::Looking { deadline, .. } if deadline <= now);
        for name in self.names(is_late) {
            let Some(known) = self.devices.get_mut(&name) else { continue };
            let State::Looking { number, .. } = known.state else { continue };
            known.state = State::Late { number };
            let device = known.device.clone();
            let deadline = self.limits.deadline;
            let tenths = match deadline.subsec_millis() / 100 {
                0 => String::new(),
                tenths => format!(".{tenths}"),
            };
            let reason = format!("no answer within {}{tenths} s; not waited for", deadline.as_secs());
            self.tell(Sighting::Rejected { device, reason });
            self.settled(&name, now);
        }
        self.pass_barrier(now);
    }

    /// When [`Keeper::expire`] has something to do next.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        let looks = self.devices.values().filter_map(|known| match known.state {
            State::Looking { deadline, .. } => Some(deadline),
            _ => None,
        });
        let barrier = match self.barrier {
            Barrier::Waiting { deadline, .. } => Some(deadline),
            _ => None,
        };
        looks.chain(barrier).min()
    }

    /// What is to be done next.
    pub fn next_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    fn enter(&mut self, device: Device, unfit: Option<String>, now: Instant) {
        let name = device.name.clone();
        self.forget(&name);
        let state = if unfit.is_some() { State::Rejected { part: None } } else { State::Queued };
        self.devices.insert(name.clone(), Known { device: device.clone(), state, medium: None });
        match unfit {
            Some(reason) => {
                self.tell(Sighting::Rejected { device, reason });
                self.settled(&name, now);
            }
            None => self.queue.push_back(Order { name, ..Order::default() }),
        }
        self.start(now);
    }

    /// Strikes a device out, and says so if it was told of.
    fn forget(&mut self, name: &str) {
        self.queue.retain(|queued| queued.name != name);
        let Some(known) = self.devices.remove(name) else { return };
        if matches!(known.state, State::Opened { .. } | State::Rejected { .. } | State::Late { .. }) {
            self.tell(Sighting::Gone(known.device.name));
        }
    }

    fn start(&mut self, now: Instant) {
        let looking =
            self.devices.values().filter(|known| matches!(known.state, State::Looking { .. })).count();
        for _ in looking..self.limits.looks {
            let Some(order) = self.queue.pop_front() else { break };
            let number = self.looks.wrapping_add(1);
            let deadline = now + self.limits.deadline;
            let Some(known) = self.devices.get_mut(&order.name) else { continue };
            known.state = State::Looking { number, deadline, changed: None };
            self.looks = number;
            self.actions.push_back(Action::Look { order, number });
        }
    }

    /// Has a file system on several devices looked at by the first of them, once all are there, or `degraded` with those
    /// that are.
    fn assemble(&mut self, part: &Part, degraded: bool) {
        let mut names =
            self.names(|known| matches!(&known.state, State::Rejected { part: Some(of) } if of == part));
        let complete = u64::try_from(names.len()).is_ok_and(|count| count >= part.count);
        if names.is_empty() || !(complete || degraded) {
            return;
        }
        let name = names.remove(0);
        if let Some(first) = self.devices.get_mut(&name) {
            first.state = State::Queued;
        }
        if let Barrier::Waiting { names, .. } = &mut self.barrier {
            names.push(name.clone());
        }
        self.queue.push_back(Order { name, companions: names, degraded });
    }

    /// Where the file system on this device is read now, its other parts are no riddle any more.
    fn account_for_parts(&mut self, name: &str) {
        let Some(Known { state: State::Opened { btrfs: Some(uuid) }, .. }) = self.devices.get(name) else {
            return;
        };
        let uuid = uuid.clone();
        for known in self.devices.values_mut() {
            if matches!(&known.state, State::Rejected { part: Some(part) } if part.uuid == uuid) {
                known.state = State::Rejected { part: None };
                let sighting = Sighting::Rejected { device: known.device.clone(), reason: same_as(name) };
                self.actions.push_back(Action::Tell(sighting));
            }
        }
    }

    /// A file system that the kernel shows already is told of once.
    fn opened(&self, open: OpenVolume) -> (State, Sighting) {
        let filesystem = &open.volume.filesystem;
        let btrfs = filesystem.uuid.clone().filter(|_| filesystem.kind == FilesystemKind::Btrfs);
        let other = self.devices.values().find(
            |known| matches!(&known.state, State::Opened { btrfs: Some(uuid) } if Some(uuid) == btrfs.as_ref()),
        );
        match other {
            Some(other) => {
                let reason = same_as(&other.device.name);
                (State::Rejected { part: None }, Sighting::Rejected { device: open.volume.device, reason })
            }
            None => (State::Opened { btrfs }, Sighting::Opened(open)),
        }
    }

    /// Nobody waits for this device any more.
    fn settled(&mut self, name: &str, now: Instant) {
        self.leave_barrier(name);
        self.start(now);
        self.pass_barrier(now);
    }

    fn leave_barrier(&mut self, name: &str) {
        if let Barrier::Waiting { names, .. } = &mut self.barrier {
            names.retain(|waiting| waiting != name);
        }
    }

    fn pass_barrier(&mut self, now: Instant) {
        // Nothing else is coming that anyone waits for: a mirror of which one disk is lost is read now.
        if matches!(&self.barrier, Barrier::Waiting { names, .. } if names.is_empty()) {
            let wanted = self.devices.values().filter_map(|known| match &known.state {
                State::Rejected { part } => part.clone(),
                _ => None,
            });
            let wanted: BTreeSet<Part> = wanted.collect();
            for part in wanted {
                self.assemble(&part, true);
            }
            self.start(now);
        }
        if matches!(&self.barrier, Barrier::Waiting { names, deadline } if names.is_empty() || *deadline <= now)
        {
            self.barrier = Barrier::Passed;
            self.tell(Sighting::KnownLookedAt);
        }
    }

    fn names(&self, which: impl Fn(&Known) -> bool) -> Vec<String> {
        let which = self.devices.values().filter(|known| which(known));
        which.map(|known| known.device.name.clone()).collect()
    }

    fn tell(&mut self, sighting: Sighting) {
        self.actions.push_back(Action::Tell(sighting));
    }
}

/// Whether a look was at the medium that an event tells of, or at a later one. Without numbers nobody knows.
fn is_at(looked: Option<u64>, event: Option<u64>) -> bool {
    matches!((looked, event), (Some(looked), Some(event)) if looked >= event)
}

fn same_as(name: &str) -> String {
    format!("part of the btrfs file system that is read through {name}")
}

#[cfg(test)]
mod tests;
