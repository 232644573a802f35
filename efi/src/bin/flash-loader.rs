//! The EFI program in a firmware's flash that starts firstlight's kernel from there.
#![cfg_attr(target_os = "uefi", no_std, no_main)]
#![allow(unsafe_code, reason = "the firmware calls it by a name that is not Rust's")]

#[cfg(target_os = "uefi")]
efi::program!(efi::flash_loader::start);

#[cfg(not(target_os = "uefi"))]
fn main() {
    eprintln!(
        "flash-loader: this program is for firmware: `cargo build -p efi --target x86_64-unknown-uefi`"
    );
}
