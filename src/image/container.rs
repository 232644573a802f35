//! Files that hold more than a kernel, and their parts: unified kernel images, image trees, Android's, ChromeOS's and
//! U-Boot's images.

use std::{fs::File, io};

use super::{
    checked,
    companions::{self, CompanionFile},
    devicetree,
    error::UnpackError,
    identify::{self, Identity, identify},
    memory::{self, Source},
    sizes,
};
use crate::{
    entry::Role,
    formats::{
        kernel_file::{
            KernelFile,
            android::{self, Part, Vendor, bootconfig_trailer},
            chromeos, fit, foreign,
            pe::{Program, Section},
            u_image::{self, SEVERAL},
        },
        uki::{Sections, TEXT_LIMIT, mangled, section_text},
    },
    sys::files,
};

/// Maximum size of a boot configuration, in bytes: twice the kernel's own limit.
const BOOTCONFIG_LIMIT: u64 = 64 << 10;

/// Maximum size of a device tree, in bytes.
const DEVICETREE_LIMIT: usize = 32 << 20;

/// The parts of a file.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pub kernel: Option<File>,
    /// Initrds that come before those that the entry names.
    pub early: Vec<File>,
    /// Initrds that come after those.
    pub late: Vec<File>,
    /// Pieces of the command line.
    pub cmdline: Vec<String>,
    pub devicetree: Option<File>,
    pub bootconfig: Option<Vec<u8>>,
}

