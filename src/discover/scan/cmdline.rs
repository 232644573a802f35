//! The command line of a kernel that no configuration names: from what its system says of itself, each guess noted.
//!
//! In this order: the words of another entry that boots the same system; the complete command line in /etc/kernel/cmdline
//! (kernel-install(8)) or in the settings of Alpine's update-extlinux; the words in /etc/default/grub with the root file
//! system in /etc/fstab; the root partition by its type (Discoverable Partitions Specification).

use super::{
    hints::{self, Hints},
    system::{Family, System, default_subvolume},
};
use crate::{
    discover::finder::{Note, NoteAction},
    entry::{Entry, FilesystemKind, Kind, Volume, VolumeReference},
    formats::{
        assignments::Assignments, cmdline, fstab, fstab::Mount, lookup::Lookup, volume_name::VolumeName,
    },
};

/// Type of the root partition for this machine's architecture.
pub(in crate::discover) const ROOT_TYPE: &str = match std::env::consts::ARCH.as_bytes() {
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
    offered: &[&Entry],
) -> Derived {
    let mut way = Way { lookup, volume, has_initrd, offered, notes: Vec::new() };
    let cmdline = system.and_then(|system| way.of_system(system)).or_else(|| way.by_partition_type());
    let cmdline = cmdline.unwrap_or_else(|| {
        way.note(
            volume,
            "/",
            "nothing tells where the root file system of its kernels is: their initrd must know",
        );
        String::new()
    });
    let has_root = cmdline.split(' ').any(is_root);
    Derived { cmdline, has_root, notes: way.notes }
}

struct Way<'a> {
    lookup: &'a dyn Lookup,
    volume: usize,
    has_initrd: bool,
    /// The entries of configurations.
    offered: &'a [&'a Entry],
    notes: Vec<Note>,
}

