//! firstlight's EFI programs (UEFI 2.10): what they ask of the firmware, which is all their `unsafe`, and what they do.
#![cfg_attr(not(test), no_std)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[cfg(target_os = "uefi")]
mod flash;
#[cfg(target_os = "uefi")]
pub mod flash_loader;
#[cfg(target_os = "uefi")]
mod initramfs;
#[cfg(any(target_os = "uefi", test))]
mod options;
#[cfg(target_os = "uefi")]
mod origin;
#[cfg(any(target_os = "uefi", test))]
mod parts;
#[cfg(any(target_os = "uefi", test))]
mod path;
#[cfg(target_os = "uefi")]
mod run;
#[cfg(target_os = "uefi")]
mod services;
#[cfg(target_os = "uefi")]
pub mod stub;
#[cfg(target_os = "uefi")]
mod trust;
#[cfg(target_os = "uefi")]
mod variables;

#[cfg(target_os = "uefi")]
pub use r_efi::efi::{Handle, Status, SystemTable};
#[cfg(target_os = "uefi")]
pub use run::{panicked, run};
#[cfg(target_os = "uefi")]
pub use services::{Firmware, Refusal};
