//! GRUB 2: where its configurations are, whose build of GRUB reads them, and their entries.

use super::{
    finder::{Context, Finder, Findings, Note, NoteAction},
    owner::{owners, programs},
    pattern,
    unbootable::{firmware_problem, kind_problem},
    unified::complete_chained,
};
use crate::{
    entry::{Entry, FileReference, FilesystemKind, Format, Kind, Source, Volume, Warning},
    formats::{
        grub::{
            self, Facts, Flavour, GrubMenu,
            device::snapshot_of_the_system,
            flavour::{EntryFiles, FEDORA, UPSTREAM},
            menu::{EntryAction, MenuEntry},
        },
        lookup::{CONFIG_LIMIT, FileKind, FileStatus, Lookup},
        sort, text,
    },
};

/// GRUB's finder.
pub struct Grub;

/// Patterns of the paths of configurations, the real ones before the stubs that lead to them.
const PLACES: [&str; 8] = [
    "/boot/grub/grub.cfg",
    "/boot/grub2/grub.cfg",
    "/grub/grub.cfg",
    "/grub2/grub.cfg",
    "/EFI/*/grub.cfg",
    "/EFI/*/*/grub.cfg",
    "/boot/grub/x86_64-efi/grub.cfg",
    "/grub.cfg",
];

/// Patterns of their paths below the top of a btrfs file system with subvolumes.
const SUBVOLUME_PLACES: [&str; 4] = [
    "/*/boot/grub/grub.cfg",
    "/*/boot/grub2/grub.cfg",
    "/*/.snapshots/*/snapshot/boot/grub2/grub.cfg",
    "/*/grub2/grub.cfg",
];

/// Size of the head of a configuration that is searched for its author's words, in bytes.
const HEAD: usize = 64 << 10;

/// Maximum number of configurations of one volume that are read, and of directories that a pattern means.
const CONFIGURATION_LIMIT: usize = 16;
const DIRECTORY_LIMIT: usize = 64;

impl Finder for Grub {
    fn format(&self) -> Format {
        Format::Grub
    }

    fn find(&self, lookup: &dyn Lookup, volume: usize, context: &Context) -> Option<Findings> {
        let mut configurations = configurations(lookup, volume);
        if configurations.is_empty() {
            return None;
        }
        let owners = owners(&programs(lookup, context, |other| other == volume));
        let turn = |path: &String| owners.iter().position(|owner| owner.is_beside(volume, path));
        sort::by_key(&mut configurations, |path| turn(path).unwrap_or(usize::MAX));
        let mut findings = Findings::default();
        let mut seen = Vec::new();
        for path in configurations {
            read(lookup, volume, &path, context, &mut seen, &mut findings);
        }
        Some(findings)
    }
}

/// Runs one configuration and takes its entries, except those of files that others have led to already.
pub(super) fn read(
    lookup: &dyn Lookup,
    volume: usize,
    path: &str,
    context: &Context,
    seen: &mut Vec<FileReference>,
    findings: &mut Findings,
) {
    let Some(home) = lookup.volumes().get(volume).map(Volume::reference) else { return };
    let note =
        |action, message: String| Note { action, volume: home.clone(), path: path.to_owned(), message };
    let wanted = context.grub_flavour.as_deref().and_then(Flavour::named);
    let guessed = wanted.unwrap_or_else(|| flavour(lookup, volume, path));
    let run = |flavour| grub::read(lookup, volume, path, Facts::here(context.efi), flavour);
    let (flavour, menu) = match run(guessed) {
        // What the files boot decides, where the system's name is a guess.
        Ok(menu) if wanted.is_none() && menu.uses_entry_files && bootable_files(&menu) == 0 => {
            let other = match guessed.entry_files {
                EntryFiles::Gnu => &FEDORA,
                EntryFiles::Fedora | EntryFiles::ByVersion => &UPSTREAM,
            };
            match run(other) {
                Ok(better) if bootable_files(&better) > 0 => (other, better),
                _ => (guessed, menu),
            }
        }
        Ok(menu) => (guessed, menu),
        Err(error) => {
            findings.warnings.push(Warning {
                volume: home,
                path: path.to_owned(),
                line: None,
                message: format!("a GRUB configuration that cannot be read: {error}"),
            });
            return;
        }
    };
    let entries: Vec<(Vec<&str>, &MenuEntry)> = menu.level.flat();
    let repeated = !entries.is_empty() && entries.iter().all(|(_, entry)| seen.contains(&entry.file));
    if repeated {
        findings
            .notes
            .push(note(NoteAction::PassedOver, "leads to a configuration that was read already".into()));
        return;
    }
    findings.notes.push(note(
        if entries.is_empty() { NoteAction::PassedOver } else { NoteAction::Used },
        match flavour == guessed {
            true => format!("a GRUB configuration ({}) with {} entries", flavour.name, entries.len()),
            false => format!(
                "a GRUB configuration ({}) with {} entries; as {}'s it would boot none of its entry files",
                flavour.name,
                entries.len(),
                guessed.name
            ),
        },
    ));
    for (_, entry) in &entries {
        // Most are in one file: the search for it ends at once.
        if seen.last() != Some(&entry.file) && !seen.contains(&entry.file) {
            seen.push(entry.file.clone());
        }
    }
    let before = findings.entries.len();
    take(lookup, &menu, &entries, findings);
    let Findings { entries, warnings, .. } = findings;
    complete_chained(lookup, context, entries.iter_mut().skip(before), warnings);
}

