//! The default subvolume of a btrfs file system: what a mount without `subvol=` shows.

use std::os::fd::{AsFd, BorrowedFd};

use rustix::{
    fs::{Mode, OFlags, openat},
    io::Errno,
};

use crate::{
    formats::{
        superblock::btrfs::{
            DIRECTORY_ENTRY, ROOT_BACK_REFERENCE, ROOT_DIRECTORY, ROOT_TREE, TOP, default_subvolume,
            place_in_parent,
        },
        text,
    },
    sys::btrfs::{first_item, path_of},
};

/// Maximum depth of a subvolume in others.
const DEPTH_LIMIT: usize = 32;

/// Path of the default subvolume from the top: empty for the top itself, or like `/@`. `None` where the kernel does not say.
pub(super) fn default_path(top: BorrowedFd<'_>) -> Option<String> {
    // A handle to a mount is no handle to ask questions with.
    let files = openat(top, ".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).ok()?;
    let (_, entry) = first_item(files.as_fd(), ROOT_TREE, ROOT_DIRECTORY, DIRECTORY_ENTRY).ok()?;
    path(files.as_fd(), default_subvolume(&entry)?).ok()
}

fn path(files: BorrowedFd<'_>, mut subvolume: u64) -> Result<String, Errno> {
    let mut path = String::new();
    for _ in 0..DEPTH_LIMIT {
        if subvolume == TOP {
            return Ok(path);
        }
        let (parent, item) = first_item(files, ROOT_TREE, subvolume, ROOT_BACK_REFERENCE)?;
        let (directory, name) = place_in_parent(&item).ok_or(Errno::IO)?;
        path = format!("/{}{name}{path}", text::decode(&path_of(files, parent, directory)?));
        subvolume = parent;
    }
    Err(Errno::LOOP)
}
