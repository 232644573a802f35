//! The formats of files that a boot loader may be given as a kernel: one recogniser per format.

pub mod android;
pub mod boot_control;
pub mod chromeos;
pub mod elf;
pub mod fit;
pub mod flat_tree;
pub mod multiboot;
pub mod pe;
pub mod raw_image;
pub mod u_image;
pub mod x86;
pub mod zboot;

use std::env::consts::ARCH;

use super::compression::Compression;
use serde::Serialize;

/// As much of a file as the recognisers look at, in bytes: the version of an x86 kernel and a multiboot header are within.
pub const HEAD_LENGTH: usize = 128 << 10;

/// As much of a partition as tells whether ChromeOS's or Android's boot loader takes a kernel from it, in bytes.
pub const BARE_HEAD: usize = 16 << 10;

/// The format of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum KernelFile {
    /// Linux for x86, in most cases an EFI program at the same time.
    Bzimage(x86::Kernel),
    /// Linux for arm64 or RISC-V without compression.
    Image(raw_image::RawImage),
    /// A compressed kernel in an EFI program that unpacks it.
    EfiZboot(zboot::Zboot),
    /// A unified kernel image: kernel, initrd and command line as sections of an EFI program.
    Uki(pe::Program),
    /// Any other EFI program.
    EfiProgram(pe::Program),
    /// An ELF file: a `vmlinux`, Xen, or a kernel of another system.
    Elf(elf::Elf),
    /// A multiboot kernel in a format of its own.
    Multiboot(multiboot::Header),
    /// U-Boot's older image.
    Uimage(u_image::UImage),
    /// U-Boot's flattened image tree.
    Fit(flat_tree::Tree),
    /// A device tree.
    Devicetree(flat_tree::Tree),
    /// Android's boot image.
    Android(android::AndroidImage),
    /// The image with a vendor's initrds that goes with Android's boot image.
    AndroidVendor(android::Vendor),
    /// A signed kernel as ChromeOS has it on partitions of its own.
    Chromeos(chromeos::ChromeosImage),
    /// Something compressed.
    Compressed(Wrapped),
}

impl KernelFile {
    /// The architecture that it was made for, where its header tells.
    #[must_use]
    pub fn architecture(&self) -> Option<&str> {
        match self {
            Self::Bzimage(_) => Some("x86_64"),
            Self::Image(image) => Some(image.architecture),
            Self::Uki(program) | Self::EfiProgram(program) => Some(&program.architecture),
            Self::Elf(elf) => Some(&elf.architecture),
            Self::Uimage(image) => Some(&image.architecture),
            _ => None,
        }
    }
}

/// Names of architectures as others write them.
const ARCHITECTURES: &[(&str, &str)] = &[("arm64", "aarch64"), ("x86", "i386")];

/// The architecture as `uname -m` has it, if a kernel that was made for it does not run on this machine.
#[must_use]
pub fn foreign(architecture: &str) -> Option<&str> {
    let other = ARCHITECTURES.iter().find(|(other, _)| *other == architecture);
    let name = other.map_or(architecture, |(_, own)| own);
    // A 64-bit machine runs its 32-bit kernels, and RISC-V's names tell no width.
    let is_own = ARCH.starts_with(name) || (ARCH == "x86_64" && name == "i386");
    (!is_own).then_some(name)
}

/// A compressed file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Wrapped {
    /// How it is compressed.
    pub compression: Compression,
}

/// Takes the first bytes of a file and its size.
type Recogniser = fn(&[u8], u64) -> Option<KernelFile>;

