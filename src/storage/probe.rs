//! One probe of one device: what is on it, and a handle to its files if they can be read.

use std::{
    fs::{File, OpenOptions},
    io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::fs::OpenOptionsExt,
    },
    path::{Path, PathBuf},
};

use rustix::io::Errno;

use super::{
    OpenVolume,
    misread::{self, TableFault},
    mount::{Care, Mount, MountRequest, NoReplay, mount},
    mounted,
    rejection::Rejection,
    root::Root,
    stack::{Stack, StackId},
    subvolume::default_path,
    sysfs::Sysfs,
    whole_disk::WholeDisk,
};
use crate::{
    entry::{Device, Filesystem, FilesystemKind, Layer, LogState, Transport, Volume},
    formats::{bytes::ReadAt, grub::environment_block, kernel_file, partition, superblock},
    sys::{
        block_device::{DriveStatus, drive_status, read_partitions},
        files,
    },
};

/// Maximum size of a kernel on a partition of its own, in bytes.
const BARE_LIMIT: u64 = 1 << 30;

/// The result of a probe, and the medium that was in the device ([`Sysfs::disk_sequence`]).
#[derive(Debug)]
pub struct Probed {
    /// The result.
    pub outcome: ProbeOutcome,
    /// Number of the medium.
    pub medium: Option<u64>,
    /// Kernel names of the partitions that the kernel announces because of this probe.
    pub partitions: Vec<String>,
}

impl Probed {
    /// A result of a device whose medium is not known.
    #[must_use]
    pub fn without_medium(outcome: ProbeOutcome) -> Self {
        Self { outcome, medium: None, partitions: Vec::new() }
    }
}

/// The result of a probe.
#[derive(Debug)]
pub enum ProbeOutcome {
    /// A volume.
    Opened(OpenVolume),
    /// Nothing that can be read.
    Rejected {
        /// The device, as far as it is known.
        device: Device,
        /// Why.
        rejection: Rejection,
    },
    /// It and its companions were joined into devices of their own, which the kernel announces.
    Joined {
        device: Device,
        /// The stack that they are the parts of.
        stack: StackId,
        /// Kernel names of the new devices.
        children: Vec<String>,
    },
    /// The device is not there any more.
    Gone,
}

/// A device to be probed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProbeRequest {
    /// Kernel name of the device.
    pub name: String,
    /// Kernel names of the other parts of its stack, as earlier probes found them.
    pub companions: Vec<String>,
    /// Read the stack although so many parts are missing.
    pub missing: Option<u64>,
    /// A person wants to write to it.
    pub writable: bool,
    /// Further options for the file system's driver, with their values; a flag has none.
    pub options: Vec<(String, String)>,
}

/// A file system that can be read.
struct Found {
    filesystem: Filesystem,
    mount: Mount,
}

/// Where devices are found, and how carefully they are handled.
#[derive(Clone, Debug)]
pub struct Prober {
    /// The tree that describes the devices.
    pub sysfs: Sysfs,
    /// The directory with their nodes.
    pub nodes: PathBuf,
    /// Who else uses them.
    pub care: Care,
}

impl Prober {
    /// For the machine's own devices.
    #[must_use]
    pub fn at_machine(care: Care) -> Self {
        Self { sysfs: Sysfs::at(Path::new("/sys")), nodes: PathBuf::from("/dev"), care }
    }

