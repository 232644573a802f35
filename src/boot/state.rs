//! What happens next: the worker's decisions as a pure state machine. Events of every thread go in with the time, actions
//! come out; nothing here waits, reads or writes.

#[cfg(test)]
mod tests;
mod view;

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use self::view::full_title;
use super::{
    election::{self, Electorate},
    explain,
    loader::AttemptError,
    settings::{AfterFailure, Settings, Timeout},
    supervision::{Notice, Request, Task},
};
use crate::{
    entry::{Device, Discovery, Entry, Volume, VolumeId},
    formats::{text::printable, volume_name::VolumeName},
    kexec::LoadedKernel,
    storage::rejection::Rejection,
    ui::{
        keys::Key,
        menu::{Choice, Menu},
    },
};

/// Entries that get a landmark of their own; more would only hold up a serial line.
const ENTRY_LANDMARKS: usize = 32;

/// No more messages are kept.
const MESSAGE_LIMIT: usize = 64;

/// How long a person has to stop what `after-failure` does.
const GRACE: Duration = Duration::from_secs(10);

/// A load that takes longer than this failed: the disk does not answer.
const LOAD_DEADLINE: Duration = Duration::from_secs(180);

/// Why a person cannot have something.
const LOCKED: &str =
    "the boot loader's configuration asks for a password before it, and none can be typed here yet";
const LOCKED_CONSOLE: &str = "The rescue console is locked: the boot loader's configuration asks for a password before its \
                              own command line, and none can be typed here yet.";

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// A volume can be read.
    Found(Volume),
    /// A device that nothing can be read from, and why.
    Rejected(Device, Rejection),
    /// The device of this kernel name is gone.
    Gone(String),
    /// The firmware's boot order names these partitions, by their UUIDs.
    BootOrder(Vec<String>),
    /// Everything that was there at the start has been looked at.
    KnownLookedAt,
    /// What the volumes offered when [`Action::Discover`] was asked for.
    Discovered(Result<Discovery, String>),
    /// The load that was asked for with this number ended.
    Loaded(u64, Result<LoadedKernel, AttemptError>),
    /// A key was pressed.
    Key(Key),
    /// PID 1 says something.
    Notice(Notice),
    /// A moment that [`State::next_moment`] named has come.
    Moment,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Find what the volumes that are there offer.
    Discover,
    /// Load this entry; the number comes back with the result.
    Load(u64, Box<Entry>),
    /// Drop the loaded kernel.
    Unload,
    /// Do what was left until the jump, and have PID 1 jump.
    Jump {
        /// Id of the entry.
        entry: String,
        /// Its title.
        title: String,
        /// Its kernel, which is loaded.
        kernel: LoadedKernel,
    },
    /// Say this to PID 1.
    Ask(Request),
    /// Tell tests and fleet tools.
    Landmark(&'static str, Vec<(&'static str, String)>),
    /// Draw everything anew.
    Redraw,
}

/// How far the kernel for the next jump is.
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

/// Who decides.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Mode {
    /// The election, when the countdown is over.
    Automatic,
    /// A person, who has chosen the entry with this id or not yet any.
    Person(Option<String>),
    /// Nobody any more: PID 1 ends us.
    Leaving,
}

/// The worker's memory.
#[derive(Debug)]
pub struct State {
    settings: Settings,
    firmware: Vec<String>,
    volumes: Vec<Volume>,
    rejected: Vec<(Device, Rejection)>,
    late: HashSet<String>,
    known_looked_at: bool,
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
    /// PID 1 knows that the rescue console is locked.
    lock_told: bool,
    /// Somebody has asked for the rescue console before it was known whether it is locked.
    rescue_asked: bool,
    first_default: Option<Duration>,
    nothing_since: Option<Duration>,
    load: Load,
    loads: u64,
    mode: Mode,
    menu: Menu,
    messages: Vec<String>,
}

