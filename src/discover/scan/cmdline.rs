//! The command line of a kernel that no configuration names: from what its system says of itself, each guess noted.
//!
//! In this order: the complete command line in /etc/kernel/cmdline (kernel-install(8)); the words in /etc/default/grub;
//! the root file system in /etc/fstab; the root partition by its type (Discoverable Partitions Specification).

use super::system::System;
use crate::{
    discover::finder::{Deed, Note},
    entry::Volume,
    formats::{assignments::Assignments, fstab, fstab::Mount, lookup::Lookup},
};

/// Type of the root partition for this machine's architecture.
const ROOT_TYPE: &str = match std::env::consts::ARCH.as_bytes() {
    b"aarch64" => "b921b045-1df0-41c3-af44-4c6f280d3fae",
    b"riscv64" => "72ec70a6-cf74-40e6-bd49-4bda08e8f224",
    _ => "4f68bce3-e8cd-4db1-96e7-fbcaf984b709",
};

/// A derived command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Derived {
    pub cmdline: String,
    /// It says where the root file system is.
    pub has_root: bool,
    /// From what, and why.
    pub notes: Vec<Note>,
}

/// Derives the command line of a kernel on `volume`.
pub(super) fn derive(
    lookup: &dyn Lookup,
    volume: usize,
    system: Option<&System>,
    has_initrd: bool,
) -> Derived {
    let mut way = Way { lookup, volume, has_initrd, notes: Vec::new() };
    let cmdline = system.and_then(|system| way.of_system(system)).or_else(|| way.by_partition_type());
    let cmdline = cmdline.unwrap_or_default();
    let has_root = cmdline.split(' ').any(|word| word.starts_with("root="));
    Derived { cmdline, has_root, notes: way.notes }
}

struct Way<'a> {
    lookup: &'a dyn Lookup,
    volume: usize,
    has_initrd: bool,
    notes: Vec<Note>,
}