/// The number of entries that are files of their own and can be booted.
fn bootable_files(menu: &GrubMenu) -> usize {
    let is_one = |entry: &MenuEntry| {
        entry.line.is_none() && entry.problem.is_none() && matches!(entry.action, EntryAction::Boot(..))
    };
    menu.level.flat().iter().filter(|(_, entry)| is_one(entry)).count()
}

fn take(lookup: &dyn Lookup, menu: &GrubMenu, entries: &[(Vec<&str>, &MenuEntry)], findings: &mut Findings) {
    let before = findings.passwords.len();
    findings.passwords.extend(menu.passwords.iter().cloned());
    let default = menu.level.default_entry();
    // The first configuration with entries is the one whose default counts.
    if findings.entries.is_empty() {
        findings.default = default.map(|entry| entry.id.clone());
        let is_saved = |(titles, entry): &&(Vec<&str>, &MenuEntry)| {
            let title = titles.iter().copied().chain([entry.title.as_str()]).collect::<Vec<_>>().join(">");
            menu.saved.as_deref().is_some_and(|saved| saved == entry.id || saved == title)
        };
        findings.saved = entries.iter().find(is_saved).map(|(_, entry)| entry.id.clone());
        findings.timeout = menu.timeout;
        findings.timeout_style = menu.timeout_style;
        findings.fallback = menu.fallback_entries().map(|entry| entry.id.clone()).collect();
        findings.lock =
            menu.lock.as_ref().map(|lock| (entries.len(), lock.moved(menu.passwords.len(), before)));
    }
    for (titles, entry) in entries {
        let is_default = default.is_some_and(|default| std::ptr::eq(default, *entry));
        let lock = entry.lock.as_ref().map(|lock| lock.moved(menu.passwords.len(), before));
        findings.entries.push(Entry { default: is_default, lock, ..convert(lookup, titles, entry) });
    }
    findings.warnings.extend(menu.warnings.iter().cloned());
}

fn convert(lookup: &dyn Lookup, titles: &[&str], entry: &MenuEntry) -> Entry {
    let mut converted = Entry {
        id: entry.id.clone(),
        title: entry.title.clone(),
        path_in_menu: titles.iter().map(|&title| title.to_owned()).collect(),
        hotkey: entry.hotkey.clone(),
        kind: Kind::Linux,
        hidden: entry.hidden,
        source: Source {
            format: if entry.line.is_some() { Format::Grub } else { Format::Bls },
            volume: entry.file.volume.clone(),
            path: entry.file.path.clone(),
            inside: entry.file.inside.clone(),
            line: entry.line,
        },
        changes: entry.changes.to_vec(),
        problem: entry.problem.clone(),
        ..Entry::default()
    };
    match &entry.action {
        EntryAction::Boot(loaded, cmdline) => {
            converted.kind = loaded.kind;
            converted.kernel = loaded.kernel.as_ref().map(|file| file.reference(lookup));
            converted.initrds = loaded.initrds.iter().map(|file| file.reference(lookup)).collect();
            for (place, name) in &loaded.packed {
                if let Some(initrd) = converted.initrds.get_mut(*place) {
                    initrd.packed_as = Some(name.clone());
                }
            }
            converted.cmdline.clone_from(cmdline);
            converted.multiboot.clone_from(&loaded.multiboot);
            converted.devicetree = loaded.devicetree.as_ref().map(|file| file.reference(lookup));
            converted.version = loaded.kernel.as_ref().and_then(|file| version(&file.path));
            converted.problem = converted.problem.or_else(|| kind_problem(loaded.kind).map(str::to_owned));
        }
        EntryAction::Firmware(action) => {
            converted.kind = Kind::Firmware;
            converted.problem = converted.problem.or_else(|| Some(firmware_problem(action)));
        }
        EntryAction::Submenu(_) | EntryAction::Nothing => {}
    }
    converted
}

/// The version in a kernel's file name: what follows its first hyphen.
pub(super) fn version(path: &str) -> Option<String> {
    let name = path.rsplit('/').next()?;
    let (_, version) = name.split_once('-')?;
    version.starts_with(|c: char| c.is_ascii_digit()).then(|| version.to_owned())
}

