//! Loading the next kernel and jumping into it.
//!
//! kexec_file_load(2) takes the files' own descriptors, so that what was checked is what is loaded.

pub mod cmdline;
mod initrd;
mod load;
pub mod reason;

pub use load::{Image, LoadError, jump, load, unload};