    /// Probes a device. Takes as long as the device takes to answer, which may be for ever.
    #[must_use]
    pub fn probe(&self, request: &ProbeRequest) -> Probed {
        let Some(mut device) = self.sysfs.device(&request.name) else {
            return Probed::without_medium(ProbeOutcome::Gone);
        };
        let known = self.sysfs.partitions(&request.name);
        let mut medium = None;
        let opened = self.sysfs.rejection(&device).map_or_else(
            || {
                let file = self.open(&mut device)?;
                // A medium that is put in after this moment is announced by an event.
                medium = self.sysfs.disk_sequence(&device.disk);
                if known.is_empty() {
                    self.read_table(&device, &file);
                }
                self.read(&mut device, &file, request)
            },
            Err,
        );
        let outcome = match opened {
            Ok(Found { filesystem, mount: Mount { root, replay } }) => {
                let is_btrfs = filesystem.kind == FilesystemKind::Btrfs;
                let subvolume = is_btrfs.then(|| default_path(root.as_fd())).flatten();
                let root = Root::from_fd(root).naming_as(filesystem.kind);
                device.layer = self.named(device.layer, &device.disk);
                let boot_area = boot_area(&filesystem, &self.node(&device.name));
                let (log, mut remarks) = match replay {
                    None => (LogState::Clean, Vec::new()),
                    Some(Ok(())) => (LogState::Replayed, Vec::new()),
                    Some(Err(reason)) => (LogState::Unreplayed, vec![unreplayed(&reason)]),
                };
                remarks.extend(request.missing.map(missing_members));
                let volume = Volume { subvolume, boot_area, log, remarks, ..Volume::new(device, filesystem) };
                ProbeOutcome::Opened(OpenVolume::new(volume, root))
            }
            Err(_) if self.sysfs.device(&request.name).is_none() => ProbeOutcome::Gone,
            Err(rejection) => ProbeOutcome::Rejected { device, rejection },
        };
        let mut partitions = self.sysfs.partitions(&request.name);
        partitions.retain(|name| !known.contains(name));
        Probed { outcome, medium, partitions }
    }

    /// What a device says that it is, without a mount.
    #[must_use]
    pub fn identify(&self, name: &str) -> Option<Filesystem> {
        let device = self.sysfs.device(name)?;
        self.sysfs.rejection(&device).map_or(Some(()), |_| None)?;
        let file = files::open_at_once(&self.node(name)).ok()?;
        superblock::probe(&Blocks { file: &file, size: device.size }).ok()?
    }

    /// Has the kernel read a disk's partition table, which its driver did not ([`super::partition_scan`]). A kernel that is built to
    /// read none is shown the partitions.
    fn read_table(&self, device: &Device, file: &File) {
        let is_disk = device.partition.is_none() && self.care == Care::Alone;
        let Some(sector) = self.sysfs.sector(&device.name).filter(|_| is_disk) else { return };
        if let Err(error) = read_partitions(file.as_fd()) {
            log::debug!("{}: its partition table: {error}", device.name);
        }
        let blocks = Blocks { file, size: device.size };
        if self.sysfs.partitions(&device.name).is_empty() && TableFault::find(&blocks, sector).is_none() {
            let slots = partition::read(&blocks).unwrap_or_default();
            misread::show(file, device.size, &slots, sector);
        }
    }

    fn open(&self, device: &mut Device) -> Result<File, Rejection> {
        let node = self.node(&device.name);
        if device.transport == Transport::Optical {
            check_drive(&node)?;
        }
        let file = File::open(&node).map_err(|error| unopened(node, &error))?;
        if let Some(now) = self.sysfs.device(&device.name) {
            device.size = now.size;
        }
        Ok(file)
    }

    fn read(&self, device: &mut Device, file: &File, request: &ProbeRequest) -> Result<Found, Rejection> {
        self.read_partition(device);
        let blocks = Blocks { file, size: device.size };
        let found = superblock::probe(&blocks).map_err(|error| Rejection::Unreadable(errno(&error)))?;
        let found = found.or_else(|| bare(device, &blocks));
        if let Some(rejection) = self.misread(device, file, &blocks, found.as_ref()) {
            return Err(rejection);
        }
        let partitions = self.sysfs.partitions(&device.name);
        let Some(filesystem) = found else {
            return Err(match partitions.is_empty() {
                true => Rejection::Unrecognised,
                false => Rejection::Partitioned(partitions),
            });
        };
        let is_shared = match WholeDisk::judge(&blocks, &filesystem, &self.sysfs.extents(&device.name)) {
            WholeDisk::Counts { beside_volumes } => beside_volumes,
            // A member of an array may show the array's partitions as its own.
            _ if Rejection::of_container(filesystem.kind).is_some() => {
                return Err(Rejection::Partitioned(partitions));
            }
            WholeDisk::IsPartition => return Err(Rejection::Partitioned(partitions)),
            WholeDisk::Outdated => return Err(Rejection::Outdated { partitions, older: filesystem.kind }),
        };
        if let Some(rejection) = Rejection::of_container(filesystem.kind) {
            return Err(rejection);
        }
        if filesystem.kind == FilesystemKind::Bare {
            let root = file.try_clone().map_err(|error| Rejection::Unreadable(errno(&error)))?;
            return Ok(Found { filesystem, mount: Mount { root: root.into(), replay: None } });
        }
        if let Some(rejection) = incomplete(&blocks, &filesystem, request) {
            return Err(rejection);
        }
        if !request.writable
            && let Some(root) = self.mounted(device, filesystem.kind)
        {
            return Ok(Found { filesystem, mount: Mount { root, replay: None } });
        }
        let node = self.node(&device.name);
        let request = MountRequest {
            companions: request.companions.iter().map(|name| self.node(name)).collect(),
            degraded: request.missing.is_some(),
            is_shared,
            log: superblock::dirty_log(filesystem.kind, &blocks),
            size: device.size,
            writable: request.writable,
            options: request.options.clone(),
            ..MountRequest::new(filesystem.kind, &node, file)
        };
        let mount = mount(&request, self.care)?;
        Ok(Found { filesystem, mount })
    }

