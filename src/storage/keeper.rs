//! The books of the watch: which devices there are, which are being looked at, and what is to be done next. It does no
//! I/O and knows no clock but the time that it is told.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::{Duration, Instant},
};

use super::{
    OpenVolume,
    look::{Look, Order, Part},
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
}

#[derive(Debug)]
enum State {
    Queued,
    Looking {
        number: u64,
        deadline: Instant,
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
    Waiting { names: BTreeSet<String>, deadline: Instant },
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

    /// Something about a device changed. It is looked at again if its medium is another or its size, or if nothing came
    /// of the last look.
    pub fn changed(&mut self, device: Device, unfit: Option<String>, medium_changed: bool, now: Instant) {
        let rejected = |known: &Known| matches!(known.state, State::Rejected { .. });
        if medium_changed || self.devices.get(&device.name).is_some_and(rejected) {
            self.enter(device, unfit, now);
        } else {
            self.appeared(device, unfit, now);
        }
    }

    /// A device is gone.
    pub fn removed(&mut self, name: &str, now: Instant) {
        if let Some(known) = self.devices.remove(name) {
            self.queue.retain(|queued| queued.name != name);
            if matches!(known.state, State::Opened { .. } | State::Rejected { .. } | State::Late { .. }) {
                self.tell(Sighting::Gone(name.to_owned()));
            }
            self.settled(name, now);
        }
    }

    /// These are all devices that there are; others that were known are gone.
    pub fn only(&mut self, names: &[String], now: Instant) {
        let names: BTreeSet<&String> = names.iter().collect();
        let gone: Vec<String> = self.devices.keys().filter(|name| !names.contains(name)).cloned().collect();
        for name in gone {
            self.removed(&name, now);
        }
    }

    /// What came of a look. That of a device which has gone or changed since counts for nothing.
    pub fn looked(&mut self, name: &str, number: u64, look: Look, now: Instant) {
        self.actions.push_back(Action::Ended(name.to_owned()));
        let current = self.devices.get(name).is_some_and(|known| match known.state {
            State::Looking { number: current, .. } | State::Late { number: current } => current == number,
            _ => false,
        });
        if !current {
            return;
        }
        let wanted = match &look {
            Look::Rejected { part, .. } => part.clone(),
            _ => None,
        };
        let (state, sighting) = match look {
            Look::Gone => return self.removed(name, now),
            Look::Rejected { device, reason, part } => {
                (State::Rejected { part }, Sighting::Rejected { device, reason })
            }
            Look::Opened(open) => self.opened(open),
        };
        if let Some(known) = self.devices.get_mut(name) {
            known.state = state;
        }
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
            let open = |known: &Known| matches!(known.state, State::Queued | State::Looking { .. });
            let names = self.devices.iter().filter(|(_, known)| open(known)).map(|(name, _)| name.clone());
            self.barrier = Barrier::Waiting { names: names.collect(), deadline: now + self.limits.barrier };
            self.pass_barrier(now);
        }
    }

