//! The host's own files as one volume, as grub-emu sees them: `(host)/…`.

use std::{
    fs,
    io::{Read as _, Seek as _, SeekFrom},
    os::unix::fs::MetadataExt as _,
};

use firstlight::{
    entry::Volume,
    formats::lookup::{DirectoryEntry, FileKind, FileStatus, Lookup, LookupError},
};

/// The file system of the host.
pub struct Host {
    volumes: Vec<Volume>,
}

impl Host {
    pub fn new() -> Self {
        Self { volumes: vec![Volume::named("host")] }
    }
}

fn kind(kind: fs::FileType) -> FileKind {
    match kind {
        kind if kind.is_file() => FileKind::File,
        kind if kind.is_dir() => FileKind::Directory,
        kind if kind.is_symlink() => FileKind::Link,
        _ => FileKind::Other,
    }
}

impl Lookup for Host {
    fn volumes(&self) -> &[Volume] {
        &self.volumes
    }

    fn read(&self, _: usize, path: &str, limit: usize) -> Result<Vec<u8>, LookupError> {
        let bytes = fs::read(path).map_err(|error| LookupError::Failed(error.to_string()))?;
        if bytes.len() > limit { Err(LookupError::TooLarge(limit)) } else { Ok(bytes) }
    }

    fn read_at(&self, _: usize, path: &str, offset: u64, length: usize) -> Result<Vec<u8>, LookupError> {
        let read = || {
            let mut file = fs::File::open(path)?;
            file.seek(SeekFrom::Start(offset))?;
            let mut bytes = Vec::new();
            file.take(length as u64).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        read().map_err(|error: std::io::Error| LookupError::Failed(error.to_string()))
    }

    fn status(&self, _: usize, path: &str, follow: bool) -> Option<FileStatus> {
        let metadata = if follow { fs::metadata(path) } else { fs::symlink_metadata(path) }.ok()?;
        Some(FileStatus {
            kind: kind(metadata.file_type()),
            size: metadata.len(),
            modified: metadata.mtime(),
        })
    }

    fn list(&self, _: usize, path: &str) -> Vec<DirectoryEntry> {
        let entries = fs::read_dir(path).into_iter().flatten().flatten();
        let mut names: Vec<DirectoryEntry> = entries
            .filter_map(|entry| {
                let kind = kind(entry.file_type().ok()?);
                Some(DirectoryEntry { name: entry.file_name().into_string().ok()?, kind })
            })
            .collect();
        names.sort_by(|one, other| one.name.cmp(&other.name));
        names
    }
}
