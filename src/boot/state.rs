//! The worker's decisions as a pure state machine. Events of every thread go in with the time, actions come out; nothing here
//! waits, reads or writes.

#[cfg(test)]
mod tests;
mod view;

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

pub use self::view::Visibility;
use self::view::full_title;
use super::{
    election::{self, Electorate},
    explain,
    loader::AttemptError,
    settings::{AfterFailure, Settings, Timeout},
    supervision::{Notice, Request, Task},
};
use crate::{
    entry::{Device, Discovery, Entry, TimeoutStyle, Volume, VolumeId},
    formats::{text::printable, volume_name::VolumeName},
    kexec::LoadedKernel,
    storage::rejection::Rejection,
    ui::{
        keys::Key,
        menu::{BootMenu, MenuChoice},
    },
};

/// Maximum number of entries with a landmark of their own; more would only hold up a serial line.
const ENTRY_LANDMARKS: usize = 32;

/// Maximum number of messages that are kept.
const MESSAGE_LIMIT: usize = 64;

/// The time in which a key stops the action of `after-failure`.
const GRACE: Duration = Duration::from_secs(10);

/// Maximum time of a load; after it, the disk does not answer and the load has failed.
const LOAD_DEADLINE: Duration = Duration::from_secs(180);

/// Reasons why a person cannot choose something.
const LOCKED: &str =
    "the boot loader's configuration asks for a password before it, and none can be typed here yet";
const LOCKED_CONSOLE: &str = "The rescue console is locked: the boot loader's configuration asks for a password before its \
                              own command line, and none can be typed here yet.";

#[derive(Debug)]
pub enum Event {
    /// A volume can be read.
    Found(Volume),
    /// Nothing can be read from a device, for this reason.
    Rejected(Device, Rejection),
    /// The device of this kernel name is gone.
    Gone(String),
    /// The firmware's boot order names these partitions, by their UUIDs.
    BootOrder(Vec<String>),
    /// Every device that was there at the start has been probed.
    KnownProbed,
    /// Discovery of the volumes ended, which [`WorkerAction::Discover`] began.
    Discovered(Result<Discovery, String>),
    /// The load with this number ended.
    Loaded(u64, Result<LoadedKernel, AttemptError>),
    Key(Key),
    /// PID 1 has sent a notice.
    Notice(Notice),
    /// A moment that [`WorkerState::next_moment`] named has come.
    Moment,
}

/// An action that the worker carries out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WorkerAction {
    /// Find the entries of all volumes that are there.
    Discover,
    /// Load this entry; the number comes back with the result.
    Load(u64, Box<Entry>),
    Unload,
    /// Carry out the actions that were left until the jump, and have PID 1 jump.
    Jump {
        /// Id of the entry.
        entry: String,
        /// Its title.
        title: String,
        /// Its kernel, which is loaded.
        kernel: LoadedKernel,
    },
    /// Send this request to PID 1.
    Ask(Request),
    /// Write a landmark for tests and fleet tools.
    Landmark(&'static str, Vec<(&'static str, String)>),
    Redraw,
}

/// Progress of the load for the next jump.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Load {
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

/// Who decides what boots.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Decider {
    /// The election, when the countdown is over.
    Automatic,
    /// A person, who has chosen the entry with this id or not yet any.
    Person(Option<String>),
    /// Nobody any more: PID 1 ends this process.
    Leaving,
}

/// The state of the worker.
#[derive(Debug)]
pub struct WorkerState {
    settings: Settings,
    firmware: Vec<String>,
    volumes: Vec<Volume>,
    rejected: Vec<(Device, Rejection)>,
    late: HashSet<String>,
    known_probed: bool,
    discovering: bool,
    changed: bool,
    /// The choice waits for a discovery that begins from now on.
    awaited: bool,
    /// It waits for the one that runs.
    awaited_now: bool,
    discovery: Discovery,
    failed: HashMap<String, String>,
    announced: HashSet<String>,
    default: Option<String>,
    explained: Vec<(String, String)>,
    /// The last report to PID 1 whether the rescue console is locked.
    lock_reported: bool,
    /// Somebody has asked for the rescue console before it was known whether it is locked.
    rescue_asked: bool,
    first_default: Option<Duration>,
    nothing_since: Option<Duration>,
    load: Load,
    loads: u64,
    decider: Decider,
    menu: BootMenu,
    messages: Vec<String>,
}

