//! Loading the next kernel and jumping into it.
//!
//! kexec_file_load(2) takes the files' own descriptors, so that what was checked is what is loaded; kexec_load(2) is faster,
//! since nothing is hashed, and is taken where no signature is asked for. What the one refuses for its signature is never
//! loaded by the other.

pub mod cmdline;
pub mod command;
pub mod consoles;
mod initrd;
mod load;
#[cfg(all(feature = "multiboot", target_arch = "x86_64"))]
pub mod multiboot;
pub mod reason;
pub mod segments;
mod signatures;
pub mod state;
#[cfg(test)]
mod testing;

pub use crate::image::Image;
pub use load::{
    LoadError, MAKES_CRASH_HEADERS, Method, jump, load, load_by, load_for_panic, unload, unload_from,
};