    /// Why the kernel does not read the disk's partition table; it is shown the partitions of the copy that is whole.
    fn misread(
        &self,
        device: &Device,
        file: &File,
        blocks: &Blocks<'_>,
        found: Option<&Filesystem>,
    ) -> Option<Rejection> {
        let is_disk =
            device.partition.is_none() && device.beneath.is_empty() && device.transport != Transport::Optical;
        let sector = self.sysfs.sector(&device.name).filter(|_| is_disk)?;
        let (fault, slots) = TableFault::find(blocks, sector)?;
        // A file system on the whole disk counts, as it does for its own kernel; but not what is left of a disc's image.
        if let Some(found) = found
            && (slots.is_empty() || !matches!(found.kind, FilesystemKind::Iso9660 | FilesystemKind::Udf))
        {
            return None;
        }
        let mut partitions = self.sysfs.partitions(&device.name);
        // Where the kernel reads another table, that one counts.
        if partitions.is_empty() && self.care == Care::Alone {
            misread::show(file, device.size, &slots, sector);
            partitions = self.sysfs.partitions(&device.name);
        }
        Some(Rejection::Misread { fault, partitions })
    }

    /// Completes what made a disk: the name of an array is read from one of its members, as GRUB does.
    fn named(&self, layer: Option<Layer>, disk: &str) -> Option<Layer> {
        let mut members = self.sysfs.members(disk).into_iter();
        let superblock = members.find_map(|name| {
            let file = File::open(self.node(&name)).ok()?;
            let blocks = Blocks { file: &file, size: self.sysfs.device(&name)?.size };
            superblock::probe(&blocks).ok()?.filter(|found| found.kind == FilesystemKind::Raid)
        });
        superblock.map(|found| Layer::Array { uuid: found.uuid, name: found.label }).or(layer)
    }

    /// Shares what a running system or a person has mounted, instead of mounting it again with other options.
    fn mounted(&self, device: &Device, kind: FilesystemKind) -> Option<OwnedFd> {
        match self.care {
            Care::Alone => mounted::root_on(&self.node(&device.name)).ok()?,
            // Of btrfs, the mount may show any subvolume and bears no device's number; it shares mounts by itself.
            Care::Shared if kind == FilesystemKind::Btrfs => None,
            Care::Shared => mounted::root_of(self.sysfs.number(&device.name)?).ok()?,
        }
    }

    /// Fills in what the partition table says; a table that cannot be read leaves what the kernel tells.
    fn read_partition(&self, device: &mut Device) {
        let Some(known) = &mut device.partition else {
            return;
        };
        let Ok(file) = File::open(self.node(&device.disk)) else {
            return;
        };
        let size = self.sysfs.device(&device.disk).map_or(0, |disk| disk.size);
        let slots = partition::read(&Blocks { file: &file, size }).unwrap_or_default();
        if let Some(slot) = slots.into_iter().find(|slot| slot.partition.number == known.number) {
            *known = slot.partition;
        }
    }

    fn node(&self, name: &str) -> PathBuf {
        // A slash in a node's path is an exclamation mark in sysfs (cciss!c0d0).
        self.nodes.join(name.replace('!', "/"))
    }
}

fn unreplayed(reason: &NoReplay) -> String {
    format!(
        "its log was not replayed, so that files may be older than its own system left them, or damaged ({reason})"
    )
}

fn missing_members(missing: u64) -> String {
    match missing {
        1 => "it is read without one of its devices, which is missing".to_owned(),
        _ => format!("it is read without {missing} of its devices, which are missing"),
    }
}

