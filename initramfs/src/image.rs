//! The content of an image, and the image.

use crate::modules;
use crate::{BuildError, Compression, Group, Item, Listing, Node, Tree, archive};
use std::{fs, path::PathBuf};

/// The configuration that goes into an image when none is given.
const DEFAULT_CONFIG: &str = include_str!("../tree/etc/firstlight.conf");

/// Paths of the binary: the kernel starts `/init`, asks for modules by `/sbin/modprobe`, and a person at
/// the rescue console types the other two.
const NAMES: &[&str] = &["/bin/firstlight", "/sbin/kexec", "/sbin/modprobe"];

const DIRECTORIES: &[&str] = &["/dev", "/proc", "/run", "/sys", "/tmp"];

/// A file, link or directory of the building machine that goes into the image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addition {
    /// Where it is.
    pub source: PathBuf,
    /// Its path in the image.
    pub destination: String,
}

/// The parts of an image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recipe {
    /// The static binary that becomes `/init`; see [`crate::binary::build`].
    pub binary: PathBuf,
    /// Text of `/etc/firstlight.conf`; `None` takes the one that changes nothing.
    pub config: Option<String>,
    /// The kernel's modules; `None` for a kernel that has its drivers built in.
    pub modules: Option<modules::Source>,
    /// More files; they replace files at their paths.
    pub additions: Vec<Addition>,
    /// How it is compressed.
    pub compression: Compression,
    /// Modification time of every file, in seconds since 1970.
    pub modified: u32,
}

/// An image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// The compressed archive.
    pub bytes: Vec<u8>,
    /// The content with its sizes.
    pub listing: Listing,
}

