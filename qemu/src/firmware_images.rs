//! firstlight where a boot loader is: in a coreboot ROM, in OVMF's flash, and on an ESP, each made by the image builder of a
//! kernel, an initramfs and a command line.

use std::fs;
use std::path::{Path, PathBuf};

use initramfs::flash::{self, Changes, FlashError, Kind, Payload as Part, Replacement};
use initramfs::kernel::Architecture;
use initramfs::{CorebootRecipe, DiskRecipe, Grub, UkiRecipe, binary, build_coreboot, build_disk, build_uki};

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
            stub: binary::build_stub(architecture(&read(self.kernel)?)?).map_err(builder)?,
            kernel: self.kernel.to_owned(),
            initramfs: self.initramfs.to_owned(),
            cmdline: self.cmdline.to_owned(),
            ..UkiRecipe::default()
        })
    }

    /// OVMF with firstlight in its flash and without what it would find other loaders with, for a machine without a TPM.
    ///
    /// # Errors
    /// When cargo fails, or the payload does not fit.
    pub fn flash(&self, name: &str) -> Result<PathBuf> {
        self.flash_of(name, Tpm::Absent)
    }

    /// The same for this machine.
    ///
    /// # Errors
    /// As [`Self::flash`].
    pub fn flash_of(&self, name: &str, tpm: Tpm) -> Result<PathBuf> {
        let image = with(&firmware(Some(FLASH_SIZE), tpm)?, &self.parts()?)?;
        write_whole(&format!("{name}.fd"), &image)
    }

    /// The same in two flashes: the code with initramfs and command line, and the variables, which the firmware writes, with the
    /// kernel.
    ///
    /// # Errors
    /// As [`Self::flash`].
    pub fn split_flash(&self, name: &str) -> Result<[PathBuf; 2]> {
        let code = firmware(None, Tpm::Absent)?;
        let variables = pinned::disks()?.file("/usr/share/OVMF/OVMF_VARS_4M.fd")?;
        let variables = read(&variables)?;
        let variables =
            flash::with_area(&variables, FLASH_SIZE.saturating_sub(code.len())).map_err(refused)?;
        let (kernel, others) = self.parts()?.into_iter().partition(|part| part.kind == Kind::Kernel);
        let write = |part: &str, image: &[u8], payload: Vec<Part>| {
            write_whole(&format!("{name}-{part}.fd"), &with(image, &payload)?)
        };
        Ok([write("code", &code, others)?, write("variables", &variables, kernel)?])
    }

    /// A flash with another kernel in the place of the one that is in it.
    ///
    /// # Errors
    /// When a file cannot be read, or the kernel does not fit.
    pub fn swap_kernel(image: &Path, kernel: &Path, name: &str) -> Result<PathBuf> {
        let part = Part { kind: Kind::Kernel, content: read(kernel)? };
        write_whole(&format!("{name}.fd"), &with(&read(image)?, &[part])?)
    }

    fn parts(&self) -> Result<Vec<Part>> {
        Ok(vec![
            Part { kind: Kind::Kernel, content: read(self.kernel)? },
            Part { kind: Kind::Initramfs, content: read(self.initramfs)? },
            Part { kind: Kind::CommandLine, content: self.cmdline.into() },
        ])
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
    let path = architecture(&program)?.removable_loader();
    Image::new().volume(Volume::new(Filesystem::Vfat, "ESP").file(path, program)).build(name)
}

fn architecture(program: &[u8]) -> Result<Architecture> {
    Architecture::of_program(program)
        .ok_or_else(|| Error::Other("no EFI program for a machine of the rig".into()))
}

/// Whether the machine has a TPM; without one, OVMF would wait for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tpm {
    /// The firmware keeps its drivers.
    Present,
    /// It does not look for one.
    Absent,
}

/// OVMF with the loader, of this size or its own, without a payload.
fn firmware(size: Option<usize>, tpm: Tpm) -> Result<Vec<u8>> {
    let ovmf = read(&pinned::disks()?.file("/usr/share/OVMF/OVMF_CODE_4M.fd")?)?;
    let program = binary::build_flash_loader().map_err(builder)?;
    let replace = vec![Replacement { file: "Shell".into(), program, title: "firstlight".into() }];
    let mut drop = flash::unneeded(&ovmf).map_err(refused)?;
    if tpm == Tpm::Absent {
        drop.extend(flash::tpm(&ovmf).map_err(refused)?);
    }
    let edited = flash::edit(&ovmf, &Changes { drop, replace }).map_err(refused)?;
    flash::with_area(&edited.image, size.unwrap_or(ovmf.len())).map_err(refused)
}

fn with(image: &[u8], payload: &[Part]) -> Result<Vec<u8>> {
    flash::put(image, payload).map_err(refused)
}

#[expect(clippy::needless_pass_by_value, reason = "it is an argument of map_err")]
fn refused(error: FlashError) -> Error {
    Error::Other(format!("OVMF's flash: {error}"))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).context(|| format!("reading {}", path.display()))
}

/// GRUB for a BIOS, of Debian 12.
///
/// # Errors
/// When it cannot be had.
pub fn grub() -> Result<Grub> {
    let tools = pinned::tests()?;
    Ok(Grub { directory: tools.file("/usr/lib/grub/i386-pc")?, mkimage: Some(tools.script("grub-mkimage")?) })
}
