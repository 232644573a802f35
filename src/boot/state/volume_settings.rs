//! The settings on a volume that the image's own name: when they are read, and until when nothing boots on its own without them.

use super::{WorkerAction, WorkerState, landmark};
use crate::{
    boot::{
        election,
        settings::{ON_VOLUME, Settings},
    },
    formats::text::printable,
};

/// How far the reading of these settings is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum VolumeSettings {
    /// The volume is waited for.
    Awaited,
    /// The start has gone on without the volume, which may still appear.
    Missed,
    /// The file is being read.
    Asked,
    /// There is no such volume in the settings, or it was read.
    Done,
}

impl VolumeSettings {
    pub(super) fn of(settings: &Settings) -> Self {
        if settings.settings_on.is_some() { Self::Awaited } else { Self::Done }
    }
}

impl WorkerState {
    /// Whether what is on the volume counts already, or is not waited for any longer.
    pub(super) fn are_settings_known(&self) -> bool {
        let is_waited_for = matches!(self.volume_settings, VolumeSettings::Awaited | VolumeSettings::Asked);
        !is_waited_for || self.survey_ends() <= self.now
    }

    /// Has the file read once all volumes of the start are known: of several with the name, as copies have it, the first in the order
    /// counts, and not the first that appeared.
    pub(super) fn look_for_settings(&mut self, actions: &mut Vec<WorkerAction>) {
        let Some(name) = self.settings.settings_on.clone() else { return };
        let is_wanted = matches!(self.volume_settings, VolumeSettings::Awaited | VolumeSettings::Missed);
        if !is_wanted || !(self.known_probed || self.survey_ends() <= self.now) {
            return;
        }
        match election::first_of_name(&name, &self.electorate()) {
            Some(id) => {
                self.volume_settings = VolumeSettings::Asked;
                actions.push(WorkerAction::ReadSettings(id));
            }
            None if self.volume_settings == VolumeSettings::Awaited => {
                self.volume_settings = VolumeSettings::Missed;
                let name = printable(&name.to_string());
                actions.push(landmark("no-settings", [("volume", name.clone())]));
                self.report(format!(
                    "{ON_VOLUME} was not read: there is no volume {name}. The image's settings count."
                ));
            }
            None => {}
        }
    }

    /// Takes the settings with what the volume says, or the messages why there are none.
    pub(super) fn take_settings(&mut self, settings: Option<Settings>, messages: Vec<String>) {
        self.volume_settings = VolumeSettings::Done;
        messages.into_iter().for_each(|message| self.report(message));
        if let Some(settings) = settings {
            let searched = |it: &Settings| (it.grub_flavour.clone(), it.iso.clone());
            if searched(&settings) != searched(&self.settings) {
                self.changed = true;
                self.wait_for_discovery();
            }
            self.retries = settings.retries;
            self.settings = settings;
        }
    }
}
