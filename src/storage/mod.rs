//! Block devices as they appear, what is on them, and read-only handles to their files.

mod attachment;
mod control_node;
pub mod controllers;
mod image_file;
mod keeper;
mod kernel_messages;
#[cfg(feature = "luks")]
pub mod luks;
mod mapping;
pub mod misread;
pub mod mount;
pub(crate) mod mounted;
pub mod overwrite;
pub mod partition_scan;
pub mod probe;
pub mod rejection;
pub mod rename;
pub mod root;
mod snapshot;
pub mod stack;
mod subvolume;
pub mod sysfs;
pub mod table;
pub mod uevent;
pub mod watch;
mod whole_disk;
pub mod writable;

use std::sync::atomic::{AtomicU32, Ordering};

use root::Root;
pub use watch::survey;

use self::rejection::Rejection;
use crate::entry::{Device, Volume, VolumeId};

/// A volume whose files can be read.
#[derive(Debug)]
pub struct OpenVolume {
    /// Its description.
    pub volume: Volume,
    /// Its files.
    pub root: Root,
}

impl OpenVolume {
    /// Gives a volume an identity of its own.
    #[must_use]
    pub fn new(volume: Volume, root: Root) -> Self {
        static LAST: AtomicU32 = AtomicU32::new(0);
        let id = VolumeId(LAST.fetch_add(1, Ordering::Relaxed).wrapping_add(1));
        Self { volume: Volume { id, ..volume }, root }
    }
}

/// A report of a source of volumes.
#[derive(Debug)]
pub enum VolumeEvent {
    /// The probe of the device with this kernel name begins.
    Probing(String),
    /// A volume whose files can be read.
    Opened(OpenVolume),
    /// A device that nothing can be read from. It may still become a volume, if it answers late or changes.
    Rejected {
        device: Device,
        /// Why.
        rejection: Rejection,
    },
    /// A device that was reported is gone, or is about to be probed again; holds its kernel name.
    Gone(String),
    /// The modules are loaded, and of the devices that were known then these are still being probed. One that the kernel has not
    /// shown yet has a name and nothing else.
    Awaited(Vec<Device>),
    /// Every device that was known when the modules were loaded has been probed, or let its deadline pass. Reported once.
    KnownProbed,
}
