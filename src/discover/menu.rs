//! Loaders whose configuration is one file that lists its choices: from the file to entries, for all of them.

use super::{
    finder::{Context, Finder, Findings, Note, NoteAction},
    grub, pattern,
    place::Place,
    unbootable::kind_problem,
    unified::UnifiedImage,
};
use crate::{
    entry::{Entry, FileReference, Format, Kind, Volume, Warning},
    formats::{
        grub::device::Devices,
        kernel_file::{HEAD_LENGTH, KernelFile, recognise},
        lookup::Lookup,
        menu::{Choice, ChoiceMenu},
        name_table::NameNumbers,
        refind::initrds,
    },
};

/// Maximum number of directories that a pattern means.
const DIRECTORY_LIMIT: usize = 256;

/// Where the file is that a configuration names: the volume, and the path from its root.
pub(super) type Locate = fn(&Place<'_>, &str) -> Option<(usize, String)>;

/// One such loader.
pub(super) struct MenuLoader {
    pub format: Format,
    /// Patterns of the paths of its configurations, of which the first that is there counts.
    pub places: &'static [&'static str],
    /// Reads a configuration.
    pub read: fn(&Place<'_>, &Context, &str) -> ChoiceMenu,
    pub locate: Locate,
}

impl Finder for MenuLoader {
    fn format(&self) -> Format {
        self.format
    }

    fn find(&self, lookup: &dyn Lookup, volume: usize, context: &Context) -> Option<Findings> {
        let path = self.places.iter().find_map(|place| first_file(lookup, volume, place))?;
        let place = Place::of(lookup, volume, &path)?;
        let others = passed_over(lookup, volume, self.places, &path, self.format);
        Some(match place.menu(&path) {
            Ok((text, cut)) => {
                let making = Making::new(self.format, self.locate, context);
                let mut findings = making.findings(&place, &path, (self.read)(&place, context, &text));
                findings.warnings.extend(cut);
                findings.notes.extend(empty(&place, &path, &findings).into_iter().chain(others));
                findings
            }
            Err(error) => Findings {
                warnings: vec![place.warning(&path, None, format!("{error}: its entries are lost"))],
                ..Findings::default()
            },
        })
    }
}

/// Notes the other configurations of a loader that reads the first it finds.
pub(super) fn passed_over(
    lookup: &dyn Lookup,
    volume: usize,
    places: &[&str],
    used: &str,
    format: Format,
) -> Vec<Note> {
    let mut seen = vec![used.to_ascii_lowercase()];
    let files = places.iter().flat_map(|place| pattern::files(lookup, volume, place, DIRECTORY_LIMIT));
    // FAT names are the same in any case, and a link may lead to the one that is used.
    let is_other = |path: &String| {
        let is_new = !seen.contains(&path.to_ascii_lowercase()) && lookup.is_file(volume, path);
        seen.extend(is_new.then(|| path.to_ascii_lowercase()));
        is_new
    };
    let note = |path| Note {
        action: NoteAction::PassedOver,
        volume: lookup.volume_reference(volume),
        path,
        message: format!("another {}: the loader reads {used} before it", format.title()),
    };
    files.filter(is_other).map(note).collect()
}

/// Notes a configuration without entries.
pub(super) fn empty(place: &Place<'_>, path: &str, findings: &Findings) -> Option<Note> {
    findings.entries.is_empty().then(|| Note {
        action: NoteAction::PassedOver,
        volume: place.lookup.volume_reference(place.volume),
        path: place.path(path),
        message: "a configuration without an entry".into(),
    })
}

/// The first file that is where a pattern says.
pub(super) fn first_file(lookup: &dyn Lookup, volume: usize, place: &str) -> Option<String> {
    let files = pattern::files(lookup, volume, place, DIRECTORY_LIMIT);
    files.into_iter().find(|path| lookup.is_file(volume, path))
}

/// Makes entries of choices, under ids that are not taken yet.
pub(super) struct Making<'a> {
    format: Format,
    locate: Locate,
    context: &'a Context,
    ids: NameNumbers,
    pub warnings: Vec<Warning>,
}

impl<'a> Making<'a> {
    pub fn new(format: Format, locate: Locate, context: &'a Context) -> Self {
        Self { format, locate, context, ids: NameNumbers::default(), warnings: Vec::new() }
    }

