//! Takes files apart that hold more than a kernel: unified kernel images, image trees, Android's, ChromeOS's and
//! U-Boot's images.

use std::{env::consts::ARCH, fs::File, io};

use super::{
    Image, companions, devicetree,
    identify::{self, identify},
    memory::{self, Source},
};
use crate::{
    entry::Role,
    formats::{
        kernel_file::{
            KernelFile,
            android::{self, Part, Vendor, bootconfig_trailer},
            chromeos,
            fit::{self, FitError, Sum},
            foreign,
            pe::{Program, Section},
            u_image::{self, HEADER_LENGTH, SEVERAL},
        },
        text::printable,
        uki::{Sections, TEXT_LIMIT, mangled, section_text},
    },
    sys::files,
};

/// A boot configuration larger than this, in bytes, is not read: the kernel's own limit is half of it.
const BOOTCONFIG_LIMIT: u64 = 64 << 10;

/// No device tree is larger, in bytes.
const DEVICETREE_LIMIT: usize = 32 << 20;

/// Why a file could not be taken apart.
#[derive(Debug, thiserror::Error)]
pub enum ApartError {
    /// It could not be read, or memory could not be had.
    #[error("cannot be read ({0}); check the disk and its cables")]
    Read(#[from] io::Error),
    /// There is no such profile in it.
    #[error("has no profile {0}; correct the boot configuration")]
    Profile(u32),
    /// It is for another machine.
    #[error("is for {0}, and this machine is {ARCH}; install the system's kernel for this machine")]
    Architecture(String),
    /// The image tree names nothing that could be booted.
    #[error("{0}; write the image anew")]
    Fit(#[from] FitError),
    /// What is in it has changed since it was made.
    #[error("the {0} in it is wrong; write the image anew")]
    CheckSum(String),
    /// There is only an initrd in it.
    #[error("holds no kernel; correct the boot configuration")]
    NoKernel,
}

/// A file that goes with a unified kernel image.
#[derive(Debug)]
pub struct Companion {
    /// What it is for.
    pub role: Role,
    /// The name that it gets in the initrd.
    pub name: String,
    /// The file, open for reading.
    pub file: File,
}

/// What is handed to the kernel's loader.
#[derive(Debug)]
pub struct Assembled {
    /// The kernel; it may still be compressed.
    pub kernel: Image,
    /// All initrds, in their order.
    pub initrds: Vec<Image>,
    /// The device tree that the file brings.
    pub devicetree: Option<Vec<u8>>,
    cmdline: Vec<String>,
    has_bootconfig: bool,
}

impl Assembled {
    /// The command line: the given one, or where that is empty what the files bring. The kernel looks for a boot
    /// configuration only if it is told of one.
    #[must_use]
    pub fn cmdline(&self, given: &str) -> String {
        let mut cmdline = if given.is_empty() { self.cmdline.join(" ") } else { given.to_owned() };
        if self.has_bootconfig && !cmdline.split(' ').any(|word| word == "bootconfig") {
            let blank = if cmdline.is_empty() { "" } else { " " };
            cmdline = format!("{cmdline}{blank}bootconfig");
        }
        cmdline
    }
}

/// The parts of a file: its initrds before those that the loader brings, and behind them.
#[derive(Default)]
struct Parts {
    kernel: Option<File>,
    early: Vec<File>,
    late: Vec<File>,
    cmdline: Vec<String>,
    devicetree: Option<File>,
    bootconfig: Option<Vec<u8>>,
}

/// Puts together what is loaded: the kernel and its initrds, each taken apart, with what goes with the kernel.
///
/// # Errors
/// The name of the file that could not be taken apart, and why.
pub fn assemble(
    kernel: Image,
    initrds: Vec<Image>,
    profile: u32,
    companions: &[Companion],
) -> Result<Assembled, (String, ApartError)> {
    let parts =
        take_apart(&kernel.file, profile, companions).map_err(|error| (kernel.name.clone(), error))?;
    let parts = parts.unwrap_or_default();
    let part = |name: &str, file| Image { name: name.to_owned(), file };
    let mut all: Vec<Image> = parts.early.into_iter().map(|file| part(&kernel.name, file)).collect();
    let (mut cmdline, mut bootconfig) = (parts.cmdline, parts.bootconfig);
    let mut devicetree = parts.devicetree;
    for initrd in initrds {
        match initrd_parts(&initrd.file).map_err(|error| (initrd.name.clone(), error))? {
            None => all.push(initrd),
            Some(parts) => {
                all.extend(parts.late.into_iter().map(|file| part(&initrd.name, file)));
                cmdline.extend(parts.cmdline);
                bootconfig = parts.bootconfig.or(bootconfig);
                devicetree = devicetree.or(parts.devicetree);
            }
        }
    }
    all.extend(parts.late.into_iter().map(|file| part(&kernel.name, file)));
    let has_bootconfig = bootconfig.is_some();
    if let Some(bytes) = bootconfig {
        let write = &mut |memory: &mut File| io::Write::write_all(memory, &bytes);
        let file = files::sealed("part", write).map_err(|error| (kernel.name.clone(), error.into()))?;
        all.push(part("the boot configuration", file));
    }
    let kernel = match parts.kernel {
        Some(file) => part(&kernel.name, file),
        None => kernel,
    };
    let devicetree = devicetree.map(|file| whole(&file)).transpose();
    let devicetree = devicetree.map_err(|error| (kernel.name.clone(), error.into()))?;
    Ok(Assembled { kernel, initrds: all, devicetree, cmdline, has_bootconfig })
}

/// `None` if the file is a kernel and nothing else.
fn take_apart(file: &File, profile: u32, companions: &[Companion]) -> Result<Option<Parts>, ApartError> {
    Ok(Some(match identify(file)?.format {
        // Without the part that is missing, it might boot to no good end.
        Some(KernelFile::Uki(program) | KernelFile::EfiProgram(program)) if program.cut_short => {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        Some(KernelFile::Uki(program)) => uki(file, &program, profile, companions)?,
        Some(KernelFile::Fit(_)) => fit(file)?,
        Some(KernelFile::Uimage(image)) if image.content == SEVERAL => several(file, &image)?,
        Some(KernelFile::Uimage(image)) if image.content == u_image::KERNEL => {
            Parts { kernel: Some(content(file, &image)?), ..Parts::default() }
        }
        Some(KernelFile::Android(image)) => {
            if image.kernel.size == 0 {
                return Err(ApartError::NoKernel);
            }
            Parts {
                kernel: Some(part(file, image.kernel)?),
                late: present(file, image.ramdisk)?.into_iter().collect(),
                cmdline: texts(image.cmdline),
                devicetree: present(file, image.devicetree)?,
                ..Parts::default()
            }
        }
        Some(KernelFile::Chromeos(image)) => chromeos(file, &image)?,
        Some(KernelFile::AndroidVendor(_)) => return Err(ApartError::NoKernel),
        _ => return Ok(None),
    }))
}

/// What is in an image that stands where an initrd is asked for; `None` if the file is the initrd itself.
fn initrd_parts(file: &File) -> Result<Option<Parts>, ApartError> {
    // As much as tells them; all else is an initrd, and is read once only.
    let head = identify::read_at(file, 0, 4096)?;
    let late = if let Some(image) = u_image::parse(&head).filter(|image| image.content == "ramdisk") {
        vec![content(file, &image)?]
    } else if let Some(image) = android::parse(&head) {
        vec![part(file, image.ramdisk)?]
    } else if let Some(vendor) = android::parse_vendor(&head) {
        return Ok(Some(vendor_parts(file, vendor)?));
    } else {
        return Ok(None);
    };
    Ok(Some(Parts { late, ..Parts::default() }))
}

fn vendor_parts(file: &File, vendor: Vendor) -> io::Result<Parts> {
    let (table, _) = vendor.table;
    let table =
        identify::read_at(file, table.offset, usize::try_from(table.size).unwrap_or(0).min(TEXT_LIMIT))?;
    let ramdisks = android::vendor_ramdisks(&vendor, &table).into_iter();
    let bootconfig = Some(vendor.bootconfig).filter(|part| (1..=BOOTCONFIG_LIMIT).contains(&part.size));
    let read = |part: Part| identify::read_at(file, part.offset, usize::try_from(part.size).unwrap_or(0));
    Ok(Parts {
        late: ramdisks.map(|ramdisk| part(file, ramdisk)).collect::<io::Result<_>>()?,
        bootconfig: bootconfig.map(read).transpose()?.map(|text| bootconfig_trailer(&text)),
        cmdline: texts(vendor.cmdline),
        devicetree: present(file, vendor.devicetree)?,
        ..Parts::default()
    })
}

fn uki(file: &File, program: &Program, profile: u32, companions: &[Companion]) -> Result<Parts, ApartError> {
    check_architecture(&program.architecture)?;
    let sections = Sections::of(program, profile).ok_or(ApartError::Profile(profile))?;
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
    parts.late.extend(companions::archives(file, sections, companions)?);
    for addon in companions.iter().filter(|companion| companion.role == Role::Addon) {
        let (Some(KernelFile::EfiProgram(program)), file) = (identify(&addon.file)?.format, &addon.file)
        else {
            continue;
        };
        let Some(sections) = Sections::of(&program, 0) else { continue };
        let own = |name| sections.get(name).map(|found| section(file, found)).transpose();
        // The first microcode for a processor counts: the last addon's stands first.
        parts.early.splice(0..0, own(".ucode")?);
        parts.late.extend(own(".initrd")?);
        parts.cmdline.extend(texts(cmdline(file, sections)?));
        parts.devicetree = devicetree(file, sections)?.or(parts.devicetree);
    }
    Ok(parts)
}

/// Machines without device trees are not asked what theirs would be.
fn devicetree(file: &File, sections: Sections<'_>) -> io::Result<Option<File>> {
    if cfg!(target_arch = "x86_64") { Ok(None) } else { devicetree::choose(file, sections) }
}

fn cmdline(file: &File, sections: Sections<'_>) -> io::Result<String> {
    let Some(section) = sections.get(".cmdline") else { return Ok(String::new()) };
    let length = usize::try_from(section.size).unwrap_or(TEXT_LIMIT).min(TEXT_LIMIT);
    Ok(mangled(&section_text(&identify::read_at(file, section.offset.into(), length)?)))
}

fn fit(file: &File) -> Result<Parts, ApartError> {
    let configuration = fit::default_configuration(&Source(file))?;
    if let Some(architecture) = &configuration.kernel.architecture {
        check_architecture(architecture)?;
    }
    let take_out = |image: fit::Image| checked(file, (image.offset, image.size), &image.sums, &image.name);
    Ok(Parts {
        kernel: Some(take_out(configuration.kernel)?),
        late: configuration.ramdisk.map(take_out).transpose()?.into_iter().collect(),
        devicetree: configuration.devicetrees.into_iter().next().map(take_out).transpose()?,
        ..Parts::default()
    })
}

/// On x86 the kernel stands there without its setup sectors; elsewhere it may be an image tree.
fn chromeos(file: &File, image: &chromeos::Image) -> Result<Parts, ApartError> {
    let kernel = files::sealed("part", |memory| {
        [image.setup, image.kernel]
            .into_iter()
            .try_for_each(|part| memory::append(memory, file, part.offset, part.size))
    })?;
    let cmdline = texts(identify::chromeos_cmdline(file, image)?);
    let inside = match identify(&kernel)?.format {
        Some(KernelFile::Fit(_)) => fit(&kernel)?,
        _ => Parts { kernel: Some(kernel), ..Parts::default() },
    };
    Ok(Parts { cmdline, ..inside })
}

/// U-Boot's older image of several files: kernel, initrd, device tree.
fn several(file: &File, image: &u_image::Image) -> Result<Parts, ApartError> {
    check_architecture(&image.architecture)?;
    let content = content(file, image)?;
    let head = identify::read_at(&content, 0, 4096)?;
    let mut files =
        u_image::files(&head).into_iter().map(|(offset, size)| memory::part(&content, offset, size));
    Ok(Parts {
        kernel: Some(files.next().ok_or(ApartError::NoKernel)??),
        late: files.next().transpose()?.into_iter().collect(),
        devicetree: files.next().transpose()?,
        ..Parts::default()
    })
}

/// What stands behind the header of U-Boot's older image.
fn content(file: &File, image: &u_image::Image) -> Result<File, ApartError> {
    let sum = Sum { algorithm: "crc32".to_owned(), value: image.crc32.to_be_bytes().to_vec() };
    checked(file, (HEADER_LENGTH as u64, image.size.into()), &[sum], &image.content)
}

/// A part of the file whose check sums are right, as far as they are known: all of them, as U-Boot wants it.
fn checked(file: &File, (offset, size): (u64, u64), sums: &[Sum], name: &str) -> Result<File, ApartError> {
    let part = memory::part(file, offset, size)?;
    for Sum { algorithm, value } in sums {
        let (what, name) = (printable(algorithm), printable(name));
        match memory::sum(&part, algorithm)? {
            Some(sum) if sum == *value => {}
            Some(_) => return Err(ApartError::CheckSum(format!("{what} of {name}"))),
            None => log::warn!("the {what} of {name} is not checked: this check sum is not known here"),
        }
    }
    Ok(part)
}

/// A device tree as it is handed over.
///
/// # Errors
/// It is larger than any is, or the kernel's reason why it cannot be read.
pub fn whole(devicetree: &File) -> io::Result<Vec<u8>> {
    let size = usize::try_from(devicetree.metadata()?.len()).unwrap_or(usize::MAX);
    if size > DEVICETREE_LIMIT {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    identify::read_at(devicetree, 0, size)
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

fn check_architecture(name: &str) -> Result<(), ApartError> {
    foreign(name).map_or(Ok(()), |name| Err(ApartError::Architecture(name.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chromeos_kernel_gets_its_setup_sectors_back() {
        // Preamble to 4096; kernel, command line, boot parameters, bootloader, setup sectors.
        let fields = [
            (0, 4096 - 64),
            (32, 2 | 2 << 32),
            (48, 0x1000),
            (56, 0x4000),
            (88, 0x5000),
            (96, 0x5000),
            (104, 5),
        ];
        let mut content = crate::formats::testing::chromeos::head(64, &fields);
        let pages: [&[u8]; 5] = [b"kernel", b"a=1 root=PARTUUID=%U\n\0", b"params", b"bootloader", b"setup"];
        for (number, page) in pages.into_iter().enumerate() {
            content.resize(4096 * (number + 1), 0);
            content.extend(page);
        }
        let file = files::sealed("part", |memory| io::Write::write_all(memory, &content)).unwrap();
        let image = Image { name: "sda2".to_owned(), file };
        let assembled = assemble(image, Vec::new(), 0, &[]).unwrap();
        assert_eq!(assembled.cmdline(""), "a=1 root=PARTUUID=%U");
        let kernel = whole(&assembled.kernel.file).unwrap();
        assert_eq!(kernel, [&b"setupkernel"[..], &[0; 4090]].concat());
    }
}
