//! A file of a FAT renamed, as systemd-boot does to count an attempt: the one write for which a file system is mounted writable,
//! for as long as that takes (fspick(2), mount_setattr(2)).

use std::{io, os::fd::AsFd};

use rustix::{
    fs::{RenameFlags, fsync, renameat_with},
    io::Errno,
    mount::{FsPickFlags, MountAttrFlags, fsconfig_reconfigure, fsconfig_set_flag, fspick},
};

use super::{
    OpenVolume,
    writable::{Unwritable, WritableDevice},
};
use crate::{
    entry::FilesystemKind,
    formats::{lookup::LookupError, text},
    sys::mount_setattr::mount_setattr,
};

/// Why a file keeps its name.
#[derive(Debug, thiserror::Error)]
pub enum RenameError {
    /// Nothing is written to its volume.
    #[error(transparent)]
    Unwritable(#[from] Unwritable),
    /// A file system with a journal would write more than the name.
    #[error("files are renamed on FAT only, and this is {0}; keep the entries on the ESP")]
    FileSystem(FilesystemKind),
    /// Its directory cannot be opened.
    #[error("its directory cannot be opened ({0})")]
    Directory(LookupError),
    /// The kernel refuses.
    #[error("{step}: {error}; check the file system with fsck.fat")]
    Refused {
        /// What it refuses.
        step: &'static str,
        /// The kernel's reason.
        error: io::Error,
    },
}

/// Gives the file at `path` of a volume another name in the same directory, where no file has that name yet. When it comes back
/// the name is on the disk, and the volume is mounted for reading only again.
///
/// # Errors
/// [`RenameError`] says why the file keeps its name.
pub fn rename(open: &OpenVolume, path: &str, name: &str) -> Result<(), RenameError> {
    let kind = open.volume.filesystem.kind;
    if kind != FilesystemKind::Vfat {
        return Err(RenameError::FileSystem(kind));
    }
    let device = WritableDevice::under(&open.volume)?;
    let (directory, old) = path.rsplit_once('/').unwrap_or(("", path));
    let mounted = mount_writable(open, true);
    let renamed = mounted.and_then(|()| {
        // Opened only now: what was opened before stays read-only.
        let directory = open.root.open_directory(directory).map_err(RenameError::Directory)?;
        let refused = |step| move |error: Errno| RenameError::Refused { step, error: error.into() };
        let (old, new) = (text::encode(old), text::encode(name));
        renameat_with(&directory, &*old, &directory, &*new, RenameFlags::NOREPLACE)
            .map_err(refused("renaming it"))?;
        fsync(&directory).map_err(refused("writing its directory to the disk"))
    });
    // This also writes what is left, and takes back the mark of a file system in use.
    let closed = mount_writable(open, false);
    drop(device);
    renamed.and(closed)
}

/// Mounts a file system that is mounted for reading for writing, too, or takes that back.
fn mount_writable(open: &OpenVolume, writable: bool) -> Result<(), RenameError> {
    let root = open.root.as_fd();
    let (flags, step): (&[&str], _) = if writable {
        // With `sync` the new name is on the disk, and whole, before the old one goes.
        (&["sync", "rw"], "mounting its file system for writing")
    } else {
        (&["ro", "async"], "mounting its file system for reading only again")
    };
    let (read_only, none) = (MountAttrFlags::MOUNT_ATTR_RDONLY, MountAttrFlags::empty());
    let reconfigure = || {
        let context = fspick(root, "", FsPickFlags::FSPICK_CLOEXEC | FsPickFlags::FSPICK_EMPTY_PATH)?;
        flags.iter().try_for_each(|flag| fsconfig_set_flag(context.as_fd(), *flag))?;
        fsconfig_reconfigure(context.as_fd())
    };
    let result = if writable {
        reconfigure().and_then(|()| mount_setattr(root, none, read_only, false))
    } else {
        mount_setattr(root, read_only, none, false).and_then(|()| reconfigure())
    };
    result.map_err(|error| RenameError::Refused { step, error: error.into() })
}
