//! GRUB's names of devices and the volumes they mean (GNU GRUB manual, "Naming convention").
//!
//! Disk numbers follow the firmware's whim, so only two things are relied on: `hd0` is the disk that holds the
//! configuration, and partition numbers are the partition table's own.

use std::rc::Rc;

use crate::{
    entry::{FileReference, FilesystemKind, Layer, PartitionTable, Volume},
    lookup::Lookup,
    name_map::NameMap,
    sort,
};

/// A file on a volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// The volume, as in [`Lookup::volumes`].
    pub volume: usize,
    /// Path from its root, without doubled slashes.
    pub path: String,
}

impl Located {
    /// The file as an entry names it.
    #[must_use]
    pub fn reference(&self, lookup: &dyn Lookup) -> FileReference {
        lookup.reference(self.volume, &self.path)
    }
}

/// Where snapper(8) keeps snapshots, below the subvolume that openSUSE installs into.
const SNAPSHOTS: &str = "/.snapshots/";
const HOLDER: &str = "/@";

/// Maximum number of images that are devices at once.
const IMAGE_LIMIT: usize = 1024;

/// Names of disks, without their number.
const DISKS: [&str; 5] = ["hd", "ahci", "ata", "nvme", "usb"];

/// The beginning of the name of an unlocked encrypted container, where it is called by its UUID.
const CONTAINER: &str = "cryptouuid/";

/// Maximum number of subvolumes in directories of others.
const MOUNT_LIMIT: usize = 64;

/// Bytes of a snapshot's description that are read.
const DESCRIPTION_LIMIT: usize = 4096;

/// The snapshot that is the running system: the default subvolume, or where that is not known the last one that a rollback
/// made writable, else the installation's own.
#[must_use]
pub fn snapshot_of_the_system(lookup: &dyn Lookup, volume: usize) -> Option<String> {
    if let Some(known) = lookup.volume(volume).and_then(|volume| volume.subvolume.as_ref()) {
        return Some(known.clone()).filter(|path| path.contains(SNAPSHOTS));
    }
    let directory = format!("{HOLDER}{SNAPSHOTS}");
    let entries = lookup.list(volume, directory.trim_end_matches('/'));
    let mut numbers: Vec<u32> = entries.iter().filter_map(|entry| entry.name.parse().ok()).collect();
    sort::ascending(&mut numbers);
    let is_copy = |number: &&u32| {
        let described =
            lookup.read_at(volume, &format!("{directory}{number}/info.xml"), 0, DESCRIPTION_LIMIT);
        described.is_ok_and(|text| String::from_utf8_lossy(&text).contains("writable copy of #"))
    };
    let number = numbers.iter().rev().find(is_copy).or(numbers.first())?;
    Some(format!("{directory}{number}/snapshot"))
}

/// The meaning of device names in one configuration.
#[derive(Clone, Debug)]
pub struct Devices {
    /// The volume that holds the configuration.
    home: usize,
    /// The btrfs subvolume that holds it: empty, or a path like `/@`.
    subvolume: Rc<str>,
    /// Images made into devices by `loopback`, by their names; `None` where no file in them can be read.
    images: Rc<NameMap<Option<usize>>>,
    /// Directories with the subvolumes that openSUSE's GRUB sees in them.
    mounts: Rc<Vec<(String, String)>>,
}

impl Devices {
    /// Devices seen from a configuration on the volume `home`.
    #[must_use]
    pub fn new(home: usize, configuration: &str) -> Self {
        let subvolume = configuration.split_once("/boot/").map_or("", |(before, _)| before);
        Self { home, subvolume: subvolume.into(), images: Rc::default(), mounts: Rc::default() }
    }

    /// GRUB's name of a volume, without parentheses.
    #[must_use]
    pub fn name(&self, lookup: &dyn Lookup, volume: usize) -> String {
        if let Some((name, _)) = self.images.iter().find(|(_, image)| **image == Some(volume)) {
            return name.to_owned();
        }
        let Some(it) = lookup.volume(volume) else {
            return String::new();
        };
        let device = &it.device;
        let is_container = is_container(it);
        let named = names(it).into_iter().next().filter(|_| !is_container);
        let disk = named.unwrap_or_else(|| {
            let disks = self.disks(lookup, is_container);
            let place = disks.iter().position(|disk| **disk == device.disk).unwrap_or_default();
            format!("{}{place}", if is_container { "crypto" } else { "hd" })
        });
        match &device.partition {
            Some(partition) => {
                let table = match partition.table {
                    PartitionTable::Gpt => "gpt",
                    PartitionTable::Mbr => "msdos",
                };
                format!("{disk},{table}{}", partition.number)
            }
            None => disk,
        }
    }

