//! No configuration: kernels paired with initrds by their names, and a command line derived from the installed system.

mod cmdline;
mod hints;
mod names;
mod order;
mod system;

use std::{env::consts::ARCH, rc::Rc};

#[cfg(any(feature = "other-loaders", test))]
pub(super) use self::cmdline::ROOT_TYPE;
pub(super) use self::names::kernel_versions;
use self::system::{Family, System};
use super::{
    finder::{Findings, Note, NoteAction},
    pattern,
};
use crate::{
    entry::{Entry, FileReference, Format, Kind, Source, VolumeReference, Warning},
    formats::{
        kernel_file::{HEAD_LENGTH, KernelFile, recognise},
        lookup::{FileKind, Lookup},
        name_map::NameMap,
        name_table::NameNumbers,
        sort, text,
    },
};

/// Maximum number of kernels of one volume that are offered, the newest ones.
const KERNEL_LIMIT: usize = 64;

/// Maximum number of directories that a pattern means.
const DIRECTORY_LIMIT: usize = 256;

/// A package's name is no longer than this, in bytes.
const PKGBASE_LIMIT: usize = 256;

/// Seconds until the newest kernel boots: no configuration asks for a person to choose.
const TIMEOUT: u32 = 5;

/// A file that is named like a kernel.
struct Kernel {
    directory: String,
    name: String,
    /// The versions that its initrd and its modules may be named for; empty if its name tells no version.
    versions: Vec<String>,
    /// The version as `uname -r` has it, where its name, its header or its modules tell.
    release: Option<String>,
    /// It is a unified kernel image.
    is_unified: bool,
}

impl Kernel {
    fn path(&self) -> String {
        join(&self.directory, &self.name)
    }

    fn version(&self) -> &str {
        self.versions.first().map_or("", String::as_str)
    }

    /// Its title as the system's own boot loader would have it.
    fn title(&self, name: &str) -> String {
        match names::number(self.version()).unwrap_or(self.version()) {
            "" => format!("{name} ({})", self.path()),
            version => format!("{name}, with Linux {version}"),
        }
    }

    /// The version by which it is older or newer than others.
    fn age(&self) -> &str {
        self.release.as_deref().unwrap_or(self.version())
    }
}

/// Offers the kernels of a volume that no configuration of its own names. `offered` is what configurations elsewhere
/// lead to: their kernels are passed over.
pub(super) fn scan(lookup: &dyn Lookup, volume: usize, offered: &[&Entry]) -> Option<Findings> {
    let own = lookup.volumes().get(volume)?.reference();
    let mut scan = Scan { lookup, volume, own, notes: Vec::new(), names: NameMap::default() };
    let mut kernels = scan.kernels();
    kernels.retain(|kernel| !scan.is_known(kernel, offered));
    let systems = if kernels.is_empty() { Vec::new() } else { System::all(lookup) };
    let family = kernels.first().and_then(|kernel| scan.system(kernel, &systems));
    let family = family.map_or(Family::Other, |system| system.family(lookup));
    for kernel in &mut kernels {
        kernel.release = kernel.release.take().or_else(|| release_by_modules(lookup, kernel, &systems));
    }
    sort::by(&mut kernels, |one, other| {
        let by_name = || order::newest_first(family, one.version(), other.version());
        let of_unknown_age = one.release.is_none().cmp(&other.release.is_none());
        of_unknown_age.then_with(|| order::newest_first(family, one.age(), other.age())).then_with(by_name)
    });
    let mut warnings = Vec::new();
    if let Some(dropped) = kernels.get(KERNEL_LIMIT) {
        warnings.push(Warning {
            volume: scan.own.clone(),
            path: dropped.path(),
            line: None,
            message: format!("only the newest {KERNEL_LIMIT} of {} kernels are offered", kernels.len()),
        });
        kernels.truncate(KERNEL_LIMIT);
    }
    let mut entries: Vec<Entry> =
        kernels.iter().map(|kernel| scan.entry(kernel, &systems, offered)).collect();
    refuse_without_initrds(&kernels, &mut entries);
    make_titles_unique(&mut entries);
    let default = entries.iter().find(|entry| entry.problem.is_none()).map(|entry| entry.id.clone());
    Some(Findings {
        timeout: default.as_ref().map(|_| TIMEOUT),
        default,
        entries,
        warnings,
        notes: scan.notes,
        ..Findings::default()
    })
}

