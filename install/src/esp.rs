//! The EFI system partitions of a system, and what is mounted where (proc_pid_mountinfo(5)).

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom};

use firstlight::entry::{Layer, PartitionTable};
use firstlight::formats::bytes::ReadAt;
use firstlight::formats::efi_boot::HardDrive;
use firstlight::formats::partition::read_table;
use firstlight::formats::text;
use firstlight::storage::sysfs::Sysfs;
use firstlight::sys::files;
use rustix::fs::statvfs;

use crate::system::System;

/// The type of an ESP in a GPT (UEFI specification 2.10, table 5.7).
const ESP: &str = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b";

/// Where systems mount it, in the order of preference.
const PLACES: [&str; 3] = ["/boot/efi", "/efi", "/boot"];

/// An EFI system partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Esp {
    /// Kernel name of its device.
    pub device: String,
    /// Where it is mounted.
    pub mount: Option<String>,
    /// How a boot option names it; `None` where it is no partition of a GPT.
    pub drive: Option<HardDrive>,
    /// It is an array of several disks' partitions.
    pub is_array: bool,
    /// Free bytes, where it is mounted.
    pub free: u64,
}

/// A mounted file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mounted {
    number: (u32, u32),
    /// Directory that it is mounted on.
    pub point: String,
    /// Its kind.
    pub kind: String,
}

/// The mounted file systems; where several are mounted on one directory, the last one is seen.
#[must_use]
pub fn mounts(system: &System) -> Vec<Mounted> {
    // What is mounted when it is first used is mounted by this.
    for place in PLACES {
        let _ = fs::read_dir(system.path(place)).map(|mut entries| entries.next().is_some());
    }
    let table = system.text("/proc/self/mountinfo").unwrap_or_default();
    let parse = |line: &str| {
        let (fields, tail) = line.split_once(" - ")?;
        let mut fields = fields.split(' ').skip(2);
        let (major, minor) = fields.next()?.split_once(':')?;
        let number = (major.parse().ok()?, minor.parse().ok()?);
        fields.next().filter(|root| *root == "/")?;
        Some(Mounted { number, point: fields.next()?.to_owned(), kind: tail.split(' ').next()?.to_owned() })
    };
    table.lines().filter_map(parse).collect()
}

/// All EFI system partitions, those that are mounted in a usual place first.
#[must_use]
pub fn esps(system: &System, mounts: &[Mounted]) -> Vec<Esp> {
    let sysfs = Sysfs::at(&system.path("/sys"));
    let mut found = Vec::new();
    for name in sysfs.names() {
        let Some(device) = sysfs.device(&name) else { continue };
        let is_here = |mounted: &&Mounted| Some(mounted.number) == sysfs.number(&name);
        let places = mounts.iter().filter(is_here);
        let mount =
            places.min_by_key(|mounted| place(&mounted.point)).filter(|mounted| mounted.kind == "vfat");
        let is_array = matches!(device.layer, Some(Layer::Array { .. }));
        let drive =
            device.partition.as_ref().and_then(|partition| drive(system, &device.disk, partition.number));
        let is_usual = mount.is_some_and(|mounted| PLACES.contains(&mounted.point.as_str()));
        let is_esp = drive.as_ref().is_some_and(|(_, is_esp)| *is_esp);
        // The partitions below an array are not used by themselves.
        let is_wanted = if is_array { is_usual } else { is_esp };
        if !is_wanted {
            continue;
        }
        let mount = mount.map(|mounted| mounted.point.clone());
        let free = mount.as_ref().and_then(|mount| statvfs(system.path(mount)).ok());
        let free = free.map_or(0, |status| status.f_bavail.saturating_mul(status.f_frsize));
        found.push(Esp { device: name, mount, drive: drive.map(|(drive, _)| drive), is_array, free });
    }
    firstlight::formats::sort::by(&mut found, |one, other| {
        let rank = |esp: &Esp| esp.mount.as_deref().map_or(PLACES.len().saturating_add(1), place);
        rank(one).cmp(&rank(other))
    });
    found
}

fn place(point: &str) -> usize {
    PLACES.iter().position(|place| *place == point).unwrap_or(PLACES.len())
}

/// How a boot option names a partition of a GPT, and whether it is an ESP.
fn drive(system: &System, disk: &str, number: u32) -> Option<(HardDrive, bool)> {
    let file = files::open_at_once(&system.path("/dev").join(disk)).ok()?;
    let table = read_table(&Disk::new(file).ok()?).ok()?;
    let sector = u64::from(table.gpt?.sector);
    let slot = table.slots.into_iter().find(|slot| slot.partition.number == number)?;
    let is_esp = slot.partition.type_id.as_deref().map(text::printable).as_deref() == Some(ESP);
    let is_gpt = slot.partition.table == PartitionTable::Gpt;
    let uuid = slot.partition.uuid.filter(|_| is_gpt)?;
    let (start, size) = (slot.start.checked_div(sector)?, slot.size.checked_div(sector)?);
    Some((HardDrive { number, start, size, uuid }, is_esp))
}

/// A disk, or a file in the place of one.
pub(crate) struct Disk {
    file: File,
    size: u64,
}

impl Disk {
    pub fn new(mut file: File) -> io::Result<Self> {
        let size = file.seek(SeekFrom::End(0))?;
        Ok(Self { file, size })
    }
}

impl ReadAt for Disk {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        files::fill(&self.file, offset, buffer)
    }
}
