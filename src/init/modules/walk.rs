//! The module aliases of all devices that sysfs shows (Documentation/ABI/testing/sysfs-bus-*, `modalias`).

use std::{
    fs,
    path::{Path, PathBuf},
};

const DEVICES: &str = "/sys/devices";

/// Directories are not visited past this many: large servers have some ten thousand devices.
const DIRECTORIES_LIMIT: usize = 500_000;

/// Gives each device's alias to `take`, in no order, some more than once.
pub(super) fn modaliases(take: impl FnMut(&str)) {
    below(Path::new(DEVICES), take);
}

fn below(root: &Path, mut take: impl FnMut(&str)) {
    let mut waiting: Vec<PathBuf> = vec![root.to_owned()];
    for _ in 0..DIRECTORIES_LIMIT {
        let Some(directory) = waiting.pop() else { return };
        // A device may be gone again before it is read.
        for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
            // The type of the entry itself: symbolic links lead to other devices, which are visited in their own place.
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                waiting.push(entry.path());
            } else if entry.file_name() == "modalias"
                && let Ok(modalias) = fs::read_to_string(entry.path())
                && !modalias.trim().is_empty()
            {
                take(modalias.trim());
            }
        }
    }
    log::warn!("{} has more directories than anyone needs: some devices were not looked at", root.display());
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn every_device_is_found_and_no_link_is_followed() {
        let root = std::env::temp_dir().join(format!("firstlight-walk-{}", std::process::id()));
        let disk = root.join("pci0000:00/0000:00:05.0/virtio2");
        fs::create_dir_all(&disk).unwrap();
        fs::write(root.join("pci0000:00/0000:00:05.0/modalias"), "pci:v00001AF4d00001001\n").unwrap();
        fs::write(disk.join("modalias"), "virtio:d00000002v00001AF4\n").unwrap();
        fs::write(root.join("modalias"), "\n").unwrap();
        symlink(&root, disk.join("subsystem")).unwrap();
        let mut found = Vec::new();
        below(&root, |modalias| found.push(modalias.to_owned()));
        fs::remove_dir_all(&root).unwrap();
        found.sort();
        assert_eq!(found, ["pci:v00001AF4d00001001", "virtio:d00000002v00001AF4"]);
    }
}
