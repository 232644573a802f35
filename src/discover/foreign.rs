//! Kernels that cannot run here: recognised by their headers, and refused before anything is chosen.

use std::{
    env::consts::ARCH,
    io::{self, Read, Write},
};

use super::{damage, finder::Findings, images::File};
use crate::{
    entry::{FileReference, Kind, Volume},
    formats::{
        bytes::{ReadAt, holds},
        compression::Compression,
        gzip,
        kernel_file::{BARE_HEAD, KernelFile, Wrapped, fit, foreign, pe, recognise},
        lookup::Lookup,
        name_table::NameTable,
        text::encode,
    },
};

/// The magic number of a zImage for 32-bit ARM, and its offset (kernel: Documentation/arch/arm/booting.rst, arch/arm/boot/compressed/head.S).
const ARM: (usize, &[u8]) = (36, b"\x18\x28\x6f\x01");

/// Gives each entry whose kernel cannot run here that reason.
pub(super) fn refuse(lookup: &dyn Lookup, findings: &mut Findings) {
    let mut known: NameTable<Result<u32, String>> = NameTable::default();
    for entry in findings.entries.iter_mut().filter(|entry| entry.problem.is_none()) {
        let Some(kernel) = &entry.kernel else { continue };
        let name = kernel.lookup_name();
        let longest = known.get(&name).cloned().unwrap_or_else(|| {
            let longest = longest_cmdline(lookup, kernel);
            known.insert(name, longest.clone());
            longest
        });
        let length = u32::try_from(encode(&entry.cmdline).len()).unwrap_or(u32::MAX);
        entry.problem = match longest {
            Ok(longest) => (length > longest).then(|| {
                format!("the kernel takes {longest} bytes of command line, and this one has {length}")
            }),
            Err(problem) => Some(problem),
        };
        if entry.problem.is_none() && entry.kind == Kind::Linux {
            entry.problem = empty_initrd(lookup, kernel, entry.initrds.last());
        }
    }
}

/// The initrd that the system starts with has no bytes, as where `/boot` was full when it was written, though the kernel has.
fn empty_initrd(
    lookup: &dyn Lookup,
    kernel: &FileReference,
    initrd: Option<&FileReference>,
) -> Option<String> {
    let size = |file: &FileReference| {
        let volume = lookup.volumes().iter().position(|open| file.volume.is(open))?;
        lookup.status(volume, &file.path, true).filter(|_| file.inside.is_none()).map(|status| status.size)
    };
    let initrd = initrd?;
    let is_empty = size(initrd)? == 0 && size(kernel)? > 0;
    is_empty.then(|| format!("the initrd {} is empty; is the file system full? Write it anew", initrd.path))
}

/// The longest command line, in bytes, that a kernel takes.
///
/// # Errors
/// Why it does not run here.
fn longest_cmdline(lookup: &dyn Lookup, kernel: &FileReference) -> Result<u32, String> {
    let unknown = Ok(u32::MAX);
    let is_its = |open: &Volume| kernel.volume.is(open);
    let Some(host) = lookup.volumes().iter().position(is_its) else { return unknown };
    let (host, path) = match &kernel.inside {
        // The image is open: the entry was found in it.
        Some(inside) => match lookup.open_image(host, &kernel.path) {
            Ok(image) => (image, inside),
            Err(_) => return unknown,
        },
        None => (host, &kernel.path),
    };
    let Some(status) = lookup.status(host, path, true) else { return unknown };
    let Ok(head) = lookup.read_at(host, path, 0, BARE_HEAD) else { return unknown };
    let content = File { lookup, host, path: path.clone(), size: status.size };
    // No header's size is checked here: what is cut short is for this machine or another all the same.
    let (mut file, mut head, mut size) = (recognise(&head, u64::MAX), head, status.size);
    if let Some(KernelFile::Compressed(Wrapped { compression: Compression::Gzip })) = file {
        (head, size) = (unpacked_head(&content), u64::MAX);
        // Of an image tree more is looked at than its head.
        file = recognise(&head, u64::MAX).filter(|file| !matches!(file, KernelFile::Fit(_)));
    }
    let architecture = match &file {
        Some(KernelFile::EfiZboot(_)) => pe::parse(&head, u64::MAX).map(|program| program.architecture),
        Some(KernelFile::Fit(_)) => {
            let configuration = fit::default_configuration(&content).map_err(|error| error.to_string())?;
            configuration.kernel.architecture
        }
        Some(file) => file.architecture().map(str::to_owned),
        None => holds(&head, ARM.0, ARM.1).then(|| "arm".to_owned()),
    };
    match (architecture.as_deref().and_then(foreign), &file) {
        (Some(name), _) => Err(format!("the kernel is for {name}, this machine is {ARCH}")),
        (None, Some(KernelFile::Uki(program))) => longest_cmdline_of_image(&content, program),
        (None, file) => file.as_ref().map_or(unknown, |file| damage::longest_cmdline(file, &head, size)),
    }
}

