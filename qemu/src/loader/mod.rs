//! Boot loaders put on small disks: GRUB, systemd-boot, unified kernel images, extlinux.
//!
//! They are this machine's own packages.

pub mod extlinux;
pub mod grub;
pub mod uki;

use std::path::Path;

use crate::disk::Volume;

/// Where the packages put systemd-boot and the stub of unified kernel images.
const SYSTEMD: &str = "/usr/lib/systemd/boot/efi";

/// Puts systemd-boot on an EFI system partition, where firmware looks on a disk that it does not know.
#[must_use]
pub fn systemd_boot(esp: Volume) -> Volume {
    esp.file("/EFI/BOOT/BOOTX64.EFI", Path::new(SYSTEMD).join("systemd-bootx64.efi"))
}