impl State {
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
            known_looked_at: false,
            discovering: false,
            changed: false,
            awaited: false,
            awaited_now: false,
            discovery: Discovery::default(),
            failed: passed_over.into_iter().map(|id| (id, reason.to_owned())).collect(),
            announced: HashSet::new(),
            default: None,
            explained: Vec::new(),
            lock_told: false,
            rescue_asked: false,
            first_default: None,
            nothing_since: None,
            load: Load::Nothing,
            loads: 0,
            mode: Mode::Automatic,
            menu: Menu::default(),
            messages: Vec::new(),
        }
    }

    /// Adds a message for the person.
    pub fn tell(&mut self, message: String) {
        if self.messages.len() < MESSAGE_LIMIT {
            self.messages.push(message);
        }
    }

    /// Takes an event and gives what to do, in order. `now` is any clock that never goes back.
    pub fn on(&mut self, event: Event, now: Duration) -> Vec<Action> {
        let mut actions = Vec::new();
        if self.mode == Mode::Leaving {
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
            Event::KnownLookedAt => self.known_looked_at = true,
            Event::Discovered(result) => self.discovered(result, &mut actions),
            Event::Loaded(number, result) => self.loaded(number, result, &mut actions),
            Event::Key(key) => self.pressed(key, &mut actions),
            Event::Notice(Notice::JumpFailed) => {
                self.tell("The jump into the loaded kernel failed.".to_owned());
                actions.push(Action::Unload);
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

    /// When the countdown ends; `None` if it waits for a person, or has not begun.
    fn deadline(&self) -> Option<Duration> {
        match (self.timeout(), &self.mode) {
            (Some(Timeout::Seconds(seconds)), Mode::Automatic) => {
                Some(self.first_default?.saturating_add(Duration::from_secs(seconds.into())))
            }
            _ => None,
        }
    }

    /// When `after-failure` strikes.
    fn grace_ends(&self) -> Option<Duration> {
        let strikes = self.mode == Mode::Automatic && self.settings.after_failure != AfterFailure::Menu;
        self.nothing_since.filter(|_| strikes).map(|since| since.saturating_add(GRACE))
    }

    /// Volumes that the settings wait for and that are not there.
    fn missing(&self) -> Vec<String> {
        let missing = |name: &&_| !election::all_there(std::slice::from_ref(*name), &self.volumes);
        self.settings.wait.iter().filter(missing).map(|name| printable(&name.to_string())).collect()
    }

    /// Whether what is known now is all that the choice depends on.
    fn settled(&self) -> bool {
        self.looked_at() && self.missing().is_empty()
    }

    /// Whether everything that was there at the start has been looked at: before, nobody knows which configuration decides,
    /// and whether it lets a person choose without a password.
    fn looked_at(&self) -> bool {
        self.known_looked_at && !self.awaited && !self.awaited_now
    }

    fn found(&mut self, volume: Volume, actions: &mut Vec<Action>) {
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
        self.awaited |=
            !self.known_looked_at || self.default.is_none() || wait.iter().chain(order).any(matters);
        self.volumes.push(volume);
        self.changed = true;
    }

    /// Notes a device that came after everything that was there at the start. What is made of a device that was there, or lies
    /// on it, is not late.
    fn note_late(&mut self, device: &Device) {
        let is_known = |name: &String| {
            let mut volumes = self.volumes.iter().map(|volume| &volume.device);
            let mut rejected = self.rejected.iter().map(|(device, _)| device);
            !self.late.contains(name)
                && (volumes.any(|device| device.name == *name) || rejected.any(|device| device.name == *name))
        };
        if self.known_looked_at && !device.beneath.iter().any(is_known) {
            self.late.insert(device.name.clone());
        }
    }

    /// Forgets a device that is gone or looked at anew, what lies on it, and what failed because of it.
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
                let kernel = entry.kernel.as_ref().map(|kernel| kernel.volume.as_str());
                entry.id == *id && (entry.source.volume == name || kernel == Some(name))
            })
        };
        self.failed.retain(|id, _| !stands_on(id));
    }

    fn discovered(&mut self, result: Result<Discovery, String>, actions: &mut Vec<Action>) {
        (self.discovering, self.awaited_now) = (false, false);
        match result {
            Ok(discovery) => self.discovery = discovery,
            Err(reason) => {
                actions
                    .push(landmark("fail", [("stage", "discover".to_owned()), ("reason", reason.clone())]));
                self.tell(format!("The boot configurations could not be read: {reason}"));
            }
        }
        if self.lock_told != self.discovery.locked {
            self.lock_told = self.discovery.locked;
            actions.push(Action::Ask(Request::Lock(self.lock_told)));
        }
        for entry in &self.discovery.entries {
            if self.announced.len() < ENTRY_LANDMARKS && self.announced.insert(entry.id.clone()) {
                actions.push(landmark("entry", [("id", entry.id.clone()), ("title", full_title(entry))]));
            }
        }
    }

    fn loaded(&mut self, number: u64, result: Result<LoadedKernel, AttemptError>, actions: &mut Vec<Action>) {
        match std::mem::take(&mut self.load) {
            Load::Begun { number: begun, entry, .. } if begun == number => {
                actions.push(Action::Ask(Request::End(Task::Entry(entry.id.clone()))));
                match result {
                    Ok(kernel) => self.load = Load::Done { entry, kernel },
                    Err(error) => self.load_failed(&entry.id, error.to_string(), actions),
                }
            }
            // One that had been given up.
            other => self.load = other,
        }
    }

    fn load_failed(&mut self, id: &str, reason: String, actions: &mut Vec<Action>) {
        actions.push(landmark(
            "fail",
            [("stage", "load".to_owned()), ("id", id.to_owned()), ("reason", reason.clone())],
        ));
        self.tell(reason.clone());
        self.failed.insert(id.to_owned(), reason);
        if self.mode == Mode::Person(Some(id.to_owned())) {
            self.mode = Mode::Person(None);
        }
    }

    fn pressed(&mut self, key: Key, actions: &mut Vec<Action>) {
        let choice = self.menu.press(key);
        if self.mode == Mode::Automatic {
            self.mode = Mode::Person(None);
        }
        match choice {
            None => {}
            Some(Choice::Boot(id)) => {
                // A person may try again what failed.
                self.failed.remove(&id);
                self.mode = Mode::Person(Some(id));
            }
            Some(Choice::Redraw) => actions.push(Action::Redraw),
            Some(Choice::Rescue) => {
                self.rescue_asked = true;
                if !self.looked_at() {
                    self.tell("The rescue console opens once every disk has been looked at.".to_owned());
                }
            }
            Some(Choice::Reboot) => self.leave(Request::Reboot, actions),
            Some(Choice::PowerOff) => self.leave(Request::PowerOff, actions),
        }
    }

    fn leave(&mut self, request: Request, actions: &mut Vec<Action>) {
        self.mode = Mode::Leaving;
        actions.push(Action::Ask(request));
    }

    /// From what is known to what is done about it.
    fn decide(&mut self, now: Duration, actions: &mut Vec<Action>) {
        if self.mode == Mode::Leaving {
            return;
        }
        if self.changed && !self.discovering {
            (self.changed, self.discovering) = (false, true);
            self.awaited_now = std::mem::take(&mut self.awaited);
            actions.push(Action::Discover);
        }
        self.give_up_a_hanging_load(now, actions);
        if self.rescue_asked && self.looked_at() {
            self.rescue_asked = false;
            match self.discovery.locked {
                false => return self.leave(Request::Rescue, actions),
                true => self.tell(LOCKED_CONSOLE.to_owned()),
            }
        }
        let first_choice = self.elect();
        self.announce_default(first_choice.as_ref(), actions);
        match self.mode.clone() {
            Mode::Automatic => self.decide_automatically(first_choice, now, actions),
            Mode::Person(Some(id)) => match self.entry(&id).cloned() {
                Some(entry) if entry.locked => {
                    self.tell_of_lock(&entry);
                    self.mode = Mode::Person(None);
                }
                Some(entry) if self.looked_at() => self.boot(entry, now, actions),
                Some(entry) => self.load(entry, now, actions),
                None => self.mode = Mode::Person(None),
            },
            Mode::Person(None) | Mode::Leaving => {}
        }
        self.offer();
    }

    fn tell_of_lock(&mut self, entry: &Entry) {
        self.tell(format!("{} is locked: {LOCKED}.", full_title(entry)));
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

    fn announce_default(&mut self, first_choice: Option<&Entry>, actions: &mut Vec<Action>) {
        let id = first_choice.map(|entry| entry.id.clone());
        if self.default == id {
            return;
        }
        // A person who chooses is not told again and again what would have been.
        if let (Some(entry), Mode::Automatic) = (first_choice, &self.mode) {
            let name = if entry.locked { "locked" } else { "default" };
            actions.push(landmark(name, [("id", entry.id.clone()), ("title", full_title(entry))]));
            if entry.locked {
                self.tell_of_lock(entry);
            }
        }
        self.default = id;
    }

    fn decide_automatically(
        &mut self,
        first_choice: Option<Entry>,
        now: Duration,
        actions: &mut Vec<Action>,
    ) {
        let Some(entry) = first_choice else {
            // The countdown starts afresh for what appears later.
            self.first_default = None;
            return self.nothing_to_boot(now, actions);
        };
        self.nothing_since = None;
        if entry.locked {
            // It stops the countdown, and nothing takes its place: not even what was loaded before it was known.
            self.first_default = None;
            if matches!(self.load, Load::Done { .. }) {
                self.load = Load::Nothing;
                actions.push(Action::Unload);
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

    fn nothing_to_boot(&mut self, now: Duration, actions: &mut Vec<Action>) {
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
    fn boot(&mut self, entry: Entry, now: Duration, actions: &mut Vec<Action>) {
        match &self.load {
            Load::Done { entry: loaded, kernel } if same_load(loaded, &entry) => {
                let title = printable(&full_title(&entry));
                actions.push(Action::Jump { entry: entry.id, title, kernel: kernel.clone() });
                self.mode = Mode::Leaving;
            }
            _ => self.load(entry, now, actions),
        }
    }

    /// Loads the entry, unless that is done or another load must end first.
    fn load(&mut self, entry: Entry, now: Duration, actions: &mut Vec<Action>) {
        match &self.load {
            Load::Begun { .. } => return,
            Load::Done { entry: loaded, .. } if same_load(loaded, &entry) => return,
            // Were it left in place, it would be started where loading the other one fails.
            Load::Done { .. } => actions.push(Action::Unload),
            Load::Nothing => {}
        }
        self.loads = self.loads.saturating_add(1);
        let path = |file: &crate::entry::FileReference| format!("{}:{}", file.volume, file.full_path());
        let initrds: Vec<String> = entry.initrds.iter().map(path).collect();
        actions.push(Action::Ask(Request::Begin(Task::Entry(entry.id.clone()))));
        actions.push(landmark(
            "load",
            [
                ("id", entry.id.clone()),
                ("kernel", entry.kernel.as_ref().map(path).unwrap_or_default()),
                ("initrds", initrds.join(",")),
            ],
        ));
        actions.push(Action::Load(self.loads, Box::new(entry.clone())));
        self.load = Load::Begun { number: self.loads, entry: Box::new(entry), since: now };
    }

    fn give_up_a_hanging_load(&mut self, now: Duration, actions: &mut Vec<Action>) {
        if let Load::Begun { entry, since, .. } = &self.load
            && since.saturating_add(LOAD_DEADLINE) <= now
        {
            let id = entry.id.clone();
            self.load = Load::Nothing;
            actions.push(Action::Ask(Request::End(Task::Entry(id.clone()))));
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

fn landmark(name: &'static str, fields: impl Into<Vec<(&'static str, String)>>) -> Action {
    Action::Landmark(name, fields.into())
}
