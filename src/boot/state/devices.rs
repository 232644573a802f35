//! The volumes and devices that are known: one that is found, one that is late, one that is gone.

use super::{WorkerAction, WorkerState, landmark};
use crate::{
    boot::settings::Settings,
    entry::{Device, LogState, Volume},
    formats::volume_name::VolumeName,
};

impl WorkerState {
    /// Takes a volume that was found: its landmark, and what a person should know of it.
    pub(super) fn found(&mut self, volume: Volume, actions: &mut Vec<WorkerAction>) {
        let name = volume.device.name.clone();
        self.forget(&name);
        self.note_late(&volume.device);
        self.first_volume.get_or_insert(self.now);
        let filesystem = &volume.filesystem;
        let mut fields = vec![
            ("device", name.clone()),
            ("kind", filesystem.kind.to_string()),
            ("uuid", filesystem.uuid.clone().unwrap_or_default()),
            ("label", filesystem.label.clone().unwrap_or_default()),
        ];
        if volume.log != LogState::Clean {
            fields.push(("log", volume.log.to_string()));
        }
        actions.push(landmark("volume", fields));
        for remark in &volume.remarks {
            self.report(format!("{name}: {remark}."));
        }
        if let Some(other) = self.volumes.iter().find(|other| other.is_copy_of(&volume)) {
            let uuid = volume.filesystem.uuid.clone().unwrap_or_default();
            let other = &other.device.name;
            self.report(format!(
                "{other} and {name} have the same UUID ({uuid}), as copies have: a system that names its root by UUID may \
                 mount either. Detach one of them, or give it another UUID."
            ));
        }
        // A device that comes and goes for ever does not hold up what is chosen without it.
        let matters = |name: &VolumeName| name.names(&volume);
        let Settings { wait, order, .. } = &self.settings;
        if !self.known_probed || self.default.is_none() || wait.iter().chain(order).any(matters) {
            self.wait_for_discovery();
        }
        self.volumes.push(volume);
        self.changed = true;
    }

    /// Notes a device that came after those of the start. One that is made of a device that was there, or lies on it, is not late.
    pub(super) fn note_late(&mut self, device: &Device) {
        let is_known = |name: &String| {
            let mut volumes = self.volumes.iter().map(|volume| &volume.device);
            let mut rejected = self.rejected.iter().map(|(device, _)| device);
            !self.late.contains(name)
                && (volumes.any(|device| device.name == *name) || rejected.any(|device| device.name == *name))
        };
        if self.known_probed && !device.beneath.iter().any(is_known) {
            self.late.count(device.name.clone());
        }
    }

    /// Forgets a device that is gone or probed again, the volumes on it, and the failures of their entries.
    pub(super) fn forget(&mut self, name: &str) {
        self.probing.retain(|other| other != name);
        self.controllers = None;
        let all: Vec<&Volume> = self.volumes.iter().collect();
        for name in Volume::names_that_go_with(name, &all) {
            self.forget_alone(&name);
        }
    }

    pub(super) fn forget_alone(&mut self, name: &str) {
        let before = self.volumes.len();
        self.volumes.retain(|volume| volume.device.name != name);
        self.changed |= self.volumes.len() != before;
        self.rejected.retain(|(device, _)| device.name != name);
        self.late.remove(name);
        let entries = &self.discovery.entries;
        let lies_on = |id: &str| {
            entries.iter().any(|entry| {
                let kernel = entry.kernel.as_ref().map(|kernel| &*kernel.volume.name);
                entry.id == id && (entry.source.volume.name == name || kernel == Some(name))
            })
        };
        self.failures.retain(|id| !lies_on(id));
    }
}
