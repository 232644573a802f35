//! From an entry's open files to a kernel that can be loaded: unpacked, with its initrds in their order, its command line and
//! its device tree. Exactly the files of a [`PreparedKernel`] are loaded, so a verdict on them or a measurement of them comes
//! between [`prepare`] and `kexec::load`.

use std::io::Write;

use super::{
    NamedFile,
    companions::CompanionFile,
    container::{initrd_parts, read_devicetree},
    error::PrepareError,
    identify::identify,
    unpack::{UnpackedKernel, unpack},
    unwrap::unwrap,
};
use crate::{entry::Multiboot, formats::kernel_file::KernelFile, sys::files};

/// An entry's files, opened.
#[derive(Debug)]
pub struct KernelFiles {
    /// The kernel, or a file that holds it.
    pub kernel: NamedFile,
    /// Initrds in their order; of a multiboot kernel, its modules.
    pub initrds: Vec<NamedFile>,
    /// The command line, text as in [`crate::formats::text`]; an empty one gives way to that of the files.
    pub cmdline: String,
    /// The device tree; it takes the place of one that comes with the kernel.
    pub devicetree: Option<NamedFile>,
    /// Number of a unified kernel image's profile.
    pub profile: u32,
    /// Files beside a unified kernel image that go with it.
    pub companions: Vec<CompanionFile>,
    /// The words of the modules, for a kernel that is started by multiboot.
    pub multiboot: Option<Multiboot>,
}

impl KernelFiles {
    /// A kernel and nothing else.
    #[must_use]
    pub fn new(kernel: NamedFile) -> Self {
        Self {
            kernel,
            initrds: Vec::new(),
            cmdline: String::new(),
            devicetree: None,
            profile: 0,
            companions: Vec::new(),
            multiboot: None,
        }
    }
}

/// A kernel that can be loaded, with everything that is handed to it.
#[derive(Debug)]
pub struct PreparedKernel {
    /// Format of the kernel; `None` if it is none that is known here.
    pub format: Option<KernelFile>,
    /// The kernel itself, wrapped in nothing, under the name of the file that it came from.
    pub kernel: NamedFile,
    /// Initrds in their order; of a multiboot kernel, its modules.
    pub initrds: Vec<NamedFile>,
    /// The command line, text as in [`crate::formats::text`].
    pub cmdline: String,
    pub devicetree: Option<Vec<u8>>,
    /// How the kernel is started, if that is by multiboot.
    pub multiboot: Option<MultibootStart>,
}

/// How a multiboot kernel is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MultibootStart {
    /// Version of the protocol; 0 for the later one of those that the kernel knows.
    pub version: u8,
    /// The words of each module, in their order.
    pub words: Vec<String>,
    /// All texts begin with a file's name, as version 1 asks for and as GRUB does not do since it is GRUB 2.
    pub named: bool,
}

impl PreparedKernel {
    /// Everything that is loaded: the kernel first, then the initrds.
    pub fn files(&self) -> impl Iterator<Item = &NamedFile> {
        std::iter::once(&self.kernel).chain(&self.initrds)
    }

    /// Size of everything that is loaded, in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.files().fold(0, |size, file| size.saturating_add(file.size()))
    }
}

/// Makes a kernel that can be loaded of an entry's files.
///
/// # Errors
/// [`PrepareError`] names the file that is to blame and says what is wrong with it.
pub fn prepare(files: KernelFiles) -> Result<PreparedKernel, PrepareError> {
    let unpacked = unpack(files.kernel, files.profile, &files.companions)?;
    match files.multiboot {
        Some(multiboot) => unpacked.with_modules(files.initrds, &multiboot, false, files.cmdline),
        None => unpacked.with_initrds(files.initrds, files.devicetree.as_ref(), files.cmdline),
    }
}

