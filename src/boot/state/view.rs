//! The worker's state as a person sees it, and when that changes.

use std::time::Duration;

use super::{Barrier, Decider, WorkerState};
use crate::{
    boot::settings::{AfterFailure, Timeout},
    boot::{age::age, boot_next, explain, words},
    entry::{Entry, TimeoutStyle, Volume},
    formats::text::printable,
    ui::{
        keys::Key,
        menu::{BootMenu, MenuItem},
        picture::Status,
        titles,
    },
};

/// The part of the state that is on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// Nothing but the landmarks.
    Nothing,
    /// One line: what happens next.
    Line,
    Menu,
}

impl WorkerState {
    /// The time at which [`Event::Moment`] is due, if nothing happens before. It is later than the last event.
    #[must_use]
    pub fn next_moment(&self) -> Option<Duration> {
        let waiting = (!self.all_probed()).then(|| self.wait_ends());
        let settings = (!self.are_settings_known()).then(|| self.survey_ends());
        // The row that counts changes with each whole second that is left.
        let counting = self
            .deadline()
            .into_iter()
            .chain(self.grace_ends())
            .chain(waiting)
            .chain(settings)
            .chain(self.refused_until());
        let counting = counting.filter_map(|deadline| {
            let left = deadline.checked_sub(self.now).filter(|left| !left.is_zero())?;
            let whole = Duration::from_secs(seconds(left).saturating_sub(1));
            deadline.checked_sub(whole)
        });
        counting.chain(self.load.deadline()).min()
    }

    /// The part of the state that is on the screen now.
    #[must_use]
    pub fn shown(&self) -> Visibility {
        let attention = self.needs_attention();
        match self.decider {
            _ if self.without_menu => Visibility::Nothing,
            Decider::Leaving => Visibility::Nothing,
            Decider::Automatic if attention => Visibility::Menu,
            Decider::Automatic
                if self.timeout() == Some(Timeout::Seconds(0)) || !self.offered().any(|_| true) =>
            {
                Visibility::Nothing
            }
            // Nobody would know what the machine waits for.
            Decider::Automatic if self.timeout().is_none_or(|timeout| timeout == Timeout::Person) => {
                Visibility::Menu
            }
            Decider::Automatic => match self.timeout_style() {
                TimeoutStyle::Menu => Visibility::Menu,
                TimeoutStyle::Countdown => Visibility::Line,
                TimeoutStyle::Hidden => Visibility::Nothing,
            },
            Decider::Person(_) => Visibility::Menu,
        }
    }

    /// Whether the menu is not seen because its style says so.
    pub(super) fn is_hidden(&self) -> bool {
        self.decider == Decider::Automatic
            && self.timeout_style() != TimeoutStyle::Menu
            && self.shown() != Visibility::Menu
    }

    /// Whether nothing boots on its own, or not yet, for a reason that a person should see.
    fn needs_attention(&self) -> bool {
        let waiting = self.known_probed && !self.missing().is_empty();
        let locked = self.default_entry().is_some_and(|entry| self.barrier_before(entry) == Barrier::Closed);
        waiting || locked || self.is_nothing_there
    }

    #[must_use]
    pub fn menu(&self) -> &BootMenu {
        &self.menu
    }

    /// The information around the menu.
    #[must_use]
    pub fn status(&self, now: Duration) -> Status {
        let explanation = self.explained.clone();
        Status { next: self.what_is_next(now), messages: self.messages.clone(), explanation }
    }

    fn what_is_next(&self, now: Duration) -> String {
        let left = |deadline: Duration| seconds(deadline.saturating_sub(now));
        match &self.decider {
            Decider::Leaving => String::new(),
            Decider::Person(Some(id)) => format!("Loading {} ...", self.title(id)),
            Decider::Person(None) => self.what_comes_of_answer().unwrap_or_default(),
            Decider::Automatic => {
                let missing = self.missing();
                if let Some(deadline) = self.grace_ends() {
                    let action = match self.settings.after_failure {
                        AfterFailure::PowerOff => "powers off",
                        AfterFailure::Menu | AfterFailure::Reboot => "restarts",
                    };
                    return format!("The machine {action} in {} s. Any key stops that.", left(deadline));
                }
                let barrier = self.default_entry().map(|entry| self.barrier_before(entry));
                if let (Some(id), Some(Barrier::Closed)) = (&self.default, barrier) {
                    return format!("{} is locked: nothing boots on its own.", self.title(id));
                }
                if let (Some(id), Some(Barrier::Password), Some(deadline)) =
                    (&self.default, barrier, self.deadline())
                {
                    let title = self.title(id);
                    return format!(
                        "{title} asks for a password in {} s. Any key opens the menu.",
                        left(deadline)
                    );
                }
                match (&self.default, self.deadline()) {
                    (Some(id), Some(deadline)) if deadline > now => {
                        let title = self.title(id);
                        format!("{title} boots in {} s. Any key stops the countdown.", left(deadline))
                    }
                    (Some(_), Some(_)) if !missing.is_empty() => {
                        format!("Waiting for {}. Any key opens the menu.", missing.join(", "))
                    }
                    (Some(id), Some(_)) if self.is_loaded() && !self.all_probed() => {
                        self.waiting_for_disks(id, now)
                    }
                    (Some(id), Some(_)) => format!("Loading {} ...", self.title(id)),
                    (Some(_), None) => String::new(),
                    (None, _) if !missing.is_empty() => format!("Waiting for {}.", missing.join(", ")),
                    (None, _) => String::new(),
                }
            }
        }
    }

