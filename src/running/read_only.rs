//! Bringing the disks to rest without the init system: dirty data written back, every file system read-only, or frozen
//! where someone still writes.

use std::{
    fs::{self, File},
    os::fd::AsFd,
    path::Path,
};

use rustix::{
    fs::CWD,
    io::Errno,
    mount::{FsPickFlags, fsconfig_reconfigure, fsconfig_set_flag, fspick},
};

use super::{
    mounts::{self, Mount},
    writers::{Writer, writers},
};
use crate::{formats::text, sys::freeze};

/// File systems at rest; dropped, they are written to again.
#[derive(Debug, Default)]
pub struct Rest {
    remounted: Vec<Mount>,
    frozen: Vec<(Mount, File)>,
}

/// A file system that someone still writes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Busy {
    /// The file system.
    pub mount: Mount,
    /// Why it cannot be made read-only.
    pub reason: Errno,
    /// Who writes.
    pub writers: Vec<Writer>,
}

/// Why there is no rest.
#[derive(Debug, thiserror::Error)]
pub enum RestError {
    /// It can be made neither read-only nor frozen.
    #[error(
        "{point}: cannot be made read-only ({reason}) or frozen ({freezing}); stop what writes there, or leave --now out"
    )]
    Restless {
        /// Where it is mounted.
        point: String,
        /// Why it cannot be read-only.
        reason: Errno,
        /// Why it cannot be frozen.
        freezing: Errno,
    },
}

/// The file systems that can be written to now, in the order in which they are brought to rest.
#[must_use]
pub fn writable() -> Vec<Mount> {
    let read = |path| text::decode(&fs::read(path).unwrap_or_default());
    mounts::writable(&read("/proc/self/mountinfo"), &read("/proc/filesystems"))
}

impl Rest {
    /// Makes all file systems read-only, those mounted last first. Those that are written to are returned, with who does.
    #[must_use]
    pub fn begin() -> (Self, Vec<Busy>) {
        rustix::fs::sync();
        let mut rest = Self::default();
        let mut busy = Vec::new();
        for mount in writable() {
            match set(&mount.path(), "ro") {
                Ok(()) => rest.remounted.push(mount),
                Err(reason) => {
                    let writers = writers(Path::new("/proc"), mount.number);
                    busy.push(Busy { mount, reason, writers });
                }
            }
        }
        (rest, busy)
    }

    /// Freezes what is still written to. Nothing may be written from then on, not even a message to a file: whoever does
    /// waits for ever.
    ///
    /// # Errors
    /// [`RestError`] names the file system that cannot be brought to rest.
    pub fn freeze(&mut self, busy: &[Busy]) -> Result<(), RestError> {
        for Busy { mount, reason, .. } in busy {
            let frozen = File::open(mount.path())
                .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))
                .and_then(|directory| freeze::freeze(directory.as_fd()).map(|()| directory));
            match frozen {
                Ok(directory) => self.frozen.push((mount.clone(), directory)),
                Err(freezing) => {
                    let point = text::printable(&mount.point);
                    return Err(RestError::Restless { point, reason: *reason, freezing });
                }
            }
        }
        Ok(())
    }
}

/// Sets one option of a mounted file system, `ro` or `rw`. Its other options stay as they are, and so do those of its mounts,
/// which mount(2)'s `MS_REMOUNT` would set anew: nosuid, nodev, noexec.
fn set(point: &Path, option: &str) -> Result<(), Errno> {
    let filesystem = fspick(CWD, point, FsPickFlags::FSPICK_CLOEXEC | FsPickFlags::FSPICK_NO_AUTOMOUNT)?;
    fsconfig_set_flag(&filesystem, option)?;
    fsconfig_reconfigure(&filesystem)
}

impl Drop for Rest {
    /// The jump has not happened: the system must go on.
    fn drop(&mut self) {
        for (mount, directory) in self.frozen.drain(..).rev() {
            if let Err(error) = freeze::thaw(directory.as_fd()) {
                log::error!("{}: cannot be thawed: {error}", mount.point);
            }
        }
        for mount in self.remounted.drain(..).rev() {
            if let Err(error) = set(&mount.path(), "rw") {
                log::error!("{}: cannot be made writable again: {error}", mount.point);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// The options of a mount and of its file system.
    fn options(point: &str) -> (String, String) {
        let table = fs::read_to_string("/proc/self/mountinfo").unwrap();
        let line = table.lines().find(|line| line.split(' ').nth(4) == Some(point)).unwrap();
        let (mount, filesystem) = line.split_once(" - ").unwrap();
        (mount.split(' ').nth(5).unwrap().to_owned(), filesystem.split(' ').nth(2).unwrap().to_owned())
    }

    #[test]
    fn a_file_system_that_was_read_only_for_a_while_is_as_it_was() {
        // With a table of mounts of its own, and root's rights in it.
        let mut test = Command::new("unshare");
        test.args(["--user", "--map-root-user", "--mount"]).arg(std::env::current_exe().unwrap());
        test.args(["--exact", "running::read_only::tests::of_its_own", "--ignored", "--nocapture"]);
        let output = test.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"), "{output:?}");
    }

    #[test]
    #[ignore = "mounts; a_file_system_that_was_read_only_for_a_while_is_as_it_was runs it apart"]
    fn of_its_own() {
        let directory = tempfile::TempDir::new().unwrap();
        let point = directory.path().to_str().unwrap();
        let options_given = "nosuid,nodev,noexec,noatime,size=1m";
        assert!(
            Command::new("mount")
                .args(["-t", "tmpfs", "-o", options_given, "tmpfs", point])
                .status()
                .unwrap()
                .success()
        );
        let before = options(point);
        set(directory.path(), "ro").unwrap();
        assert_eq!(options(point), (before.0.clone(), before.1.replacen("rw", "ro", 1)));
        assert!(fs::write(directory.path().join("file"), "").is_err());
        set(directory.path(), "rw").unwrap();
        assert_eq!(options(point), before);
        let held = File::create(directory.path().join("file")).unwrap();
        assert_eq!(set(directory.path(), "ro"), Err(Errno::BUSY));
        assert_eq!(options(point), before);
        drop(held);
        assert!(Command::new("umount").arg(point).status().unwrap().success());
    }
}