    /// The volume that a name means, without guessing.
    #[must_use]
    pub fn volume(&self, lookup: &dyn Lookup, name: &str) -> Option<usize> {
        if let Some(image) = self.images.get(name) {
            return *image;
        }
        let (disk, partition) = name.split_once(',').unwrap_or((name, ""));
        let find = |is_disk: &dyn Fn(&Volume) -> bool| {
            lookup.volumes().iter().position(|volume| {
                is_disk(volume)
                    && match &volume.device.partition {
                        Some(it) => partition_matches(partition, it.table, it.number),
                        None => partition.is_empty(),
                    }
            })
        };
        if disk.contains('/') {
            // GRUB reads the UUID of a container with and without dashes.
            let bare = disk.replace('-', "");
            let is_own = |own: &String| {
                own.eq_ignore_ascii_case(if own.starts_with(CONTAINER) { &bare } else { disk })
            };
            return find(&|volume| names(volume).iter().any(is_own));
        }
        let container = disk.strip_prefix("crypto");
        // Of a GRUB that drives the disks itself (coreboot's, `nativedisk`) the order is known no better.
        let number = container.or_else(|| DISKS.iter().find_map(|kind| disk.strip_prefix(kind)))?;
        let number: usize = number.split('n').next()?.parse().ok()?;
        let disks = self.disks(lookup, container.is_some());
        let on_disk = |disk: &&String| find(&|volume| volume.device.disk == **disk);
        // A partition of a disk that is not there is looked for where the configuration is.
        disks.get(number).and_then(on_disk).or_else(|| disks.first().and_then(on_disk))
    }

    /// The volume that a file's device means; where the configuration's own volume is of an unknown kind or place, an
    /// unknown device is taken for it.
    #[must_use]
    pub fn file_volume(&self, lookup: &dyn Lookup, name: &str) -> Option<usize> {
        let guess = || {
            let home = lookup.volume(self.home).filter(|_| !self.is_image(name))?;
            let unsure = home.filesystem.kind == FilesystemKind::Unknown || home.device.partition.is_none();
            let elsewhere = ["proc", "memdisk", "tftp", "http", "pxe", "fd", "cd"];
            (unsure && !elsewhere.iter().any(|prefix| name.starts_with(prefix))).then_some(self.home)
        };
        self.volume(lookup, name).or_else(guess)
    }

    /// The file that a path means: on the device `root` unless it names its own. Block lists mean none. Where openSUSE's GRUB
    /// counts paths from a subvolume of btrfs, that is `subvolume`: the default one if it is empty.
    #[must_use]
    pub fn locate(
        &self,
        lookup: &dyn Lookup,
        root: &str,
        subvolume: Option<&str>,
        path: &str,
    ) -> Option<Located> {
        let (device, path) = match path.strip_prefix('(') {
            Some(rest) => rest.split_once(')')?,
            None => (root, path),
        };
        if !path.starts_with('/') {
            return None;
        }
        let path = single_slashes(path);
        let volume = self.file_volume(lookup, device)?;
        Some(Located { volume, path: self.inside_subvolume(lookup, volume, subvolume, path) })
    }

    /// The path from the top of the file system. Where nothing is in the place that is meant, another is tried that may have
    /// been: nobody says that the generator of a configuration knew this GRUB.
    fn inside_subvolume(
        &self,
        lookup: &dyn Lookup,
        volume: usize,
        subvolume: Option<&str>,
        path: String,
    ) -> String {
        let Some(default) = self.default_subvolume(lookup, volume) else { return path };
        let mounted = self.mounts.iter().filter_map(|(point, holder)| {
            let rest = path.strip_prefix(point.as_str())?;
            Some((point.len(), format!("/{}{rest}", holder.trim_matches('/'))))
        });
        let mounted = mounted.max_by_key(|(length, _)| *length).map(|(_, inside)| inside);
        let base = match subvolume.map(|name| name.trim_matches('/')) {
            None | Some("") => default,
            Some(name) => format!("/{name}"),
        };
        // The snapshots are a subvolume of their own, mounted in the system's.
        let holder = base.split_once(SNAPSHOTS).map_or("", |(holder, _)| holder);
        let mut candidates: Vec<String> = mounted.filter(|_| subvolume.is_some()).into_iter().collect();
        candidates.extend([format!("{base}{path}"), format!("{holder}{path}"), path]);
        if subvolume.is_none() {
            candidates.rotate_right(1);
        }
        let is_there = |path: &&String| lookup.status(volume, path, true).is_some();
        let found = candidates.iter().find(is_there).or(candidates.first()).cloned();
        found.unwrap_or_default()
    }

    /// The directory that a path counts from where it counts from the default subvolume: as the file system says; where that is not known,
    /// the configuration's own subvolume, or the snapshot that snapper(8) made the system. `None` on other file systems.
    fn default_subvolume(&self, lookup: &dyn Lookup, volume: usize) -> Option<String> {
        let it = lookup.volume(volume)?;
        if let Some(known) = &it.subvolume {
            return Some(known.clone());
        }
        if volume == self.home && !self.subvolume.is_empty() {
            return Some(self.subvolume.to_string());
        }
        let is_btrfs = it.filesystem.kind == FilesystemKind::Btrfs;
        is_btrfs.then(|| snapshot_of_the_system(lookup, volume).unwrap_or_default())
    }