    /// The default is loaded; a disk that has not answered may still have a better one.
    fn waiting_for_disks(&self, id: &str, now: Duration) -> String {
        let names = match self.waited_for() {
            names if names.is_empty() => "the disks".to_owned(),
            names => names.join(", "),
        };
        let left = seconds(self.wait_ends().saturating_sub(now));
        format!(
            "Waiting for {names}. {} boots in {left} s at the latest. Any key opens the menu.",
            self.title(id)
        )
    }

    fn default_entry(&self) -> Option<&Entry> {
        self.entry(self.default.as_ref()?)
    }

    /// The remark after the title of an entry that does not boot.
    fn remark(&self, entry: &Entry) -> Option<String> {
        let locked = (self.barrier_before(entry) != Barrier::Open).then(|| "locked".to_owned());
        let failed = || self.failures.get(&entry.id).map(|_| "failed".to_owned());
        let firmware = boot_next::is_for_firmware(entry).then(|| match self.has_uefi {
            true => "restarts into it".to_owned(),
            false => "only a UEFI starts it, and this firmware is none".to_owned(),
        });
        locked.or(firmware).or_else(|| entry.problem.clone()).or_else(failed)
    }

    pub(super) fn title(&self, id: &str) -> String {
        self.entry(id).map_or_else(String::new, full_title)
    }

    /// The entries that the menu shows.
    fn offered(&self) -> impl Iterator<Item = &Entry> {
        self.discovery.entries.iter().filter(|entry| self.is_shown(entry))
    }

    fn is_shown(&self, entry: &Entry) -> bool {
        !entry.hidden || self.default.as_ref() == Some(&entry.id)
    }

    /// Puts the entries into the menu, unless they are as they were. Titles that entries of several volumes have get the device
    /// that the entry is on.
    pub(super) fn offer(&mut self) {
        if !std::mem::take(&mut self.menu_stale) {
            return;
        }
        let is_offered = |entry: &&Entry| self.is_shown(entry) || entry.hotkey.is_some();
        let shown: Vec<&Entry> = self.discovery.entries.iter().filter(is_offered).collect();
        let mut submenus: Vec<Vec<String>> = shown.iter().map(|entry| entry.path_in_menu.clone()).collect();
        let outermost: Vec<String> =
            submenus.iter().map(|titles| titles.first().cloned().unwrap_or_default()).collect();
        for place in on_several(&shown, &outermost) {
            if let (Some(entry), Some(title)) =
                (shown.get(place), submenus.get_mut(place).and_then(|titles| titles.first_mut()))
            {
                *title = self.with_device(entry, title);
            }
        }
        let mut own: Vec<String> = shown.iter().map(|entry| entry.title.clone()).collect();
        let whole: Vec<String> =
            submenus.iter().zip(&own).map(|(submenus, title)| titles::joined(submenus, title)).collect();
        for place in on_several(&shown, &whole) {
            if let (Some(entry), Some(title)) = (shown.get(place), own.get_mut(place)) {
                *title = self.with_device(entry, title);
            }
        }
        let item = |((entry, submenus), title): ((&&Entry, Vec<String>), String)| MenuItem {
            id: entry.id.clone(),
            submenus,
            title,
            hotkey: entry.hotkey.as_deref().and_then(Key::named),
            hidden: !self.is_shown(entry),
            group: self.group(entry),
            version: printable(entry.version.as_deref().unwrap_or_default()),
            age: age(entry.modified, self.clock).unwrap_or_default(),
            default: self.default.as_ref() == Some(&entry.id),
            problem: self.remark(entry),
            details: explain::details(entry, words::cmdline(entry, &self.settings)),
            parts: self.parts(entry),
        };
        let items = shown.iter().zip(submenus).zip(own).map(item).collect();
        self.menu.offer(items);
        let devices = explain::explain(&self.volumes, &self.rejected, &self.discovery, &self.failures);
        self.menu.inform(devices, self.messages.clone());
    }

    fn volume_of(&self, entry: &Entry) -> Option<&Volume> {
        self.volumes.iter().find(|volume| entry.source.volume.is(volume))
    }

    /// The heading of an entry: the volume that it is written on, as a person knows it.
    fn group(&self, entry: &Entry) -> String {
        let volume = self.volume_of(entry);
        let label = volume.and_then(|volume| volume.filesystem.label.clone());
        let model = volume.and_then(|volume| volume.device.model.clone());
        [Some(entry.source.volume.to_string()), label, model]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(", ")
    }

    /// The entry's title with the device that it is on.
    fn with_device(&self, entry: &Entry, title: &str) -> String {
        let model = self.volume_of(entry).and_then(|volume| volume.device.model.as_ref());
        let model = model.map_or_else(String::new, |model| format!(", {model}"));
        format!("{title} ({}{model})", entry.source.volume)
    }
}

/// The places of the titles that entries of several volumes have.
fn on_several(entries: &[&Entry], titles: &[String]) -> Vec<usize> {
    let volume = |place: &usize| entries.get(*place).map(|entry| &entry.source.volume);
    let mut alike = titles::groups(titles);
    alike.retain(|places| places.iter().any(|place| volume(place) != places.first().and_then(volume)));
    alike.concat()
}

/// The entry's title after those of the submenus that lead to it.
pub(super) fn full_title(entry: &Entry) -> String {
    titles::joined(&entry.path_in_menu, &entry.title)
}

/// Whole seconds that are left, counting a begun one.
pub(super) fn seconds(left: Duration) -> u64 {
    left.as_secs().saturating_add(u64::from(left.subsec_nanos() > 0))
}
