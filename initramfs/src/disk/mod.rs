//! Disk images that machines boot firstlight from, UEFI and BIOS alike: a GPT with an EFI system partition (UEFI 2.10, 3.5.1.1
//! "Removable Media Boot Behavior" and 13.3), and for a BIOS GRUB's first stage in a partition of its own.
//!
//! All identifiers come from the content, and all times are fixed: the same files give the same bytes.

mod fat;
mod gpt;
mod grub;

use std::fmt;
use std::path::Path;

use gpt_disk_types::{GptPartitionType, Guid};
use sha2::{Digest, Sha256};

pub use self::grub::{GRUB_DIRECTORY, Grub};
use crate::error::read;
use crate::kernel::Architecture;
use crate::listing::{Group, Item};
use crate::sign::Signer;
use crate::{BuildError, UkiRecipe, build_uki};

const SECTOR: u64 = 512;

/// The partition with GRUB's second part, in sectors.
const BIOS_BOOT_LENGTH: u64 = 2048;

const LABEL: [u8; 11] = *b"FIRSTLIGHT ";

/// What GRUB loads; firstlight takes no kernel in this directory for a system's.
const KERNEL: &str = "/EFI/BOOT/KERNEL";
const INITRAMFS: &str = "/EFI/BOOT/INITRD";

/// The parts of a disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DiskRecipe {
    /// What UEFI starts. Its kernel, initramfs and command line are those that a BIOS starts, too.
    pub uki: UkiRecipe,
    /// Who signs that, for Secure Boot.
    pub signer: Option<Signer>,
    /// What starts the disk where there is a BIOS; `None` for UEFI alone, as on aarch64.
    pub grub: Option<Grub>,
    /// How large it is, in bytes; `None` is as small as it can be.
    pub size: Option<u64>,
}

/// A disk, and what is on it.
#[derive(Clone, Debug)]
pub struct DiskImage {
    /// The whole disk.
    pub bytes: Vec<u8>,
    /// Its files.
    pub listing: DiskListing,
}

/// What weighs how much.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct DiskListing {
    /// Files by the firmware that starts them.
    pub groups: Vec<Group>,
    /// Bytes of the file system that are free.
    pub free: u64,
    /// Size of the disk in bytes.
    pub image: u64,
}

impl fmt::Display for DiskListing {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for group in &self.groups {
            writeln!(out, "{:>10}  {}", group.size(), group.name)?;
            for item in &group.items {
                writeln!(out, "{:>10}      {}", item.size, item.path)?;
            }
        }
        writeln!(out, "{:>10}  free\n{:>10}  image", self.free, self.image)
    }
}

/// The architecture that a kernel is for.
///
/// # Errors
/// When it cannot be read, or EFI does not start it.
pub fn architecture(kernel: &Path) -> Result<Architecture, BuildError> {
    Architecture::of_program(&read(kernel)?)
        .ok_or_else(|| BuildError::unfit(kernel, "no kernel that EFI starts (CONFIG_EFI_STUB)"))
}

