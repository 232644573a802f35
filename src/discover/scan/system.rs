//! Which volumes hold an installed system, and what it is called.

use crate::{
    entry::FilesystemKind,
    formats::{
        assignments::Assignments,
        grub::device::snapshot_of_the_system,
        lookup::{CONFIG_LIMIT, Lookup},
        text,
    },
};

/// Settings larger than this, in bytes, are none.
const SETTINGS_LIMIT: usize = 64 * 1024;

/// Paths of btrfs roots below the top of their file system: openSUSE and Ubuntu, Debian, Fedora.
const SUBVOLUMES: [&str; 3] = ["/@", "/@rootfs", "/root"];

/// Files that only the root of an installed system holds.
const EVIDENCE: [&str; 4] = ["/etc/os-release", "/usr/lib/os-release", "/etc/fstab", "/sbin/init"];

/// Distributions that number their kernels and make their initrds alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    Debian,
    /// Those with RPM's order of versions, and dracut.
    Dracut,
    /// pacman and mkinitcpio.
    Arch,
    Alpine,
    Other,
}

/// Beginnings of the names in os-release.
const FAMILIES: [(&str, Family); 16] = [
    ("debian", Family::Debian),
    ("ubuntu", Family::Debian),
    ("fedora", Family::Dracut),
    ("rhel", Family::Dracut),
    ("centos", Family::Dracut),
    ("almalinux", Family::Dracut),
    ("rocky", Family::Dracut),
    ("opensuse", Family::Dracut),
    ("suse", Family::Dracut),
    ("sle", Family::Dracut),
    ("mageia", Family::Dracut),
    ("void", Family::Dracut),
    ("arch", Family::Arch),
    ("manjaro", Family::Arch),
    ("alpine", Family::Alpine),
    ("postmarketos", Family::Alpine),
];

/// The root of an installed system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct System {
    /// Place of its volume in the lookup.
    pub volume: usize,
    /// Directory of its root: empty, or a btrfs subvolume's.
    pub prefix: String,
}

impl System {
    /// Every system on every volume.
    pub fn all(lookup: &dyn Lookup) -> Vec<Self> {
        let mut systems = Vec::new();
        for volume in 0..lookup.volumes().len() {
            for prefix in prefixes(lookup, volume) {
                let system = Self { volume, prefix };
                if EVIDENCE.iter().any(|path| lookup.status(volume, &system.path(path), false).is_some()) {
                    systems.push(system);
                }
            }
        }
        systems
    }

    /// A path of the system as a path on its volume.
    pub fn path(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }

    /// A file of settings; `None` if there is none that can be read.
    pub fn read(&self, lookup: &dyn Lookup, path: &str) -> Option<String> {
        let limit = SETTINGS_LIMIT.min(CONFIG_LIMIT);
        lookup.read(self.volume, &self.path(path), limit).ok().map(|bytes| text::decode(&bytes))
    }

    /// Its fields of os-release(5).
    pub fn name(&self, lookup: &dyn Lookup) -> Option<String> {
        let fields = self.release(lookup);
        ["PRETTY_NAME", "NAME", "ID"].iter().find_map(|name| fields.get(name)).map(str::to_owned)
    }

    /// Which family of distributions it is of.
    pub fn family(&self, lookup: &dyn Lookup) -> Family {
        let fields = self.release(lookup);
        let names =
            ["ID", "ID_LIKE"].iter().filter_map(|name| fields.get(name)).flat_map(str::split_whitespace);
        let family = |name: &str| FAMILIES.iter().find(|(start, _)| name.starts_with(start));
        names.into_iter().find_map(family).map_or(Family::Other, |(_, family)| *family)
    }

    fn release(&self, lookup: &dyn Lookup) -> Assignments {
        let release =
            ["/etc/os-release", "/usr/lib/os-release"].iter().find_map(|path| self.read(lookup, path));
        let mut fields = Assignments::default();
        fields.read(&release.unwrap_or_default());
        fields
    }

    /// Whether the modules of this kernel version are installed in it.
    pub fn has_modules(&self, lookup: &dyn Lookup, version: &str) -> bool {
        ["/usr/lib/modules/", "/lib/modules/"].iter().any(|directory| {
            let path = self.path(&format!("{directory}{version}"));
            !version.is_empty() && lookup.status(self.volume, &path, true).is_some()
        })
    }
}

/// Directories of a volume that may be a system's root.
pub(super) fn prefixes(lookup: &dyn Lookup, volume: usize) -> Vec<String> {
    let kind = lookup.volumes().get(volume).map(|volume| volume.filesystem.kind);
    let mut prefixes = vec![String::new()];
    if kind == Some(FilesystemKind::Btrfs) {
        let usual = SUBVOLUMES.iter().map(|path| (*path).to_owned());
        for path in usual.chain(default_subvolume(lookup, volume)) {
            if !prefixes.contains(&path) && !lookup.list(volume, &path).is_empty() {
                prefixes.push(path);
            }
        }
    }
    prefixes
}

/// The subvolume that is mounted where none is asked for, as far as it is known or openSUSE's snapshots tell.
pub(super) fn default_subvolume(lookup: &dyn Lookup, volume: usize) -> Option<String> {
    let known = lookup.volumes().get(volume)?.subvolume.clone();
    known.or_else(|| snapshot_of_the_system(lookup, volume))
}