impl UnpackedKernel {
    /// Adds the initrds, each unpacked, and what the kernel's file and theirs bring. An empty command line gives way to
    /// theirs, and a device tree takes the place of theirs.
    ///
    /// # Errors
    /// [`PrepareError`] names the file that is to blame and says what is wrong with it.
    pub fn with_initrds(
        self,
        initrds: Vec<NamedFile>,
        devicetree: Option<&NamedFile>,
        cmdline: String,
    ) -> Result<PreparedKernel, PrepareError> {
        let Self { identity, kernel, parts, .. } = self;
        let of_kernel = |file| NamedFile { name: kernel.name.clone(), file };
        let mut all: Vec<NamedFile> = parts.early.into_iter().map(of_kernel).collect();
        let (mut own_cmdline, mut bootconfig, mut own_tree) =
            (parts.cmdline, parts.bootconfig, parts.devicetree);
        for initrd in initrds {
            match initrd_parts(&initrd.file).map_err(PrepareError::of(&initrd.name))? {
                None => all.push(initrd),
                Some(parts) => {
                    let part = |file| NamedFile { name: initrd.name.clone(), file };
                    all.extend(parts.late.into_iter().map(part));
                    own_cmdline.extend(parts.cmdline);
                    bootconfig = parts.bootconfig.or(bootconfig);
                    own_tree = own_tree.or(parts.devicetree);
                }
            }
        }
        all.extend(parts.late.into_iter().map(of_kernel));
        let mut cmdline = if cmdline.is_empty() { own_cmdline.join(" ") } else { cmdline };
        if let Some(bytes) = bootconfig {
            let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            let file = files::sealed("part", size, |memory| memory.write_all(&bytes));
            let file = file.map_err(PrepareError::of(&kernel.name))?;
            all.push(NamedFile { name: "the boot configuration".to_owned(), file });
            announce_bootconfig(&mut cmdline);
        }
        let own_tree = own_tree.map(of_kernel);
        let devicetree = devicetree.or(own_tree.as_ref());
        let read = |tree: &NamedFile| read_devicetree(&tree.file).map_err(PrepareError::of(&tree.name));
        let devicetree = devicetree.map(read).transpose()?;
        Ok(PreparedKernel {
            format: identity.format,
            kernel,
            initrds: all,
            cmdline,
            devicetree,
            multiboot: None,
        })
    }

    /// Adds the modules of a multiboot kernel, each taken out of what it is wrapped in unless it is handed over as it is.
    /// With `named`, all texts begin with a file's name.
    ///
    /// # Errors
    /// [`PrepareError`] names the file that is to blame and says what is wrong with it.
    pub fn with_modules(
        self,
        modules: Vec<NamedFile>,
        multiboot: &Multiboot,
        named: bool,
        cmdline: String,
    ) -> Result<PreparedKernel, PrepareError> {
        let mut words = Vec::new();
        let mut files = Vec::new();
        let mut descriptions = multiboot.modules.iter();
        for NamedFile { name, file } in modules {
            let (own, as_it_is) = descriptions
                .next()
                .map_or_else(Default::default, |module| (module.cmdline.clone(), module.as_it_is));
            words.push(own);
            let file = if as_it_is {
                file
            } else {
                let identity = identify(&file).map_err(PrepareError::of(&name))?;
                unwrap(file, identity).map_err(PrepareError::of(&name))?.0
            };
            files.push(NamedFile { name, file });
        }
        Ok(PreparedKernel {
            format: self.identity.format,
            kernel: self.kernel,
            initrds: files,
            cmdline,
            devicetree: None,
            multiboot: Some(MultibootStart { version: multiboot.version, words, named }),
        })
    }
}

