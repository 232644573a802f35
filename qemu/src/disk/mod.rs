//! Disk images made of plain files: a partition table by sfdisk, each file system by its own mkfs from a table of files.

mod filesystem;

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;

pub use filesystem::{Filesystem, Volume};

use crate::error::{Context, Error};
use crate::{Result, pinned, place, tool};

/// A node at a path of a file system.
#[derive(Clone, Debug)]
pub enum Content {
    /// A file of these bytes.
    Bytes(Vec<u8>),
    /// A copy of this file.
    File(PathBuf),
    /// A symbolic link to this target.
    Link(String),
}

impl From<&str> for Content {
    fn from(text: &str) -> Self {
        Self::Bytes(text.into())
    }
}

impl From<String> for Content {
    fn from(text: String) -> Self {
        Self::Bytes(text.into())
    }
}

impl From<Vec<u8>> for Content {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<PathBuf> for Content {
    fn from(file: PathBuf) -> Self {
        Self::File(file)
    }
}

/// The purpose of a partition in a GPT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartitionKind {
    /// GRUB's core image.
    BiosBoot,
    /// The EFI system partition.
    Esp,
    /// A Linux file system.
    Linux,
}

impl PartitionKind {
    fn guid(self) -> &'static str {
        match self {
            Self::BiosBoot => "21686148-6449-6E6F-744E-656564454649",
            Self::Esp => "C12A7328-F81F-11D2-BA4B-00A0C93EC93B",
            Self::Linux => "0FC63DAF-8483-4772-8E79-3D69D8477DE4",
        }
    }
}

/// How a disk is divided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Table {
    /// A GUID partition table.
    #[default]
    Gpt,
    /// An MBR, in which the first partition is the active one. What boots from it has the disk's first MiB.
    Mbr,
}

/// Makes `image` an empty disk with these partitions: start in MiB, size in MiB, kind. Identifiers are always the same.
///
/// # Errors
/// When sfdisk is missing or refuses.
pub fn partition(image: &Path, table: Table, partitions: &[(u64, u64, PartitionKind)]) -> Result<()> {
    let end = partitions.iter().map(|(start, size, _)| start + size).max().unwrap_or(1);
    let file = File::create(image).context(|| format!("writing {}", image.display()))?;
    file.set_len((end + 1) << 20).context(|| format!("writing {}", image.display()))?;
    let mut script = match table {
        Table::Gpt => "label: gpt\nlabel-id: F1257116-0000-4000-8000-000000000000\n",
        Table::Mbr => "label: dos\nlabel-id: 0xF1257116\n",
    }
    .to_owned();
    for (index, (start, size, kind)) in partitions.iter().enumerate() {
        let place = format!("start={start}MiB, size={size}MiB");
        script += &match table {
            Table::Gpt => {
                let uuid = format!("F1257116-0000-4000-8000-{:012}", index + 1);
                format!("{place}, type={}, uuid={uuid}\n", kind.guid())
            }
            Table::Mbr if index == 0 => format!("{place}, type=83, bootable\n"),
            Table::Mbr => format!("{place}, type=83\n"),
        };
    }
    let mut sfdisk = pinned::disks()?.command("sfdisk");
    sfdisk.args(["--quiet", "--no-tell-kernel", "--no-reread"]).arg(image);
    let failed = |source| Error::Start { program: "sfdisk".into(), source };
    let mut child = sfdisk.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(failed)?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(script.as_bytes()).map_err(failed)?;
    }
    let output = child.wait_with_output().map_err(failed)?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(Error::Tool { command: "sfdisk".into(), status: output.status.to_string(), output: said + &script })
}

/// A disk that is built: partitions with file systems, in order.
#[derive(Clone, Debug, Default)]
pub struct Image {
    table: Table,
    volumes: Vec<Volume>,
}

impl Image {
    /// A disk with a GPT without partitions.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A disk with an MBR without partitions.
    #[must_use]
    pub fn mbr() -> Self {
        Self { table: Table::Mbr, volumes: Vec::new() }
    }

    /// And a partition with this file system.
    #[must_use]
    pub fn volume(mut self, volume: Volume) -> Self {
        self.volumes.push(volume);
        self
    }

    /// Builds it as `target/disks/NAME.img`, in place of what was there.
    ///
    /// # Errors
    /// When a program is missing or fails, or the files do not fit.
    pub fn build(&self, name: &str) -> Result<PathBuf> {
        let directory = place::directory("disks")?;
        let image = directory.join(format!("{name}.img"));
        let scratch = directory.join(format!("{name}.parts"));
        let _ = fs::remove_dir_all(&scratch);
        let mut layout = Vec::new();
        let mut start = 1;
        for volume in &self.volumes {
            let size = volume.size()?;
            layout.push((start, size, volume.kind()));
            start += size;
        }
        partition(&image, self.table, &layout)?;
        for (index, (volume, (start, size, _))) in self.volumes.iter().zip(&layout).enumerate() {
            let part = scratch.join(index.to_string());
            let file = volume.build(&part, *size)?;
            write_at(&image, start << 20, &file)?;
        }
        fs::remove_dir_all(&scratch)
            .or_else(|error| if self.volumes.is_empty() { Ok(()) } else { Err(error) })
            .context(|| format!("removing {}", scratch.display()))?;
        Ok(image)
    }
}

