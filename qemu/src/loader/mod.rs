//! Boot loaders put on small disks: GRUB, systemd-boot, unified kernel images, extlinux.
//!
//! They are those of Debian 12 ([`pinned::TESTS`]), and GRUB may also be that of Debian's testing release.

pub mod extlinux;
pub mod grub;
pub mod uki;

use crate::disk::Volume;
use crate::{Result, pinned};

/// Puts systemd-boot on an EFI system partition, where firmware looks on a disk that it does not know.
///
/// # Errors
/// When it cannot be had.
pub fn systemd_boot(esp: Volume) -> Result<Volume> {
    let program = pinned::tests()?.file("/usr/lib/systemd/boot/efi/systemd-bootx64.efi")?;
    Ok(esp.file("/EFI/BOOT/BOOTX64.EFI", program))
}