impl WorkerState {
    /// At the start. `passed_over` holds the ids of entries that an earlier worker died on.
    #[must_use]
    pub fn new(settings: Settings, passed_over: Vec<String>) -> Self {
        let reason = "the worker died while loading it";
        Self {
            settings,
            firmware: Vec::new(),
            volumes: Vec::new(),
            rejected: Vec::new(),
            late: HashSet::new(),
            known_probed: false,
            discovering: false,
            changed: false,
            awaited: false,
            awaited_now: false,
            discovery: Discovery::default(),
            failed: passed_over.into_iter().map(|id| (id, reason.to_owned())).collect(),
            announced: HashSet::new(),
            default: None,
            explained: Vec::new(),
            lock_reported: false,
            rescue_asked: false,
            first_default: None,
            nothing_since: None,
            load: Load::Nothing,
            loads: 0,
            decider: Decider::Automatic,
            menu: BootMenu::default(),
            messages: Vec::new(),
        }
    }

    /// Adds a message for the person.
    pub fn report(&mut self, message: String) {
        if self.messages.len() < MESSAGE_LIMIT {
            self.messages.push(message);
        }
    }

    /// Takes an event and gives what to do, in order. `now` is any clock that never goes back.
    pub fn on(&mut self, event: Event, now: Duration) -> Vec<WorkerAction> {
        let mut actions = Vec::new();
        if self.decider == Decider::Leaving {
            return actions;
        }
        match event {
            Event::Found(volume) => self.found(volume, &mut actions),
            Event::Rejected(device, rejection) => {
                self.forget(&device.name);
                self.note_late(&device);
                self.rejected.push((device, rejection));
            }
            Event::Gone(name) => self.forget(&name),
            Event::BootOrder(order) => {
                // It also tells which loader on a disk is the one that counts.
                self.changed |= self.firmware != order && !self.volumes.is_empty();
                self.awaited |= self.changed;
                self.firmware = order;
            }
            Event::KnownProbed => self.known_probed = true,
            Event::Discovered(result) => self.discovered(result, &mut actions),
            Event::Loaded(number, result) => self.loaded(number, result, &mut actions),
            Event::Key(key) => self.pressed(key, &mut actions),
            Event::Notice(Notice::JumpFailed) => {
                self.report("The jump into the loaded kernel failed.".to_owned());
                actions.push(WorkerAction::Unload);
            }
            Event::Notice(Notice::ModulesLoaded) | Event::Moment => {}
        }
        self.decide(now, &mut actions);
        actions
    }

    fn entry(&self, id: &str) -> Option<&Entry> {
        self.discovery.entries.iter().find(|entry| entry.id == id)
    }

    fn timeout(&self) -> Option<Timeout> {
        self.settings.timeout.or(self.discovery.timeout.map(Timeout::Seconds))
    }

    /// The appearance of the countdown.
    fn timeout_style(&self) -> TimeoutStyle {
        let unset = match self.settings.timeout {
            Some(_) => TimeoutStyle::Menu,
            None => self.discovery.timeout_style,
        };
        self.settings.timeout_style.unwrap_or(unset)
    }

    /// When the countdown ends; `None` if it waits for a person, or has not begun.
    fn deadline(&self) -> Option<Duration> {
        match (self.timeout(), &self.decider) {
            (Some(Timeout::Seconds(seconds)), Decider::Automatic) => {
                Some(self.first_default?.saturating_add(Duration::from_secs(seconds.into())))
            }
            _ => None,
        }
    }

    /// The time at which the action of `after-failure` happens.
    fn grace_ends(&self) -> Option<Duration> {
        let strikes = self.decider == Decider::Automatic && self.settings.after_failure != AfterFailure::Menu;
        self.nothing_since.filter(|_| strikes).map(|since| since.saturating_add(GRACE))
    }

    /// Volumes that the settings wait for and that are not there.
    fn missing(&self) -> Vec<String> {
        let missing = |name: &&_| !election::all_there(std::slice::from_ref(*name), &self.volumes);
        self.settings.wait.iter().filter(missing).map(|name| printable(&name.to_string())).collect()
    }

    /// Whether everything that the choice depends on is known.
    fn settled(&self) -> bool {
        self.all_probed() && self.missing().is_empty()
    }

