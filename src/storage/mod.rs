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
