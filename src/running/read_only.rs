//! Bringing the disks to rest without the init system: dirty data written back, every file system read-only, or frozen
//! where someone still writes.

use std::{
    fs::{self, File},
    os::fd::AsFd,
    path::Path,
};

use rustix::{
    io::Errno,
    mount::{MountFlags, mount_remount},
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
            match mount_remount(mount.path(), MountFlags::RDONLY, "") {
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

impl Drop for Rest {
    /// The jump has not happened: the system must go on.
    fn drop(&mut self) {
        for (mount, directory) in self.frozen.drain(..).rev() {
            if let Err(error) = freeze::thaw(directory.as_fd()) {
                log::error!("{}: cannot be thawed: {error}", mount.point);
            }
        }
        for mount in self.remounted.drain(..).rev() {
            if let Err(error) = mount_remount(mount.path(), MountFlags::empty(), "") {
                log::error!("{}: cannot be made writable again: {error}", mount.point);
            }
        }
    }
}