impl Way<'_> {
    fn of_system(&mut self, system: &System) -> Option<String> {
        if let Some(cmdline) = self.elsewhere(system) {
            return Some(cmdline);
        }
        let root = self.root(system);
        if let Some(cmdline) = self.kernel_cmdline(system, root.as_ref()) {
            return Some(cmdline);
        }
        if let Some(cmdline) = self.update_extlinux(system, root.as_ref()) {
            return Some(cmdline);
        }
        let Some(root) = root else {
            // OpenZFS's manual says to name a root on ZFS there.
            let settings = self.default_grub(system)?;
            return settings.iter().any(|word| is_root(word)).then(|| format!("ro {}", settings.join(" ")));
        };
        let mut words = root.words.clone();
        words.push("ro".into());
        self.note(root.volume, &root.path, &format!("{}: {}", words.join(" "), root.reason));
        let settings = self.default_grub(system).unwrap_or_default();
        let name = |word: &str| word.split('=').next().unwrap_or_default().to_owned();
        let given: Vec<String> = settings.iter().map(|word| name(word)).collect();
        let hints = if self.has_initrd { root.hints } else { Vec::new() };
        // The administrator's own words are not repeated.
        for (path, hint) in hints.into_iter().filter(|(_, hint)| !given.contains(&name(hint))) {
            self.note(system.volume, &system.path(path), &format!("{hint}: the way to the root file system"));
            words.push(hint);
        }
        words.extend(settings);
        Some(words.join(" "))
    }

    /// The words of an entry that boots the same system with another kernel.
    fn elsewhere(&mut self, system: &System) -> Option<String> {
        let volume = self.lookup.volumes().get(system.volume)?;
        let boots_it = |entry: &&&Entry| {
            let root = cmdline::value(&entry.cmdline, "root").and_then(VolumeName::parse);
            let flags = cmdline::value(&entry.cmdline, "rootflags").unwrap_or_default();
            let subvolume = flags.split(',').find_map(|flag| flag.strip_prefix("subvol="));
            let prefix = system.prefix.trim_start_matches('/');
            entry.problem.is_none()
                && entry.kind == Kind::Linux
                && entry.initrds.is_empty() != self.has_initrd
                && root.is_some_and(|root| root.names(volume))
                && (prefix.is_empty() || subvolume.map(|name| name.trim_start_matches('/')) == Some(prefix))
        };
        let entry = self.offered.iter().find(boots_it)?;
        let words = cmdline::without(&entry.cmdline, &["BOOT_IMAGE", "initrd"]);
        let message = format!("{words}: an entry for the same system, {}", entry.title);
        self.notes.push(Note {
            action: NoteAction::Guessed,
            volume: entry.source.volume.clone(),
            path: entry.source.path.clone(),
            message,
        });
        Some(words)
    }

    /// The words that Alpine's update-extlinux would put on every entry. Its initrds load the modules and mount the type of file
    /// system that these words name.
    fn update_extlinux(&mut self, system: &System, root: Option<&Root>) -> Option<String> {
        if system.family(self.lookup) != Family::Alpine {
            return None;
        }
        let path = "/etc/update-extlinux.conf";
        let mut settings = Assignments::default();
        settings.read(&system.read(self.lookup, path).unwrap_or_default());
        let volume = self.lookup.volumes().get(system.volume)?;
        let kind = volume.filesystem.kind;
        let default = |name: &str, value: String| {
            settings.get(name).filter(|value| !value.is_empty()).map_or(value, str::to_owned)
        };
        let own_root = root.and_then(|root| root.words.first()?.strip_prefix("root="));
        let source = default("root", own_root?.to_owned());
        let modules = default("modules", format!("sd-mod,usb-storage,nvme,{kind}"));
        let mut words = vec![format!("root={source}"), format!("modules={modules}")];
        words.extend(root.iter().flat_map(|root| &root.hints).map(|(_, hint)| hint.clone()));
        words.push(default("default_kernel_opts", format!("quiet rootfstype={kind}")));
        let words = words.join(" ");
        self.note(system.volume, &system.path(path), &format!("{words}: what update-extlinux would write"));
        Some(words)
    }

    /// The whole command line, written down for kernel-install.
    fn kernel_cmdline(&mut self, system: &System, root: Option<&Root>) -> Option<String> {
        let mut texts: Vec<(&str, String)> = Vec::new();
        for path in ["/etc/kernel/cmdline", "/usr/lib/kernel/cmdline"] {
            texts.extend(system.read(self.lookup, path).map(|text| (path, text)));
        }
        // mkinitcpio(8) takes it in pieces.
        let directory = "/etc/cmdline.d";
        let pieces = self.lookup.list(system.volume, &system.path(directory)).into_iter();
        let pieces = pieces.filter(|file| file.name.ends_with(".conf"));
        let pieces =
            pieces.filter_map(|file| system.read(self.lookup, &format!("{directory}/{}", file.name)));
        texts.push((directory, pieces.collect::<Vec<_>>().join("\n")));
        for (path, text) in texts {
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
                action: NoteAction::PassedOver,
                volume: self.on(system.volume),
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
        let is_zfs = mount.map_or(volume.filesystem.kind == FilesystemKind::Zfs, |mount| mount.kind == "zfs");
        let (source, path, reason) = match mount.filter(|mount| stable(mount, volume)) {
            Some(mount) => {
                (mount.source.clone(), system.path("/etc/fstab"), "the file system that it mounts on /")
            }
            None if is_zfs => {
                self.notes.push(Note {
                    action: NoteAction::PassedOver,
                    volume: self.on(system.volume),
                    path: "/".into(),
                    message: "a ZFS dataset whose name nothing here tells: it takes root=ZFS=POOL/DATASET"
                        .into(),
                });
                return None;
            }
            None => {
                let place = if system.prefix.is_empty() { "/" } else { &system.prefix };
                let uuid = volume.filesystem.uuid.as_ref()?;
                (format!("UUID={uuid}"), place.to_owned(), "the root of an installed system")
            }
        };
        if is_zfs {
            let name = if system.family(self.lookup) == Family::Arch { "zfs" } else { "root=ZFS" };
            let words = vec![format!("{name}={source}")];
            let root = Root { words, hints: Hints::new(), volume: system.volume, path, reason };
            // Only an initrd has ZFS's modules.
            return Some(root).filter(|_| self.has_initrd);
        }
        // A volume of which no disk is known may be anything.
        let is_plain = volume.device.partition.is_some();
        let hints = hints::of(self.lookup, system, &source, is_plain);
        let source = if self.has_initrd { source } else { self.without_initrd(&source)? };
        let subvolume =
            mount.and_then(|mount| mount.option("subvol")).map(|name| name.trim_start_matches('/'));
        let default = default_subvolume(self.lookup, system.volume);
        let own = system.prefix.strip_prefix('/').filter(|_| default.as_ref() != Some(&system.prefix));
        let subvolume = subvolume.or(own).filter(|name| !name.is_empty());
        let mut words = vec![format!("root={source}")];
        let number = mount.and_then(|mount| mount.option("subvolid")).filter(|_| subvolume.is_none());
        words.extend(subvolume.map(|name| format!("rootflags=subvol={name}")));
        words.extend(number.map(|number| format!("rootflags=subvolid={number}")));
        Some(Root { words, hints, volume: system.volume, path, reason })
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
        let roots = volumes.iter().enumerate().filter_map(|(place, volume)| {
            let partition = volume.device.partition.as_ref()?;
            let root = volume.device.disk == *disk && partition.type_id.as_deref() == Some(ROOT_TYPE);
            partition.uuid.clone().filter(|_| root).map(|uuid| (partition.number, place, uuid))
        });
        // The first of the disk, as systemd's generator takes it.
        let (_, place, uuid) = roots.min_by_key(|(number, ..)| *number)?;
        let cmdline = format!("root=PARTUUID={uuid} ro");
        self.note(place, "/", &format!("{cmdline}: a partition of the type for this architecture's root"));
        Some(cmdline)
    }

    fn note(&mut self, volume: usize, path: &str, message: &str) {
        let volume = self.on(volume);
        self.notes.push(Note {
            action: NoteAction::Guessed,
            volume,
            path: path.into(),
            message: message.into(),
        });
    }

    fn on(&self, volume: usize) -> VolumeReference {
        self.lookup.volume_reference(volume)
    }
}

