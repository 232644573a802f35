//! The worker's decisions as a pure state machine. Events of every thread go in with the time, actions come out; nothing here
//! waits, reads or writes.

mod devices;
mod edited;
mod event;
mod loading;
mod locks;
mod nothing;
#[cfg(test)]
mod tests;
mod view;
mod volume_settings;
mod waiting;

use std::time::Duration;

pub use self::{
    event::{Event, Patience, WorkerAction},
    view::Visibility,
};
use self::{
    loading::Load,
    locks::{Barrier, Locks, Wanted},
    view::full_title,
    volume_settings::VolumeSettings,
};
use super::{
    boot_next,
    election::{self, Electorate},
    failures::Failures,
    settings::{Settings, Timeout},
    supervision::{Notice, Request},
};
use crate::{
    entry::{Device, Discovery, Entry, TimeoutStyle, Volume, VolumeId, VolumeReference},
    formats::{name_table::NameNumbers, text::printable},
    storage::{controllers::Controller, rejection::Rejection},
    ui::{
        keys::Key,
        menu::{BootMenu, MenuChoice},
    },
};

/// Maximum number of entries with a landmark of their own; more would only hold up a serial line.
const ENTRY_LANDMARKS: usize = 32;

/// Maximum number of messages that are kept.
const MESSAGE_LIMIT: usize = 64;

/// Minimum time of a discovery. It is waited for no longer than to the deadline, but may find something afterwards.
const SEARCH_TIME: Duration = Duration::from_secs(10);

/// Reasons why a person cannot choose something.
const CLOSED_CONSOLE: &str = "The rescue console is locked: the boot loader's configuration asks for a password before its own \
                              command line, and sets none that can be checked here.";
const CLOSED_EDITOR: &str = "This entry cannot be changed: it starts no kernel of its own, or the boot loader's configuration asks \
                             for a password before that and sets none that can be checked here.";

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
    volume_settings: VolumeSettings,
    /// How often everything may be tried again.
    retries: u32,
    firmware: Vec<String>,
    volumes: Vec<Volume>,
    rejected: Vec<(Device, Rejection)>,
    late: NameNumbers,
    /// Kernel names of the devices whose probe runs.
    probing: Vec<String>,
    /// Volumes that the discovery waits for.
    searching: Vec<VolumeReference>,
    /// The time of the event that is being handled.
    now: Duration,
    /// When the first volume was found.
    first_volume: Option<Duration>,
    known_probed: bool,
    /// The devices of the start that are still being probed, once all of them are known.
    outstanding: Option<Vec<Device>>,
    discovering: bool,
    changed: bool,
    /// Volumes were late and are to be searched again.
    volumes_late: bool,
    /// The choice waits for a discovery that begins from now on.
    awaited: bool,
    /// It waits for the one that runs.
    awaited_now: bool,
    /// Neither is waited for beyond this time.
    awaited_until: Duration,
    discovery: Discovery,
    failures: Failures,
    announced: NameNumbers,
    default: Option<String>,
    explained: Vec<(String, String)>,
    /// The storage controllers without a driver, if they were asked for since the last device appeared.
    controllers: Option<Vec<Controller>>,
    /// Disks that their drivers have not started yet, at the last look.
    starting: Vec<String>,
    /// The last report to PID 1 whether the rescue console is locked.
    lock_reported: bool,
    /// Somebody has asked for the rescue console before it was known whether it is locked.
    rescue_asked: bool,
    first_default: Option<Duration>,
    /// The survey's deadline has passed.
    deadline_passed: bool,
    /// There is nothing to boot, as far as is known.
    is_nothing_there: bool,
    /// Since when that is certain.
    nothing_since: Option<Duration>,
    locks: Locks,
    load: Load,
    loads: u64,
    decider: Decider,
    menu: BootMenu,
    /// The entry as a person has changed it for this boot.
    edited: Option<Box<Entry>>,
    /// What the menu shows may have changed since it was put into it.
    menu_stale: bool,
    /// The menu is not drawn and takes no keys: it ended an earlier worker.
    without_menu: bool,
    /// The firmware is a UEFI, which can be asked to start a program.
    has_uefi: bool,
    /// The machine's clock at the start, in seconds since 1970.
    clock: u64,
    messages: Vec<String>,
}

