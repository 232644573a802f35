//! A Debian, installed by mmdebstrap onto a partitioned disk image, with its kernel and modules beside it.
//!
//! It needs the network once, no root (mmdebstrap uses a user namespace then), no loop device and no mount on this
//! machine. The disk has no boot loader yet: [`crate::demo`] installs GRUB.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use command_fds::{CommandFdExt, FdMapping};

use crate::cache::{Recipe, cached};
use crate::disk::{self, PartitionKind, Table};
use crate::error::{Context, Error};
use crate::{Result, pinned, tool};

/// A release that is installed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Release {
    /// Debian 12.
    #[default]
    Twelve,
    /// Debian 13.
    Thirteen,
}

/// The names that options take.
pub const RELEASES: [(&str, Release); 2] = [("12", Release::Twelve), ("13", Release::Thirteen)];

impl Release {
    /// Its name in the archive.
    #[must_use]
    pub fn suite(self) -> &'static str {
        match self {
            Self::Twelve => "bookworm",
            Self::Thirteen => "trixie",
        }
    }

    /// A hypervisor, as `/boot/HYPERVISOR.gz` beside the kernel that is copied out; it is not on the disk.
    fn hypervisor(self) -> &'static str {
        match self {
            Self::Twelve => "xen-4.17-amd64",
            Self::Thirteen => "xen-4.20-amd64",
        }
    }

    /// A name for what is kept of it.
    pub(crate) fn named(self, name: &str) -> String {
        match self {
            Self::Twelve => name.to_owned(),
            Self::Thirteen => format!("{name}-13"),
        }
    }
}

/// Packages beside the essential ones, without those that they recommend.
const PACKAGES: &[&str] = &[
    "linux-image-amd64",
    "initramfs-tools",
    "zstd",
    "e2fsprogs",
    "systemd-sysv",
    "udev",
    "dbus",
    "kmod",
    "grub2-common",
    "grub-pc-bin",
    "grub-efi-amd64-bin",
    // For disks on which it is moved to a logical volume.
    "lvm2",
];

/// Their files that a demo does not need.
const LEFT_OUT: &[&str] =
    &["/usr/share/doc/*", "/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*"];

const CUSTOMIZE: &str = include_str!("../recipes/debian.sh");

const ROOT_UUID: &str = "f1257116-5470-4000-8000-000000000001";
const ESP_UUID: &str = "F125-7116";

/// The partitions: start and size in MiB. GRUB's core image, the EFI system partition, the root file system.
const LAYOUT: [(u64, u64, PartitionKind); 3] =
    [(1, 1, PartitionKind::BiosBoot), (2, 62, PartitionKind::Esp), (64, 1400, PartitionKind::Linux)];

/// FAT32 has 65525 clusters at least: on so small a partition they are of one sector.
const MKFS_ESP: &[&str] = &["-F", "32", "-s", "1", "-n", "ESP"];

/// An installed Debian.
#[derive(Clone, Debug)]
pub struct Debian {
    of: Release,
    directory: PathBuf,
    release: String,
}

impl Debian {
    /// Debian 12, installed now if it is not there: one to three minutes.
    ///
    /// # Errors
    /// When a program is missing or fails, for want of network or space for instance.
    pub fn install() -> Result<Self> {
        Self::install_release(Release::Twelve)
    }

    /// A release, installed now if it is not there.
    ///
    /// # Errors
    /// As [`Self::install`].
    pub fn install_release(of: Release) -> Result<Self> {
        let make = |directory: &Path| make(of, directory);
        let directory = cached(&of.named("debian"), &recipe_of(of), make)?;
        let modules = directory.join("modules");
        let names = fs::read_dir(&modules).context(|| format!("reading {}", modules.display()))?;
        let release = names.flatten().next().map(|name| name.file_name().to_string_lossy().into_owned());
        let release = release.ok_or_else(|| Error::Other(format!("{}: no kernel", modules.display())))?;
        Ok(Self { of, directory, release })
    }

    /// Which Debian it is.
    #[must_use]
    pub fn of(&self) -> Release {
        self.of
    }

    /// Its kernel's release, as `uname -r` prints it.
    #[must_use]
    pub fn release(&self) -> &str {
        &self.release
    }

    /// Its kernel.
    #[must_use]
    pub fn kernel(&self) -> PathBuf {
        self.directory.join("boot").join(format!("vmlinuz-{}", self.release))
    }

    /// Xen's file, of the same release.
    #[must_use]
    pub fn hypervisor(&self) -> PathBuf {
        self.directory.join("boot").join(format!("{}.gz", self.of.hypervisor()))
    }

    /// Its own initrd.
    #[must_use]
    pub fn initrd(&self) -> PathBuf {
        self.directory.join("boot").join(format!("initrd.img-{}", self.release))
    }

    /// The directory with `modules.dep` in it.
    #[must_use]
    pub fn modules(&self) -> PathBuf {
        self.directory.join("modules").join(&self.release)
    }

    /// The disk it was installed on, without a boot loader. Not to be written.
    #[must_use]
    pub fn disk(&self) -> PathBuf {
        self.directory.join("disk.img")
    }