/// The kernel looks for a boot configuration only if its command line says so.
fn announce_bootconfig(cmdline: &mut String) {
    if !cmdline.split(' ').any(|word| word == "bootconfig") {
        if !cmdline.is_empty() {
            cmdline.push(' ');
        }
        cmdline.push_str("bootconfig");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::testing;

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
        let kernel = NamedFile { name: "sda2".to_owned(), file: testing::file(&content) };
        let prepared = prepare(KernelFiles::new(kernel)).unwrap();
        assert_eq!(prepared.cmdline, "a=1 root=PARTUUID=%U");
        let kernel = files::read_at(&prepared.kernel.file, 0, 1 << 16).unwrap();
        assert_eq!(kernel, [&b"setupkernel"[..], &[0; 4090]].concat());
        assert_eq!(prepared.size(), 4101);
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn sections_that_lie_over_each_other_are_refused() {
        use crate::{
            entry::Role,
            formats::testing::pe::{image, program},
        };
        let named = |content: &[u8]| NamedFile { name: "k".to_owned(), file: testing::file(content) };
        let over = program(&[(b".linux\0\0", 512, 512, 512), (b".initrd\0", 600, 600, 600)]);
        let said = |files: KernelFiles| prepare(files).unwrap_err().to_string();
        let message = "has parts that lie over each other; write the image anew";
        assert_eq!(said(KernelFiles::new(named(&over))), format!("k: {message}"));
        let over = program(&[(b".cmdline", 512, 512, 512), (b".initrd\0", 600, 600, 600)]);
        let addon =
            CompanionFile { role: Role::Addon, name: "a.addon.efi".to_owned(), file: testing::file(&over) };
        let files = KernelFiles {
            companions: vec![addon],
            ..KernelFiles::new(named(&image(&[(b".linux\0\0", "kernel")])))
        };
        assert_eq!(said(files), format!("k: a.addon.efi, which goes with it, {message}"));
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn a_kernel_that_a_thin_image_names_gets_the_archives_that_a_kernel_in_an_image_gets() {
        use crate::{entry::Role, formats::testing::pe};
        let unified = pe::image(&[(b".linux\0\0", "kernel")]);
        let [in_image, named] = [&unified[..], b"a kernel"].map(|kernel| {
            let credential = testing::file(b"secret");
            let companion =
                CompanionFile { role: Role::Credential, name: "a.cred".to_owned(), file: credential };
            let initrd = NamedFile { name: "i".to_owned(), file: testing::file(b"an initrd") };
            let kernel = NamedFile { name: "k".to_owned(), file: testing::file(kernel) };
            let files = KernelFiles {
                companions: vec![companion],
                initrds: vec![initrd],
                ..KernelFiles::new(kernel)
            };
            let prepared = prepare(files).unwrap();
            prepared.initrds.iter().map(|it| files::read_at(&it.file, 0, 4096).unwrap()).collect::<Vec<_>>()
        });
        assert!(named.len() == 2 && named[1].starts_with(b"070701"), "{named:?}");
        assert_eq!(named, in_image);
    }

    #[test]
    fn modules_are_unpacked_unless_they_are_handed_over_as_they_are() {
        use crate::entry::MultibootModule;
        // `printf hello | gzip -9nc`.
        let hello = b"\x1f\x8b\x08\0\0\0\0\0\x02\x03\xcb\x48\xcd\xc9\xc9\x07\0\x86\xa6\x10\x36\x05\0\0\0";
        let file = |name: &str| NamedFile { name: name.to_owned(), file: testing::file(hello) };
        let module = |cmdline: &str, as_it_is| MultibootModule { cmdline: cmdline.to_owned(), as_it_is };
        let multiboot = Multiboot { version: 1, modules: vec![module("ro", false), module("", true)] };
        let files = KernelFiles {
            initrds: vec![file("linux"), file("initrd"), file("more")],
            cmdline: "dom0_mem=1G".to_owned(),
            multiboot: Some(multiboot),
            ..KernelFiles::new(file("xen"))
        };
        let prepared = prepare(files).unwrap();
        let content = |file: &NamedFile| files::read_at(&file.file, 0, 64).unwrap();
        let contents: Vec<Vec<u8>> = prepared.files().map(content).collect();
        assert_eq!(contents, [&b"hello"[..], b"hello", hello, b"hello"]);
        let words = ["ro", "", ""].map(str::to_owned).to_vec();
        assert_eq!(prepared.multiboot, Some(MultibootStart { version: 1, words, named: false }));
        assert_eq!(prepared.cmdline, "dom0_mem=1G");
    }
}
