//! What a kernel file is and how to unwrap it.

pub mod apart;
mod companions;
pub mod decompress;
mod devicetree;
pub mod identify;
mod memory;
mod packed;
pub mod unwrap;

pub use memory::read_into_memory;
pub use packed::packed;

/// A file to load, with the name that messages call it by.
#[derive(Debug)]
pub struct Image {
    /// Path, and the volume that it is on.
    pub name: String,
    /// The file itself, open for reading.
    pub file: std::fs::File,
}
