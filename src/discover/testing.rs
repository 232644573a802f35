//! Made-up volumes for the tests of this room: directories with files, and what a disk would say of them.

use std::{fs, os::unix::fs::symlink};

use tempfile::TempDir;

use super::Volumes;
use crate::{
    entry::{Filesystem, FilesystemKind, Volume},
    formats::testing::device,
    storage::{OpenVolume, root::Root},
};

/// A volume on partition `name` (`sda2`), its UUID `uuid-NAME`, its partition's `part-NAME`.
pub(super) fn volume(name: &str, kind: FilesystemKind) -> Volume {
    Volume::new(device(name), Filesystem { kind, uuid: Some(format!("uuid-{name}")), label: None })
}

/// A directory with files (path and content; `-> target` makes a link, a path ending with `/` a directory).
pub(super) fn tree(files: &[(&str, &str)]) -> TempDir {
    let directory = TempDir::new().unwrap();
    for (path, content) in files {
        let path = directory.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        match content.strip_prefix("-> ") {
            Some(target) => symlink(target, path).unwrap(),
            None if path.as_os_str().to_string_lossy().ends_with('/') => fs::create_dir_all(path).unwrap(),
            None => fs::write(path, content).unwrap(),
        }
    }
    directory
}

/// Opens directories as volumes.
pub(super) fn volumes(trees: &[(&TempDir, Volume)]) -> Volumes {
    let open = |(tree, volume): &(&TempDir, Volume)| OpenVolume {
        volume: volume.clone(),
        root: Root::from_directory(tree.path()).unwrap(),
    };
    Volumes::from(trees.iter().map(open).collect::<Vec<_>>())
}
