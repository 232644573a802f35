//! Volumes made of tables, for the tests of this room.

use crate::{
    entry::{Filesystem, FilesystemKind, Layer, Volume},
    table::Table,
    testing::device,
    text::encode,
};

impl Table {
    /// Adds partition `name` (`sda2`) with a file system whose UUID is `uuid-NAME` and whose label is `label-NAME`.
    pub fn volume(self, name: &str, files: &[(&str, &str)]) -> Self {
        let filesystem = Filesystem {
            kind: FilesystemKind::Ext4,
            uuid: Some(format!("uuid-{name}")),
            label: Some(format!("label-{name}")),
        };
        let volume = Volume::new(device(name), filesystem);
        self.with(volume, files.iter().map(|&(path, text)| (path, encode(text))))
    }

    /// Puts the last volume on a disk that is made of others; device mapper's are not partitioned.
    pub fn layer(mut self, layer: Layer) -> Self {
        let volume = self.volumes.last_mut().unwrap();
        if volume.device.name.starts_with("dm-") {
            volume.device.partition = None;
        }
        volume.device.layer = Some(layer);
        self
    }

    /// Gives the last volume an environment block outside of its files.
    pub fn boot_area(mut self, block: &str) -> Self {
        self.volumes.last_mut().unwrap().boot_area = Some(block.as_bytes().to_vec());
        self
    }

    /// Makes the last volume a btrfs whose default subvolume is known.
    pub fn btrfs(mut self, default_subvolume: &str) -> Self {
        let volume = self.volumes.last_mut().unwrap();
        volume.filesystem.kind = FilesystemKind::Btrfs;
        volume.subvolume = Some(default_subvolume.to_owned());
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
