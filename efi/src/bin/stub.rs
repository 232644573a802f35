//! The EFI program that begins a unified kernel image of firstlight's.
#![cfg_attr(target_os = "uefi", no_std, no_main)]
#![allow(unsafe_code, reason = "the firmware calls it by a name that is not Rust's")]

#[cfg(target_os = "uefi")]
efi::program!(efi::stub::start);

#[cfg(not(target_os = "uefi"))]
fn main() {
    eprintln!("stub: this program is for firmware: `cargo build -p efi --target x86_64-unknown-uefi`");
}

/// shim and its like start nothing without this (shim's SBAT.md). The builder of images adds further lines.
#[cfg(target_os = "uefi")]
#[used]
#[unsafe(link_section = ".sbat")]
static SBAT: [u8; 76] = *b"sbat,1,SBAT Version,sbat,1,https://github.com/rhboot/shim/blob/main/SBAT.md\n";
