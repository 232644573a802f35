//! Nodes of drivers that are asked for work (Documentation/admin-guide/devices.txt): before a driver's module is there, so is no
//! node, and opening one that was made by hand has the kernel ask for the module.

use std::{fs::File, path::Path};

use rustix::{
    fs::{CWD, FileType, Mode, makedev, mknodat},
    io::Errno,
};

use super::probe::errno;

/// Opens a driver's node, by its path and number, and makes it where it is missing. Several threads may do so at once.
pub(super) fn open(path: &Path, (major, minor): (u32, u32)) -> Result<File, Errno> {
    File::open(path).or_else(|error| {
        match mknodat(CWD, path, FileType::CharacterDevice, Mode::RUSR | Mode::WUSR, makedev(major, minor)) {
            // Another thread has just made it.
            Ok(()) | Err(Errno::EXIST) => File::open(path).map_err(|error| errno(&error)),
            Err(_) => Err(errno(&error)),
        }
    })
}

#[cfg(test)]
mod tests {
    use std::{sync::Barrier, thread};

    use rustix::process::geteuid;

    use super::*;

    #[test]
    fn threads_that_open_a_missing_node_at_once_all_have_it() {
        // Only root makes nodes.
        if !geteuid().is_root() {
            return;
        }
        let directory = tempfile::tempdir().unwrap();
        for round in 0..20 {
            let node = directory.path().join(round.to_string());
            let barrier = Barrier::new(8);
            let open = || {
                barrier.wait();
                open(&node, (1, 3)).map(drop)
            };
            thread::scope(|scope| {
                let threads: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
                for thread in threads {
                    // A file system that is mounted without devices is none of this function's.
                    assert!(matches!(thread.join().unwrap(), Ok(()) | Err(Errno::ACCESS)));
                }
            });
        }
    }
}