impl WorkerState {
    /// At the start. `passed_over` holds the ids of entries that an earlier worker died on.
    #[must_use]
    pub fn new(settings: Settings, passed_over: Vec<String>) -> Self {
        Self {
            firmware: Vec::new(),
            volumes: Vec::new(),
            rejected: Vec::new(),
            late: NameNumbers::default(),
            probing: Vec::new(),
            searching: Vec::new(),
            now: Duration::ZERO,
            first_volume: None,
            known_probed: false,
            outstanding: None,
            discovering: false,
            changed: false,
            volumes_late: false,
            awaited: false,
            awaited_now: false,
            awaited_until: Duration::ZERO,
            discovery: Discovery::default(),
            failures: Failures::of_earlier_workers(passed_over),
            announced: NameNumbers::default(),
            default: None,
            explained: Vec::new(),
            controllers: None,
            starting: Vec::new(),
            lock_reported: settings.password.is_some(),
            volume_settings: VolumeSettings::of(&settings),
            retries: settings.retries,
            settings,
            rescue_asked: false,
            first_default: None,
            deadline_passed: false,
            is_nothing_there: false,
            nothing_since: None,
            locks: Locks::default(),
            load: Load::Nothing,
            loads: 0,
            decider: Decider::Automatic,
            menu: BootMenu::default(),
            edited: None,
            menu_stale: false,
            without_menu: false,
            has_uefi: false,
            clock: 0,
            messages: Vec::new(),
        }
    }

    /// Has the menu neither drawn nor given keys, since it ended an earlier worker: the default boots on its own, and a key
    /// opens the rescue console.
    pub fn give_up_menu(&mut self) {
        self.without_menu = true;
    }

    /// Notes that the firmware is a UEFI.
    pub fn set_uefi(&mut self, has_uefi: bool) {
        self.has_uefi = has_uefi;
    }