/// Configurations of a volume, in the order of [`PLACES`].
fn configurations(lookup: &dyn Lookup, volume: usize) -> Vec<String> {
    let kind = lookup.volumes().get(volume).map(|volume| volume.filesystem.kind);
    let subvolumes = matches!(kind, Some(FilesystemKind::Btrfs | FilesystemKind::Unknown));
    let places = PLACES.iter().chain(SUBVOLUME_PLACES.iter().filter(|_| subvolumes));
    let mut found: Vec<String> = Vec::new();
    for place in places {
        for path in pattern::files(lookup, volume, place, DIRECTORY_LIMIT) {
            let known = found.iter().any(|it| it.eq_ignore_ascii_case(&path));
            if !known
                && found.len() < CONFIGURATION_LIMIT
                && lookup.is_file(volume, &path)
                && !is_boot_link(lookup, volume, &path)
                && !is_other_snapshot(lookup, volume, &path)
            {
                found.push(path);
            }
        }
    }
    found
}

/// Whether a file below `/boot` is the one beside it: OSTree's partitions for `/boot` hold a link `boot -> .`.
fn is_boot_link(lookup: &dyn Lookup, volume: usize, path: &str) -> bool {
    let is_link = |status: FileStatus| status.kind == FileKind::Link;
    path.strip_prefix("/boot").is_some_and(|own| {
        lookup.status(volume, "/boot", false).is_some_and(is_link) && lookup.is_file(volume, own)
    })
}

/// Whether a file belongs to a snapshot that is not the system: its own menu is what the system's leads to.
fn is_other_snapshot(lookup: &dyn Lookup, volume: usize, path: &str) -> bool {
    path.contains("/.snapshots/")
        && snapshot_of_the_system(lookup, volume)
            .is_some_and(|system| !path.starts_with(&format!("{system}/")))
}

/// Whose GRUB reads a configuration: as the system around it says, else its own path and words.
fn flavour(lookup: &dyn Lookup, volume: usize, path: &str) -> &'static Flavour {
    let read = |path: &str| lookup.read(volume, path, CONFIG_LIMIT).map(|bytes| text::decode(&bytes)).ok();
    let root = path.find("/boot/").map_or("", |at| path.get(..at).unwrap_or_default());
    let release =
        ["etc", "usr/lib"].iter().find_map(|directory| read(&format!("{root}/{directory}/os-release")));
    if let Some(release) = release {
        let keys = ["ID=", "ID_LIKE=", "PLATFORM_ID="];
        let ids = release.lines().filter(|line| keys.iter().any(|key| line.starts_with(key)));
        return Flavour::by_words(&ids.collect::<Vec<_>>().join("\n")).unwrap_or(&UPSTREAM);
    }
    let head = || lookup.read_at(volume, path, 0, HEAD).ok().map(|bytes| text::decode(&bytes));
    Flavour::by_words(path).or_else(|| Flavour::by_words(&head()?)).unwrap_or(&UPSTREAM)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discover::testing::{tree, volume, volumes};

    /// Where the entry files lie tells whose `blscfg` reads them: GNU GRUB looks only into `/loader/entries`.
    #[test]
    fn the_entry_files_decide_where_the_systems_name_would_lose_them() {
        let debian = ("etc/os-release", "ID=debian\n");
        let fedora = ("etc/os-release", "ID=fedora\n");
        let config = ("boot/grub2/grub.cfg", "blscfg\nmenuentry Memtest --id memtest { linux16 /boot/k; }\n");
        let entry = "title T\nlinux /boot/k\noptions root=UUID=1 ${extra}\n";
        let (below_boot, at_top) = (("boot/loader/entries/a.conf", entry), ("loader/entries/a.conf", entry));
        for (release, file, flavour, ids) in [
            (debian, below_boot, "fedora", "a memtest"),
            (debian, at_top, "upstream", "a memtest"),
            (fedora, below_boot, "fedora", "a memtest"),
            (fedora, ("x", ""), "fedora", "memtest"),
            (debian, ("x", ""), "upstream", "memtest"),
        ] {
            let files = tree(&[release, file, config, ("boot/k", "")]);
            let open = volumes(&[(&files, volume("sda2", FilesystemKind::Ext4))]);
            let found = Grub.find(&open, 0, &Context { efi: true, ..Context::default() }).unwrap();
            let shown: Vec<&str> =
                found.entries.iter().map(|entry| entry.id.trim_end_matches(".conf")).collect();
            assert_eq!(shown.join(" "), ids, "{release:?} {file:?}");
            let beginning = format!("a GRUB configuration ({flavour})");
            assert!(found.notes[0].message.starts_with(&beginning), "{:?}", found.notes[0]);
        }
    }
}
