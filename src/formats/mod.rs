//! Bytes in, values out: every format that a boot loader reads. No I/O, no unsafe, no panic; each with a fuzz target.
//!
//! A format that must look around (GRUB's `source`, `search`, `[ -f ]`) asks the small trait [`lookup::Lookup`], which
//! `discover` implements over volumes and the tests over tables.
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

pub mod assignments;
pub mod bls;
pub mod bootspec;
pub mod bytes;
pub mod bzimage;
pub mod cmdline;
pub mod compression;
pub mod cpio;
pub mod device_tree;
pub mod efi_boot;
pub mod fstab;
pub mod glob;
pub mod grub;
pub mod grub_legacy;
pub mod guix;
pub mod gzip;
pub mod hwids;
pub mod iso9660;
pub mod kboot;
pub mod kernel_file;
pub mod lilo;
pub mod limine;
pub mod lines;
pub mod lookup;
pub mod menu;
pub mod modules;
pub mod nearest;
pub mod partition;
pub mod petitboot;
pub mod raspberry_pi;
pub mod refind;
pub mod settings;
pub mod smbios;
pub mod superblock;
pub mod syslinux;
pub mod text;
pub mod u_boot_script;
pub mod uki;
pub mod version;
pub mod volume_name;