/// Builds a disk: the same files give the same bytes, but for what signs them.
///
/// # Errors
/// A file cannot be read or is not what it should be, a program is missing, or there is not enough room: then with how much is
/// missing.
pub fn build_disk(recipe: &DiskRecipe) -> Result<DiskImage, BuildError> {
    let DiskRecipe { uki, signer, grub, size } = recipe;
    let architecture = architecture(&uki.kernel)?;
    let path = architecture.removable_loader();
    let program = build_uki(uki)?;
    let program = signer.as_ref().map_or(Ok(program.clone()), |signer| signer.sign(&program))?;
    let (kernel, initramfs) = (read(&uki.kernel)?, read(&uki.initramfs)?);
    let mut files: Vec<(&str, &[u8])> = vec![(path, &program)];
    if grub.is_some() {
        if architecture != Architecture::X86_64 {
            return Err(BuildError::unfit(
                &uki.kernel,
                "a kernel for aarch64, and a BIOS starts none: --no-bios",
            ));
        }
        files.extend([(KERNEL, &kernel[..]), (INITRAMFS, &initramfs[..])]);
    }

    let sizes = || files.iter().map(|(_, content)| content.len() as u64);
    if let Some(large) = sizes().find(|size| *size > fat::FILE_LIMIT) {
        return Err(BuildError::unfit(
            &uki.initramfs,
            format!("{large} bytes: a file on FAT has 4 GiB at most"),
        ));
    }
    let bios = if grub.is_some() { BIOS_BOOT_LENGTH } else { 0 };
    let around = gpt::FIRST.saturating_add(bios).saturating_add(gpt::LAST);
    let least = (fat::needed(sizes()) / SECTOR).saturating_add(around).next_multiple_of(gpt::FIRST);
    let length = size.map_or(least, |size| size / SECTOR);
    if length < least {
        return Err(too_small(uki, fat::bytes(least), fat::bytes(length)));
    }
    // The file system has whole MiB.
    let esp = length.saturating_sub(around) / gpt::FIRST * gpt::FIRST;
    let core_at = gpt::FIRST.saturating_add(esp);
    let stage = match grub {
        Some(grub) => Some(grub::stage(grub, [KERNEL, INITRAMFS], &uki.cmdline, core_at)?),
        None => None,
    };

    let mut content = Sha256::new();
    for (path, bytes) in &files {
        content.update(path.as_bytes());
        content.update((bytes.len() as u64).to_le_bytes());
        content.update(bytes);
    }
    content.update(stage.as_ref().map_or(&[][..], |stage| &stage.core));
    content.update(esp.to_le_bytes());
    let content = content.finalize();
    let guid = |of: &str| Guid::from_random_bytes(first(&content, of));

    let mut partitions = vec![gpt::Partition {
        kind: GptPartitionType::EFI_SYSTEM,
        name: "firstlight",
        guid: guid("esp"),
        start: gpt::FIRST,
        length: esp,
    }];
    partitions.extend(stage.is_some().then(|| gpt::Partition {
        kind: gpt::BIOS_BOOT,
        name: "GRUB",
        guid: guid("bios"),
        start: core_at,
        length: BIOS_BOOT_LENGTH,
    }));
    let length = fat::bytes(length);
    let failed = |reason: String| BuildError::unfit(&uki.kernel, reason);
    let mut bytes =
        usize::try_from(length).map(|length| vec![0; length]).map_err(|error| failed(error.to_string()))?;
    let code = stage.as_ref().map_or(&[][..], |stage| &stage.code);
    let table = gpt::write(&mut bytes, guid("disk"), &partitions, code);
    let core = stage.as_ref().map_or(&[][..], |stage| &stage.core);
    let fits = core.len() as u64 <= fat::bytes(BIOS_BOOT_LENGTH);
    let placed = table.filter(|()| fits).and_then(|()| gpt::put(&mut bytes, core_at, core));
    let from = usize::try_from(fat::bytes(gpt::FIRST)).unwrap_or(usize::MAX);
    let volume =
        bytes.get_mut(from..).and_then(|rest| rest.get_mut(..usize::try_from(fat::bytes(esp)).ok()?));
    let volume =
        volume.filter(|_| placed.is_some()).ok_or_else(|| failed("the disk's parts do not fit".into()))?;
    let serial = first::<4>(&content, "serial");
    fat::write(volume, u32::from_le_bytes(serial), LABEL, &files)
        .ok_or_else(|| failed("the files do not fit into the file system".to_owned()))?;

    let item = |(path, content): &(&str, &[u8])| Item::new(path, content.len());
    let (for_uefi, for_bios) = files.split_at(1);
    let mut groups = vec![Group::new("UEFI", for_uefi.iter().map(item).collect())];
    if stage.is_some() {
        let core = Item::new("GRUB's core image", core.len());
        groups.push(Group::new("BIOS", for_bios.iter().map(item).chain([core]).collect()));
    }
    let used: u64 = sizes().fold(0, u64::saturating_add);
    Ok(DiskImage {
        bytes,
        listing: DiskListing { groups, free: fat::bytes(esp).saturating_sub(used), image: length },
    })
}

fn too_small(uki: &UkiRecipe, least: u64, size: u64) -> BuildError {
    let missing = least.saturating_sub(size);
    BuildError::unfit(
        &uki.initramfs,
        format!("a disk of {size} bytes is too small: {least} are needed, {missing} bytes are missing"),
    )
}

/// The first bytes of what the content's hash makes of a name.
fn first<const N: usize>(content: &[u8], of: &str) -> [u8; N] {
    let mut bytes = [0; N];
    let hash = Sha256::new().chain_update(content).chain_update(of).finalize();
    bytes.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
    bytes
}
