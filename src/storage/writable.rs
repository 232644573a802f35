//! A device that the kernel holds read-only for us (see [`super::mount`]), opened for the one write that a boot loader owes its
//! system.

use std::{
    fs::File,
    io,
    os::fd::AsFd,
    path::{Path, PathBuf},
};

use crate::{
    entry::{LogState, Origin, Volume},
    sys::block_device::{set_read_only, set_writable},
};

/// Why nothing is written to a volume.
#[derive(Debug, thiserror::Error)]
pub enum Unwritable {
    /// Its files are not where the device holds them as they are.
    #[error("it lies on {0}, where GRUB and systemd-boot cannot write, either")]
    Layered(&'static str),
    /// What waits in its journal would come after what is written now.
    #[error(
        "its journal waits to be replayed, and no write goes past that; the next start of its own system replays it"
    )]
    Log,
    /// The device cannot be opened for writing.
    #[error("{}: {error}; is it write-protected?", .node.display())]
    Device {
        /// Its node.
        node: PathBuf,
        /// The kernel's reason.
        error: io::Error,
    },
}

/// A device that may be written until this is dropped.
#[derive(Debug)]
pub struct WritableDevice {
    /// The device, open for reading and writing.
    pub file: File,
    /// Its node.
    pub node: PathBuf,
}

impl WritableDevice {
    /// Opens the device of a volume, unless its files lie on layers above it or its journal is not empty.
    ///
    /// # Errors
    /// [`Unwritable`] says why not.
    pub fn under(volume: &Volume) -> Result<Self, Unwritable> {
        if volume.origin != Origin::Device {
            return Err(Unwritable::Layered("an image file"));
        }
        if volume.device.layer.is_some() || !volume.device.beneath.is_empty() {
            return Err(Unwritable::Layered("LVM, RAID or an encrypted container"));
        }
        if volume.log != LogState::Clean {
            return Err(Unwritable::Log);
        }
        let node = Path::new("/dev").join(volume.device.name.replace('!', "/"));
        let opened = File::open(&node).and_then(|device| {
            set_writable(device.as_fd())?;
            let file = File::options().read(true).write(true).open(&node);
            if file.is_err() {
                let _ = set_read_only(device.as_fd());
            }
            file
        });
        match opened {
            Ok(file) => Ok(Self { file, node }),
            Err(error) => Err(Unwritable::Device { node, error }),
        }
    }
}

impl Drop for WritableDevice {
    fn drop(&mut self) {
        if let Err(error) = set_read_only(self.file.as_fd()) {
            log::info!("{}: the kernel does not hold it read-only again ({error})", self.node.display());
        }
    }
}
