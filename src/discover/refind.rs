//! rEFInd: refind.conf with its stanzas, and the kernels that it finds by itself, with refind_linux.conf beside them.

#[cfg(test)]
mod tests;
mod titles;

use std::cmp::Reverse;

use self::titles::{meant, put_volumes_into_titles, shown_name};
use super::{
    finder::{Context, Finder, Findings, Note, NoteAction},
    menu::{Making, first_file, passed_over, volume_by},
    place::Place,
    scan::ROOT_TYPE,
};
use crate::{
    entry::{Entry, Format, Volume},
    formats::{
        efi_boot, fstab,
        grub::device::Devices,
        lookup::{FileKind, Lookup},
        menu::Choice,
        refind::{
            Config, KernelOptions, PREVIOUS, VARIABLES, initrd_for, initrds, is_initrd, is_kernel, version,
            with_version,
        },
        sort,
    },
};

/// Paths of refind.conf.
const PLACES: [&str; 3] = ["/EFI/*/refind.conf", "/efi/*/refind.conf", "/boot/refind.conf"];

/// Names of the file with options for the kernels beside it.
const OPTIONS: [&str; 2] = ["refind_linux.conf", "refind-linux.conf"];

/// Maximum number of kernels of a directory that are offered, the newest ones.
const KERNEL_LIMIT: usize = 64;

/// Maximum number of entries beyond which no more kernels are searched for.
const FOUND_LIMIT: usize = 1024;

/// Maximum number of initrds of a directory among which the one for a kernel is searched.
const INITRD_LIMIT: usize = 256;

/// Maximum length of the name of a root file system in fstab(5), in bytes.
const SOURCE_LIMIT: usize = 256;

/// Maximum length of the title of what was booted last, in bytes.
const PREVIOUS_LIMIT: usize = 2048;

/// Attributes of a root partition (Discoverable Partitions Specification): it is mounted read-only, or not by itself.
const READ_ONLY: u64 = 1 << 60;
const NO_AUTO: u64 = 1 << 63;

/// Finds rEFInd's configurations.
pub(super) struct Refind;

impl Finder for Refind {
    fn format(&self) -> Format {
        Format::Refind
    }

    fn find(&self, lookup: &dyn Lookup, volume: usize, context: &Context) -> Option<Findings> {
        let configuration = |volume| PLACES.iter().find_map(|place| first_file(lookup, volume, place));
        let making = Making::new(Format::Refind, locate, context);
        let previous = context.refind_previous.clone();
        let mut search =
            RefindSearch { lookup, config: Config::default(), previous, making, warned_full: false };
        let Some(path) = configuration(volume) else {
            // Without one anywhere there are still the kernels that have options for rEFInd beside them.
            let found = search.kernels(volume, true);
            let elsewhere = || (0..lookup.volumes().len()).any(|other| configuration(other).is_some());
            return if found.is_empty() || elsewhere() {
                None
            } else {
                Some(search.finish(found, Vec::new()))
            };
        };
        let place = Place::of(lookup, volume, &path)?;
        let (text, cut) = match place.menu(&path) {
            Ok(read) => read,
            Err(error) => {
                let message = format!("{error}: its entries are lost");
                return Some(Findings {
                    warnings: vec![place.warning(&path, None, message)],
                    ..Findings::default()
                });
            }
        };
        let mut notes = passed_over(lookup, volume, &PLACES, &path, Format::Refind);
        notes.insert(0, used(&place, &path));
        search.config = Config::parse(&text, &mut |name| place.read(name));
        search.making.warnings.extend(cut);
        let lost = std::mem::take(&mut search.config.lost);
        search
            .making
            .warnings
            .extend(lost.into_iter().map(|(line, message)| place.warning(&path, Some(line), message)));
        let mut stanzas = std::mem::take(&mut search.config.stanzas);
        stanzas.retain(|_| search.config.shows_stanzas);
        put_volumes_into_titles(&place, &mut stanzas);
        if !search.config.uses_firmware {
            let path = place.path(&format!("{VARIABLES}/{PREVIOUS}"));
            let title = lookup.read(volume, &path, PREVIOUS_LIMIT).ok();
            search.previous = title.and_then(|title| efi_boot::variable_text(&title));
        }
        let stanzas = search.making.entries(&place, &path, stanzas);
        let mut found = Vec::new();
        if search.config.finds_kernels {
            for volume in Devices::new(volume, "").search_order(lookup) {
                found.extend(search.kernels(volume, false));
            }
        }
        Some(Findings { notes, ..search.finish(found, stanzas) })
    }
}

fn used(place: &Place<'_>, path: &str) -> Note {
    let volume = place.lookup.volume_reference(place.volume);
    let message = "rEFInd's settings, and its stanzas".into();
    Note { action: NoteAction::Used, volume, path: path.to_owned(), message }
}

struct RefindSearch<'a> {
    lookup: &'a dyn Lookup,
    config: Config,
    /// Title of what was booted last.
    previous: Option<String>,
    making: Making<'a>,
    /// There is a warning that there are too many.
    warned_full: bool,
}

