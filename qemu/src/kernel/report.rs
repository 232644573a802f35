//! What weighs how much in a kernel: the sizes of its object files by what they are for.

use std::fs;
use std::path::Path;

use goblin::elf::Elf;
use goblin::elf::section_header::{SHF_ALLOC, SHT_NOBITS};
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::error::{Context, Error};

/// Directories and files of the kernel's source, the longest first where one is in the other, and the fragment that asks for
/// them; the rest is the kernel itself.
const PLACES: [(&str, &str); 52] = [
    ("arch/x86/crypto/", "storage"),
    ("arch/arm64/crypto/", "storage"),
    ("block/", "storage"),
    ("crypto/asymmetric_keys/", "boot"),
    ("crypto/rsa", "boot"),
    ("crypto/", "storage"),
    ("certs/", "boot"),
    ("drivers/acpi/", "base: ACPI"),
    ("drivers/ata/", "storage"),
    ("drivers/block/", "storage"),
    ("drivers/cdrom/", "storage"),
    ("drivers/char/tpm/", "tpm"),
    ("drivers/firmware/", "boot"),
    ("drivers/hid/", "usb"),
    ("drivers/input/", "console"),
    ("drivers/md/", "storage"),
    ("drivers/mfd/", "watchdog"),
    ("drivers/net/", "net"),
    ("drivers/nvme/", "storage"),
    ("drivers/pci/", "base: PCI"),
    ("drivers/scsi/", "storage"),
    ("drivers/tty/", "console"),
    ("drivers/usb/", "usb"),
    ("drivers/video/", "console"),
    ("drivers/watchdog/", "watchdog"),
    ("fs/btrfs/", "btrfs"),
    ("fs/efivarfs/", "boot"),
    ("fs/ext4/", "filesystems"),
    ("fs/fat/", "filesystems"),
    ("fs/isofs/", "filesystems"),
    ("fs/jbd2/", "filesystems"),
    ("fs/nls/", "filesystems"),
    ("fs/overlayfs/", "filesystems"),
    ("fs/squashfs/", "filesystems"),
    ("fs/udf/", "filesystems"),
    ("fs/xfs/", "xfs"),
    ("kernel/kexec", "boot"),
    ("kernel/seccomp", "sandbox"),
    ("lib/crypto/", "storage"),
    ("lib/fonts/", "console"),
    ("lib/lz4/", "filesystems"),
    ("lib/mpi/", "boot"),
    ("lib/raid6/", "storage"),
    ("lib/xz/", "base: decompression"),
    ("lib/zlib", "base: decompression"),
    ("lib/zstd/", "base: decompression"),
    ("net/core/", "base: sockets"),
    ("net/netlink/", "base: sockets"),
    ("net/unix/", "base: sockets"),
    ("net/", "net"),
    ("security/keys/", "boot"),
    ("security/", "sandbox"),
];

const REST: &str = "base";

/// The sizes of a kernel and its parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SizeReport {
    /// The image in bytes, compressed.
    pub image: u64,
    /// Its parts in bytes before they are compressed, the largest first.
    pub groups: Vec<GroupSize>,
}

/// The size of what one fragment asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupSize {
    /// The fragment, and what of it.
    pub name: String,
    /// Code and data in bytes.
    pub bytes: u64,
}

const FILE: &str = "sizes.json";

impl SizeReport {
    pub(super) fn read(directory: &Path) -> Result<Self> {
        let path = directory.join(FILE);
        let text = fs::read_to_string(&path).context(|| format!("reading {}", path.display()))?;
        serde_json::from_str(&text).map_err(|error| Error::Other(format!("{}: {error}", path.display())))
    }

    pub(super) fn write(&self, directory: &Path) -> Result<()> {
        let path = directory.join(FILE);
        let text = serde_json::to_string_pretty(self)
            .map_err(|error| Error::Other(format!("{}: {error}", path.display())))?;
        fs::write(&path, text + "\n").context(|| format!("writing {}", path.display()))
    }
}

/// Adds up the object files of a kernel, of which `list` has one on each line, as a path below the build directory.
pub(super) fn measure(list: &str, build: &Path, image: &Path) -> Result<SizeReport> {
    let mut groups: Vec<GroupSize> = Vec::new();
    for object in list.lines() {
        let path = build.join(object);
        let bytes = fs::read(&path).context(|| format!("reading {}", path.display()))?;
        let size =
            loaded_size(&bytes).map_err(|error| Error::Other(format!("{}: {error}", path.display())))?;
        let name = group_of(object);
        match groups.iter_mut().find(|group| group.name == name) {
            Some(group) => group.bytes = group.bytes.saturating_add(size),
            None => groups.push(GroupSize { name: name.to_owned(), bytes: size }),
        }
    }
    firstlight::formats::sort::by_key(&mut groups, |group| std::cmp::Reverse(group.bytes));
    let image = fs::metadata(image).context(|| format!("reading {}", image.display()))?.len();
    Ok(SizeReport { image, groups })
}

fn group_of(object: &str) -> &'static str {
    let object = object.trim_start_matches("./");
    PLACES.iter().find(|(place, _)| object.starts_with(place)).map_or(REST, |(_, group)| group)
}

/// Bytes of an object file that are in the image: what is loaded and not zero.
fn loaded_size(bytes: &[u8]) -> goblin::error::Result<u64> {
    let elf = Elf::parse(bytes)?;
    let loaded = elf.section_headers.iter();
    let loaded = loaded
        .filter(|section| section.sh_flags & u64::from(SHF_ALLOC) != 0 && section.sh_type != SHT_NOBITS);
    Ok(loaded.map(|section| section.sh_size).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_belongs_to_the_fragment_that_asks_for_it() {
        for (object, group) in [
            ("fs/btrfs/inode.o", "btrfs"),
            ("./fs/ext4/inode.o", "filesystems"),
            ("fs/namei.o", "base"),
            ("crypto/rsa.o", "boot"),
            ("crypto/aes_generic.o", "storage"),
            ("kernel/kexec_file.o", "boot"),
            ("net/unix/af_unix.o", "base: sockets"),
            ("net/ipv4/tcp.o", "net"),
            ("arch/x86/kernel/setup.o", "base"),
        ] {
            assert_eq!(group_of(object), group, "{object}");
        }
    }

    #[test]
    fn a_longer_place_comes_before_the_one_that_it_is_in() {
        for (number, (place, _)) in PLACES.iter().enumerate() {
            assert!(!PLACES[..number].iter().any(|(other, _)| place.starts_with(other)), "{place}");
        }
    }

    /// This very program is an object whose loaded parts are known to be most of its size.
    #[test]
    fn what_is_loaded_is_counted() {
        let bytes = fs::read(std::env::current_exe().unwrap()).unwrap();
        let size = loaded_size(&bytes).unwrap();
        assert!(size > 100_000 && size < bytes.len() as u64, "{size} of {}", bytes.len());
        assert!(loaded_size(b"no object").is_err());
    }
}
