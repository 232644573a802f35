//! Volumes made of tables, for the tests of this room.

use crate::{
    entry::{Filesystem, FilesystemKind, Volume},
    table::Table,
    testing::device,
    text::encode,
};

impl Table {
    /// Adds partition `name` (`sda2`) with a file system whose UUID is `uuid-NAME` and whose label is `label-NAME`.
    pub fn volume(self, name: &str, files: &[(&str, &str)]) -> Self {
        let volume = Volume {
            device: device(name),
            filesystem: Filesystem {
                kind: FilesystemKind::Ext4,
                uuid: Some(format!("uuid-{name}")),
                label: Some(format!("label-{name}")),
            },
            grub: Default::default(),
        };
        self.with(volume, files.iter().map(|&(path, text)| (path, encode(text))))
    }

    /// Gives the last volume, which then stands in no partition table if it is device mapper's, names of GRUB's, or an
    /// environment block outside of its files.
    pub fn grub(mut self, names: &[&str], environment: Option<&str>) -> Self {
        let volume = self.volumes.last_mut().unwrap();
        if volume.device.name.starts_with("dm-") {
            volume.device.partition = None;
        }
        volume.grub.names = names.iter().map(|&name| name.to_owned()).collect();
        volume.grub.environment = environment.map(|text| text.as_bytes().to_vec());
        self
    }

    /// Makes the last volume a btrfs whose default subvolume is known.
    pub fn btrfs(mut self, default_subvolume: &str) -> Self {
        let volume = self.volumes.last_mut().unwrap();
        volume.filesystem.kind = FilesystemKind::Btrfs;
        volume.grub.subvolume = Some(default_subvolume.to_owned());
        self
    }

    /// Makes the last volume a directory of which nothing is known.
    pub fn unknown(mut self) -> Self {
        let volume = self.volumes.last_mut().unwrap();
        volume.device.partition = None;
        volume.filesystem = Filesystem { kind: FilesystemKind::Unknown, uuid: None, label: None };
        self
    }
}
