//! Where nothing boots: the reasons, and what the settings want done then.

use std::time::Duration;

use super::{Decider, WorkerAction, WorkerState, landmark};
use crate::{
    boot::{explain, settings::AfterFailure, supervision::Request},
    formats::sort,
};

/// Why nothing is known yet of a device.
const NO_ANSWER: &str = "no answer yet";

/// The reason why a disk is not probed.
const NOT_STARTED: &str = "its driver has begun its start and not ended it";

impl WorkerState {
    /// Forgets the failures once more where nothing has booted, as often as the settings say: a disk may answer again. What ended a
    /// worker stays passed over.
    pub(super) fn tries_again(&mut self, actions: &mut Vec<WorkerAction>) -> bool {
        let is_due = self.retries > 0
            && self.decider == Decider::Automatic
            && self.settled()
            && self.failures.forget_attempts();
        if is_due {
            self.retries = self.retries.saturating_sub(1);
            actions.push(landmark("retry", [("left", self.retries.to_string())]));
        }
        is_due
    }

    /// Explains each device once, and restarts or switches off where the settings say so.
    pub(super) fn nothing_to_boot(&mut self, now: Duration, actions: &mut Vec<WorkerAction>) {
        // A discovery that runs may find something.
        if !self.settled() || self.discovering && self.discovery.entries.is_empty() {
            return;
        }
        let is_any = !(self.volumes.is_empty() && self.rejected.is_empty() && self.probing.is_empty());
        let mut explanation = match (is_any, &self.controllers) {
            (true, _) => explain::explain(&self.volumes, &self.rejected, &self.discovery, &self.failures),
            (false, Some(controllers)) => explain::no_device(controllers),
            (false, None) => return actions.push(WorkerAction::FindControllers),
        };
        explanation.extend(self.starting.iter().map(|name| (name.clone(), NOT_STARTED.to_owned())));
        let mut probing: Vec<&String> = self.probing.iter().collect();
        sort::ascending(&mut probing);
        explanation.extend(probing.into_iter().map(|name| (name.clone(), NO_ANSWER.to_owned())));
        for (device, reason) in explanation.iter().filter(|line| !self.explained.contains(line)) {
            actions.push(landmark("explain", [("device", device.clone()), ("reason", reason.clone())]));
        }
        self.explained = explanation;
        self.is_nothing_there = true;
        if self.known_probed {
            self.nothing_since.get_or_insert(now);
        }
        if self.grace_ends().is_some_and(|deadline| deadline <= now) {
            match self.settings.after_failure {
                AfterFailure::Menu => {}
                AfterFailure::Reboot => self.leave(Request::Reboot, actions),
                AfterFailure::PowerOff => self.leave(Request::PowerOff, actions),
            }
        }
    }
}