/// The same of the kernel in a unified kernel image: its section is believed by its content, not by its name.
fn longest_cmdline_of_image(image: &File<'_>, program: &pe::Program) -> Result<u32, String> {
    let Some(section) = program.section(".linux") else { return Ok(u32::MAX) };
    let length = usize::try_from(section.size).unwrap_or(BARE_HEAD).min(BARE_HEAD);
    let head = image.lookup.read_at(image.host, &image.path, section.offset.into(), length);
    let Ok(head) = head else { return Ok(u32::MAX) };
    let size = u64::from(section.size);
    // No header's size is checked here; see above.
    match recognise(&head, u64::MAX) {
        Some(
            file @ (KernelFile::Bzimage(_)
            | KernelFile::Image(_)
            | KernelFile::EfiZboot(_)
            | KernelFile::Elf(_)
            | KernelFile::Compressed(_)),
        ) => damage::longest_cmdline(&file, &head, size),
        _ => Err("the image's section .linux holds no kernel".into()),
    }
}

/// The beginning of what a gzip file holds, as much of it as can be read.
fn unpacked_head(content: &dyn ReadAt) -> Vec<u8> {
    let mut head = Head(Vec::new());
    // It ends where the head is full.
    let _ = gzip::decompress(&mut Reading { content, offset: 0 }, &mut head);
    head.0
}

struct Reading<'a> {
    content: &'a dyn ReadAt,
    offset: u64,
}

impl Read for Reading<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.content.read_at(self.offset, buffer)?;
        self.offset = self.offset.saturating_add(length as u64);
        Ok(length)
    }
}

/// Takes as much as the head of a kernel's file.
struct Head(Vec<u8>);