    /// Whether every device that was there at the start has been probed. Before that, nobody knows which configuration decides
    /// and whether it lets a person choose without a password.
    fn all_probed(&self) -> bool {
        self.known_probed && !self.awaited && !self.awaited_now
    }

    fn found(&mut self, volume: Volume, actions: &mut Vec<WorkerAction>) {
        let name = volume.device.name.clone();
        self.forget(&name);
        self.note_late(&volume.device);
        let filesystem = &volume.filesystem;
        actions.push(landmark(
            "volume",
            [
                ("device", name),
                ("kind", filesystem.kind.to_string()),
                ("uuid", filesystem.uuid.clone().unwrap_or_default()),
                ("label", filesystem.label.clone().unwrap_or_default()),
            ],
        ));
        // A device that comes and goes for ever does not hold up what is chosen without it.
        let matters = |name: &VolumeName| name.names(&volume);
        let Settings { wait, order, .. } = &self.settings;
        self.awaited |= !self.known_probed || self.default.is_none() || wait.iter().chain(order).any(matters);
        self.volumes.push(volume);
        self.changed = true;
    }

    /// Notes a device that came after those of the start. One that is made of a device that was there, or lies on it, is not late.
    fn note_late(&mut self, device: &Device) {
        let is_known = |name: &String| {
            let mut volumes = self.volumes.iter().map(|volume| &volume.device);
            let mut rejected = self.rejected.iter().map(|(device, _)| device);
            !self.late.contains(name)
                && (volumes.any(|device| device.name == *name) || rejected.any(|device| device.name == *name))
        };
        if self.known_probed && !device.beneath.iter().any(is_known) {
            self.late.insert(device.name.clone());
        }
    }

    /// Forgets a device that is gone or probed again, the volumes on it, and the failures of their entries.
    fn forget(&mut self, name: &str) {
        let all: Vec<&Volume> = self.volumes.iter().collect();
        for name in Volume::names_that_go_with(name, &all) {
            self.forget_alone(&name);
        }
    }

    fn forget_alone(&mut self, name: &str) {
        let before = self.volumes.len();
        self.volumes.retain(|volume| volume.device.name != name);
        self.changed |= self.volumes.len() != before;
        self.rejected.retain(|(device, _)| device.name != name);
        self.late.remove(name);
        let entries = &self.discovery.entries;
        let stands_on = |id: &String| {
            entries.iter().any(|entry| {
                let kernel = entry.kernel.as_ref().map(|kernel| &*kernel.volume.name);
                entry.id == *id && (entry.source.volume.name == name || kernel == Some(name))
            })
        };
        self.failed.retain(|id, _| !stands_on(id));
    }

    fn discovered(&mut self, result: Result<Discovery, String>, actions: &mut Vec<WorkerAction>) {
        (self.discovering, self.awaited_now) = (false, false);
        match result {
            Ok(discovery) => self.discovery = discovery,
            Err(reason) => {
                actions
                    .push(landmark("fail", [("stage", "discover".to_owned()), ("reason", reason.clone())]));
                self.report(format!("The boot configurations could not be read: {reason}"));
            }
        }
        if self.lock_reported != self.discovery.locked {
            self.lock_reported = self.discovery.locked;
            actions.push(WorkerAction::Ask(Request::Lock(self.lock_reported)));
        }
        for entry in &self.discovery.entries {
            if self.announced.len() < ENTRY_LANDMARKS && self.announced.insert(entry.id.clone()) {
                actions.push(landmark("entry", [("id", entry.id.clone()), ("title", full_title(entry))]));
            }
        }
    }

    fn loaded(
        &mut self,
        number: u64,
        result: Result<LoadedKernel, AttemptError>,
        actions: &mut Vec<WorkerAction>,
    ) {
        match std::mem::take(&mut self.load) {
            Load::Begun { number: begun, entry, .. } if begun == number => {
                actions.push(WorkerAction::Ask(Request::End(Task::Entry(entry.id.clone()))));
                match result {
                    Ok(kernel) => self.load = Load::Done { entry, kernel },
                    Err(error) => self.load_failed(&entry.id, error.to_string(), actions),
                }
            }
            // One that had been given up.
            other => self.load = other,
        }
    }

