//! The module aliases of all devices that sysfs shows (Documentation/ABI/testing/sysfs-bus-*, `modalias`).

use std::{
    fs,
    path::{Path, PathBuf},
};

const SYSFS: &str = "/sys";

/// Maximum number of devices: large servers have some ten thousand.
const DEVICES_LIMIT: usize = 500_000;

/// Gives each device's alias to `take`, in no order, some more than once.
pub(super) fn modaliases(take: impl FnMut(&str)) {
    below(Path::new(SYSFS), take);
}

/// Every device with an alias has a driver to be found, and so a bus, or is one of a class, as input devices are. Their
/// directories list links to devices, which are far fewer than all directories of sysfs.
fn below(root: &Path, mut take: impl FnMut(&str)) {
    let buses = entries(root.join("bus")).map(|bus| bus.join("devices"));
    let devices = buses.chain(entries(root.join("class"))).flat_map(entries);
    for device in devices.take(DEVICES_LIMIT) {
        // Many have none, and a device may be gone again before it is read.
        if let Ok(modalias) = fs::read_to_string(device.join("modalias"))
            && !modalias.trim().is_empty()
        {
            take(modalias.trim());
        }
    }
}

fn entries(directory: PathBuf) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn the_devices_of_every_bus_and_class_are_found() {
        let root = std::env::temp_dir().join(format!("firstlight-walk-{}", std::process::id()));
        let mut devices = 0;
        let mut device = |list: &str, modalias: &str| {
            devices += 1;
            let device = root.join(format!("devices/{devices}"));
            fs::create_dir_all(&device).unwrap();
            fs::create_dir_all(root.join(list)).unwrap();
            fs::write(device.join("modalias"), modalias).unwrap();
            symlink(&device, root.join(list).join(devices.to_string())).unwrap();
        };
        device("bus/pci/devices", "pci:v00001AF4d00001001\n");
        device("bus/virtio/devices", "virtio:d00000002v00001AF4\n");
        device("bus/platform/devices", "\n");
        device("class/input", "input:b0011v0001\n");
        symlink(root.join("devices/gone"), root.join("bus/pci/devices/gone")).unwrap();
        let mut found = Vec::new();
        below(&root, |modalias| found.push(modalias.to_owned()));
        fs::remove_dir_all(&root).unwrap();
        found.sort();
        assert_eq!(found, ["input:b0011v0001", "pci:v00001AF4d00001001", "virtio:d00000002v00001AF4"]);
    }
}