    /// The findings of a configuration.
    fn findings(mut self, place: &Place<'_>, path: &str, mut menu: ChoiceMenu) -> Findings {
        menu.refuse_cut();
        let entries = self.entries(place, path, menu.choices);
        let mut tried = menu.default.into_iter().chain(menu.fallback).filter_map(|index| entries.get(index));
        let first = tried.next();
        // A loader goes on to the next one where a kernel is not there; what only the firmware starts it does start.
        let is_started = |entry: &&Entry| {
            entry.problem.is_none()
                || entry.lock.is_some()
                || matches!(entry.kind, Kind::Chainload | Kind::Firmware)
        };
        let default = first.filter(is_started);
        let default = default.or_else(|| tried.find(|entry| entry.problem.is_none())).or(first);
        let fallback = tried.map(|entry| entry.id.clone()).collect();
        let lost = menu.lost.into_iter();
        self.warnings.extend(lost.map(|(line, message)| place.warning(path, Some(line), message)));
        Findings {
            default: default.map(|entry| entry.id.clone()),
            timeout: menu.timeout,
            timeout_style: menu.timeout_style,
            fallback,
            lock: menu.lock.map(|lock| (entries.len(), lock)),
            passwords: menu.passwords,
            warnings: self.warnings,
            entries,
            ..Findings::default()
        }
    }

    /// The number of entries that were made.
    #[cfg(feature = "other-loaders")]
    pub fn count(&self) -> usize {
        self.ids.len()
    }

    /// The entries of a file's choices.
    pub fn entries(&mut self, place: &Place<'_>, path: &str, choices: Vec<Choice>) -> Vec<Entry> {
        let mut entries = Vec::new();
        for choice in choices {
            let mut entry = self.entry(place, path, choice);
            if !self.ids.is_new(entry.id.clone()) {
                entry.id = format!("{}#{}", entry.id, self.ids.len().saturating_add(1));
                self.ids.count(entry.id.clone());
            }
            entries.push(entry);
        }
        entries
    }

    fn entry(&mut self, place: &Place<'_>, path: &str, choice: Choice) -> Entry {
        let id = [&choice.path_in_menu[..], std::slice::from_ref(&choice.title)].concat().join(">");
        let source = place.source(self.format, choice.file.as_deref().unwrap_or(path), Some(choice.line));
        let mut problem = choice.problem;
        if problem.is_none() {
            problem = match choice.kind {
                Kind::Linux if choice.kernel.is_empty() => Some("it names no kernel".into()),
                kind => kind_problem(kind).map(str::to_owned),
            };
        }
        let mut kernel_volume = None;
        let mut file = |name: &str| match (self.locate)(place, name) {
            Some((volume, path)) => {
                if problem.is_none() && !place.lookup.is_file(volume, &path) {
                    problem = Some(format!("there is no {path}"));
                }
                kernel_volume.get_or_insert(volume);
                FileReference::new(place.lookup.volume_reference(volume), path)
            }
            None => {
                problem.get_or_insert_with(|| format!("{name}: there is no such volume"));
                FileReference::new(place.on(), name.to_owned())
            }
        };
        let mut entry = Entry {
            title: choice.title,
            path_in_menu: choice.path_in_menu,
            kind: choice.kind,
            hidden: choice.hidden,
            lock: choice.lock,
            version: grub::version(&choice.kernel),
            kernel: Some(choice.kernel).filter(|kernel| !kernel.is_empty()).map(|kernel| file(&kernel)),
            initrds: choice.initrds.iter().map(|initrd| file(initrd)).collect(),
            devicetree: Some(choice.devicetree).filter(|tree| !tree.is_empty()).map(|tree| file(&tree)),
            cmdline: choice.cmdline,
            multiboot: choice.multiboot,
            ..Entry::new(id, source)
        };
        entry.problem = problem;
        if entry.kind == Kind::Chainload && entry.problem.is_none() {
            self.recognise(place.lookup, kernel_volume, &mut entry);
        }
        entry
    }

    /// Recognises the program that the firmware would start: a kernel with an EFI stub and a unified kernel image are for us
    /// to boot.
    fn recognise(&mut self, lookup: &dyn Lookup, volume: Option<usize>, entry: &mut Entry) {
        let program = volume.zip(entry.kernel.clone()).and_then(|(volume, file)| {
            let size = lookup.status(volume, &file.path, true)?.size;
            let head = lookup.read_at(volume, &file.path, 0, HEAD_LENGTH).ok()?;
            Some((volume, recognise(&head, size)?, file))
        });
        match program {
            Some((volume, KernelFile::Uki(_), file)) => {
                let image = UnifiedImage::at(lookup, volume, &file.path);
                image.complete(self.context, entry, &mut self.warnings);
            }
            Some((_, KernelFile::Bzimage(_) | KernelFile::Image(_) | KernelFile::EfiZboot(_), file)) => {
                entry.kind = Kind::Linux;
                let paths = initrds(&entry.cmdline);
                entry.initrds = paths.map(|path| FileReference::new(file.volume.clone(), path)).collect();
            }
            _ => {
                entry.problem = Some("it hands over to another boot loader, which takes the firmware".into());
            }
        }
    }
}