    fn load_failed(&mut self, id: &str, reason: String, actions: &mut Vec<WorkerAction>) {
        actions.push(landmark(
            "fail",
            [("stage", "load".to_owned()), ("id", id.to_owned()), ("reason", reason.clone())],
        ));
        self.report(reason.clone());
        self.failed.insert(id.to_owned(), reason);
        if self.decider == Decider::Person(Some(id.to_owned())) {
            self.decider = Decider::Person(None);
        }
    }

    fn pressed(&mut self, key: Key, actions: &mut Vec<WorkerAction>) {
        let brings_menu_up = self.is_hidden();
        if self.decider == Decider::Automatic {
            self.decider = Decider::Person(None);
        }
        if brings_menu_up {
            return;
        }
        let choice = self.menu.press(key);
        match choice {
            None => {}
            Some(MenuChoice::Boot(id)) => {
                // A person may try again what failed.
                self.failed.remove(&id);
                self.decider = Decider::Person(Some(id));
            }
            Some(MenuChoice::Redraw) => actions.push(WorkerAction::Redraw),
            Some(MenuChoice::Rescue) => {
                self.rescue_asked = true;
                if !self.all_probed() {
                    self.report("The rescue console opens once every disk has been read.".to_owned());
                }
            }
            Some(MenuChoice::Reboot) => self.leave(Request::Reboot, actions),
            Some(MenuChoice::PowerOff) => self.leave(Request::PowerOff, actions),
        }
    }

    fn leave(&mut self, request: Request, actions: &mut Vec<WorkerAction>) {
        self.decider = Decider::Leaving;
        actions.push(WorkerAction::Ask(request));
    }

    /// Decides from the facts that are known.
    fn decide(&mut self, now: Duration, actions: &mut Vec<WorkerAction>) {
        if self.decider == Decider::Leaving {
            return;
        }
        if self.changed && !self.discovering {
            (self.changed, self.discovering) = (false, true);
            self.awaited_now = std::mem::take(&mut self.awaited);
            actions.push(WorkerAction::Discover);
        }
        self.give_up_a_hanging_load(now, actions);
        if self.rescue_asked && self.all_probed() {
            self.rescue_asked = false;
            match self.discovery.locked {
                false => return self.leave(Request::Rescue, actions),
                true => self.report(LOCKED_CONSOLE.to_owned()),
            }
        }
        let first_choice = self.elect();
        self.announce_default(first_choice.as_ref(), actions);
        match self.decider.clone() {
            Decider::Automatic => self.decide_automatically(first_choice, now, actions),
            Decider::Person(Some(id)) => match self.entry(&id).cloned() {
                Some(entry) if entry.locked => {
                    self.report_locked(&entry);
                    self.decider = Decider::Person(None);
                }
                Some(entry) if self.all_probed() => self.boot(entry, now, actions),
                Some(entry) => self.load(entry, now, actions),
                None => self.decider = Decider::Person(None),
            },
            Decider::Person(None) | Decider::Leaving => {}
        }
        self.offer();
    }

    fn report_locked(&mut self, entry: &Entry) {
        self.report(format!("{} is locked: {LOCKED}.", full_title(entry)));
    }

    /// The volumes in the order in which they are searched.
    pub fn search_order(&self) -> Vec<VolumeId> {
        election::order(&self.electorate())
    }

