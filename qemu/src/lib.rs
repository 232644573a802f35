//! The rig: QEMU machines, disks, oracles and serial landmarks that tests and benchmarks drive.
//!
//! - [`machine`] describes a machine, [`guest`] is one that runs: its serial console as lines with times, landmarks and
//!   probe reports waited for with hard deadlines, input, the monitor; dropping it ends it.
//! - [`disk`] makes small disks from tables of files in well under a second, [`debian`] installs a Debian, [`demo`] makes
//!   the disk that `scripts/run-qemu.sh` boots, [`debian_arm64`] does both for arm64, [`workshop`] is the guest that does what this machine's kernel cannot.
//! - [`loader`] puts boot loaders on small disks, to be compared with.
//! - [`payload`] packs what a machine is given to boot: firstlight's initramfs, the probe's initrd.
//! - [`bench`] measures what `scripts/bench.sh` prints.
//! - [`roots`] unpacks programs of a given Debian release; [`oracles`] says which ones tests compare with, and their
//!   versions; [`pinned`] has those that make and read disks, images and initrds.
//! - [`kernel`] builds the kernel below firstlight.
//! - [`cache`] keeps what took long, by the hash of its recipe.
//!
//! Nothing here needs loop devices, udev or root, nor mounts but those of a name space of its own.
#![forbid(unsafe_code)]

pub mod accelerator;
pub mod arm64;
pub mod bench;
pub mod cache;
pub mod console;
pub mod coreboot;
pub mod debian;
pub mod debian_arm64;
pub mod debian_kernel;
pub mod demo;
pub mod disk;
pub mod encrypted;
pub mod error;
pub mod firmware_images;
pub mod firmware_kernel;
pub mod guest;
pub mod kernel;
pub mod loader;
pub mod logical;
pub mod machine;
pub mod monitor;
pub mod oracles;
pub mod packages;
pub mod payload;
pub mod pinned;
pub mod place;
pub mod roots;
pub mod secure_boot;
pub mod snapshots;
pub mod source_package;
pub mod tool;
pub mod workshop;
pub mod writes;

pub use error::Error;
pub use probe::Report;

/// The result of the rig's functions.
pub type Result<T> = std::result::Result<T, Error>;
