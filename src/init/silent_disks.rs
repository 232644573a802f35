//! Disks that owe answers when all work has ended: they are given up, so that the kernel does not wait for them when it shuts down all
//! devices before the jump (sd_shutdown in drivers/scsi/sd.c has the cache written, nvme_dev_disable in drivers/nvme/host/pci.c waits
//! for requests, then for the end of the queues).

use std::{
    fs::{self, File},
    os::unix::fs::FileExt,
    path::Path,
};

/// Place of the command register in a PCI device's configuration (PCI Local Bus Specification, 6.1).
const COMMAND: u64 = 4;

/// Its value that keeps a device from everything: it answers no reads and writes, reaches no memory, and makes no interrupts. A driver
/// that reads nothing but ones from its device knows that it is dead.
const NOTHING: [u8; 2] = 0x0400_u16.to_le_bytes();

/// Gives up the disks, in a tree like /sys, that have not answered a request.
pub(super) fn give_up(sys: &Path) {
    for disk in fs::read_dir(sys.join("block")).into_iter().flatten().flatten() {
        let requests = fs::read_to_string(disk.path().join("inflight")).unwrap_or_default();
        if !requests.bytes().any(|byte| matches!(byte, b'1'..=b'9')) {
            continue;
        }
        let device = disk.path().join("device");
        // A SCSI disk: no command reaches it any more.
        let is_offline = fs::write(device.join("state"), "offline\n").is_ok();
        // An NVMe disk: the controller above it.
        let config = File::options().write(true).open(device.join("device/config"));
        let is_dead = config.is_ok_and(|config| config.write_at(&NOTHING, COMMAND).is_ok());
        let how = if is_offline || is_dead { "is given up" } else { "cannot be given up" };
        log::warn!("{}: does not answer, and {how}", disk.file_name().display());
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn only_disks_that_owe_answers_are_given_up() {
        let tree = TempDir::new().unwrap();
        let disk = |name: &str, inflight: &str, files: &[(&str, &[u8])]| {
            let disk = tree.path().join("block").join(name);
            for (file, content) in [&[("inflight", inflight.as_bytes())], files].concat() {
                let file = disk.join(file);
                fs::create_dir_all(file.parent().unwrap()).unwrap();
                fs::write(file, content).unwrap();
            }
        };
        let config = [0xff; 8];
        disk("sda", "       2        0\n", &[("device/state", b"running\n")]);
        disk("sdb", "       0        0\n", &[("device/state", b"running\n")]);
        disk("nvme0c0n1", "       0       10\n", &[("device/device/config", &config)]);
        disk("nvme1n1", "       0        0\n", &[("device/device/config", &config)]);
        disk("vda", "       1        0\n", &[("device/device", b"0x0002\n")]);
        give_up(tree.path());
        let content = |file: &str| fs::read(tree.path().join("block").join(file)).unwrap();
        assert_eq!(content("sda/device/state"), b"offline\n");
        assert_eq!(content("sdb/device/state"), b"running\n");
        assert_eq!(content("nvme0c0n1/device/device/config"), [0xff, 0xff, 0xff, 0xff, 0, 4, 0xff, 0xff]);
        assert_eq!(content("nvme1n1/device/device/config"), config);
        assert_eq!(content("vda/device/device"), b"0x0002\n");
    }
}
