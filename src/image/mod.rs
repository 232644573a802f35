//! Kernel files: which format a file is in, and how it becomes a kernel that can be loaded.

mod checked;
mod companions;
mod container;
pub mod decompress;
mod devicetree;
mod error;
pub mod identify;
mod initrd;
mod memory;
mod packed;
mod prepare;
mod sizes;
#[cfg(test)]
pub(crate) mod testing;
mod unpack;
mod unwrap;

pub use checked::verified;
pub use companions::CompanionFile;
pub use error::{PrepareError, UnpackError};
pub use initrd::InitrdDoubt;
pub use memory::{read_into_memory, read_through};
pub use packed::packed;
pub use prepare::{KernelFiles, MultibootStart, PreparedKernel, prepare};
pub use sizes::check_room;
pub use unpack::{UnpackedKernel, unpack, unpack_identified};

/// An open file, and the name that messages call it by.
#[derive(Debug)]
pub struct NamedFile {
    /// Its path, and the volume that it is on.
    pub name: String,
    /// The file, open for reading.
    pub file: std::fs::File,
}

impl NamedFile {
    /// Size in bytes; 0 where the kernel does not say.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.file.metadata().map_or(0, |metadata| metadata.len())
    }
}
