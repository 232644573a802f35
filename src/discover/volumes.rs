//! The volumes that are open, as the formats ask for them.

use crate::{
    entry::Volume,
    formats::lookup::{DirectoryEntry, FileStatus, Lookup, LookupError},
    storage::{OpenVolume, root::Root},
};

/// Open volumes, in the order in which disks are searched.
#[derive(Debug, Default)]
pub struct Volumes {
    volumes: Vec<Volume>,
    roots: Vec<Root>,
}

impl From<Vec<OpenVolume>> for Volumes {
    fn from(open: Vec<OpenVolume>) -> Self {
        let (volumes, roots) = open.into_iter().map(|open| (open.volume, open.root)).unzip();
        Self { volumes, roots }
    }
}

impl Volumes {
    fn root(&self, volume: usize) -> Result<&Root, LookupError> {
        self.roots.get(volume).ok_or(LookupError::Missing)
    }
}

impl Lookup for Volumes {
    fn volumes(&self) -> &[Volume] {
        &self.volumes
    }

    fn read(&self, volume: usize, path: &str, limit: usize) -> Result<Vec<u8>, LookupError> {
        self.root(volume)?.read(path, limit)
    }

    fn read_at(&self, volume: usize, path: &str, offset: u64, length: usize) -> Result<Vec<u8>, LookupError> {
        self.root(volume)?.read_at(path, offset, length)
    }

    fn status(&self, volume: usize, path: &str, follow: bool) -> Option<FileStatus> {
        self.root(volume).ok()?.status(path, follow)
    }

    fn link(&self, volume: usize, path: &str) -> Option<String> {
        self.root(volume).ok()?.link(path)
    }

    fn list(&self, volume: usize, path: &str) -> Vec<DirectoryEntry> {
        self.root(volume).map(|root| root.list(path)).unwrap_or_default()
    }
}
