//! Every system call that rustix and nix lack, and every `unsafe` of the programs that run on Linux, each with its SAFETY reason.
#![warn(missing_docs)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![deny(clippy::unreachable, clippy::todo, clippy::unimplemented)]

pub mod block_device;
pub mod btrfs;
pub mod child;
pub mod device_mapper;
pub mod errno;
pub mod extents;
pub mod fault;
pub mod files;
pub mod fork;
#[cfg(feature = "running-system")]
pub mod freeze;
pub mod inherited;
pub mod interfaces;
pub mod kexec;
pub mod kmsg;
pub mod mapping;
pub mod mount_setattr;
pub mod namespaces;
pub mod panics;
pub mod pipe;
pub mod signal;
pub mod threads;
pub mod trampoline;
pub mod watchdog;