    /// Lets go of what took too long.
    pub fn expire(&mut self, now: Instant) {
        let late: Vec<String> = self
            .devices
            .iter()
            .filter(|(_, known)| matches!(known.state, State::Looking { deadline, .. } if deadline <= now))
            .map(|(name, _)| name.clone())
            .collect();
        for name in late {
            let Some(known) = self.devices.get_mut(&name) else { continue };
            let State::Looking { number, .. } = known.state else { continue };
            known.state = State::Late { number };
            let device = known.device.clone();
            let reason = format!("no answer within {} s; not waited for", self.limits.deadline.as_secs_f32());
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
        self.removed(&name, now);
        let state = if unfit.is_some() { State::Rejected { part: None } } else { State::Queued };
        self.devices.insert(name.clone(), Known { device: device.clone(), state });
        match unfit {
            Some(reason) => self.tell(Sighting::Rejected { device, reason }),
            None => self.queue.push_back(Order { name, ..Order::default() }),
        }
        self.start(now);
    }

    fn start(&mut self, now: Instant) {
        let looking =
            self.devices.values().filter(|known| matches!(known.state, State::Looking { .. })).count();
        for _ in looking..self.limits.looks {
            let Some(order) = self.queue.pop_front() else { break };
            let Some(known) = self.devices.get_mut(&order.name) else { continue };
            self.looks = self.looks.wrapping_add(1);
            known.state = State::Looking { number: self.looks, deadline: now + self.limits.deadline };
            self.actions.push_back(Action::Look { order, number: self.looks });
        }
    }

    /// Has a file system on several devices looked at by the first of them, once all are there, or `degraded` with those
    /// that are.
    fn assemble(&mut self, part: &Part, degraded: bool) {
        let is_part =
            |known: &Known| matches!(&known.state, State::Rejected { part: Some(of) } if of == part);
        let mut names: Vec<String> =
            self.devices.iter().filter(|(_, known)| is_part(known)).map(|(name, _)| name.clone()).collect();
        let complete = u64::try_from(names.len()).is_ok_and(|count| count >= part.count);
        if names.is_empty() || !(complete || degraded) {
            return;
        }
        let name = names.remove(0);
        if let Some(first) = self.devices.get_mut(&name) {
            first.state = State::Queued;
        }
        if let Barrier::Waiting { names, .. } = &mut self.barrier {
            names.insert(name.clone());
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
            names.remove(name);
        }
    }

    fn pass_barrier(&mut self, now: Instant) {
        // Nothing else is coming that anyone waits for: a mirror of which one disk is lost is read now.
        if matches!(&self.barrier, Barrier::Waiting { names, .. } if names.is_empty()) {
            let wanted = self.devices.values().filter_map(|known| match &known.state {
                State::Rejected { part } => part.clone(),
                _ => None,
            });
            for part in wanted.collect::<BTreeSet<Part>>() {
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

    fn tell(&mut self, sighting: Sighting) {
        self.actions.push_back(Action::Tell(sighting));
    }
}

fn same_as(name: &str) -> String {
    format!("part of the btrfs file system that is read through {name}")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{
        entry::{Filesystem, Transport, Volume},
        storage::root::Root,
    };

    const LIMITS: Limits =
        Limits { looks: 2, deadline: Duration::from_secs(10), barrier: Duration::from_secs(30) };

    fn device(name: &str) -> Device {
        Device {
            name: name.to_owned(),
            disk: name.to_owned(),
            partition: None,
            size: 1 << 30,
            transport: Transport::Scsi,
            removable: false,
            path: String::new(),
        }
    }

    fn volume(name: &str, kind: FilesystemKind) -> Look {
        let filesystem = Filesystem { kind, uuid: Some("one".to_owned()), label: None };
        let root = Root::from_directory(Path::new("/")).unwrap();
        Look::Opened(OpenVolume { volume: Volume { device: device(name), filesystem }, root })
    }

    fn rejected(name: &str) -> Look {
        Look::Rejected { device: device(name), reason: "swap space".to_owned(), part: None }
    }

    /// All that is to be done now, in words.
    fn actions(keeper: &mut Keeper) -> Vec<String> {
        let mut words = Vec::new();
        while let Some(action) = keeper.next_action() {
            words.push(match action {
                Action::Look { order, number } => {
                    let with = [vec![order.name], order.companions].concat().join("+");
                    format!("look {number} {with}{}", if order.degraded { " degraded" } else { "" })
                }
                Action::Ended(name) => format!("ended {name}"),
                Action::Tell(Sighting::Opened(open)) => format!("opened {}", open.volume.device.name),
                Action::Tell(Sighting::Rejected { device, reason }) => {
                    format!("rejected {}: {reason}", device.name)
                }
                Action::Tell(Sighting::Gone(name)) => format!("gone {name}"),
                Action::Tell(Sighting::KnownLookedAt) => "all looked at".to_owned(),
            });
        }
        words
    }

    fn with_devices(names: &[&str]) -> (Keeper, Instant) {
        let (mut keeper, now) = (Keeper::new(LIMITS), Instant::now());
        for name in names {
            keeper.appeared(device(name), None, now);
        }
        (keeper, now)
    }

    #[test]
    fn as_many_as_allowed_are_looked_at_and_the_others_wait_for_their_turn() {
        let (mut keeper, now) = with_devices(&["a", "b", "c", "d", "a"]);
        assert_eq!(actions(&mut keeper), ["look 1 a", "look 2 b"]);
        keeper.removed("c", now);
        keeper.looked("b", 2, volume("b", FilesystemKind::Ext4), now);
        assert_eq!(actions(&mut keeper), ["ended b", "opened b", "look 3 d"]);
        assert_eq!(keeper.next_deadline(), Some(now + LIMITS.deadline));
    }

    #[test]
    fn what_is_unfit_is_told_of_and_not_looked_at() {
        let (mut keeper, now) = with_devices(&[]);
        keeper.appeared(device("ram0"), Some("a RAM disk".to_owned()), now);
        assert_eq!(actions(&mut keeper), ["rejected ram0: a RAM disk"]);
    }

    #[test]
    fn a_device_that_hangs_holds_up_nobody_and_may_still_come_late() {
        let (mut keeper, now) = with_devices(&["a", "b", "c"]);
        keeper.looked("b", 2, rejected("b"), now);
        keeper.modules_loaded(now);
        assert_eq!(
            actions(&mut keeper),
            ["look 1 a", "look 2 b", "ended b", "rejected b: swap space", "look 3 c"]
        );
        keeper.looked("c", 3, volume("c", FilesystemKind::Xfs), now);
        keeper.expire(now + Duration::from_secs(9));
        assert_eq!(actions(&mut keeper), ["ended c", "opened c"]);
        keeper.expire(now + Duration::from_secs(10));
        assert_eq!(
            actions(&mut keeper),
            ["rejected a: no answer within 10 s; not waited for", "all looked at"]
        );
        keeper.looked("a", 1, volume("a", FilesystemKind::Ext4), now + Duration::from_secs(60));
        assert_eq!(actions(&mut keeper), ["ended a", "opened a"]);
    }

    #[test]
    fn the_barrier_falls_once_and_only_after_the_modules() {
        let (mut keeper, now) = with_devices(&["a"]);
        keeper.looked("a", 1, volume("a", FilesystemKind::Ext4), now);
        assert_eq!(actions(&mut keeper), ["look 1 a", "ended a", "opened a"]);
        keeper.modules_loaded(now);
        keeper.modules_loaded(now);
        assert_eq!(actions(&mut keeper), ["all looked at"]);
        keeper.appeared(device("b"), None, now);
        keeper.removed("b", now);
        assert_eq!(actions(&mut keeper), ["look 2 b"]);
    }

    #[test]
    fn the_barrier_does_not_wait_for_what_is_gone_or_came_later_or_for_ever() {
        let (mut keeper, now) = with_devices(&["a", "b"]);
        keeper.modules_loaded(now);
        keeper.appeared(device("late"), None, now);
        keeper.removed("a", now);
        assert_eq!(actions(&mut keeper), ["look 1 a", "look 2 b", "look 3 late"]);
        keeper.looked("b", 2, rejected("b"), now);
        assert_eq!(actions(&mut keeper), ["ended b", "rejected b: swap space", "all looked at"]);

        let names: Vec<String> = (0..100).map(|number| format!("hung{number}")).collect();
        let (mut keeper, now) = with_devices(&names.iter().map(String::as_str).collect::<Vec<_>>());
        keeper.modules_loaded(now);
        for seconds in [10, 20, 30] {
            keeper.expire(now + Duration::from_secs(seconds));
        }
        assert_eq!(actions(&mut keeper).iter().filter(|words| *words == "all looked at").count(), 1);
    }

    #[test]
    fn what_came_of_an_old_look_counts_for_nothing() {
        let (mut keeper, now) = with_devices(&["a"]);
        keeper.removed("a", now);
        keeper.looked("a", 1, volume("a", FilesystemKind::Ext4), now);
        keeper.appeared(device("a"), None, now);
        keeper.looked("a", 1, rejected("a"), now);
        assert_eq!(actions(&mut keeper), ["look 1 a", "ended a", "look 2 a", "ended a"]);
    }

    #[test]
    fn a_change_that_matters_leads_to_another_look() {
        let (mut keeper, now) = with_devices(&["sr0", "dm-0"]);
        keeper.looked("sr0", 1, volume("sr0", FilesystemKind::Iso9660), now);
        keeper.looked("dm-0", 2, rejected("dm-0"), now);
        actions(&mut keeper);
        keeper.changed(device("sr0"), None, false, now);
        assert!(actions(&mut keeper).is_empty());
        keeper.changed(device("sr0"), None, true, now);
        keeper.changed(device("dm-0"), None, false, now);
        assert_eq!(actions(&mut keeper), ["gone sr0", "look 3 sr0", "gone dm-0", "look 4 dm-0"]);
        keeper.looked("dm-0", 4, volume("dm-0", FilesystemKind::Ext4), now);
        keeper.appeared(Device { size: 2 << 30, ..device("dm-0") }, None, now);
        assert_eq!(actions(&mut keeper), ["ended dm-0", "opened dm-0", "gone dm-0", "look 5 dm-0"]);
    }

    #[test]
    fn a_walk_finds_what_went_unheard() {
        let (mut keeper, now) = with_devices(&["a", "b"]);
        keeper.looked("a", 1, volume("a", FilesystemKind::Ext4), now);
        keeper.only(&["b".to_owned()], now);
        assert_eq!(actions(&mut keeper), ["look 1 a", "look 2 b", "ended a", "opened a", "gone a"]);
    }

    #[test]
    fn a_btrfs_file_system_is_one_volume_and_two_copies_of_an_ext4_are_two() {
        let (mut keeper, now) = with_devices(&["a", "b"]);
        keeper.looked("a", 1, volume("a", FilesystemKind::Btrfs), now);
        keeper.looked("b", 2, volume("b", FilesystemKind::Btrfs), now);
        let reason = "rejected b: part of the btrfs file system that is read through a";
        assert_eq!(actions(&mut keeper).last().map(String::as_str), Some(reason));

        let (mut keeper, now) = with_devices(&["a", "b"]);
        keeper.looked("a", 1, volume("a", FilesystemKind::Ext4), now);
        keeper.looked("b", 2, volume("b", FilesystemKind::Ext4), now);
        assert_eq!(actions(&mut keeper).last().map(String::as_str), Some("opened b"));
    }

    fn part(name: &str, count: u64) -> Look {
        let part = Some(Part { uuid: "one".to_owned(), count });
        Look::Rejected { device: device(name), reason: "a part".to_owned(), part }
    }

    #[test]
    fn a_btrfs_file_system_on_several_devices_is_read_when_all_are_there() {
        let (mut keeper, now) = with_devices(&["a", "b"]);
        keeper.looked("b", 2, part("b", 2), now);
        keeper.modules_loaded(now);
        assert_eq!(actions(&mut keeper), ["look 1 a", "look 2 b", "ended b", "rejected b: a part"]);
        keeper.looked("a", 1, part("a", 2), now);
        assert_eq!(actions(&mut keeper), ["ended a", "rejected a: a part", "look 3 a+b"]);
        keeper.looked("a", 3, volume("a", FilesystemKind::Btrfs), now);
        let reason = "rejected b: part of the btrfs file system that is read through a";
        assert_eq!(actions(&mut keeper), ["ended a", "opened a", reason, "all looked at"]);
    }

    #[test]
    fn a_btrfs_file_system_with_a_lost_device_is_read_without_it_once_nothing_else_is_waited_for() {
        let (mut keeper, now) = with_devices(&["a", "b"]);
        keeper.looked("a", 1, part("a", 3), now);
        keeper.looked("b", 2, part("b", 3), now);
        actions(&mut keeper);
        keeper.modules_loaded(now);
        assert_eq!(actions(&mut keeper), ["look 3 a+b degraded"]);
        keeper.looked("a", 3, rejected("a"), now);
        assert_eq!(actions(&mut keeper), ["ended a", "rejected a: swap space", "look 4 b degraded"]);
        keeper.looked("b", 4, rejected("b"), now);
        assert_eq!(actions(&mut keeper), ["ended b", "rejected b: swap space", "all looked at"]);
    }
}
