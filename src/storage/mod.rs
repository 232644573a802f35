//! Block devices as they appear, what is on them, and read-only handles to their files.

mod attachment;
mod image_file;
mod keeper;
pub mod look;
pub mod mount;
pub(crate) mod mounted;
pub mod root;
mod subvolume;
pub mod sysfs;
pub mod uevent;
pub mod watch;

use std::{fs::File, io, os::unix::fs::FileExt};

use root::Root;
pub use watch::survey;

use crate::entry::Volume;

/// A volume whose files can be read.
#[derive(Debug)]
pub struct OpenVolume {
    /// What it is.
    pub volume: Volume,
    /// Its files.
    pub root: Root,
}

/// Reads from an offset until the buffer is full or the end is reached; says how many bytes that was.
fn fill(file: &File, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, offset.saturating_add(u64::try_from(filled).unwrap_or(u64::MAX))) {
            Ok(0) => break,
            Ok(count) => filled = filled.saturating_add(count),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
