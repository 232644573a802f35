//! What the choice waits for, and until when: the devices of the start, their discovery, the countdown.

use std::time::Duration;

use super::{Decider, WorkerAction, WorkerState, landmark};
use crate::{
    boot::{
        election,
        settings::{AfterFailure, Timeout},
    },
    entry::{Device, Entry},
    formats::{sort, text::printable},
    storage::rejection::Rejection,
};

/// The time in which a key stops the default where the menu cannot be shown.
const GRACE: Duration = Duration::from_secs(10);

impl WorkerState {
    /// When the countdown ends; `None` if it waits for a person, or has not begun.
    pub(super) fn deadline(&self) -> Option<Duration> {
        let countdown = match self.timeout() {
            Some(Timeout::Seconds(seconds)) => Duration::from_secs(seconds.into()),
            // Nobody can choose.
            _ if self.without_menu => GRACE,
            _ => return None,
        };
        let begin = self.first_default.filter(|_| self.decider == Decider::Automatic)?;
        Some(begin.saturating_add(countdown))
    }

    /// The time at which the action of `after-failure` happens.
    pub(super) fn grace_ends(&self) -> Option<Duration> {
        let strikes = self.decider == Decider::Automatic && self.settings.after_failure != AfterFailure::Menu;
        let delay = Duration::from_secs(self.settings.failure_delay.into());
        self.nothing_since.filter(|_| strikes).map(|since| since.saturating_add(delay))
    }

    /// Volumes that the settings wait for and that are not there.
    pub(super) fn missing(&self) -> Vec<String> {
        let missing = |name: &&_| !election::all_there(std::slice::from_ref(*name), &self.volumes);
        self.settings.wait.iter().filter(missing).map(|name| printable(&name.to_string())).collect()
    }

    /// Whether this first choice stays the first, whatever is on the devices that are still being probed.
    pub(super) fn is_undisputed(&self, entry: &Entry) -> bool {
        let electorate = self.electorate();
        let is_inferior = |device: &Device| !election::may_outrank(device, entry, &electorate);
        // A stack that lacks a part is read without it once nothing else is waited for.
        let is_incomplete = |(_, rejection): &(Device, Rejection)| rejection.incomplete_stack().is_some();
        // What a configuration misses may be on one of those devices, and what is better than this choice with it.
        let is_whole = self.discovery.warnings.is_empty()
            && self.discovery.entries.iter().all(|entry| entry.problem.is_none());
        self.is_discovered()
            && self.are_settings_known()
            && is_whole
            && !self.rejected.iter().any(is_incomplete)
            && self.outstanding.as_ref().is_some_and(|devices| devices.iter().all(is_inferior))
    }

    /// Whether everything that the choice depends on is known.
    pub(super) fn settled(&self) -> bool {
        self.all_probed() && self.are_settings_known() && self.missing().is_empty()
    }

    /// Whether every device that was there at the start has been probed. Before that, nobody knows which configuration decides
    /// and whether it lets a person choose without a password.
    pub(super) fn all_probed(&self) -> bool {
        let is_survey_over = self.survey_ends() <= self.now;
        (self.known_probed || is_survey_over) && self.is_discovered()
    }

    /// Whether the volumes that count have been searched, or the time for that is up.
    fn is_discovered(&self) -> bool {
        !self.awaited && !self.awaited_now || self.awaited_until <= self.now
    }

    /// When the devices that were there at the start are no longer waited for. The time counts from the first volume, so that
    /// the disks of a controller that starts slowly have it all.
    pub(super) fn survey_ends(&self) -> Duration {
        let begin = self.first_volume.unwrap_or_default();
        begin.saturating_add(Duration::from_secs(self.settings.survey_deadline.into()))
    }

    /// When neither a device of the start nor a discovery is waited for any longer.
    pub(super) fn wait_ends(&self) -> Duration {
        if self.known_probed || self.survey_ends() <= self.now {
            self.awaited_until
        } else {
            self.survey_ends()
        }
    }

    /// When a discovery that begins now is no longer waited for.
    pub(super) fn discovery_ends(&self) -> Duration {
        let survey = self.survey_ends();
        if self.now < survey { survey } else { self.now.saturating_add(survey) }
    }

    /// Has the choice wait for a discovery that begins from now on.
    pub(super) fn wait_for_discovery(&mut self) {
        self.awaited = true;
        self.awaited_until = self.discovery_ends();
    }

    /// The devices that are waited for, by their names: those that start, those that are probed, and those that are searched.
    pub(super) fn waited_for(&self) -> Vec<String> {
        let searched = self.searching.iter().map(|volume| &volume.name);
        let mut names: Vec<&String> = self.starting.iter().chain(&self.probing).chain(searched).collect();
        sort::ascending(&mut names);
        names.dedup();
        names.into_iter().map(|name| printable(name)).collect()
    }

    /// Says once that the survey's deadline has passed, and which devices have not answered by then.
    pub(super) fn announce_deadline(&mut self, actions: &mut Vec<WorkerAction>) {
        let is_over = self.survey_ends() <= self.now;
        if is_over && !std::mem::replace(&mut self.deadline_passed, is_over) {
            let names = self.waited_for();
            if !(self.known_probed && names.is_empty()) {
                actions.push(landmark("deadline", [("waiting-for", names.join(","))]));
            }
        }
    }
}
