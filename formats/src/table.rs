//! Volumes whose files are held in memory: for tests, and for configurations that lie in no file system.

use std::collections::BTreeMap;

use crate::{
    entry::Volume,
    lookup::{DirectoryEntry, FileKind, FileStatus, Lookup, LookupError},
};

/// Volumes and their files. Directories are what the paths of files go through; there are no symbolic links.
#[derive(Clone, Debug, Default)]
pub struct Table {
    pub(crate) volumes: Vec<Volume>,
    files: Vec<BTreeMap<String, Vec<u8>>>,
}

impl Table {
    /// Adds a volume with these files, each an absolute path in the text form of [`crate::text`] and its content.
    #[must_use]
    pub fn with<'a, B: AsRef<[u8]>>(
        mut self,
        volume: Volume,
        files: impl IntoIterator<Item = (&'a str, B)>,
    ) -> Self {
        self.volumes.push(volume);
        let files = files.into_iter().map(|(path, content)| (path.to_owned(), content.as_ref().to_vec()));
        self.files.push(files.collect());
        self
    }

    fn file(&self, volume: usize, path: &str) -> Option<&Vec<u8>> {
        self.files.get(volume)?.get(path)
    }

    fn paths(&self, volume: usize) -> impl Iterator<Item = &String> {
        self.files.get(volume).into_iter().flat_map(BTreeMap::keys)
    }
}

impl Lookup for Table {
    fn volumes(&self) -> &[Volume] {
        &self.volumes
    }

    fn read(&self, volume: usize, path: &str, limit: usize) -> Result<Vec<u8>, LookupError> {
        let bytes = self.file(volume, path).ok_or(LookupError::Missing)?;
        if bytes.len() > limit { Err(LookupError::TooLarge(limit)) } else { Ok(bytes.clone()) }
    }

    fn read_at(&self, volume: usize, path: &str, offset: u64, length: usize) -> Result<Vec<u8>, LookupError> {
        let bytes = self.file(volume, path).ok_or(LookupError::Missing)?;
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        Ok(bytes.iter().skip(offset).take(length).copied().collect())
    }

    fn status(&self, volume: usize, path: &str, _: bool) -> Option<FileStatus> {
        if let Some(bytes) = self.file(volume, path) {
            return Some(FileStatus { kind: FileKind::File, size: bytes.len() as u64, modified: 0 });
        }
        let directory = format!("{}/", path.trim_end_matches('/'));
        let there = self.paths(volume).any(|file| file.starts_with(&directory));
        there.then_some(FileStatus { kind: FileKind::Directory, size: 0, modified: 0 })
    }

    fn list(&self, volume: usize, path: &str) -> Vec<DirectoryEntry> {
        let directory = format!("{}/", path.trim_end_matches('/'));
        let mut names: Vec<DirectoryEntry> = Vec::new();
        for rest in self.paths(volume).filter_map(|file| file.strip_prefix(&directory)) {
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
