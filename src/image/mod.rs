//! What a kernel file is and how to unwrap it.

pub mod decompress;
mod gzip;
pub mod identify;
pub mod uki;
pub mod unwrap;
