//! Builds the initramfs: the binary, the static tree and just the modules that booting disks needs, reproducibly.
//!
//! The archive is in the `newc` format of the kernel's Documentation/driver-api/early-userspace/buffer-format.rst. The same
//! [`Recipe`] gives the same bytes: paths are sorted, owners are root, times are fixed.
#![forbid(unsafe_code)]

mod archive;
pub mod binary;
pub mod commandline;
mod compress;
mod error;
mod image;
mod listing;
pub mod modules;
mod strip;
mod tree;

pub use archive::archive;
pub use compress::Compression;
pub use error::BuildError;
pub use image::{Addition, Image, Recipe, build};
pub use listing::{Group, Item, Listing};
pub use tree::{Node, Tree};