    /// Puts a subvolume into a directory of every btrfs, where paths count from subvolumes.
    pub fn mount(&mut self, directory: &str, subvolume: &str) {
        let mounts = Rc::make_mut(&mut self.mounts);
        mounts.retain(|(known, _)| known != directory);
        mounts.truncate(MOUNT_LIMIT);
        mounts.push((directory.to_owned(), subvolume.to_owned()));
    }

    /// Whether a device of this name is known.
    #[must_use]
    pub fn is_known(&self, lookup: &dyn Lookup, name: &str) -> bool {
        self.is_image(name) || self.volume(lookup, name).is_some()
    }

    /// Makes an image a device: the place under which it was opened, `None` if it could not be.
    pub fn add_image(&mut self, name: &str, image: Option<usize>) {
        if self.is_image(name) || self.images.len() < IMAGE_LIMIT {
            Rc::make_mut(&mut self.images).insert(name.to_owned(), image);
        }
    }

    /// Whether an image is called so.
    #[must_use]
    pub fn is_image(&self, name: &str) -> bool {
        self.images.get(name).is_some()
    }

    /// Forgets an image, if there is one of this name.
    pub fn remove_image(&mut self, name: &str) -> bool {
        self.is_image(name) && Rc::make_mut(&mut self.images).remove(name).is_some()
    }

    /// Volumes in the order in which they are searched: the configuration's own, its disk's, the others, the images.
    #[must_use]
    pub fn search_order(&self, lookup: &dyn Lookup) -> Vec<usize> {
        let disk = |volume| lookup.volume(volume).map(|volume| &volume.device.disk);
        let base = lookup.image(self.home).map_or(self.home, |(volume, _)| volume);
        let mut order: Vec<usize> = (0..lookup.volumes().len()).collect();
        let images = self.images.values().filter_map(|image| *image).filter(|image| !order.contains(image));
        order.extend(images.collect::<Vec<_>>());
        sort::by_key(&mut order, |&index| (index != self.home, index != base, disk(index) != disk(base)));
        order
    }

    /// Kernel names of the disks in the order of their numbers: those that GRUB does not call by names, or the unlocked
    /// containers.
    fn disks<'l>(&self, lookup: &'l dyn Lookup, containers: bool) -> Vec<&'l String> {
        let mut disks: Vec<&String> = Vec::new();
        let volumes = lookup.volumes();
        for volume in lookup.volume(self.home).into_iter().chain(volumes) {
            let is_meant = if containers { is_container(volume) } else { names(volume).is_empty() };
            if is_meant && !disks.contains(&&volume.device.disk) {
                disks.push(&volume.device.disk);
            }
        }
        disks
    }
}

/// GRUB's names of the disk that a volume is on where that has no number (GNU GRUB manual, "Device syntax"); the one that GRUB
/// prefers comes first.
#[must_use]
pub fn names(volume: &Volume) -> Vec<String> {
    match &volume.device.layer {
        None => Vec::new(),
        Some(Layer::LogicalVolume { name, group, volume }) => {
            vec![format!("lvm/{name}"), format!("lvmid/{group}/{volume}")]
        }
        Some(Layer::Array { uuid, name }) => {
            // Without the machine that made it.
            let name = name.as_ref().map(|name| name.split_once(':').map_or(name.as_str(), |(_, name)| name));
            let name = name.map(|name| format!("md/{name}"));
            let id = uuid.as_ref().map(|uuid| format!("mduuid/{}", uuid.replace('-', "")));
            name.into_iter().chain(id).collect()
        }
        Some(Layer::Container { uuid }) => vec![format!("{CONTAINER}{uuid}")],
    }
}

/// Whether a volume is in an unlocked container, which GRUB calls by a number of its own.
#[must_use]
pub fn is_container(volume: &Volume) -> bool {
    matches!(volume.device.layer, Some(Layer::Container { .. }))
}

/// Whether `gpt2`, `msdos2` or `2` (or the outer part of `msdos2,bsd1`) names a partition.
fn partition_matches(name: &str, table: PartitionTable, number: u32) -> bool {
    let name = name.split(',').next().unwrap_or_default();
    let digits = match table {
        PartitionTable::Gpt => name.strip_prefix("gpt"),
        PartitionTable::Mbr => name.strip_prefix("msdos"),
    };
    digits.unwrap_or(name).parse() == Ok(number)
}

/// The path with each run of slashes made one.
#[must_use]
pub fn single_slashes(path: &str) -> String {
    if !path.contains("//") {
        return path.to_owned();
    }
    let mut single = String::with_capacity(path.len());
    for c in path.chars() {
        if c != '/' || !single.ends_with('/') {
            single.push(c);
        }
    }
    single
}