struct Scan<'a> {
    lookup: &'a dyn Lookup,
    volume: usize,
    own: VolumeReference,
    notes: Vec<Note>,
    /// Names in directories that initrds are looked for in; a directory of thousands is listed once.
    names: NameMap<Rc<NameNumbers>>,
}

impl Scan<'_> {
    /// Kernels in all places, one for each version.
    fn kernels(&mut self) -> Vec<Kernel> {
        let mut kernels: Vec<Kernel> = Vec::new();
        for prefix in system::prefixes(self.lookup, self.volume) {
            let mut versions = NameNumbers::default();
            let mut links = Vec::new();
            let before = kernels.len();
            for place in names::PLACES {
                for directory in
                    pattern::directories(self.lookup, self.volume, &prefix, place, DIRECTORY_LIMIT)
                {
                    // The root itself is the one directory whose name is empty.
                    let directory = if directory.is_empty() { "/".into() } else { directory };
                    for (kernel, is_link) in self.kernels_in(&directory) {
                        if kernel.versions.is_empty() && is_link {
                            links.push(kernel);
                        } else if versions.is_new(kernel.version().to_owned()) || kernel.versions.is_empty() {
                            kernels.push(kernel);
                        } else {
                            self.pass_over(&kernel.path(), "a kernel of this version is offered already");
                        }
                    }
                }
            }
            // Debian's /vmlinuz leads to one of the others.
            let alone = kernels.len() == before;
            for link in links {
                if alone {
                    kernels.push(link);
                } else {
                    self.pass_over(
                        &link.path(),
                        "a link; the kernels that it may lead to are offered themselves",
                    );
                }
            }
        }
        kernels
    }

    fn kernels_in(&mut self, directory: &str) -> Vec<(Kernel, bool)> {
        let mut kernels = Vec::new();
        for file in self.lookup.list(self.volume, directory) {
            let is_program = file.name.to_ascii_lowercase().ends_with(names::EFI);
            let named = names::kernel_versions(&file.name);
            if named.is_none() && !(is_program && file.kind == FileKind::File) {
                continue;
            }
            let is_named = named.is_some();
            let mut versions = named.unwrap_or_default();
            let path = join(directory, &file.name);
            let status = self.lookup.status(self.volume, &path, true);
            let Some(status) = status.filter(|status| status.kind == FileKind::File) else {
                self.pass_over(&path, "named like a kernel, but no regular file");
                continue;
            };
            let number = versions.first().and_then(|version| names::number(version)).map(str::to_owned);
            let mut content = None;
            if is_program || number.is_none() {
                let head = self.lookup.read_at(self.volume, &path, 0, HEAD_LENGTH).unwrap_or_default();
                content = recognise(&head, status.size);
            }
            let is_kernel = match &content {
                Some(KernelFile::Uki(_)) => true,
                Some(KernelFile::Bzimage(_) | KernelFile::Image(_) | KernelFile::EfiZboot(_)) => true,
                Some(KernelFile::EfiProgram(_)) => false,
                _ => is_named,
            };
            if is_program && !is_kernel {
                self.pass_over(&path, "an EFI program that is no kernel");
                continue;
            }
            let release = number.or_else(|| match &content {
                Some(KernelFile::Bzimage(kernel)) => {
                    kernel.version.as_deref()?.split_whitespace().next().map(str::to_owned)
                }
                _ => None,
            });
            // kernel-install and the distributions' packages name the directory for the version instead; pacman's have a
            // file beside it that says what the kernel in /boot and its initrd are named for.
            let parent = directory.rsplit('/').next().unwrap_or_default();
            if versions.is_empty() && directory.contains("/lib/modules/") {
                let name = self.lookup.read(self.volume, &join(directory, "pkgbase"), PKGBASE_LIMIT);
                let name = name.map(|name| text::decode(&name).trim().to_owned());
                versions.extend(name.ok().filter(|name| !name.is_empty() && !name.contains('/')));
            }
            if (versions.is_empty() || directory.contains("/lib/modules/"))
                && parent.contains(|c: char| c.is_ascii_digit())
            {
                versions.push(parent.to_owned());
            }
            let is_unified = matches!(content, Some(KernelFile::Uki(_)));
            let kernel =
                Kernel { directory: directory.to_owned(), name: file.name, versions, release, is_unified };
            kernels.push((kernel, file.kind == FileKind::Link));
        }
        kernels
    }

    /// Whether a configuration elsewhere offers this kernel, or a volume beside this one holds it together with its
    /// initrd.
    fn is_known(&mut self, kernel: &Kernel, offered: &[&Entry]) -> bool {
        let path = kernel.path();
        // A copy beside the modules, where another volume has the one to boot.
        let is_copy = kernel.directory.contains("/lib/modules/") && self.initrd(kernel).is_none();
        let by_entry = offered.iter().find(|entry| {
            entry.kernel.as_ref().is_some_and(|known| {
                let same = known.volume == self.own && known.path.replace("//", "/") == path;
                let file = known.path.rsplit('/').next().unwrap_or_default();
                let version = names::kernel_versions(file).and_then(|versions| versions.into_iter().next());
                same || (is_copy
                    && self.beside(&known.volume)
                    && version.as_deref() == Some(kernel.version()))
            })
        });
        if let Some(entry) = by_entry {
            self.pass_over(&path, &format!("{} on {} offers it", entry.source.path, entry.source.volume));
            return true;
        }
        let original = format!("/vmlinuz-{}", kernel.version());
        let volumes = self.lookup.volumes().iter().enumerate();
        let original =
            volumes.filter(|(place, _)| is_copy && *place != self.volume).find(|(place, volume)| {
                self.beside(&volume.reference()) && self.lookup.is_file(*place, &original)
            });
        if let Some((_, boot)) = original {
            self.pass_over(&path, &format!("{} holds this kernel for booting", boot.device.name));
            return true;
        }
        false
    }

    /// Whether a volume is on the same disk.
    fn beside(&self, other: &VolumeReference) -> bool {
        let volumes = self.lookup.volumes();
        let disk = volumes.get(self.volume).map(|volume| &volume.device.disk);
        volumes.iter().any(|volume| other.is(volume) && Some(&volume.device.disk) == disk)
    }

    fn entry(&mut self, kernel: &Kernel, systems: &[System], offered: &[&Entry]) -> Entry {
        let initrd = self.initrd(kernel).filter(|_| !kernel.is_unified);
        let system = self.system(kernel, systems);
        if kernel.is_unified {
            return self.unified(kernel, system);
        }
        let derived = cmdline::derive(self.lookup, self.volume, system, initrd.is_some(), offered);
        for note in derived.notes {
            if !self.notes.contains(&note) {
                self.notes.push(note);
            }
        }
        let initrd_directory =
            initrd.as_ref().and_then(|path| path.rsplit_once('/')).map(|(parent, _)| parent);
        let directory = initrd_directory.unwrap_or(&kernel.directory);
        let microcode = names::MICROCODE.iter().map(|name| join(directory, name));
        let microcode = microcode.filter(|path| self.lookup.is_file(self.volume, path));
        let initrds: Vec<String> = microcode.chain(initrd.clone()).collect();
        let path = kernel.path();
        self.notes.push(Note {
            action: NoteAction::Guessed,
            volume: self.own.clone(),
            path: path.clone(),
            message: match initrds.is_empty() {
                true => "a kernel by its name; no initrd is named for it".into(),
                false => format!("a kernel by its name, with {}", initrds.join(", ")),
            },
        });
        let problem = match (initrd, cmdline::needs_initrd(&derived.cmdline)) {
            (Some(_), _) => None,
            (None, _) if !derived.has_root => {
                Some("no initrd is named for it, and no partition is known to be its root".into())
            }
            (None, root) => {
                root.map(|root| format!("no initrd is named for it, and without one no kernel finds {root}"))
            }
        };
        let name = system.and_then(|system| system.name(self.lookup)).unwrap_or_else(|| "Linux".into());
        let reference = |path: String| FileReference::new(self.own.clone(), path);
        Entry {
            id: path.clone(),
            title: kernel.title(&name),
            kind: Kind::Linux,
            source: Source {
                format: Format::Scan,
                volume: self.own.clone(),
                path: path.clone(),
                inside: None,
                line: None,
            },
            kernel: Some(reference(path.clone())),
            initrds: initrds.into_iter().map(reference).collect(),
            cmdline: derived.cmdline,
            version: Some(kernel.age().to_owned()).filter(|version| !version.is_empty()),
            problem,
            ..Entry::default()
        }
    }

    /// The entry of an image that brings all of it; what is in it is put in later.
    fn unified(&mut self, kernel: &Kernel, system: Option<&System>) -> Entry {
        let path = kernel.path();
        self.notes.push(Note {
            action: NoteAction::Guessed,
            volume: self.own.clone(),
            path: path.clone(),
            message: "a unified kernel image by its content".into(),
        });
        let name = system.and_then(|system| system.name(self.lookup)).unwrap_or_else(|| "Linux".into());
        let source = Source {
            format: Format::Scan,
            volume: self.own.clone(),
            path: path.clone(),
            inside: None,
            line: None,
        };
        Entry {
            title: kernel.title(&name),
            kind: Kind::Uki,
            version: Some(kernel.age().to_owned()).filter(|version| !version.is_empty()),
            kernel: Some(FileReference::new(self.own.clone(), path.clone())),
            ..Entry::new(path, source)
        }
    }

    /// The initrd that is named for a kernel, beside it or in the usual places of its system.
    fn initrd(&mut self, kernel: &Kernel) -> Option<String> {
        let prefix = kernel.directory.split("/usr/lib/modules/").next().unwrap_or_default();
        let elsewhere = match kernel.directory.contains("/usr/lib/modules/") {
            true => vec![format!("{prefix}/boot"), format!("{prefix}/")],
            false => Vec::new(),
        };
        let mut candidates = names::initrd_names(&kernel.versions, ARCH);
        let own_directory =
            kernel.versions.first().is_some_and(|version| kernel.directory.ends_with(version));
        if kernel.versions.is_empty() || own_directory {
            candidates.splice(0..0, names::bare_initrd_names(&kernel.name));
        }
        // Slackware's generic kernel takes the one that mkinitrd makes; its huge one takes none.
        if kernel.version().starts_with("generic") {
            candidates.extend(names::bare_initrd_names(&kernel.name));
        }
        std::iter::once(kernel.directory.clone()).chain(elsewhere).find_map(|directory| {
            let names = self.names_in(&directory);
            let mut there = candidates.iter().filter(|name| names.contains(name));
            there.find_map(|name| {
                Some(join(&directory, name)).filter(|path| self.lookup.is_file(self.volume, path))
            })
        })
    }

    fn names_in(&mut self, directory: &str) -> Rc<NameNumbers> {
        if let Some(names) = self.names.get(directory) {
            return Rc::clone(names);
        }
        let names = self.lookup.list(self.volume, directory).into_iter().map(|entry| entry.name);
        let names: Rc<NameNumbers> = Rc::new(names.collect());
        self.names.insert(directory.to_owned(), Rc::clone(&names));
        names
    }

    /// The system that a kernel belongs to: on its own volume, else the one that has its modules, else the only one on
    /// its disk.
    fn system<'s>(&self, kernel: &Kernel, systems: &'s [System]) -> Option<&'s System> {
        let disk =
            |volume: usize| self.lookup.volumes().get(volume).map(|volume| volume.device.disk.as_str());
        let own = systems.iter().filter(|system| system.volume == self.volume);
        let own = own.filter(|system| kernel.directory.starts_with(&system.prefix));
        if let Some(own) = own.max_by_key(|system| system.prefix.len()) {
            return Some(own);
        }
        let beside: Vec<&System> =
            systems.iter().filter(|system| disk(system.volume) == disk(self.volume)).collect();
        let with_modules =
            beside.iter().copied().chain(systems).find(|system| {
                kernel.versions.iter().any(|version| system.has_modules(self.lookup, version))
            });
        with_modules.or_else(|| beside.first().copied().filter(|_| beside.len() == 1))
    }

    fn pass_over(&mut self, path: &str, message: &str) {
        self.notes.push(Note {
            action: NoteAction::PassedOver,
            volume: self.own.clone(),
            path: path.to_owned(),
            message: message.to_owned(),
        });
    }
}