/// The rejection of a part whose other parts are still to be found, unless the stack shall be read without them.
fn incomplete(blocks: &Blocks<'_>, filesystem: &Filesystem, request: &ProbeRequest) -> Option<Rejection> {
    let of = Stack::read(filesystem, blocks)?;
    let known = u64::try_from(request.companions.len()).unwrap_or(u64::MAX).saturating_add(1);
    let missing = of.parts.saturating_sub(known);
    (missing > 0 && request.missing.is_none()).then_some(Rejection::Incomplete { of, missing })
}

/// Recognises a partition without a file system, whose content a boot loader takes as it is.
fn bare(device: &Device, blocks: &Blocks<'_>) -> Option<Filesystem> {
    let wanted = device.partition.is_some() && device.size <= BARE_LIMIT;
    let mut head = vec![0; if wanted { kernel_file::BARE_HEAD } else { 0 }];
    let length = blocks.read_at(0, &mut head).ok().filter(|_| wanted)?;
    let is_bare = kernel_file::is_bare(head.get(..length)?);
    is_bare.then_some(Filesystem { kind: FilesystemKind::Bare, uuid: None, label: None })
}

/// GRUB's environment block in the area of a btrfs that holds no files.
fn boot_area(filesystem: &Filesystem, node: &Path) -> Option<Vec<u8>> {
    let file = File::open(node).ok().filter(|_| filesystem.kind == FilesystemKind::Btrfs)?;
    let mut block = vec![0; environment_block::RESERVED_LENGTH];
    files::fill(&file, environment_block::RESERVED_OFFSET, &mut block).ok()?;
    environment_block::read(&block).map(|_| block)
}

/// Asks an optical drive for a medium without opening it to read, which would draw its tray in.
fn check_drive(node: &Path) -> Result<(), Rejection> {
    let flags = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or_default();
    let drive = OpenOptions::new().read(true).custom_flags(flags).open(node);
    match drive_status(drive.map_err(|error| unopened(node.to_owned(), &error))?.as_fd()) {
        DriveStatus::Ready | DriveStatus::Unknown => Ok(()),
        DriveStatus::Empty => Err(Rejection::Empty),
        DriveStatus::Open => Err(Rejection::TrayOpen),
        DriveStatus::Busy => Err(Rejection::DriveBusy),
    }
}

fn unopened(node: PathBuf, error: &io::Error) -> Rejection {
    Rejection::Unopened { node, error: errno(error), as_root: rustix::process::geteuid().is_root() }
}

/// The kernel's error number.
pub(super) fn errno(error: &io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}

/// A device's bytes.
pub(super) struct Blocks<'a> {
    pub file: &'a File,
    pub size: u64,
}

impl ReadAt for Blocks<'_> {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        files::fill(self.file, offset, buffer)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::{super::sysfs::tests::add, *};

    /// A superblock of metadata 1.1 (md(4)): at the start of the member, with UUID and name.
    fn member(name: &str) -> Vec<u8> {
        let mut bytes = vec![0; 0x4_0000];
        let mut put = |at: usize, what: &[u8]| bytes[at..at + what.len()].copy_from_slice(what);
        put(0, &0xa92b_4efc_u32.to_le_bytes());
        put(4, &1_u32.to_le_bytes());
        put(
            16,
            &[0x2f, 0x1a, 0x3b, 0x4c, 0x5d, 0x6e, 0x7f, 0x80, 0x91, 0xa2, 0xb3, 0xc4, 0xd5, 0xe6, 0xf7, 0x08],
        );
        put(32, name.as_bytes());
        bytes
    }

    #[test]
    fn an_array_is_called_as_its_members_say() {
        let (tree, nodes) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        add(tree.path(), "virtual/block/md127", &[("slaves/sda1", ""), ("slaves/sdb1", "")]);
        add(tree.path(), "platform/block/sdb1", &[("size", "512"), ("partition", "1")]);
        fs::write(nodes.path().join("sdb1"), member("debian:boot")).unwrap();
        let prober =
            Prober { sysfs: Sysfs::at(tree.path()), nodes: nodes.path().to_owned(), care: Care::Alone };
        let array = Layer::Array {
            uuid: Some("2f1a3b4c-5d6e-7f80-91a2-b3c4d5e6f708".into()),
            name: Some("debian:boot".into()),
        };
        assert_eq!(prober.named(None, "md127"), Some(array));
        fs::write(nodes.path().join("sdb1"), "nothing").unwrap();
        assert_eq!(prober.named(None, "md127"), None);
    }
}
