//! One file system made from a table of files by its own mkfs, as a file of its own.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::{Content, PartitionKind};
use crate::error::{Context, Error};
use crate::{Result, pinned, tool};

/// The format of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filesystem {
    /// ext2.
    Ext2,
    /// ext4.
    Ext4,
    /// FAT32 on an EFI system partition.
    Vfat,
    /// xfs.
    Xfs,
    /// btrfs.
    Btrfs,
    /// f2fs.
    F2fs,
    /// No file system: the partition is all zeros.
    Nothing,
}

/// A file system and the files on it.
#[derive(Clone, Debug)]
pub struct Volume {
    filesystem: Filesystem,
    label: String,
    files: Vec<(String, Content)>,
    large_blocks: bool,
}

impl Volume {
    /// An empty file system. Its UUID comes from its label and kind ([`Self::uuid`]): always the same, and different on
    /// the disks of one machine where the labels are.
    #[must_use]
    pub fn new(filesystem: Filesystem, label: &str) -> Self {
        Self { filesystem, label: label.to_owned(), files: Vec::new(), large_blocks: false }
    }

    /// The same with blocks of 4 KiB, for ext2 and ext4: such a small file system has blocks of 1 KiB else, and a group of
    /// them is smaller than a kernel, which then lies here and there.
    #[must_use]
    pub fn with_large_blocks(self) -> Self {
        Self { large_blocks: true, ..self }
    }

    /// And this file, with the directories that lead to it.
    #[must_use]
    pub fn file(mut self, path: &str, content: impl Into<Content>) -> Self {
        self.files.push((path.to_owned(), content.into()));
        self
    }

    /// Its UUID as blkid prints it, not for [`Filesystem::Nothing`].
    #[must_use]
    pub fn uuid(&self) -> String {
        Self::uuid_of(&self.label, self.filesystem)
    }