/// The version of a kernel that is named for its package: that of the modules which name the package, too (pacman's `pkgbase`).
fn release_by_modules(lookup: &dyn Lookup, kernel: &Kernel, systems: &[System]) -> Option<String> {
    let is_own = |name: &str| kernel.versions.iter().any(|version| version == name);
    systems.iter().find_map(|system| {
        let directory = system.path("/usr/lib/modules");
        let releases = lookup.list(system.volume, &directory).into_iter().take(DIRECTORY_LIMIT);
        let mut releases = releases.filter(|release| release.name.starts_with(|c: char| c.is_ascii_digit()));
        let named = releases.find(|release| {
            let path = format!("{directory}/{}/pkgbase", release.name);
            let name = lookup.read(system.volume, &path, PKGBASE_LIMIT);
            name.is_ok_and(|name| is_own(text::decode(&name).trim()))
        });
        named.map(|release| release.name)
    })
}

/// Where other kernels beside a kernel have an initrd, it needs one, too: the installation of its own was cut short, or is to come.
fn refuse_without_initrds(kernels: &[Kernel], entries: &mut [Entry]) {
    let all: Vec<(&Kernel, bool)> =
        kernels.iter().zip(&*entries).map(|(kernel, entry)| (kernel, !entry.initrds.is_empty())).collect();
    for (kernel, entry) in kernels.iter().zip(entries) {
        // Slackware's huge kernel has all that its generic one has in its initrd.
        let is_whole = kernel.is_unified || kernel.version().starts_with("huge");
        let has_sibling = || all.iter().any(|(other, has)| *has && other.directory == kernel.directory);
        if entry.initrds.is_empty() && !is_whole && has_sibling() {
            let problem = "no initrd is named for it, and other kernels beside it have one";
            entry.problem.get_or_insert_with(|| problem.into());
        }
    }
}

/// Two kernels of one version have their paths in their titles.
fn make_titles_unique(entries: &mut [Entry]) {
    let counts: NameNumbers = entries.iter().map(|entry| entry.title.clone()).collect();
    for entry in entries {
        if counts.get(&entry.title).is_some_and(|count| count > 1) {
            entry.title.push_str(&format!(" ({})", entry.id));
        }
    }
}

/// A directory (`/` or without a trailing slash) and a name in it.
fn join(directory: &str, name: &str) -> String {
    format!("{}/{name}", directory.trim_end_matches('/'))
}

#[cfg(test)]
mod tests;
