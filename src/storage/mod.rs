//! Block devices as they appear, what is on them, and read-only handles to their files.

mod attachment;
pub mod root;
pub mod sysfs;
pub mod uevent;

use root::Root;

use crate::entry::Volume;

/// A volume whose files can be read.
#[derive(Debug)]
pub struct OpenVolume {
    /// What it is.
    pub volume: Volume,
    /// Its files.
    pub root: Root,
}