/// A root file system, and how it was found.
struct Root {
    words: Vec<String>,
    /// The words that lead the initrd there.
    hints: Hints,
    volume: usize,
    path: String,
    reason: &'static str,
}

/// The word for a root file system that a kernel cannot find by itself: it knows partitions and device names, and no file
/// systems, logical volumes, containers or arrays (kernel: block/early-lookup.c, init/do_mounts.c).
pub(super) fn needs_initrd(cmdline: &str) -> Option<&str> {
    let is_plain = |root: &str| {
        let is_number = || {
            let (major, minor) = root.split_once(':')?;
            Some(major.parse::<u32>().is_ok() && minor.parse::<u32>().is_ok())
        };
        ["PARTUUID=", "PARTLABEL=", "nfs", "cifs", "ubi", "mtd"].iter().any(|start| root.starts_with(start))
            || root.strip_prefix("/dev/").is_some_and(|name| {
                !(name.contains('/') || name.starts_with("dm-") || name.starts_with("md"))
            })
            || is_number().unwrap_or(false)
    };
    let assembles =
        cmdline.split(' ').any(|word| word.starts_with("md=") || word.starts_with("dm-mod.create="));
    let mut words = cmdline.split(' ').filter(|word| is_root(word));
    words.find(|word| !assembles && !word.strip_prefix("root=").is_some_and(is_plain))
}

/// Whether a word says where the root file system is; `zfs=` is that of Arch's initrds.
fn is_root(word: &str) -> bool {
    ["root=", "zfs="].iter().any(|start| word.starts_with(start))
}

/// A name such as /dev/sda2 tells where the disk hung when the system was installed. Where the volume itself can be
/// named, that is the surer way.
fn stable(mount: &Mount, volume: &Volume) -> bool {
    let raw = mount.source.starts_with("/dev/") && !mount.source.starts_with("/dev/mapper/");
    !raw || volume.filesystem.uuid.is_none()
}