/// Copies `part` into `image` at `offset`, leaving out what is zero: the image has holes there.
fn write_at(image: &Path, offset: u64, part: &Path) -> Result<()> {
    let copy = || -> std::io::Result<()> {
        let mut out = File::options().write(true).open(image)?;
        let mut part = File::open(part)?;
        let mut block = vec![0; 64 << 10];
        let mut place = offset;
        loop {
            let count = part.read(&mut block)?;
            let Some(bytes) = block.get(..count).filter(|bytes| !bytes.is_empty()) else { return Ok(()) };
            if bytes.iter().any(|byte| *byte != 0) {
                out.seek(SeekFrom::Start(place))?;
                out.write_all(bytes)?;
            }
            place += count as u64;
        }
    };
    copy().context(|| format!("writing {}", image.display()))
}

/// Writes `files` into the ext file system that begins at byte `offset` of `image`, in place of the files there.
///
/// # Errors
/// When debugfs refuses.
pub fn write_into_ext(image: &Path, offset: u64, files: &[(&str, &[u8])]) -> Result<()> {
    let scratch = image.with_extension("files");
    let _ = fs::remove_dir_all(&scratch);
    fs::create_dir_all(&scratch).context(|| format!("making {}", scratch.display()))?;
    let mut script = String::new();
    for (index, (path, bytes)) in files.iter().enumerate() {
        let source = scratch.join(index.to_string());
        fs::write(&source, bytes).context(|| format!("writing {}", source.display()))?;
        script += &format!("rm {path}\nwrite \"{}\" {path}\n", source.display());
    }
    let commands = scratch.join("commands");
    fs::write(&commands, script).context(|| format!("writing {}", commands.display()))?;
    let tools = pinned::disks()?;
    let mut debugfs = tools.command("debugfs");
    debugfs.arg("-w").arg("-f").arg(&commands).arg(format!("{}?offset={offset}", image.display()));
    tool::finish(&mut debugfs)?;
    // debugfs says with its exit status only that it ran.
    for (path, bytes) in files {
        let mut stat = tools.command("debugfs");
        stat.arg("-R").arg(format!("stat {path}")).arg(format!("{}?offset={offset}", image.display()));
        let said = tool::finish(&mut stat)?;
        if !said.contains(&format!("Size: {}\n", bytes.len())) {
            return Err(Error::Other(format!("{}: debugfs did not write {path}: {said}", image.display())));
        }
    }
    fs::remove_dir_all(&scratch).context(|| format!("removing {}", scratch.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// blkid is asked about each partition's bytes: what it says is what the kernel's users go by.
    fn blkid(image: &Path, offset: u64, tag: &str) -> String {
        let offset = offset.to_string();
        let image = image.display().to_string();
        let said = pinned::tests()
            .unwrap()
            .run("blkid", ["-p", "-O", &offset, "-s", tag, "-o", "value", &image])
            .unwrap();
        said.trim().to_owned()
    }

    #[test]
    fn each_file_system_is_on_the_disk_with_its_files() {
        let kinds = [
            Filesystem::Ext4,
            Filesystem::Ext2,
            Filesystem::Vfat,
            Filesystem::Xfs,
            Filesystem::Btrfs,
            Filesystem::F2fs,
        ];
        let mut image = Image::new();
        let mut offsets = vec![1 << 20];
        for kind in kinds {
            let volume = Volume::new(kind, "label")
                .file("/boot/grub/grub.cfg", "set timeout=0\n")
                .file("/boot/kernel", vec![7; 100_000]);
            offsets.push(offsets.last().unwrap() + (volume.size().unwrap() << 20));
            image = image.volume(volume);
        }
        let path = image.build("disk-test").unwrap();
        let seen: Vec<_> = offsets.iter().take(6).map(|offset| blkid(&path, *offset, "TYPE")).collect();
        assert_eq!(seen, ["ext4", "ext2", "vfat", "xfs", "btrfs", "f2fs"]);
        let labels: Vec<_> = offsets.iter().take(6).map(|offset| blkid(&path, *offset, "LABEL")).collect();
        assert_eq!(labels, ["label", "label", "LABEL", "label", "label", "label"]);
        let uuids: Vec<_> = offsets.iter().take(2).map(|offset| blkid(&path, *offset, "UUID")).collect();
        assert_eq!(
            uuids,
            [Volume::uuid_of("label", Filesystem::Ext4), Volume::uuid_of("label", Filesystem::Ext2)]
        );
        let tools = pinned::disks().unwrap();
        let listing = tools
            .run("debugfs", ["-R", "cat /boot/grub/grub.cfg", &format!("{}?offset=1048576", path.display())]);
        assert_eq!(listing.unwrap(), "set timeout=0\n");
        let vfat = format!("{}@@{}", path.display(), offsets[2]);
        assert_eq!(tools.run("mtype", ["-i", &vfat, "::/boot/grub/grub.cfg"]).unwrap(), "set timeout=0\n");
    }
}
