//! Volumes made of tables, for the tests of this room.

use std::collections::BTreeMap;

use crate::{
    entry::{Filesystem, FilesystemKind, Volume, testing::device},
    formats::lookup::{DirectoryEntry, FileKind, FileStatus, Lookup, LookupError},
    formats::text::encode,
};

/// Volumes whose files are rows of a table.
#[derive(Default)]
pub struct Table {
    volumes: Vec<Volume>,
    files: Vec<BTreeMap<String, String>>,
}

impl Table {
    /// Adds partition `name` (`sda2`) with a file system whose UUID is `uuid-NAME` and whose label is `label-NAME`.
    pub fn volume(mut self, name: &str, files: &[(&str, &str)]) -> Self {
        self.volumes.push(Volume {
            device: device(name),
            filesystem: Filesystem {
                kind: FilesystemKind::Ext4,
                uuid: Some(format!("uuid-{name}")),
                label: Some(format!("label-{name}")),
            },
            grub: Default::default(),
        });
        self.files.push(files.iter().map(|&(path, text)| (path.to_owned(), text.to_owned())).collect());
        self
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

impl Lookup for Table {
    fn volumes(&self) -> &[Volume] {
        &self.volumes
    }

    fn read(&self, volume: usize, path: &str, limit: usize) -> Result<Vec<u8>, LookupError> {
        let text = self.files[volume].get(path).ok_or(LookupError::Missing)?;
        let bytes = encode(text);
        if bytes.len() > limit { Err(LookupError::TooLarge(limit)) } else { Ok(bytes) }
    }

    fn read_at(&self, volume: usize, path: &str, offset: u64, length: usize) -> Result<Vec<u8>, LookupError> {
        let bytes = self.read(volume, path, usize::MAX)?;
        Ok(bytes.into_iter().skip(offset as usize).take(length).collect())
    }

    fn status(&self, volume: usize, path: &str, _: bool) -> Option<FileStatus> {
        let files = &self.files[volume];
        if let Some(text) = files.get(path) {
            return Some(FileStatus { kind: FileKind::File, size: encode(text).len() as u64, modified: 0 });
        }
        let directory = format!("{}/", path.trim_end_matches('/'));
        let there = files.keys().any(|file| file.starts_with(&directory));
        there.then_some(FileStatus { kind: FileKind::Directory, size: 0, modified: 0 })
    }

    fn list(&self, volume: usize, path: &str) -> Vec<DirectoryEntry> {
        let directory = format!("{}/", path.trim_end_matches('/'));
        let mut names: Vec<DirectoryEntry> = Vec::new();
        for rest in self.files[volume].keys().filter_map(|file| file.strip_prefix(&directory)) {
            let (name, kind) = match rest.split_once('/') {
                Some((name, _)) => (name, FileKind::Directory),
                None => (rest, FileKind::File),
            };
            if names.iter().all(|entry| entry.name != name) {
                names.push(DirectoryEntry { name: name.into(), kind });
            }
        }
        names
    }
}
