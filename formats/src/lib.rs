//! Bytes in, values out: every format that a boot loader reads. No I/O, no unsafe, no panic; each with a fuzz target.
//!
//! A format that must look around (GRUB's `source`, `search`, `[ -f ]`) asks the small trait [`lookup::Lookup`], which
//! `discover` implements over volumes and the tests over tables.
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![deny(clippy::unreachable, clippy::todo, clippy::unimplemented)]
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]
#![cfg_attr(not(test), warn(clippy::disallowed_methods, clippy::disallowed_types))]

pub mod acpi_serial;
pub mod assignments;
#[cfg(feature = "bls")]
pub mod bls;
#[cfg(feature = "bls")]
pub mod bootspec;
pub mod bytes;
pub mod bzimage;
pub mod cmdline;
pub mod compression;
pub mod cpio;
pub mod device_tree;
pub mod efi_boot;
pub mod entry;
pub mod fstab;
pub mod glob;
#[cfg(feature = "grub")]
pub mod grub;
#[cfg(feature = "grub")]
pub mod grub_legacy;
#[cfg(feature = "others")]
pub mod guix;
pub mod gzip;
#[cfg(feature = "bls")]
pub mod hwids;
pub mod iso9660;
pub mod json;
#[cfg(feature = "others")]
pub mod kboot;
pub mod kernel_file;
#[cfg(feature = "others")]
pub mod lilo;
#[cfg(feature = "others")]
pub mod limine;
pub mod lines;
pub mod lookup;
pub mod luks;
pub mod menu;
pub mod modules;
pub mod name_map;
pub mod name_table;
pub mod partition;
#[cfg(feature = "others")]
pub mod petitboot;
#[cfg(feature = "others")]
pub mod raspberry_pi;
#[cfg(feature = "others")]
pub mod refind;
#[cfg(feature = "syslinux")]
pub mod smbios;
pub mod sort;
pub mod superblock;
#[cfg(feature = "syslinux")]
pub mod syslinux;
pub mod table;
#[cfg(any(test, feature = "testing"))]
#[allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "sample files for tests; in tests themselves these are allowed already"
)]
pub mod testing;
pub mod text;
#[cfg(feature = "others")]
pub mod u_boot_script;
#[cfg(feature = "bls")]
pub mod uki;
pub mod version;
pub mod volume_name;