/// The first volume that is meant, the configuration's own and its disk's before others.
pub(super) fn volume_by(place: &Place<'_>, is_meant: impl Fn(&Volume) -> bool) -> Option<usize> {
    let volumes = place.lookup.volumes();
    let order = Devices::new(place.volume, "").search_order(place.lookup);
    order.into_iter().find(|index| volumes.get(*index).is_some_and(&is_meant))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        discover::{
            by_device::on_named_device,
            grub_legacy::GRUB_LEGACY,
            limine::LIMINE,
            petitboot::PETITBOOT,
            testing::{tree, volume, volumes},
        },
        entry::{FilesystemKind, Source},
        formats::lookup::{MENU_LIMIT, too_large},
    };

    fn find(loader: &MenuLoader, files: &[(&str, &str)]) -> Findings {
        let tree = tree(files);
        let other = super::super::testing::tree(&[("initrd", "")]);
        let open = volumes(&[
            (&tree, volume("sda2", FilesystemKind::Ext4)),
            (&other, volume("sdb1", FilesystemKind::Ext4)),
        ]);
        loader.find(&open, 0, &Context::default()).unwrap()
    }

    fn file(volume: &str, path: &str) -> FileReference {
        FileReference::new(volume.into(), path.into())
    }

    #[test]
    fn ten_thousand_choices_are_a_menu_and_of_a_larger_one_the_beginning_is_read() {
        for (loader, path, first, entry) in [
            (&GRUB_LEGACY, "boot/grub/menu.lst", "timeout 5\n", "title N\nkernel /k N\n"),
            (&LIMINE, "limine.conf", "timeout: 5\n", "/N\nprotocol: linux\npath: boot():/k\ncmdline: N\n"),
            (&PETITBOOT, "petitboot.conf", "", "name N\nimage /k\nargs N\n"),
        ] {
            let numbered = |number: usize| entry.replace('N', &number.to_string());
            let text: String = std::iter::once(first.to_owned()).chain((0..10_000).map(numbered)).collect();
            let found = find(loader, &[(path, &text), ("k", "")]);
            assert_eq!((found.entries.len(), found.warnings), (10_000, vec![]), "{path}");
            assert_eq!(found.entries[9_999].cmdline, "9999");
            assert_eq!(found.entries[9_999].problem, None);
            let filler = "# filler\n".repeat(1 << 20);
            let longer = format!("{first}{}{filler}{}", numbered(0), numbered(1));
            let found = find(loader, &[(path, &longer), ("k", "")]);
            let [warning] = &found.warnings[..] else { panic!("{:?}", found.warnings) };
            assert_eq!(
                (found.entries.len(), warning.message.as_str()),
                (1, &*too_large(MENU_LIMIT)),
                "{path}"
            );
        }
    }

    #[test]
    fn choices_become_entries_with_their_files_wherever_they_lie() {
        let found = find(
            &PETITBOOT,
            &[
                (
                    "petitboot.conf",
                    "default b\nname a\nimage boot/vmlinuz-6.1\ninitrd UUID=UUID-SDB1:/initrd\nargs quiet\n\
                     name a\nimage gone:/k\nname b\nimage /gone\nname c\n",
                ),
                ("boot/vmlinuz-6.1", ""),
            ],
        );
        let source = |line| Source { line: Some(line), ..found.entries[0].source.clone() };
        let expected = [
            Entry {
                version: Some("6.1".into()),
                kernel: Some(file("sda2", "/boot/vmlinuz-6.1")),
                initrds: vec![file("sdb1", "/initrd")],
                cmdline: "quiet".into(),
                ..Entry::new("a", source(2))
            },
            Entry {
                title: "a".into(),
                kernel: Some(file("sda2", "gone:/k")),
                problem: Some("gone:/k: there is no such volume".into()),
                ..Entry::new("a#2", source(6))
            },
            Entry {
                kernel: Some(file("sda2", "/gone")),
                problem: Some("there is no /gone".into()),
                ..Entry::new("b", source(8))
            },
            Entry { problem: Some("it names no kernel".into()), ..Entry::new("c", source(10)) },
        ];
        assert_eq!(found.entries, expected);
        assert_eq!((found.default.as_deref(), found.timeout), (Some("b"), Some(10)));
    }

    #[test]
    fn what_follows_a_default_that_cannot_be_booted_is_tried() {
        let tree = tree(&[("k", "")]);
        let open = volumes(&[(&tree, volume("sda2", FilesystemKind::Ext4))]);
        let place = Place::of(&open, 0, "/menu").unwrap();
        let choice = |title: &str, kernel: &str| Choice {
            title: title.into(),
            kernel: kernel.into(),
            ..Choice::default()
        };
        for (fallback, expected) in [(vec![], "gone"), (vec![1, 7, 2], "there"), (vec![1], "gone")] {
            let choices = vec![choice("gone", "/0"), choice("too", "/1"), choice("there", "/k")];
            let menu = ChoiceMenu { choices, default: Some(0), fallback, ..ChoiceMenu::default() };
            let context = Context::default();
            let found = Making::new(Format::Kboot, on_named_device, &context).findings(&place, "/menu", menu);
            assert_eq!(found.default.as_deref(), Some(expected));
        }
        // What the firmware alone starts is what its loader boots.
        let windows = Choice { kind: Kind::Chainload, ..choice("windows", "/k") };
        let choices = vec![windows, choice("there", "/k")];
        let menu = ChoiceMenu { choices, default: Some(0), fallback: vec![1], ..ChoiceMenu::default() };
        let context = Context::default();
        let found = Making::new(Format::Kboot, on_named_device, &context).findings(&place, "/menu", menu);
        assert_eq!(
            (found.default.as_deref(), &found.fallback[..]),
            (Some("windows"), &["there".to_owned()][..])
        );
    }

    #[test]
    fn configurations_that_the_loader_does_not_read_are_named_and_empty_ones_too() {
        let note = |path: &str, message: &str| Note {
            action: NoteAction::PassedOver,
            volume: "sda2".into(),
            path: path.into(),
            message: message.into(),
        };
        let other = note(
            "/petitboot.conf",
            "another petitboot.conf: the loader reads /boot/petitboot.conf before it",
        );
        let text = "name a\nimage /k\n";
        let found = find(&PETITBOOT, &[("boot/petitboot.conf", text), ("petitboot.conf", text), ("k", "")]);
        assert_eq!((found.entries.len(), found.notes), (1, vec![other.clone()]));
        let found = find(&PETITBOOT, &[("boot/petitboot.conf", "# nothing\n"), ("petitboot.conf", text)]);
        let empty = note("/boot/petitboot.conf", "a configuration without an entry");
        assert_eq!((found.entries.len(), found.notes), (0, vec![empty, other]));
    }

    #[test]
    fn a_lost_line_costs_itself() {
        let found = find(&PETITBOOT, &[("petitboot.conf", "x\nname a\nimage k"), ("k", "")]);
        let warning = Warning {
            volume: "sda2".into(),
            path: "/petitboot.conf".into(),
            line: Some(1),
            message: "a keyword that petitboot does not know".into(),
        };
        assert_eq!((found.entries.len(), found.warnings), (1, vec![warning]));
    }

    #[test]
    fn what_lost_a_line_is_listed_and_not_chosen() {
        let config = format!("name a\nimage a\nargs {}\nname b\nimage k\n", "x".repeat(5000));
        let found = find(&PETITBOOT, &[("petitboot.conf", &config), ("a", ""), ("k", "")]);
        let problems: Vec<_> =
            found.entries.iter().map(|entry| (&*entry.title, entry.problem.as_deref())).collect();
        let lost = "line 3 of it is lost: it is longer than 4096 bytes";
        assert_eq!(problems, [("a", Some(lost)), ("b", None)]);
    }

    #[test]
    fn a_star_is_any_directory() {
        let tree = tree(&[("EFI/a/other", ""), ("EFI/b/x.conf", "")]);
        let open = volumes(&[(&tree, volume("sda1", FilesystemKind::Vfat))]);
        assert_eq!(first_file(&open, 0, "/EFI/*/x.conf").as_deref(), Some("/EFI/b/x.conf"));
        assert_eq!(first_file(&open, 0, "/EFI/*/y.conf"), None);
    }
}
