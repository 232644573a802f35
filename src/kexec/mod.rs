//! Loading the next kernel and jumping into it.
//!
//! kexec_file_load(2) takes the files' own descriptors, so that what was checked is what is loaded; kexec_load(2) is faster,
//! since nothing is hashed, and is taken where no signature is asked for. A kernel that the one refuses for its signature
//! is never loaded by the other.

mod call;
pub mod cmdline;
pub mod command;
pub mod consoles;
pub mod dangers;
mod error;
mod initrd;
mod linux;
mod load;
mod loaded;
#[cfg(all(feature = "multiboot", target_arch = "x86_64"))]
mod multiboot;
pub mod reason;
pub mod segments;
mod signatures;
pub mod state;

pub use call::{MAKES_CRASH_HEADERS, Method};
pub use error::LoadError;
pub use load::{ANYWHERE, LoadOptions, load};
pub use loaded::{BeforeJump, LoadedKernel, jump, unload, unload_from};