/// Builds an image: the same recipe over the same files gives the same bytes.
///
/// # Errors
/// A file is missing or damaged, or paths conflict.
pub fn build(recipe: &Recipe) -> Result<Image, BuildError> {
    let mut tree = Tree::default();
    let mut groups = Vec::new();
    let read = |error| BuildError::Read { path: recipe.binary.clone(), error };
    let binary = fs::read(&recipe.binary).map_err(read)?;
    // EM_X86_64 in the e_machine field of the ELF header.
    let is_x86 = binary.get(18..20) == Some(&[62, 0]);
    groups.push(Group::new("binary", vec![Item::new("init", binary.len())]));
    tree.insert("/init", Node::File { bytes: binary, executable: true })?;
    for name in NAMES {
        tree.insert(name, Node::Link("/init".to_owned()))?;
    }
    for directory in DIRECTORIES {
        tree.insert(directory, Node::Directory)?;
    }
    tree.insert("/dev/console", Node::CharacterDevice(5, 1))?;
    // Rust's start-up code opens it where a standard descriptor is closed, as all are on a machine without a console and in
    // a modprobe that the kernel starts early, and aborts where it cannot.
    tree.insert("/dev/null", Node::CharacterDevice(1, 3))?;
    let config = recipe.config.as_deref().unwrap_or(DEFAULT_CONFIG);
    tree.insert("/etc/firstlight.conf", Node::data(config))?;
    groups.push(Group::new("configuration", vec![Item::new("etc/firstlight.conf", config.len())]));
    if let Some(source) = &recipe.modules {
        groups.extend(modules::add(&mut tree, source, recipe.compression)?);
    }
    let mut added = Tree::default();
    for addition in &recipe.additions {
        added.copy(&addition.source, &addition.destination)?;
    }
    groups.push(Group::new("added", Vec::new()));
    for (path, node) in added.nodes() {
        tree.insert(path, node.clone())?;
        if !matches!(node, Node::Directory) {
            groups.iter_mut().for_each(|group| group.items.retain(|item| item.path != path));
            if let Some(group) = groups.last_mut() {
                group.items.push(Item::new(path, node.size()));
            }
        }
    }
    let bytes = archive(&tree, recipe.modified)?;
    let archived = bytes.len();
    let write = |error| BuildError::Write { path: PathBuf::from("initramfs"), error };
    let bytes = recipe.compression.compress(bytes, is_x86 && recipe.modules.is_none()).map_err(write)?;
    let kernel_version = recipe.modules.as_ref().map(|source| source.version.clone());
    let listing = Listing {
        kernel_version,
        groups,
        archive: archived,
        compression: recipe.compression,
        image: bytes.len(),
    };
    Ok(Image { bytes, listing })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::Source;

    /// A directory of its own for a test, removed at its end.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str, files: &[(&str, &[u8])]) -> Self {
            let base = std::env::temp_dir().join(format!("initramfs-{name}-{}", std::process::id()));
            for (path, content) in files {
                let path = base.join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, content).unwrap();
            }
            Self(base)
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    /// A module as `xz` compresses it: `printf module | xz --check=crc32`.
    const MODULE_XZ: &[u8] = b"\
        \xfd\x37\x7a\x58\x5a\x00\x00\x01\x69\x22\xde\x36\x02\x00\x21\x01\x16\x00\
        \x00\x00\x74\x2f\xe5\xa3\x01\x00\x05\x6d\x6f\x64\x75\x6c\x65\x00\x00\x00\
        \x28\x26\x24\x0c\x00\x01\x1a\x06\xc5\xea\xc8\x79\x90\x42\x99\x0d\x01\x00\
        \x00\x00\x00\x01\x59\x5a";

    const FILES: &[(&str, &[u8])] = &[
        ("binary", b"\x7fELF"),
        ("root/lib/modules/6.1/kernel/drivers/nvme.ko.xz", MODULE_XZ),
        ("root/lib/modules/6.1/kernel/drivers/nvme-core.ko", b"core"),
        ("root/lib/modules/6.1/kernel/sound.ko", b"sound"),
        (
            "root/lib/modules/6.1/modules.dep",
            b"\
kernel/drivers/nvme.ko.xz: kernel/drivers/nvme-core.ko
kernel/drivers/nvme-core.ko:
kernel/sound.ko:
",
        ),
        ("root/lib/modules/6.1/modules.alias", b"alias pci:nvme* nvme\nalias pci:sound* sound\n"),
        ("root/lib/modules/6.1/modules.builtin", b"kernel/atkbd.ko\nkernel/other.ko\n"),
        // As on every Debian: no tree of modules for that.
        ("root/etc/kernel/postinst.d/hook", b"#!/bin/sh"),
        ("extra/two", b"2"),
        ("extra/one", b"1"),
    ];

    fn recipe(base: &std::path::Path, compression: Compression) -> Recipe {
        Recipe {
            binary: base.join("binary"),
            config: Some("timeout = 0\n".to_owned()),
            modules: Some(Source::find(&base.join("root"), None).unwrap()),
            additions: vec![Addition { source: base.join("extra"), destination: "/etc/extra".to_owned() }],
            compression,
            modified: 0,
        }
    }

    /// Paths and sizes in an archive.
    fn files(archive: &[u8]) -> Vec<(String, u32)> {
        let mut rest = archive;
        std::iter::from_fn(|| {
            let reader = cpio::newc::Reader::new(rest).unwrap();
            let entry = reader.entry().clone();
            rest = reader.finish().unwrap();
            (!entry.is_trailer()).then(|| (entry.name().to_owned(), entry.file_size()))
        })
        .collect()
    }

    fn owned(expected: &[(&str, u32)]) -> Vec<(String, u32)> {
        expected.iter().map(|(path, size)| ((*path).to_owned(), *size)).collect()
    }

    #[test]
    fn an_uncompressed_image_holds_the_layout_and_modules_as_they_are() {
        let scratch = Scratch::new("layout", FILES);
        let image = build(&recipe(&scratch.0, Compression::None)).unwrap();
        let expected = owned(&[
            ("bin", 0),
            ("bin/firstlight", 5),
            ("dev", 0),
            ("dev/console", 0),
            ("dev/null", 0),
            ("etc", 0),
            ("etc/extra", 0),
            ("etc/extra/one", 1),
            ("etc/extra/two", 1),
            ("etc/firstlight.conf", 12),
            ("init", 4),
            ("lib", 0),
            ("lib/modules", 0),
            ("lib/modules/6.1", 0),
            ("lib/modules/6.1/kernel", 0),
            ("lib/modules/6.1/kernel/drivers", 0),
            ("lib/modules/6.1/kernel/drivers/nvme-core.ko", 4),
            ("lib/modules/6.1/kernel/drivers/nvme.ko.xz", MODULE_XZ.len() as u32),
            ("lib/modules/6.1/modules.alias", 21),
            ("lib/modules/6.1/modules.builtin", 16),
            ("lib/modules/6.1/modules.dep", 84),
            ("lib/modules/6.1/modules.softdep", 0),
            ("proc", 0),
            ("run", 0),
            ("sbin", 0),
            ("sbin/kexec", 5),
            ("sbin/modprobe", 5),
            ("sys", 0),
            ("tmp", 0),
        ]);
        assert_eq!(files(&image.bytes), expected);
    }

    #[test]
    fn a_compressed_image_holds_modules_in_plain_and_tables_that_name_them_so() {
        let scratch = Scratch::new("plain", FILES);
        let image = build(&recipe(&scratch.0, Compression::Zstd)).unwrap();
        let archive = zstd::decode_all(image.bytes.as_slice()).unwrap();
        let found = files(&archive);
        assert!(found.contains(&("lib/modules/6.1/kernel/drivers/nvme.ko".to_owned(), 6)), "{found:?}");
        assert!(found.contains(&("lib/modules/6.1/modules.dep".to_owned(), 81)), "{found:?}");
        let text = String::from_utf8_lossy(&archive);
        assert!(text.contains("kernel/drivers/nvme.ko: kernel/drivers/nvme-core.ko\n"));
    }

    #[test]
    fn the_same_recipe_gives_the_same_bytes() {
        let scratch = Scratch::new("same", FILES);
        for compression in [Compression::None, Compression::Xz, Compression::Zstd] {
            let recipe = recipe(&scratch.0, compression);
            let first = build(&recipe).unwrap();
            // Other times on the files of the building machine make no difference.
            fs::write(scratch.0.join("extra/one"), b"1").unwrap();
            assert!(build(&recipe).unwrap() == first, "{compression:?}");
        }
    }

    #[test]
    fn an_added_file_takes_the_place_of_what_the_image_had() {
        let scratch = Scratch::new("replace", FILES);
        let addition =
            Addition { source: scratch.0.join("extra/two"), destination: "/etc/firstlight.conf".to_owned() };
        let recipe =
            Recipe { additions: vec![addition], modules: None, ..recipe(&scratch.0, Compression::None) };
        let image = build(&recipe).unwrap();
        assert!(files(&image.bytes).contains(&("etc/firstlight.conf".to_owned(), 1)));
        let listed: Vec<_> = image.listing.groups.iter().flat_map(|group| &group.items).collect();
        assert_eq!(listed, [&Item::new("init", 4), &Item::new("etc/firstlight.conf", 1)]);
    }

    #[test]
    fn what_is_missing_is_named() {
        let scratch = Scratch::new("missing", FILES);
        let good = recipe(&scratch.0, Compression::None);
        let base = scratch.0.display();
        let error = |recipe: &Recipe| build(recipe).unwrap_err().to_string();
        let no_binary = Recipe { binary: scratch.0.join("none"), ..good.clone() };
        assert_eq!(error(&no_binary), format!("{base}/none: No such file or directory (os error 2)"));
        let mut no_group = good.clone();
        no_group.modules.as_mut().unwrap().groups = Some(vec!["nvm".to_owned()]);
        assert_eq!(error(&no_group), "no group of modules `nvm`: `initramfs --help-groups` lists them");
        fs::remove_file(scratch.0.join("root/lib/modules/6.1/modules.dep")).unwrap();
        assert!(error(&good).contains("modules.dep: missing: run `depmod"), "{}", error(&good));
        let none = Source::find(&scratch.0.join("root"), Some("5.0")).unwrap_err().to_string();
        assert_eq!(none, format!("no modules of a kernel 5.0 below {base}/root: there are 6.1"));
    }
}