impl Write for Head {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = BARE_HEAD.saturating_sub(self.0.len()).min(bytes.len());
        self.0.extend(bytes.iter().take(length));
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, process::Command};

    use super::*;
    use crate::{
        discover::{
            discover,
            finder::Context,
            testing::{tree, volume, volumes},
        },
        entry::FilesystemKind,
    };

    /// A kernel for RISC-V, which no machine is that the tests run on (kernel: arch/riscv/boot-image-header.rst).
    fn riscv() -> String {
        format!("MZ{}RISCV\0\0\0RSC\x05{}", "\0".repeat(46), "\0".repeat(64))
    }

    #[test]
    fn no_loader_chooses_a_kernel_for_another_machine() {
        let configurations = [
            ("boot/grub/grub.cfg", "menuentry foreign {\n linux /k\n}\n"),
            ("loader/entries/foreign.conf", "title foreign\nlinux /k\n"),
            ("syslinux.cfg", "default foreign\nlabel foreign\nlinux /k\n"),
            ("limine.conf", "/foreign\nprotocol: linux\npath: boot():/k\n"),
            ("EFI/refind/refind.conf", "menuentry foreign {\n loader /k\n}\n"),
            ("kboot.conf", "default=foreign\nforeign='/k ro'\n"),
            ("petitboot.conf", "default foreign\nname foreign\nimage /k\n"),
            ("etc/lilo.conf", "image=/k\n label=foreign\n"),
            ("etc/yaboot.conf", "image=/k\n label=foreign\n"),
            ("boot/grub/menu.lst", "title foreign\nkernel /k\n"),
        ];
        let good = tree(&[("loader/entries/good.conf", "title good\nlinux /k\n"), ("k", "")]);
        for (path, text) in configurations {
            let kernel = riscv();
            let foreign = tree(&[(path, text), ("k", &kernel)]);
            let open = volumes(&[
                (&foreign, volume("sda1", FilesystemKind::Vfat)),
                (&good, volume("sdb1", FilesystemKind::Vfat)),
            ]);
            let found = discover(&open, &Context { efi: true, ..Context::default() });
            let refused = found.entries.iter().filter(|entry| entry.problem.is_some());
            let refused: Vec<_> =
                refused.map(|entry| (&*entry.source.volume.name, entry.problem.as_deref())).collect();
            let reason = format!("the kernel is for riscv64, this machine is {ARCH}");
            assert_eq!(refused, [("sda1", Some(reason.as_str()))], "{path}");
            assert_eq!(found.default.as_deref(), Some("good"), "{path}");
        }
    }

    #[test]
    fn an_empty_initrd_is_a_problem_and_nothing_that_boots_by_itself() {
        let configuration = "menuentry a {\n linux /k\n initrd /early /main\n}\n\
                             menuentry b {\n linux /k\n initrd /early /full\n}\nmenuentry c {\n linux /k\n}\n";
        let files = tree(&[
            ("boot/grub/grub.cfg", configuration),
            ("k", "kernel"),
            ("early", ""),
            ("main", ""),
            ("full", "070701"),
        ]);
        let open = volumes(&[(&files, volume("sda1", FilesystemKind::Ext4))]);
        let found = discover(&open, &Context::default());
        let problems: Vec<_> = found.entries.iter().map(|entry| entry.problem.as_deref()).collect();
        let empty = "the initrd /main is empty; is the file system full? Write it anew";
        assert_eq!(problems, [Some(empty), None, None]);
    }

    #[test]
    fn each_kind_of_kernel_tells_its_machine() {
        let arm = format!("{}\x18\x28\x6f\x01", "\0".repeat(36));
        // e_machine 20 is 32-bit PowerPC's (elf.h).
        let elf = format!("\x7fELF\x01\x02\x01{}\0\x02\0\x14\0\0\0\x01{}", "\0".repeat(9), "\0".repeat(28));
        for (kernel, expected) in
            [(riscv(), Some("riscv64")), (arm, Some("arm")), (elf, Some("ppc")), (String::new(), None)]
        {
            let tree = tree(&[("k", &kernel)]);
            let open = volumes(&[(&tree, volume("sda1", FilesystemKind::Ext4))]);
            let reason = expected.map(|name| format!("the kernel is for {name}, this machine is {ARCH}"));
            let found = longest_cmdline(&open, &FileReference::new("sda1".into(), "/k".into()));
            assert_eq!(found.err(), reason);
        }
    }

    #[test]
    fn a_kernel_that_gzip_has_packed_tells_its_machine() {
        let path = FileReference::new("sda1".into(), "/k".into());
        let refused = Err(format!("the kernel is for riscv64, this machine is {ARCH}"));
        let packed = |content: &str| {
            let directory = tree(&[("k", content)]);
            let status = Command::new("gzip").arg(directory.path().join("k")).status().unwrap();
            assert!(status.success());
            fs::read(directory.path().join("k.gz")).unwrap()
        };
        let whole = packed(&format!("{}{}", riscv(), "more ".repeat(100_000)));
        let damaged = [&whole[..10], &[0xff; 100]].concat();
        for (content, expected) in [
            (whole.clone(), refused.clone()),
            (whole[..whole.len() - 1].to_vec(), refused),
            (damaged, Ok(u32::MAX)),
            (packed("no kernel"), Ok(u32::MAX)),
        ] {
            let directory = tree(&[]);
            fs::write(directory.path().join("k"), content).unwrap();
            let open = volumes(&[(&directory, volume("sda1", FilesystemKind::Ext4))]);
            assert_eq!(longest_cmdline(&open, &path), expected);
        }
    }
}
