//! The table of the open volumes: it owns their handles, whatever source they come from. Others hold their ids.

use std::sync::Arc;

use super::OpenVolume;
use crate::{
    entry::{Volume, VolumeId},
    formats::sort,
};

/// The open volumes, of which no two are called alike.
#[derive(Debug, Default)]
pub struct VolumeTable(Vec<Arc<OpenVolume>>);

impl VolumeTable {
    /// Takes in a volume, in place of one of the same name; `false` if the volume that it lies on is gone.
    #[must_use]
    pub fn insert(&mut self, open: Arc<OpenVolume>) -> bool {
        let is_there = |id: VolumeId| self.0.iter().any(|open| open.volume.id == id);
        if open.volume.parent().is_some_and(|parent| !is_there(parent)) {
            return false;
        }
        self.remove(&open.volume.device.name);
        self.0.push(open);
        true
    }

    /// Removes the volume on the device with this kernel name, and what lies on it.
    pub fn remove(&mut self, name: &str) {
        let all: Vec<&Volume> = self.0.iter().map(|open| &open.volume).collect();
        let gone = Volume::names_that_go_with(name, &all);
        self.0.retain(|open| !gone.contains(&open.volume.device.name));
    }

    /// All volumes.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<OpenVolume>> {
        self.0.clone()
    }

    /// All volumes, those with these ids first and in this order.
    #[must_use]
    pub fn in_order(&self, order: &[VolumeId]) -> Vec<Arc<OpenVolume>> {
        let mut all = self.all();
        sort::by_key(&mut all, |open| {
            order.iter().position(|id| *id == open.volume.id).unwrap_or(usize::MAX)
        });
        all
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{
        entry::{Filesystem, FilesystemKind},
        storage::root::Root,
    };

    fn open(volume: Volume) -> Arc<OpenVolume> {
        Arc::new(OpenVolume::new(volume, Root::from_directory(Path::new("/")).unwrap()))
    }

    fn names(volumes: &[Arc<OpenVolume>]) -> Vec<&str> {
        volumes.iter().map(|open| open.volume.device.name.as_str()).collect()
    }

    #[test]
    fn a_volume_goes_with_its_device_and_an_image_with_its_host() {
        let mut table = VolumeTable::default();
        let (host, other, memory) =
            (open(Volume::named("sda2")), open(Volume::named("sdb1")), open(Volume::named("memory")));
        let filesystem = Filesystem { kind: FilesystemKind::Squashfs, uuid: None, label: None };
        let image = open(Volume::in_image(&host.volume, "/x.squashfs", 7, filesystem));
        let ids = [&memory, &image].map(|open| open.volume.id);
        for open in [host, Arc::clone(&image), other, memory] {
            assert!(table.insert(open));
        }
        assert_eq!(names(&table.in_order(&ids)), ["memory", "sda2:/x.squashfs", "sda2", "sdb1"]);
        // Another disk of that name: nothing of the first one is left.
        assert!(table.insert(open(Volume::named("sda2"))));
        assert!(!table.insert(image));
        assert_eq!(names(&table.all()), ["sdb1", "memory", "sda2"]);
        table.remove("sdb1");
        assert_eq!(names(&table.all()), ["memory", "sda2"]);
    }
}