impl RefindSearch<'_> {
    /// The kernels of a volume, with `only_beside` only where there are options beside them.
    fn kernels(&mut self, volume: usize, only_beside: bool) -> Vec<Entry> {
        let mut found = Vec::new();
        if self.is_passed_over(volume, "") {
            return found;
        }
        let mut directories = vec![String::new()];
        directories.extend(self.config.directories.iter().map(|path| format!("/{}", path.trim_matches('/'))));
        let programs = self.lookup.list(volume, "/EFI").into_iter();
        let programs = programs.filter(|entry| entry.kind == FileKind::Directory);
        directories.extend(programs.map(|entry| format!("/EFI/{}", entry.name)));
        for directory in directories {
            // Every directory may bring all its kernels with all their options.
            if self.making.count() >= FOUND_LIMIT {
                self.lose(volume, &directory);
                break;
            }
            if !self.is_passed_over(volume, directory.trim_start_matches('/')) {
                found.extend(self.directory(volume, &directory, only_beside).unwrap_or_default());
            }
        }
        found
    }

    /// Notes that a directory is not looked into, once.
    fn lose(&mut self, volume: usize, directory: &str) {
        let place = Place::of(self.lookup, volume, directory);
        if let Some(place) = place.filter(|_| !std::mem::replace(&mut self.warned_full, true)) {
            let message = format!("only the first {FOUND_LIMIT} entries are read: its kernels are lost");
            self.making.warnings.push(place.warning(directory, None, message));
        }
    }

    fn is_passed_over(&self, volume: usize, path: &str) -> bool {
        let is_its = |name: &str| self.lookup.volumes().get(volume).is_some_and(|it| goes_by(it, name));
        self.config.passed_over.iter().any(|item| match item.split_once(':') {
            Some((name, directory)) => is_its(name) && directory.trim_matches('/').eq_ignore_ascii_case(path),
            None if path.is_empty() => is_its(item),
            None => item.eq_ignore_ascii_case(path),
        })
    }

    /// The kernels of one directory.
    fn directory(&mut self, volume: usize, directory: &str, only_beside: bool) -> Option<Vec<Entry>> {
        let options = OPTIONS.iter().find(|name| self.lookup.is_file(volume, &format!("{directory}/{name}")));
        if only_beside && options.is_none() {
            return None;
        }
        let listed = self.lookup.list(volume, &format!("{directory}/"));
        let file = match options {
            Some(name) => format!("{directory}/{name}"),
            None => "/etc/fstab".to_owned(),
        };
        let place = Place::of(self.lookup, volume, &file)?;
        let text = place.read(&file);
        let is_written = text.is_ok();
        let options = match (options, text) {
            (Some(_), Ok(text)) => KernelOptions::parse(&text),
            (Some(_), Err(message)) => {
                self.making.warnings.push(place.warning(
                    &file,
                    None,
                    format!("{message}: its kernels are passed over"),
                ));
                return None;
            }
            (None, text) => self.derived(text.as_deref().unwrap_or_default()),
        };
        let mut kernels: Vec<(i64, &str)> = Vec::new();
        for entry in listed.iter().filter(|entry| entry.kind == FileKind::File && is_kernel(&entry.name)) {
            let path = format!("{directory}/{}", entry.name);
            let is_named = self.is_passed_over(volume, &entry.name);
            // Only what the firmware can start is a kernel to rEFInd: an EFI program, or a compressed one.
            let head = self.lookup.read_at(volume, &path, 0, 2).unwrap_or_default();
            let is_program = matches!(&head[..], b"MZ" | [0x1f, 0x8b]);
            let is_signed_too = || self.lookup.is_file(volume, &format!("{path}.efi.signed"));
            if is_program && !is_named && !is_signed_too() {
                let status = self.lookup.status(volume, &path, true);
                kernels.push((status.map_or(0, |status| status.modified), &entry.name));
            }
        }
        sort::by_key(&mut kernels, |(modified, name)| (Reverse(*modified), *name));
        kernels.truncate(KERNEL_LIMIT);
        let names = listed.iter().map(|entry| entry.name.as_str()).filter(|name| is_initrd(name));
        let names = names.take(INITRD_LIMIT);
        let words = self.config.version_words.clone();
        let volume_name = self.lookup.volumes().get(volume).map(shown_name).unwrap_or_default();
        let mut choices = Vec::new();
        let mut main: Option<String> = None;
        for (_, name) in kernels {
            let folded = main.as_ref().filter(|_| self.config.folds).cloned();
            let path = format!("{directory}/{name}");
            let title =
                format!("Boot {} from {volume_name}", path.trim_start_matches('/').replace('/', "\\"));
            let version = version(name, &words);
            let initrd = initrd_for(name, names.clone(), &words).map(|name| format!("{directory}/{name}"));
            for (index, line) in options.iter().enumerate() {
                let (above, shown) = match &folded {
                    Some(main) => (Some(main.clone()), format!("{name}: {}", line.label)),
                    None if index == 0 => (None, title.clone()),
                    None => (Some(title.clone()), line.label.clone()),
                };
                let cmdline = cmdline(&line.options, version, initrd.as_deref());
                choices.push(Choice {
                    title: shown,
                    path_in_menu: above.into_iter().collect(),
                    initrds: initrds(&cmdline).collect(),
                    kernel: path.clone(),
                    cmdline,
                    line: line.line,
                    // An entry that no file describes has its kernel for a source.
                    file: (!is_written).then(|| path.clone()),
                    ..Choice::default()
                });
            }
            main.get_or_insert(title);
        }
        Some(self.making.entries(&place, &file, choices))
    }

    /// The options of kernels without a file of them: what fstab(5) of their volume has as root, else the partition that by
    /// its type is the root of this machine's systems, else none.
    fn derived(&self, fstab: &str) -> Vec<KernelOptions> {
        let mounts = fstab::parse(fstab).into_iter();
        let mut roots = mounts.filter(|mount| mount.target == "/" && mount.source.len() <= SOURCE_LIMIT);
        if let Some(root) = roots.next() {
            return of_root("ro", &root.source);
        }
        let partitions = self.lookup.volumes().iter().filter_map(|volume| volume.device.partition.as_ref());
        let mut roots = partitions.filter(|partition| {
            partition.type_id.as_deref() == Some(ROOT_TYPE) && partition.attributes & NO_AUTO == 0
        });
        let root = roots.next_back().and_then(|root| Some((root.attributes, root.uuid.as_ref()?)));
        match root {
            Some((attributes, uuid)) => {
                let mode = if attributes & READ_ONLY == 0 { "rw" } else { "ro" };
                of_root(mode, &format!("/dev/disk/by-partuuid/{uuid}"))
            }
            None => vec![KernelOptions { label: String::new(), options: String::new(), line: 1 }],
        }
    }

    /// Puts the entries in their order and finds the default among those on the first screen.
    fn finish(self, mut kernels: Vec<Entry>, mut stanzas: Vec<Entry>) -> Findings {
        let all = match self.config.stanzas_first {
            true => {
                stanzas.append(&mut kernels);
                stanzas
            }
            false => {
                kernels.append(&mut stanzas);
                kernels
            }
        };
        let first_screen = || all.iter().filter(|entry| entry.path_in_menu.is_empty());
        let previous = self.previous.as_deref().unwrap_or_default();
        let words = self.config.default.iter().map(|word| if word == "+" { previous } else { word });
        let mut words = words.flat_map(|word| word.split(','));
        let default = words.find_map(|word| meant(first_screen, word)).or_else(|| first_screen().next());
        Findings {
            default: default.map(|entry| entry.id.clone()),
            timeout: self.config.timeout,
            warnings: self.making.warnings,
            entries: all,
            ..Findings::default()
        }
    }
}