    fn electorate(&self) -> Electorate<'_> {
        let Self { settings, volumes, late, firmware, .. } = self;
        Electorate { settings, volumes, late, firmware }
    }

    fn elect(&self) -> Option<Entry> {
        let electorate = self.electorate();
        let attempts = election::attempts(&self.discovery, &electorate);
        election::first(&attempts, |entry| self.failure(&entry.id).is_some()).cloned()
    }

    /// Why the entry failed. A long id reaches us cut when an earlier worker died on it.
    fn failure(&self, id: &str) -> Option<&String> {
        self.failed.get(id).or_else(|| {
            match Request::decode(&Request::Begin(Task::Entry(id.to_owned())).encode()) {
                Some(Request::Begin(Task::Entry(cut))) => self.failed.get(&cut),
                _ => None,
            }
        })
    }

    fn announce_default(&mut self, first_choice: Option<&Entry>, actions: &mut Vec<WorkerAction>) {
        let id = first_choice.map(|entry| entry.id.clone());
        if self.default == id {
            return;
        }
        // While a person chooses, a new default is not announced.
        if let (Some(entry), Decider::Automatic) = (first_choice, &self.decider) {
            let name = if entry.locked { "locked" } else { "default" };
            actions.push(landmark(name, [("id", entry.id.clone()), ("title", full_title(entry))]));
            if entry.locked {
                self.report_locked(entry);
            }
        }
        self.default = id;
    }

    fn decide_automatically(
        &mut self,
        first_choice: Option<Entry>,
        now: Duration,
        actions: &mut Vec<WorkerAction>,
    ) {
        let Some(entry) = first_choice else {
            // The countdown starts again for a device that appears later.
            self.first_default = None;
            return self.nothing_to_boot(now, actions);
        };
        self.nothing_since = None;
        if entry.locked {
            // It stops the countdown, and nothing takes its place, not even an entry that was loaded before.
            self.first_default = None;
            if matches!(self.load, Load::Done { .. }) {
                self.load = Load::Nothing;
                actions.push(WorkerAction::Unload);
            }
            return;
        }
        self.first_default.get_or_insert(now);
        let Some(deadline) = self.deadline() else { return };
        if deadline <= now && self.settled() {
            self.boot(entry, now, actions);
        } else {
            self.load(entry, now, actions);
        }
    }

    fn nothing_to_boot(&mut self, now: Duration, actions: &mut Vec<WorkerAction>) {
        if !self.settled() {
            return;
        }
        let explanation = explain::explain(&self.volumes, &self.rejected, &self.discovery, &self.failed);
        for (device, reason) in explanation.iter().filter(|line| !self.explained.contains(line)) {
            actions.push(landmark("explain", [("device", device.clone()), ("reason", reason.clone())]));
        }
        self.explained = explanation;
        self.nothing_since.get_or_insert(now);
        if self.grace_ends().is_some_and(|deadline| deadline <= now) {
            match self.settings.after_failure {
                AfterFailure::Menu => {}
                AfterFailure::Reboot => self.leave(Request::Reboot, actions),
                AfterFailure::PowerOff => self.leave(Request::PowerOff, actions),
            }
        }
    }

    /// Jumps into the entry, as soon as it is loaded.
    fn boot(&mut self, entry: Entry, now: Duration, actions: &mut Vec<WorkerAction>) {
        match &self.load {
            Load::Done { entry: loaded, kernel } if same_load(loaded, &entry) => {
                let title = printable(&full_title(&entry));
                actions.push(WorkerAction::Jump { entry: entry.id, title, kernel: kernel.clone() });
                self.decider = Decider::Leaving;
            }
            _ => self.load(entry, now, actions),
        }
    }

    /// Loads the entry, unless that is done or another load must end first.
    fn load(&mut self, entry: Entry, now: Duration, actions: &mut Vec<WorkerAction>) {
        match &self.load {
            Load::Begun { .. } => return,
            Load::Done { entry: loaded, .. } if same_load(loaded, &entry) => return,
            // Were it left in place, it would be started where loading the other one fails.
            Load::Done { .. } => actions.push(WorkerAction::Unload),
            Load::Nothing => {}
        }
        self.loads = self.loads.saturating_add(1);
        let path = |file: &crate::entry::FileReference| format!("{}:{}", file.volume, file.full_path());
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
        actions.push(WorkerAction::Load(self.loads, Box::new(entry.clone())));
        self.load = Load::Begun { number: self.loads, entry: Box::new(entry), since: now };
    }

    fn give_up_a_hanging_load(&mut self, now: Duration, actions: &mut Vec<WorkerAction>) {
        if let Load::Begun { entry, since, .. } = &self.load
            && since.saturating_add(LOAD_DEADLINE) <= now
        {
            let id = entry.id.clone();
            self.load = Load::Nothing;
            actions.push(WorkerAction::Ask(Request::End(Task::Entry(id.clone()))));
            let reason = format!("{}: the disk does not answer; check it and its cables", self.title(&id));
            self.load_failed(&id, reason, actions);
        }
    }
}

/// Whether a jump into one is a jump into the other.
fn same_load(one: &Entry, other: &Entry) -> bool {
    let what = |entry: &Entry| {
        (entry.id.clone(), entry.kernel.clone(), entry.initrds.clone(), entry.cmdline.clone())
    };
    what(one) == what(other)
}

fn landmark(name: &'static str, fields: impl Into<Vec<(&'static str, String)>>) -> WorkerAction {
    WorkerAction::Landmark(name, fields.into())
}
