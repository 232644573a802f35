//! Boot loaders put on small disks: GRUB, systemd-boot, unified kernel images, extlinux.
//!
//! They are this machine's own packages, and GRUB may also be that of Debian's next release.

pub mod extlinux;
pub mod grub;
pub mod uki;

use std::path::{Path, PathBuf};

use crate::cache::{Recipe, cached};
use crate::disk::Volume;
use crate::{Result, debian, tool};

/// The release whose GRUB is the first with `blscfg`, and what is taken from it.
const NEXT: &str = "forky";
const PACKAGES: &str = "grub-pc-bin,grub-common";

/// Where the packages put systemd-boot and the stub of unified kernel images.
const SYSTEMD: &str = "/usr/lib/systemd/boot/efi";

/// Whose boot loader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// This machine's.
    Installed,
    /// That of Debian's next release, unpacked into the cache at its first use: half a minute, once.
    Next,
}

impl Release {
    /// The root directory of its files.
    ///
    /// # Errors
    /// When mmdebstrap fails, for want of network for instance.
    pub fn root(self) -> Result<PathBuf> {
        if self == Self::Installed {
            return Ok("/".into());
        }
        cached("loaders", &Recipe::new(NEXT).and(PACKAGES), |directory| {
            let mut mmdebstrap = tool::command("mmdebstrap");
            mmdebstrap
                .args(["--variant=extract", &format!("--include={PACKAGES}")])
                .arg("--aptopt=Apt::Install-Recommends \"false\"")
                // What a mirror has may be older than the archive says that it should be; it is signed all the same.
                .arg("--aptopt=Acquire::Check-Valid-Until \"false\"")
                .arg(NEXT)
                .arg(directory)
                .arg(debian::source(NEXT));
            tool::finish_logged(&mut mmdebstrap, "loaders", "unpacking newer boot loaders, once")
        })
    }
}

/// Puts systemd-boot on an EFI system partition, where firmware looks on a disk that it does not know.
#[must_use]
pub fn systemd_boot(esp: Volume) -> Volume {
    esp.file("/EFI/BOOT/BOOTX64.EFI", Path::new(SYSTEMD).join("systemd-bootx64.efi"))
}