impl Way<'_> {
    fn of_system(&mut self, system: &System) -> Option<String> {
        let root = self.root(system);
        if let Some(cmdline) = self.kernel_cmdline(system, root.as_ref()) {
            return Some(cmdline);
        }
        let root = root?;
        let mut words = root.words.clone();
        words.push("ro".into());
        self.note(root.volume, &root.path, &format!("{}: {}", words.join(" "), root.reason));
        words.extend(self.default_grub(system).unwrap_or_default());
        Some(words.join(" "))
    }

    /// The whole command line, written down for kernel-install.
    fn kernel_cmdline(&mut self, system: &System, root: Option<&Root>) -> Option<String> {
        for path in ["/etc/kernel/cmdline", "/usr/lib/kernel/cmdline"] {
            let Some(text) = system.read(self.lookup, path) else { continue };
            let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
            let mut words: Vec<String> = lines.flat_map(str::split_whitespace).map(str::to_owned).collect();
            if words.is_empty() {
                continue;
            }
            self.note(system.volume, &system.path(path), "the complete command line");
            // With an initrd, a command line without root= is meant so: the initrd knows where its root is.
            if let Some(root) =
                root.filter(|_| !self.has_initrd && !words.iter().any(|w| w.starts_with("root=")))
            {
                self.note(root.volume, &root.path, &format!("{}: {}", root.words.join(" "), root.reason));
                words.splice(0..0, root.words.clone());
            }
            return Some(words.join(" "));
        }
        None
    }

    /// The words that grub-mkconfig would put on every normal entry.
    fn default_grub(&mut self, system: &System) -> Option<Vec<String>> {
        let mut settings = Assignments::default();
        let main = "/etc/default/grub";
        settings.read(&system.read(self.lookup, main)?);
        let directory = format!("{main}.d");
        for file in self.lookup.list(system.volume, &system.path(&directory)) {
            if file.name.ends_with(".cfg") {
                let text = system.read(self.lookup, &format!("{directory}/{}", file.name));
                settings.read(&text.unwrap_or_default());
            }
        }
        let names = ["GRUB_CMDLINE_LINUX", "GRUB_CMDLINE_LINUX_DEFAULT"];
        for (_, name) in settings.unread().iter().filter(|(_, name)| names.contains(&name.as_str())) {
            self.notes.push(Note {
                deed: Deed::PassedOver,
                volume: self.name(system.volume),
                path: system.path(main),
                message: format!("a value of {name} that only a shell could tell"),
            });
        }
        let values = names.iter().filter_map(|name| settings.get(name));
        let words: Vec<String> = values.flat_map(str::split_whitespace).map(str::to_owned).collect();
        self.note(
            system.volume,
            &system.path(main),
            &format!("{}: {}", names.join(" and "), words.join(" ")),
        );
        Some(words)
    }

    /// Where the system's root file system is: what fstab says, else the volume that the system was found on.
    fn root(&mut self, system: &System) -> Option<Root> {
        let mounts =
            system.read(self.lookup, "/etc/fstab").map(|text| fstab::parse(&text)).unwrap_or_default();
        let mount = mounts.iter().find(|mount| mount.target == "/");
        let volume = self.lookup.volumes().get(system.volume)?;
        let (source, path, reason) = match mount.filter(|mount| stable(mount, volume)) {
            Some(mount) => {
                (mount.source.clone(), system.path("/etc/fstab"), "the file system that it mounts on /")
            }
            None => {
                let place = if system.prefix.is_empty() { "/" } else { &system.prefix };
                let uuid = volume.filesystem.uuid.as_ref()?;
                (format!("UUID={uuid}"), place.to_owned(), "the root of an installed system")
            }
        };
        let source = if self.has_initrd { source } else { self.without_initrd(&source)? };
        let subvolume =
            mount.and_then(|mount| mount.option("subvol")).map(|name| name.trim_start_matches('/'));
        let subvolume = subvolume.or_else(|| system.prefix.strip_prefix('/')).filter(|name| !name.is_empty());
        let mut words = vec![format!("root={source}")];
        words.extend(subvolume.map(|name| format!("rootflags=subvol={name}")));
        Some(Root { words, volume: system.volume, path, reason })
    }

    /// The kernel alone knows partitions and device names, not what is on them.
    fn without_initrd(&self, source: &str) -> Option<String> {
        let (tag, value) = source.split_once('=').unwrap_or(("", source));
        let same =
            |known: &Option<String>| known.as_deref().is_some_and(|known| known.eq_ignore_ascii_case(value));
        let volume = match tag {
            "UUID" => self.lookup.volumes().iter().find(|volume| same(&volume.filesystem.uuid))?,
            "LABEL" => self.lookup.volumes().iter().find(|volume| same(&volume.filesystem.label))?,
            _ => return Some(source.to_owned()),
        };
        Some(match volume.device.partition.as_ref().and_then(|partition| partition.uuid.as_ref()) {
            Some(uuid) => format!("PARTUUID={uuid}"),
            None => format!("/dev/{}", volume.device.name),
        })
    }

    fn by_partition_type(&mut self) -> Option<String> {
        let volumes = self.lookup.volumes();
        let disk = &volumes.get(self.volume)?.device.disk;
        let (place, uuid) = volumes.iter().enumerate().find_map(|(place, volume)| {
            let partition = volume.device.partition.as_ref()?;
            let root = volume.device.disk == *disk && partition.type_id.as_deref() == Some(ROOT_TYPE);
            partition.uuid.clone().filter(|_| root).map(|uuid| (place, uuid))
        })?;
        let cmdline = format!("root=PARTUUID={uuid} ro");
        self.note(place, "/", &format!("{cmdline}: a partition of the type for this architecture's root"));
        Some(cmdline)
    }

    fn note(&mut self, volume: usize, path: &str, message: &str) {
        let volume = self.name(volume);
        self.notes.push(Note { deed: Deed::Guessed, volume, path: path.into(), message: message.into() });
    }

    fn name(&self, volume: usize) -> String {
        self.lookup.volumes().get(volume).map(|volume| volume.device.name.clone()).unwrap_or_default()
    }
}

/// A root file system, and how it was found.
struct Root {
    words: Vec<String>,
    volume: usize,
    path: String,
    reason: &'static str,
}

/// A name such as /dev/sda2 tells where the disk hung when the system was installed. Where the volume itself can be
/// named, that is the surer way.
fn stable(mount: &Mount, volume: &Volume) -> bool {
    let raw = mount.source.starts_with("/dev/") && !mount.source.starts_with("/dev/mapper/");
    !raw || volume.filesystem.uuid.is_none()
}
