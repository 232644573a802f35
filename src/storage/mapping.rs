//! A device of device mapper (Documentation/admin-guide/device-mapper/), from its making to its end.

use std::{
    fs::File,
    os::fd::AsFd,
    path::{Path, PathBuf},
};

use rustix::io::Errno;

use super::control_node;
use crate::sys::device_mapper::Mapped;

/// Where devices of device mapper are made, and the number of that node (Documentation/admin-guide/devices.txt).
const CONTROL: (&str, (u32, u32)) = ("/dev/mapper/control", (10, 236));

/// The same in a place where it can be made before the module is there.
const OWN_CONTROL: &str = "/dev/firstlight-device-mapper";

/// A device, which goes with this unless it is kept.
#[derive(Debug)]
pub(super) struct Mapping {
    control: File,
    name: String,
    node: PathBuf,
    is_kept: bool,
}

impl Mapping {
    /// Makes a device with nothing in it.
    pub fn create(name: &str, uuid: &str) -> Result<Self, Errno> {
        let (path, number) = CONTROL;
        let control = File::open(path).or_else(|_| control_node::open(Path::new(OWN_CONTROL), number))?;
        let minor = Mapped { control: control.as_fd(), name }.create(uuid)?;
        let node = PathBuf::from(format!("/dev/dm-{minor}"));
        Ok(Self { control, name: name.to_owned(), node, is_kept: false })
    }

    /// For calls about it.
    pub fn mapped(&self) -> Mapped<'_> {
        Mapped { control: self.control.as_fd(), name: &self.name }
    }

    /// Its node.
    pub fn node(&self) -> &Path {
        &self.node
    }

    /// Leaves it there, and gives its node.
    #[cfg(feature = "luks")]
    pub fn keep(mut self) -> PathBuf {
        self.is_kept = true;
        std::mem::take(&mut self.node)
    }
}

impl Drop for Mapping {
    /// Where it is in use it stays until that ends.
    fn drop(&mut self) {
        if self.is_kept {
            return;
        }
        if let Err(error) = self.mapped().remove() {
            log::debug!("{}: {error}", self.name);
        }
    }
}