/// Recognisers in their order: a format that another one may be wrapped in comes first, as nearly all are EFI programs too.
const RECOGNISERS: &[Recogniser] = &[
    |head, size| x86::parse(head, size).map(KernelFile::Bzimage),
    |head, size| zboot::parse(head, size).map(KernelFile::EfiZboot),
    |head, _| raw_image::parse(head).map(KernelFile::Image),
    |head, size| {
        let program = pe::parse(head, size)?;
        Some(if program.is_uki() { KernelFile::Uki(program) } else { KernelFile::EfiProgram(program) })
    },
    |head, _| elf::parse(head).map(KernelFile::Elf),
    |head, _| u_image::parse(head).map(KernelFile::Uimage),
    |head, size| {
        let tree = flat_tree::parse(head, size)?;
        Some(if tree.is_fit() { KernelFile::Fit(tree) } else { KernelFile::Devicetree(tree) })
    },
    |head, _| android::parse(head).map(KernelFile::Android),
    |head, _| android::parse_vendor(head).map(KernelFile::AndroidVendor),
    |head, _| chromeos::parse(head).map(KernelFile::Chromeos),
    |head, _| multiboot::parse(head).map(KernelFile::Multiboot),
    |head, _| Compression::recognise(head).map(|compression| KernelFile::Compressed(Wrapped { compression })),
];

/// Recognises a file by its first [`HEAD_LENGTH`] bytes (all, if it has fewer) and its size in bytes.
#[must_use]
pub fn recognise(head: &[u8], size: u64) -> Option<KernelFile> {
    RECOGNISERS.iter().find_map(|recogniser| recogniser(head, size))
}

/// Whether these are the first bytes of a partition without a file system that ChromeOS's or Android's boot loader reads: an
/// image, or the record of Android's slots. [`BARE_HEAD`] are enough.
#[must_use]
pub fn is_bare(head: &[u8]) -> bool {
    chromeos::parse(head).is_some()
        || android::parse(head).is_some()
        || android::parse_vendor(head).is_some()
        || boot_control::parse(head).is_some()
}

/// The text in a field of fixed length, which ends at the first NUL.
fn text(field: &[u8]) -> String {
    super::text::decode(field.split(|&byte| byte == 0).next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_format_in_another_one_is_recognised_before_it() {
        let efi = crate::testing::pe::program(&[]);
        let uki = crate::testing::pe::program(&[(b".linux\0\0", 8, 512, 512)]);
        let mut zboot = efi.clone();
        zboot[4..8].copy_from_slice(b"zimg");
        let mut arm = efi.clone();
        arm[56..60].copy_from_slice(b"ARM\x64");
        let mut x86 = efi.clone();
        x86[0x1fe..0x200].copy_from_slice(b"\x55\xaa");
        x86[0x202..0x208].copy_from_slice(b"HdrS\x0f\x02");
        let kind = |head: &[u8]| {
            let found = recognise(head, head.len() as u64);
            found.map(|found| serde_json::to_value(found).unwrap()["kind"].as_str().unwrap().to_owned())
        };
        for (head, expected) in [
            (&efi[..], Some("efi-program")),
            (&uki, Some("uki")),
            (&zboot, Some("efi-zboot")),
            (&arm, Some("image")),
            (&x86, Some("bzimage")),
            (b"\x1f\x8b\x08\0", Some("compressed")),
            (b"#!/bin/sh\n", None),
            (b"", None),
        ] {
            assert_eq!(kind(head).as_deref(), expected);
        }
    }

    proptest! {
        /// Every recogniser gets past its magic number with the rest hostile.
        #[test]
        fn hostile_bytes_end_in_a_result(
            mut head in prop::collection::vec(any::<u8>(), 0..4096),
            which in 0..10_usize,
            size: u64,
        ) {
            let magics: [&[(usize, &[u8])]; 10] = [
                &[],
                &[(0x1fe, b"\x55\xaa"), (0x202, b"HdrS")],
                &[(0, b"MZ"), (4, b"zimg")],
                &[(56, b"ARM\x64")],
                &[(0, b"MZ"), (0x3c, b"\x40\0\0\0PE\0\0"), (0x58 + 68, b"\x0a\0")],
                &[(0, b"\x7fELF\x02\x01")],
                &[(0, b"\x27\x05\x19\x56")],
                &[(0, b"\xd0\x0d\xfe\xed\0\0\0\0\0\0\0\x28")],
                &[(0, b"ANDROID!")],
                &[(0, b"CHROMEOS"), (16, b"\x40\0\0\0")],
            ];
            for (at, magic) in magics[which] {
                if let Some(place) = head.get_mut(*at..at + magic.len()) {
                    place.copy_from_slice(magic);
                }
            }
            let _ = recognise(&head, size);
        }
    }
}
