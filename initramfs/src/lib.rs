//! Builds the initramfs: the binary, the static tree and just the modules that booting disks needs, reproducibly.
//!
//! The archive is in the `newc` format of the kernel's Documentation/driver-api/early-userspace/buffer-format.rst. The same
//! [`Recipe`] gives the same bytes: paths are sorted, owners are root, times are fixed.
#![forbid(unsafe_code)]

mod archive;
pub mod binary;
pub mod commandline;
mod compress;
mod coreboot;
mod disk;
mod error;
pub mod flash;
mod image;
pub mod kernel;
mod listing;
pub mod modules;
mod pe;
mod sign;
mod sparse;
mod strip;
mod tree;
mod uki;

pub use archive::archive;
pub use compress::Compression;
pub use coreboot::{CorebootRecipe, PayloadRoom, build_coreboot};
pub use disk::{DiskImage, DiskListing, DiskRecipe, GRUB_DIRECTORY, Grub, build_disk};
pub use error::BuildError;
pub use image::{Addition, Image, Recipe, build};
pub use listing::{Group, Item, Listing};
pub use pe::{NewSection, SectionError, with_sections};
pub use sign::Signer;
pub use tree::{Node, Tree};
pub use uki::{UkiRecipe, build_uki, default_stub};