/// The parts of a kernel file that has been identified; `None` if it is a kernel and nothing else, or a wrapped one.
///
/// # Errors
/// [`UnpackError`] says what is wrong with the file.
pub(super) fn kernel_parts(
    file: &File,
    identity: &Identity,
    profile: u32,
    companions: &[CompanionFile],
) -> Result<Option<Parts>, UnpackError> {
    Ok(Some(match &identity.format {
        // Without the part that is missing, it might boot to no good end.
        Some(KernelFile::Uki(program) | KernelFile::EfiProgram(program)) if program.cut_short => {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        Some(KernelFile::Uki(program)) => uki(file, program, profile, companions)?,
        Some(KernelFile::Fit(_)) => fit(file)?,
        Some(KernelFile::Uimage(image)) if image.content == SEVERAL => several(file, image)?,
        Some(KernelFile::Android(image)) => {
            if image.kernel.size == 0 {
                return Err(UnpackError::NoKernel);
            }
            let parts = [image.kernel, image.ramdisk, image.devicetree];
            sizes::check_parts(file, parts.map(|part| (part.offset, part.size)))?;
            Parts {
                kernel: Some(part(file, image.kernel)?),
                late: present(file, image.ramdisk)?.into_iter().collect(),
                cmdline: texts(image.cmdline.clone()),
                devicetree: present(file, image.devicetree)?,
                ..Parts::default()
            }
        }
        Some(KernelFile::Chromeos(image)) => chromeos(file, image)?,
        Some(KernelFile::AndroidVendor(_)) => return Err(UnpackError::NoKernel),
        // A kernel that a thin image names.
        _ => match companions::archives(None, companions)? {
            Some(archives) => Parts { late: vec![archives], ..Parts::default() },
            None => return Ok(None),
        },
    }))
}

/// The parts of an image that is named as an initrd; `None` if the file is the initrd itself.
///
/// # Errors
/// [`UnpackError`] says what is wrong with the file.
pub(super) fn initrd_parts(file: &File) -> Result<Option<Parts>, UnpackError> {
    // The headers of such images are within it. Everything else is an initrd.
    let head = files::read_at(file, 0, 4096)?;
    let late = if let Some(image) = u_image::parse(&head).filter(|image| image.content == "ramdisk") {
        vec![checked::content(file, &image)?]
    } else if let Some(image) = android::parse(&head) {
        vec![part(file, image.ramdisk)?]
    } else if let Some(vendor) = android::parse_vendor(&head) {
        return Ok(Some(vendor_parts(file, vendor)?));
    } else {
        return Ok(None);
    };
    Ok(Some(Parts { late, ..Parts::default() }))
}

fn vendor_parts(file: &File, vendor: Vendor) -> Result<Parts, UnpackError> {
    let (table, _) = vendor.table;
    let table = files::read_at(file, table.offset, usize::try_from(table.size).unwrap_or(0).min(TEXT_LIMIT))?;
    let ramdisks = android::vendor_ramdisks(&vendor, &table);
    let parts = ramdisks.iter().chain([&vendor.devicetree, &vendor.bootconfig]);
    sizes::check_parts(file, parts.map(|part| (part.offset, part.size)))?;
    let ramdisks = ramdisks.into_iter();
    let bootconfig = Some(vendor.bootconfig).filter(|part| (1..=BOOTCONFIG_LIMIT).contains(&part.size));
    let read = |part: Part| files::read_at(file, part.offset, usize::try_from(part.size).unwrap_or(0));
    Ok(Parts {
        late: ramdisks.map(|ramdisk| part(file, ramdisk)).collect::<io::Result<_>>()?,
        bootconfig: bootconfig.map(read).transpose()?.map(|text| bootconfig_trailer(&text)),
        cmdline: texts(vendor.cmdline),
        devicetree: present(file, vendor.devicetree)?,
        ..Parts::default()
    })
}

fn uki(
    file: &File,
    program: &Program,
    profile: u32,
    companions: &[CompanionFile],
) -> Result<Parts, UnpackError> {
    check_architecture(&program.architecture)?;
    check_sections(file, program)?;
    let sections = Sections::of(program, profile).ok_or(UnpackError::Profile(profile))?;
    let section =
        |file: &File, section: &Section| memory::part(file, section.offset.into(), section.size.into());
    let own = |name| sections.get(name).map(|found| section(file, found)).transpose();
    let mut parts = Parts {
        kernel: own(".linux")?,
        early: own(".ucode")?.into_iter().collect(),
        late: own(".initrd")?.into_iter().collect(),
        cmdline: texts(cmdline(file, sections)?),
        devicetree: devicetree(file, sections)?,
        bootconfig: None,
    };
    parts.late.extend(companions::archives(Some((file, sections)), companions)?);
    for addon in companions.iter().filter(|companion| companion.role == Role::Addon) {
        let (Some(KernelFile::EfiProgram(program)), file) = (identify(&addon.file)?.format, &addon.file)
        else {
            continue;
        };
        check_sections(file, &program)
            .map_err(|error| UnpackError::Companion(addon.name.clone(), Box::new(error)))?;
        let Some(sections) = Sections::of(&program, 0) else { continue };
        let own = |name| sections.get(name).map(|found| section(file, found)).transpose();
        // The first microcode for a processor counts: the last addon's comes first.
        parts.early.splice(0..0, own(".ucode")?);
        parts.late.extend(own(".initrd")?);
        parts.cmdline.extend(texts(cmdline(file, sections)?));
        parts.devicetree = devicetree(file, sections)?.or(parts.devicetree);
    }
    Ok(parts)
}

/// Checks that all sections are in the file, and none lies over another.
fn check_sections(file: &File, program: &Program) -> Result<(), UnpackError> {
    if program.cut_short {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
    }
    sizes::check_parts(file, program.sections.iter().map(|it| (it.offset.into(), it.size.into())))
}

/// A machine without device trees gets none.
fn devicetree(file: &File, sections: Sections<'_>) -> io::Result<Option<File>> {
    if cfg!(target_arch = "x86_64") { Ok(None) } else { devicetree::choose(file, sections) }
}

fn cmdline(file: &File, sections: Sections<'_>) -> io::Result<String> {
    let Some(section) = sections.get(".cmdline") else { return Ok(String::new()) };
    let length = usize::try_from(section.size).unwrap_or(TEXT_LIMIT).min(TEXT_LIMIT);
    Ok(mangled(&section_text(&files::read_at(file, section.offset.into(), length)?)))
}

fn fit(file: &File) -> Result<Parts, UnpackError> {
    let configuration = fit::default_configuration(&Source(file))?;
    if let Some(architecture) = &configuration.kernel.architecture {
        check_architecture(architecture)?;
    }
    let images = std::iter::once(&configuration.kernel).chain(&configuration.ramdisk);
    let images = images.chain(configuration.devicetrees.first());
    sizes::check_parts(file, images.map(|image| (image.offset, image.size)))?;
    let take_out =
        |image: fit::FitImage| checked::part(file, (image.offset, image.size), &image.sums, &image.name);
    Ok(Parts {
        kernel: Some(take_out(configuration.kernel)?),
        late: configuration.ramdisk.map(take_out).transpose()?.into_iter().collect(),
        devicetree: configuration.devicetrees.into_iter().next().map(take_out).transpose()?,
        ..Parts::default()
    })
}

/// On x86 the partition holds the kernel without its setup sectors; elsewhere the kernel may be an image tree.
fn chromeos(file: &File, image: &chromeos::ChromeosImage) -> Result<Parts, UnpackError> {
    let parts = [image.setup, image.kernel];
    sizes::check_parts(file, parts.map(|part| (part.offset, part.size)))?;
    let size = image.setup.size.saturating_add(image.kernel.size);
    let kernel = files::sealed("part", size, |memory| {
        parts.into_iter().try_for_each(|part| memory::append(memory, file, part.offset, part.size))
    })?;
    let cmdline = texts(identify::chromeos_cmdline(file, image)?);
    let inside = match identify(&kernel)?.format {
        Some(KernelFile::Fit(_)) => fit(&kernel)?,
        _ => Parts { kernel: Some(kernel), ..Parts::default() },
    };
    Ok(Parts { cmdline, ..inside })
}

/// U-Boot's older image of several files: kernel, initrd, device tree.
fn several(file: &File, image: &u_image::UImage) -> Result<Parts, UnpackError> {
    check_architecture(&image.architecture)?;
    let content = checked::content(file, image)?;
    let head = files::read_at(&content, 0, 4096)?;
    let mut files =
        u_image::files(&head).into_iter().map(|(offset, size)| memory::part(&content, offset, size));
    Ok(Parts {
        kernel: Some(files.next().ok_or(UnpackError::NoKernel)??),
        late: files.next().transpose()?.into_iter().collect(),
        devicetree: files.next().transpose()?,
        ..Parts::default()
    })
}

/// The content of a device tree.
///
/// # Errors
/// The device tree is too large, or the kernel's reason why it cannot be read.
pub(super) fn read_devicetree(devicetree: &File) -> io::Result<Vec<u8>> {
    let size = usize::try_from(devicetree.metadata()?.len()).unwrap_or(usize::MAX);
    if size > DEVICETREE_LIMIT {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    files::read_at(devicetree, 0, size)
}

fn part(file: &File, part: Part) -> io::Result<File> {
    memory::part(file, part.offset, part.size)
}

fn present(file: &File, wanted: Part) -> io::Result<Option<File>> {
    (wanted.size > 0).then(|| part(file, wanted)).transpose()
}

fn texts(text: String) -> Vec<String> {
    Some(text).filter(|text| !text.is_empty()).into_iter().collect()
}

fn check_architecture(name: &str) -> Result<(), UnpackError> {
    foreign(name).map_or(Ok(()), |name| Err(UnpackError::Architecture(name.to_owned())))
}