    /// Notes what the machine's clock says, in seconds since 1970.
    pub fn set_clock(&mut self, clock: u64) {
        self.clock = clock;
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
        self.now = now;
        self.menu_stale |= !matches!(event, Event::Moment | Event::Key(_));
        match event {
            Event::Probing(name) => {
                if !self.probing.contains(&name) {
                    self.probing.push(name);
                }
            }
            Event::Found(volume) => self.found(volume, &mut actions),
            Event::Rejected(device, rejection) => {
                self.forget(&device.name);
                self.note_late(&device);
                if matches!(rejection, Rejection::Late(_)) {
                    let (device, reason) = (device.name.clone(), rejection.to_string());
                    self.report(format!("{}: {reason}.", printable(&device)));
                    actions.push(landmark("late", [("device", device), ("reason", reason)]));
                }
                self.rejected.push((device, rejection));
            }
            Event::Gone(name) => self.forget(&name),
            Event::BootOrder(order) => {
                // It also tells which loader on a disk is the one that counts.
                self.changed |= self.firmware != order && !self.volumes.is_empty();
                if self.changed {
                    self.wait_for_discovery();
                }
                self.firmware = order;
            }
            Event::KnownProbed => {
                self.known_probed = true;
                // Some have started since.
                actions.extend((!self.starting.is_empty()).then_some(WorkerAction::LookAgain));
            }
            Event::Awaited(devices) => self.outstanding = Some(devices),
            Event::Searching(volumes) => self.searching = volumes,
            Event::VolumesLate => {
                self.volumes_late = true;
                if now < self.survey_ends() {
                    self.wait_for_discovery();
                }
            }
            Event::Discovered(result) => self.discovered(result, &mut actions),
            Event::Loaded(number, result) => self.loaded(number, result, &mut actions),
            Event::Controllers(controllers) => self.controllers = Some(controllers),
            Event::Starting(names) => self.starting = names,
            Event::Key(key) => self.pressed(key, &mut actions),
            Event::PasswordChecked(number, answer) => self.checked(number, answer, &mut actions),
            Event::FirmwareRefused(reason) => self.report(reason),
            Event::Settings(settings, messages) => self.take_settings(settings.map(|it| *it), messages),
            Event::Judged(verdict) => self.menu.judge(verdict),
            Event::Notice(Notice::JumpFailed) => {
                self.report("The jump into the loaded kernel failed.".to_owned());
                actions.push(WorkerAction::Unload);
            }
            Event::Moment if !self.known_probed && self.probing.is_empty() && self.searching.is_empty() => {
                actions.push(WorkerAction::LookAgain);
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

    /// Takes the new entries; what is known of an entry by its id follows that where it has changed, as where a copy of its
    /// disk was attached.
    fn replace_discovery(&mut self, discovery: Discovery) {
        let place = |entry: &Entry| {
            (entry.source.volume.clone(), entry.source.full_path(), entry.source.line, full_title(entry))
        };
        let renamed = |old: &Entry| {
            let new = discovery.entries.iter().find(|new| place(new) == place(old))?;
            (new.id != old.id).then(|| new.id.clone())
        };
        let known = |id: &String| {
            self.failures.get(id).is_some() || self.decider == Decider::Person(Some(id.clone()))
        };
        let old = self.discovery.entries.iter().filter(|old| known(&old.id));
        let renamed: Vec<(String, String)> =
            old.filter_map(|old| Some((old.id.clone(), renamed(old)?))).collect();
        for (old, new) in renamed {
            self.failures.rename(&old, &new);
            self.edited
                .iter_mut()
                .filter(|edited| edited.id == old)
                .for_each(|edited| edited.id.clone_from(&new));
            if self.decider == Decider::Person(Some(old)) {
                self.decider = Decider::Person(Some(new));
            }
        }
        self.discovery = discovery;
    }

    fn discovered(&mut self, result: Result<Discovery, String>, actions: &mut Vec<WorkerAction>) {
        (self.discovering, self.awaited_now) = (false, false);
        self.searching.clear();
        match result {
            Ok(discovery) => self.replace_discovery(discovery),
            Err(reason) => {
                actions
                    .push(landmark("fail", [("stage", "discover".to_owned()), ("reason", reason.clone())]));
                self.report(format!("The boot configurations could not be read: {reason}"));
            }
        }
        if self.lock_reported != self.has_console_lock() {
            self.lock_reported = self.has_console_lock();
            actions.push(WorkerAction::Ask(Request::Lock(self.lock_reported)));
        }
        for entry in &self.discovery.entries {
            if self.announced.len() < ENTRY_LANDMARKS && self.announced.is_new(entry.id.clone()) {
                actions.push(landmark("entry", [("id", entry.id.clone()), ("title", full_title(entry))]));
            }
        }
    }

    fn pressed(&mut self, key: Key, actions: &mut Vec<WorkerAction>) {
        if self.without_menu {
            if self.barrier_before_console() == Barrier::Open {
                (self.decider, self.rescue_asked) = (Decider::Person(None), true);
            }
            return;
        }
        let brings_menu_up = self.is_hidden();
        if self.decider == Decider::Automatic {
            self.decider = Decider::Person(None);
        }
        if brings_menu_up {
            return;
        }
        if self.passes_over_keys() && !matches!(key, Key::Escape | Key::Control('c')) {
            return;
        }
        self.offer();
        let choice = self.menu.press(key);
        match choice {
            None => {}
            Some(MenuChoice::Boot(id)) => {
                // A person may try again what failed.
                self.failures.remove(&id);
                (self.menu_stale, self.edited) = (true, None);
                self.decider = Decider::Person(Some(id));
            }
            Some(MenuChoice::BootWith(id, parts)) => match self.with_parts(&id, &parts) {
                Ok(entry) => {
                    self.failures.remove(&id);
                    (self.menu_stale, self.edited) = (true, Some(Box::new(entry)));
                    self.decider = Decider::Person(Some(id));
                }
                Err(reason) => self.report(reason),
            },
            Some(MenuChoice::Locked) => self.editor_refused(key, actions),
            Some(MenuChoice::Answer(user, typed)) => self.answered(user, typed, actions),
            Some(MenuChoice::Redraw) => actions.push(WorkerAction::Redraw),
            Some(MenuChoice::Rescue) => {
                self.rescue_asked = true;
                if !self.all_probed() {
                    self.report("The rescue console opens once every disk has been read.".to_owned());
                }
            }
            Some(MenuChoice::Reboot) => self.leave(Request::Reboot, actions),
            Some(MenuChoice::PowerOff) => self.leave(Request::PowerOff, actions),
            Some(MenuChoice::FirmwareSetup) => actions.push(WorkerAction::EnterSetup),
        }
        self.look_at_typed_files(actions);
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
        if (self.changed || self.volumes_late) && !self.discovering {
            let patience = match std::mem::take(&mut self.volumes_late) {
                true => Patience::ForLate,
                false => Patience::Until(self.discovery_ends().max(self.now.saturating_add(SEARCH_TIME))),
            };
            (self.changed, self.discovering) = (false, true);
            self.awaited_now = std::mem::take(&mut self.awaited);
            actions.push(WorkerAction::Discover(patience));
        }
        self.announce_deadline(actions);
        self.look_for_settings(actions);
        self.give_up_a_hanging_load(now, actions);
        self.listen_again(actions);
        if self.rescue_asked && self.all_probed() {
            self.rescue_asked = false;
            match self.barrier_before_console() {
                Barrier::Open => return self.leave(Request::Rescue, actions),
                Barrier::Password => self.ask(Wanted::Rescue, actions),
                Barrier::Closed => self.report(CLOSED_CONSOLE.to_owned()),
            }
        }
        let mut first_choice = self.elect();
        if first_choice.is_none() && self.tries_again(actions) {
            first_choice = self.elect();
        }
        self.announce_default(first_choice.as_ref(), actions);
        match self.decider.clone() {
            Decider::Automatic => self.decide_automatically(first_choice, now, actions),
            Decider::Person(Some(id)) => match self.chosen(&id) {
                Some(entry) if self.barrier_before(&entry) == Barrier::Password => {
                    self.ask(Wanted::Entry(id), actions);
                }
                Some(entry) if self.barrier_before(&entry) == Barrier::Closed => {
                    self.report_closed(&entry);
                    self.decider = Decider::Person(None);
                }
                Some(entry) if boot_next::is_for_firmware(&entry) => {
                    self.decider = Decider::Person(None);
                    actions.push(WorkerAction::StartByFirmware(Box::new(entry)));
                }
                Some(entry) if self.all_probed() => self.boot(entry, now, actions),
                Some(entry) => self.load(entry, now, actions),
                None => self.decider = Decider::Person(None),
            },
            Decider::Person(None) | Decider::Leaving => {}
        }
        // Thousands of entries take time, and a default that boots at once shows none of them.
        if self.shown() == Visibility::Menu {
            self.offer();
        }
    }

    /// The entry that a person has chosen, as it was changed for that.
    fn chosen(&self, id: &str) -> Option<Entry> {
        let entry = self.entry(id)?;
        let edited = self.edited.as_deref().filter(|edited| edited.id == id);
        Some(edited.unwrap_or(entry).clone())
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
        election::first(&attempts, |entry| self.failures.get(&entry.id).is_some()).cloned()
    }

    fn announce_default(&mut self, first_choice: Option<&Entry>, actions: &mut Vec<WorkerAction>) {
        let id = first_choice.map(|entry| entry.id.clone());
        if self.default == id {
            return;
        }
        // While a person chooses, a new default is not announced.
        if let (Some(entry), Decider::Automatic) = (first_choice, &self.decider) {
            let name = if entry.lock.is_some() { "locked" } else { "default" };
            actions.push(landmark(name, [("id", entry.id.clone()), ("title", full_title(entry))]));
        }
        (self.default, self.menu_stale) = (id, true);
        if let (Some(entry), Decider::Automatic) = (first_choice, &self.decider)
            && self.barrier_before(entry) == Barrier::Closed
        {
            self.report_closed(entry);
        }
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
        (self.is_nothing_there, self.nothing_since) = (false, None);
        let barrier = self.barrier_before(&entry);
        // Nothing takes the place of a locked default, not even an entry that was loaded before.
        if barrier != Barrier::Open && matches!(self.load, Load::Done { .. }) {
            self.load = Load::Nothing;
            actions.push(WorkerAction::Unload);
        }
        if barrier == Barrier::Closed {
            self.first_default = None;
            return;
        }
        self.first_default.get_or_insert(now);
        let Some(deadline) = self.deadline() else { return };
        let is_due = deadline <= now && (self.settled() || self.is_undisputed(&entry));
        if barrier == Barrier::Password {
            if is_due {
                self.ask(Wanted::Entry(entry.id), actions);
            }
        } else if is_due {
            self.boot(entry, now, actions);
        } else {
            self.load(entry, now, actions);
        }
    }
}

fn landmark(name: &'static str, fields: impl Into<Vec<(&'static str, String)>>) -> WorkerAction {
    WorkerAction::Landmark(name, fields.into())
}
