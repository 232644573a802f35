//! GRUB for BIOS on a disk with an MBR, as grub-install leaves it.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::error::{Context, Error};
use crate::roots::Root;
use crate::{Result, pinned, place, tool};

/// Whose GRUB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// That of Debian 12, as on the disks that are installed.
    Debian12,
    /// That of Debian's testing release, the first with `blscfg`.
    Testing,
}

/// The modules for a disk with ext4 and an MBR, and for the configurations.
const MODULES: &[&str] = &[
    "biosdisk",
    "part_msdos",
    "ext2",
    "normal",
    "linux",
    "search",
    "search_fs_uuid",
    "search_label",
    "loadenv",
    "test",
    "echo",
    "configfile",
    "sleep",
    "reboot",
];

/// The file of the package that the BIOS starts.
const BOOT: &str = "usr/lib/grub/i386-pc/boot.img";

/// The MBR's code; after it come the disk's identifier and the partitions.
const CODE: usize = 440;

const SECTOR: u64 = 512;

/// Puts GRUB into the first MiB of `image`, whose first partition holds `/boot/grub/grub.cfg`. With `more` modules than
/// the usual.
///
/// # Errors
/// When grub-mkimage fails.
pub fn install(image: &Path, release: Release, more: &[&str]) -> Result<()> {
    let core = image.with_extension("core");
    let (mut mkimage, boot) = match release {
        Release::Debian12 => {
            let tools = pinned::tests()?;
            (tools.command("grub-mkimage"), tools.file(BOOT)?)
        }
        Release::Testing => {
            let root = Root::unpack("forky", &["grub-pc-bin", "grub-common"])?;
            (root.command(&[&place::target()], "grub-mkimage"), root.path().join(BOOT))
        }
    };
    mkimage.args(["--format=i386-pc", "--prefix=(hd0,msdos1)/boot/grub"]);
    mkimage.arg("--output").arg(&core).args(MODULES).args(more);
    tool::finish(&mut mkimage)?;
    let read = |path: &Path| fs::read(path).context(|| format!("reading {}", path.display()));
    let (boot, core) = (read(&boot)?, read(&core)?);
    let code = boot.get(..CODE).filter(|_| core.len() < (1 << 20) - 512);
    let code = code.ok_or_else(|| Error::Other("GRUB does not fit before the first partition".into()))?;
    // By default boot.img reads its second part from sector 1, and that the rest from sector 2 on.
    File::options()
        .write(true)
        .open(image)
        .and_then(|disk| disk.write_all_at(code, 0).and_then(|()| disk.write_all_at(&core, SECTOR)))
        .context(|| format!("writing {}", image.display()))
}
