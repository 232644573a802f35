//! The EFI program in a firmware's flash that starts firstlight's kernel from there: it finds the parts of the payload area, checks
//! them, and lets the kernel's own EFI stub do the rest (UEFI 2.10, 7.4; Linux: Documentation/admin-guide/efi-stub.rst).
//!
//! What goes wrong it says on the firmware's console, and returns to the firmware, which goes on with its next boot option.
#![cfg_attr(target_os = "uefi", no_std, no_main)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[cfg(target_os = "uefi")]
mod firmware;
#[cfg(target_os = "uefi")]
mod payload;

#[cfg(not(target_os = "uefi"))]
fn main() {
    eprintln!(
        "flash-loader: this program is for firmware: `cargo build -p flash-loader --target x86_64-unknown-uefi`"
    );
}