    /// The UUID of the file system with this label and kind.
    #[must_use]
    pub fn uuid_of(label: &str, filesystem: Filesystem) -> String {
        let hash = Sha256::digest(format!("{label} {filesystem:?}"));
        let hex: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        if filesystem == Filesystem::Vfat {
            return format!("{}-{}", &hex[..4], &hex[4..8]).to_uppercase();
        }
        format!("{}-{}-4{}-8{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
    }

    pub(super) fn kind(&self) -> PartitionKind {
        if self.filesystem == Filesystem::Vfat { PartitionKind::Esp } else { PartitionKind::Linux }
    }

    /// The partition's size in MiB: the files and half as much again, and not less than the file system can be.
    pub(super) fn size(&self) -> Result<u64> {
        let least = match self.filesystem {
            // Larger blocks make a larger journal.
            Filesystem::Ext2 | Filesystem::Ext4 if self.large_blocks => 32,
            Filesystem::Ext2 | Filesystem::Ext4 => 8,
            // 65525 clusters of 512 bytes make it FAT32.
            Filesystem::Vfat => 34,
            Filesystem::Xfs => 300,
            Filesystem::Btrfs => 120,
            // It keeps many segments free.
            Filesystem::F2fs => 200,
            Filesystem::Nothing => 1,
        };
        let mut bytes = 0;
        for (_, content) in &self.files {
            bytes += match content {
                Content::Bytes(bytes) => bytes.len() as u64,
                Content::File(file) => {
                    fs::metadata(file).context(|| format!("reading {}", file.display()))?.len()
                }
                Content::Link(_) => 0,
            };
        }
        Ok(least + ((bytes * 3 / 2) >> 20))
    }

    /// Makes it as a file of `size` MiB in the directory `scratch`.
    pub(super) fn build(&self, scratch: &Path, size: u64) -> Result<PathBuf> {
        let root = scratch.join("root");
        fs::create_dir_all(&root).context(|| format!("making {}", root.display()))?;
        for (path, content) in &self.files {
            put(&root.join(path.trim_start_matches('/')), content)?;
        }
        let image = scratch.join("image");
        let file = File::create(&image).context(|| format!("writing {}", image.display()))?;
        file.set_len(size << 20).context(|| format!("writing {}", image.display()))?;
        let (uuid, label) = (self.uuid(), &self.label);
        let tools = pinned::disks()?;
        match self.filesystem {
            Filesystem::Nothing => {}
            Filesystem::Ext2 | Filesystem::Ext4 => {
                let kind = if self.filesystem == Filesystem::Ext2 { "ext2" } else { "ext4" };
                let mut mke2fs = tools.command("mke2fs");
                if self.large_blocks {
                    mke2fs.args(["-b", "4096"]);
                }
                mke2fs.args(["-q", "-F", "-t", kind, "-L", label, "-U", &uuid, "-d"]).args([&root, &image]);
                tool::finish(&mut mke2fs)?;
            }
            Filesystem::Vfat => {
                let id = uuid.replace('-', "");
                let mut vfat = tools.command("mkfs.vfat");
                let label = label.to_uppercase();
                tool::finish(vfat.args(["-F", "32", "-s", "1", "-n", &label, "-i", &id]).arg(&image))?;
                for entry in fs::read_dir(&root).context(|| format!("reading {}", root.display()))?.flatten()
                {
                    let mut mcopy = tools.command("mcopy");
                    mcopy.args(["-s", "-Q", "-i"]).args([&image, &entry.path()]).arg("::/");
                    tool::finish(&mut mcopy)?;
                }
            }
            Filesystem::Xfs => {
                let mut xfs = tools.command("mkfs.xfs");
                xfs.args(["-q", "-f", "-L", label, "-m", &format!("uuid={uuid}"), "-p"]);
                let prototype = scratch.join("prototype");
                fs::write(&prototype, xfs_prototype(&root)?)
                    .context(|| format!("writing {}", prototype.display()))?;
                tool::finish(xfs.args([&prototype, &image]))?;
            }
            Filesystem::Btrfs => {
                let mut btrfs = tools.command("mkfs.btrfs");
                btrfs.args(["-q", "-L", label, "-U", &uuid, "--rootdir"]).args([&root, &image]);
                tool::finish(&mut btrfs)?;
            }
            Filesystem::F2fs => {
                let tools = pinned::tests()?;
                let mut f2fs = tools.command("mkfs.f2fs");
                tool::finish(f2fs.args(["-q", "-l", label, "-U", &uuid]).arg(&image))?;
                tool::finish(tools.command("sload.f2fs").arg("-f").args([&root, &image]))?;
            }
        }
        Ok(image)
    }
}

fn put(path: &Path, content: &Content) -> Result<()> {
    let write = || {
        fs::create_dir_all(path.parent().unwrap_or(path))?;
        match content {
            Content::Bytes(bytes) => fs::write(path, bytes),
            Content::File(file) => fs::copy(file, path).map(drop),
            Content::Link(target) => std::os::unix::fs::symlink(target, path),
        }
    };
    write().context(|| format!("writing {}", path.display()))
}

/// The directory in the form of mkfs.xfs(8)'s option -p: name, mode, owner, group, then the source or the entries and
/// `$`. The first two lines are placeholders for a boot program and sizes.
fn xfs_prototype(root: &Path) -> Result<String> {
    fn entries(directory: &Path, out: &mut String) -> std::io::Result<()> {
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let (name, path) = (entry.file_name().to_string_lossy().into_owned(), entry.path());
            if entry.file_type()?.is_dir() {
                *out += &format!("{name} d--755 0 0\n");
                entries(&path, out)?;
                *out += "$\n";
            } else if entry.file_type()?.is_symlink() {
                *out += &format!("{name} l--777 0 0 {}\n", fs::read_link(&path)?.display());
            } else {
                *out += &format!("{name} ---644 0 0 {}\n", path.display());
            }
        }
        Ok(())
    }
    if root.as_os_str().to_string_lossy().contains(' ') {
        return Err(Error::Other(format!("{}: mkfs.xfs takes no file names with spaces", root.display())));
    }
    let mut out = "boot\n0 0\nd--755 0 0\n".to_owned();
    entries(root, &mut out).context(|| format!("reading {}", root.display()))?;
    Ok(out + "$\n")
}