    /// Where its root file system begins on the disk, in bytes.
    #[must_use]
    pub fn root_offset() -> u64 {
        LAYOUT[2].0 << 20
    }
}

/// The recipe's hash is that of all that is built from it.
pub(crate) fn recipe() -> Recipe {
    recipe_of(Release::Twelve)
}

pub(crate) fn recipe_of(of: Release) -> Recipe {
    let words = [PACKAGES, LEFT_OUT, MKFS_ESP].concat().join(" ");
    let identifiers = format!("{LAYOUT:?} {ROOT_UUID} {ESP_UUID} {}", of.hypervisor());
    Recipe::new(of.suite()).and(words).and(identifiers).and(CUSTOMIZE)
}

fn make(of: Release, directory: &Path) -> Result<()> {
    fs::create_dir_all(directory.join("boot")).context(|| format!("making {}", directory.display()))?;
    let mut mmdebstrap = tool::command("mmdebstrap");
    mmdebstrap
        .args(["--variant=minbase", &format!("--include={}", PACKAGES.join(","))])
        .arg(format!("--customize-hook={CUSTOMIZE}"))
        .arg(format!("--customize-hook=copy-out /boot /lib/modules '{}'", directory.display()))
        .env("RIG_HYPERVISOR", of.hypervisor());
    fill(&directory.join("disk.img"), of, mmdebstrap, "installing a Debian, one to three minutes, once")
}

/// Makes `image` a disk of a release, with an empty ESP and what a hook of `mmdebstrap` writes as its root file system.
pub(crate) fn fill(image: &Path, of: Release, mut mmdebstrap: Command, what: &str) -> Result<()> {
    disk::partition(image, Table::Gpt, &LAYOUT)?;
    let (esp_start, esp_size, _) = LAYOUT[1];
    let sectors = (esp_start << 20) / 512;
    let id = ESP_UUID.replace('-', "");
    let mut vfat = pinned::disks()?.command("mkfs.vfat");
    vfat.args(MKFS_ESP).args(["-i", &id, "--offset", &sectors.to_string()]).arg(image);
    tool::finish(vfat.arg((esp_size << 10).to_string()))?;

    // In a user namespace mmdebstrap's root is not the owner of the image and may not reach its directory: it is given
    // the open file, which everyone may write until it is done.
    let file = OpenOptions::new().read(true).write(true).open(image);
    let file = file.context(|| format!("opening {}", image.display()))?;
    permit(&file, 0o666)?;
    let handle = file.try_clone().context(|| format!("opening {}", image.display()))?;
    let (_, root_size, _) = LAYOUT[2];
    mmdebstrap
        .arg("--aptopt=Apt::Install-Recommends \"false\"")
        .arg("--dpkgopt=force-unsafe-io")
        .args(LEFT_OUT.iter().map(|paths| format!("--dpkgopt=path-exclude={paths}")))
        .args([of.suite(), "/dev/null", &source(of.suite())])
        .env("RIG_ROOT_UUID", ROOT_UUID)
        .env("RIG_ESP_UUID", ESP_UUID)
        .env("RIG_ROOT_OFFSET", Debian::root_offset().to_string())
        .env("RIG_ROOT_SIZE", format!("{root_size}M"))
        .env("RIG_IMAGE", "/proc/self/fd/9")
        .fd_mappings(vec![FdMapping { parent_fd: handle.into(), child_fd: 9 }])
        .map_err(|error| Error::Other(error.to_string()))?;
    tool::finish_logged(&mut mmdebstrap, "debian", what)?;
    permit(&file, 0o644)
}

fn permit(file: &File, mode: u32) -> Result<()> {
    file.set_permissions(fs::Permissions::from_mode(mode)).context(|| "the disk image's mode".into())
}

/// The line for apt's sources.list: the mirror that this machine's own apt uses, or Debian's.
pub(crate) fn source(suite: &str) -> String {
    let format = "$(ORIGIN) $(CODENAME) $(REPO_URI)";
    let targets = tool::run("apt-get", ["indextargets", "--format", format, "Identifier: Packages"])
        .unwrap_or_default();
    let mirror = mirror(&targets);
    format!("deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] {mirror} {suite} main")
}

fn mirror(targets: &str) -> &str {
    let debian = targets.lines().filter_map(|line| line.strip_prefix("Debian ")?.split_once(' '));
    let whole = |(codename, uri): (_, _)| (!str::contains(codename, '-')).then_some(uri);
    debian.filter_map(whole).next().unwrap_or("http://deb.debian.org/debian")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mirror_is_that_of_apt_for_the_whole_archive() {
        let targets = "Google cloud https://example.org/cloud/\n\
                       Debian bookworm-security http://mirror.example/debian-security/\n\
                       Debian bookworm http://mirror.example/debian/\n";
        assert_eq!(mirror(targets), "http://mirror.example/debian/");
        assert_eq!(mirror("Ubuntu noble http://mirror.example/ubuntu/\n"), "http://deb.debian.org/debian");
    }
}
