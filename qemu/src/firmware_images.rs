//! firstlight where a boot loader is: in a coreboot ROM, in OVMF's flash, and on an ESP, each made by the image builder of a
//! kernel, an initramfs and a command line.

use std::fs;
use std::path::{Path, PathBuf};

use initramfs::flash::{Changes, Replacement, edit, grow, unneeded};
use initramfs::{CorebootRecipe, DiskRecipe, Grub, UkiRecipe, build_coreboot, build_disk, build_uki};

use crate::coreboot::Coreboot;
use crate::disk::{Filesystem, Image, Volume};
use crate::error::{Context, Error};
use crate::payload::{builder, write_whole};
use crate::{Result, pinned};

/// The largest flash that QEMU has without being asked.
const FLASH_SIZE: usize = 8 << 20;

/// What firstlight runs on.
#[derive(Clone, Copy, Debug)]
pub struct Payload<'a> {
    /// The kernel, with its drivers built in.
    pub kernel: &'a Path,
    /// firstlight's initramfs.
    pub initramfs: &'a Path,
    /// The kernel's command line.
    pub cmdline: &'a str,
}

impl Payload<'_> {
    /// A coreboot ROM for q35.
    ///
    /// # Errors
    /// When coreboot cannot be built, or the payload does not fit.
    pub fn coreboot(&self, name: &str) -> Result<PathBuf> {
        let coreboot = Coreboot::build()?;
        let rom = write_whole(&format!("{name}.rom"), &[])?;
        let recipe = CorebootRecipe {
            rom: coreboot.rom(),
            kernel: self.kernel.to_owned(),
            initramfs: self.initramfs.to_owned(),
            cmdline: self.cmdline.to_owned(),
            cbfstool: coreboot.cbfstool(),
        };
        build_coreboot(&recipe, &rom).map_err(builder)?;
        Ok(rom)
    }

    /// One EFI program.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn uki(&self) -> Result<Vec<u8>> {
        build_uki(&self.uki_recipe()?).map_err(builder)
    }

    fn uki_recipe(&self) -> Result<UkiRecipe> {
        Ok(UkiRecipe {
            stub: pinned::tests()?.file("/usr/lib/systemd/boot/efi/linuxx64.efi.stub")?,
            kernel: self.kernel.to_owned(),
            initramfs: self.initramfs.to_owned(),
            cmdline: self.cmdline.to_owned(),
            ..UkiRecipe::default()
        })
    }

    /// OVMF with firstlight in the place of its shell, and without what it would find other loaders with.
    ///
    /// # Errors
    /// When the payload does not fit.
    pub fn flash(&self, name: &str) -> Result<PathBuf> {
        let ovmf = pinned::disks()?.file("/usr/share/OVMF/OVMF_CODE_4M.fd")?;
        let ovmf = fs::read(&ovmf).context(|| format!("reading {}", ovmf.display()))?;
        let replacement =
            Replacement { file: "Shell".into(), program: self.uki()?, title: "firstlight".into() };
        let edited = unneeded(&ovmf)
            .and_then(|drop| edit(&grow(&ovmf, FLASH_SIZE)?, &Changes { drop, replace: vec![replacement] }));
        let edited = edited.map_err(|error| Error::Other(format!("{name}: {error}")))?;
        write_whole(&format!("{name}.fd"), &edited.image)
    }

    /// A disk with an ESP, from which UEFI starts firstlight where no boot option says otherwise.
    ///
    /// # Errors
    /// As [`Image::build`].
    pub fn esp(&self, name: &str) -> Result<PathBuf> {
        esp(name, self.uki()?)
    }

    /// The image of a stick that UEFI and a BIOS boot.
    ///
    /// # Errors
    /// When a program is missing or fails.
    pub fn stick(&self, name: &str) -> Result<PathBuf> {
        let recipe = DiskRecipe { uki: self.uki_recipe()?, grub: Some(grub()?), ..DiskRecipe::default() };
        write_whole(&format!("{name}.img"), &build_disk(&recipe).map_err(builder)?.bytes)
    }
}

/// A disk with an ESP, from which UEFI starts `program`.
///
/// # Errors
/// As [`Image::build`].
pub fn esp(name: &str, program: Vec<u8>) -> Result<PathBuf> {
    let esp = Volume::new(Filesystem::Vfat, "ESP").file("/EFI/BOOT/BOOTX64.EFI", program);
    Image::new().volume(esp).build(name)
}

/// GRUB for a BIOS, of Debian 12.
///
/// # Errors
/// When it cannot be had.
pub fn grub() -> Result<Grub> {
    let tools = pinned::tests()?;
    Ok(Grub { directory: tools.file("/usr/lib/grub/i386-pc")?, mkimage: Some(tools.script("grub-mkimage")?) })
}