/// Options with the version put in, and the initrd unless they name one.
fn cmdline(options: &str, version: Option<&str>, initrd: Option<&str>) -> String {
    let cmdline = with_version(options, version);
    let Some(path) = initrd.filter(|_| !cmdline.contains("initrd=")) else { return cmdline };
    // At the top of a volume there is a backslash, and nowhere else.
    let is_at_top = path.rfind('/') == Some(0);
    let path = if is_at_top { path } else { path.trim_start_matches('/') };
    format!("{cmdline} initrd={}", path.replace('/', "\\")).trim_start().to_owned()
}

/// The two entries that rEFInd makes of a kernel whose root file system it knows.
fn of_root(mode: &str, root: &str) -> Vec<KernelOptions> {
    let lines = [("Boot with normal options", ""), ("Boot into single-user mode", " single")];
    let options = lines.map(|(label, word)| KernelOptions {
        label: label.into(),
        options: format!("{mode} root={root}{word}"),
        line: 1,
    });
    options.into()
}

/// The names of a volume: its label, its partition's, and the partition's UUID.
fn goes_by(volume: &Volume, name: &str) -> bool {
    let partition = volume.device.partition.as_ref();
    let names = [
        volume.filesystem.label.as_ref(),
        partition.and_then(|it| it.label.as_ref()),
        partition.and_then(|it| it.uuid.as_ref()),
    ];
    names.into_iter().flatten().any(|it| !it.is_empty() && it.eq_ignore_ascii_case(name))
}

/// `/path`, or `volume:/path` where the volume goes by its label, or its partition's, or by UUID.
fn locate(place: &Place<'_>, name: &str) -> Option<(usize, String)> {
    let Some((wanted, path)) = name.split_once(":/") else {
        return Some((place.volume, place.path(name)));
    };
    let volume = volume_by(place, |volume| {
        let uuid = volume.filesystem.uuid.as_ref();
        goes_by(volume, wanted) || uuid.is_some_and(|uuid| uuid.eq_ignore_ascii_case(wanted))
    })?;
    Some((volume, place.path(&format!("/{path}"))))
}
