//! rEFInd: refind.conf with its stanzas, and the kernels that it finds by itself, with refind_linux.conf beside them.

mod titles;

use std::cmp::Reverse;

use self::titles::{meant, put_volumes_into_titles, shown_name};
use super::{
    finder::{Context, Finder, Findings},
    menu::{Making, first_file, volume_by},
    place::Place,
    scan::ROOT_TYPE,
};
use crate::{
    entry::{Entry, Format, Volume},
    formats::{
        efi_boot, fstab,
        grub::device::Devices,
        lookup::{FileKind, Lookup},
        menu::{CHOICE_LIMIT, Choice},
        refind::{
            Config, Options, PREVIOUS, VARIABLES, initrd_for, initrds, is_initrd, is_kernel, version,
            with_version,
        },
    },
};

/// Where refind.conf stands.
const PLACES: [&str; 3] = ["/EFI/*/refind.conf", "/efi/*/refind.conf", "/boot/refind.conf"];

/// What the options of the kernels beside it stand in.
const OPTIONS: [&str; 2] = ["refind_linux.conf", "refind-linux.conf"];

/// No more kernels of a directory are offered, the newest ones.
const KERNEL_LIMIT: usize = 64;

/// Among no more initrds of a directory the one for a kernel is looked for.
const INITRD_LIMIT: usize = 256;

/// No longer names of a root file system are taken from fstab(5), in bytes.
const SOURCE_LIMIT: usize = 256;

/// No longer title of what was booted last is read, in bytes.
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
        let previous = context.loader.previous.clone();
        let mut search = Search { lookup, config: Config::default(), previous, making, told_full: false };
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
        let text = match place.read(&path) {
            Ok(text) => text,
            Err(message) => {
                let message = format!("{message}: its entries are lost");
                return Some(Findings {
                    warnings: vec![place.warning(&path, None, message)],
                    ..Findings::default()
                });
            }
        };
        search.config = Config::parse(&text, &mut |name| place.read(name));
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
        Some(search.finish(found, stanzas))
    }
}

struct Search<'a> {
    lookup: &'a dyn Lookup,
    config: Config,
    /// Title of what was booted last.
    previous: Option<String>,
    making: Making<'a>,
    /// It was told that there are too many.
    told_full: bool,
}

impl Search<'_> {
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
            if self.making.is_full() {
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
        if let Some(place) = place.filter(|_| !std::mem::replace(&mut self.told_full, true)) {
            let message = format!("only the first {CHOICE_LIMIT} entries are read: its kernels are lost");
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
            (Some(_), Ok(text)) => Options::parse(&text),
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
        kernels.sort_by_key(|(modified, name)| (Reverse(*modified), *name));
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
                    // What no file says stands, as far as anybody can look it up, with the kernel.
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
    fn derived(&self, fstab: &str) -> Vec<Options> {
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
            None => vec![Options { label: String::new(), options: String::new(), line: 1 }],
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
    // At the top of a volume stands a backslash, and nowhere else.
    let is_at_top = path.rfind('/') == Some(0);
    let path = if is_at_top { path } else { path.trim_start_matches('/') };
    format!("{cmdline} initrd={}", path.replace('/', "\\")).trim_start().to_owned()
}

/// The two entries that rEFInd makes of a kernel whose root file system it knows.
fn of_root(mode: &str, root: &str) -> Vec<Options> {
    let lines = [("Boot with normal options", ""), ("Boot into single-user mode", " single")];
    let options = lines.map(|(label, word)| Options {
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

#[cfg(test)]
mod tests {
    use std::{
        fs::File,
        time::{Duration, SystemTime},
    };

    use tempfile::TempDir;

    use super::*;
    use crate::{
        discover::testing::{tree, volume, volumes},
        entry::{FileReference, FilesystemKind, Partition, PartitionTable, Source},
        formats::bls::Variables,
    };

    /// A root volume with three kernels, of which the first was written last.
    fn root(more: &[(&str, &str)]) -> TempDir {
        let mut files = vec![
            ("boot/vmlinuz-6.1", "MZ"),
            ("boot/vmlinuz-6.9", "MZ"),
            ("boot/vmlinuz-old", "no program"),
            ("boot/initrd.img-6.1", ""),
            ("vmlinuz", "-> boot/vmlinuz-6.1"),
        ];
        files.extend(more);
        let root = tree(&files);
        for (name, age) in [("vmlinuz-6.1", 0), ("vmlinuz-6.9", 9), ("vmlinuz-old", 0)] {
            let file = File::options().append(true).open(root.path().join("boot").join(name)).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000 - age)).unwrap();
        }
        root
    }

    fn find(esp: &[(&str, &str)], root: &TempDir, which: usize) -> Option<Findings> {
        let labelled = |name, kind, label: &str| {
            let mut volume = volume(name, kind);
            volume.filesystem.label = Some(label.into());
            volume
        };
        let own = labelled("sda1", FilesystemKind::Vfat, "ESP");
        let root_volume = labelled("sda2", FilesystemKind::Ext4, "Root");
        find_on(esp, own, root, root_volume, which, &Context::default())
    }

    fn find_on(
        esp: &[(&str, &str)],
        own: Volume,
        root: &TempDir,
        root_volume: Volume,
        which: usize,
        context: &Context,
    ) -> Option<Findings> {
        let esp = tree(esp);
        Refind.find(&volumes(&[(&esp, own), (root, root_volume)]), which, context)
    }

    /// Menus and title, kernel, command line, problem.
    fn shown(found: &Findings) -> Vec<String> {
        let shown = found.entries.iter().map(|entry| {
            let kernel =
                entry.kernel.as_ref().map_or_else(String::new, |it| format!("{}:{}", it.volume, it.path));
            let problem = entry.problem.as_deref().unwrap_or_default();
            format!("{} = {kernel} {}{problem}", entry.id, entry.cmdline)
        });
        shown.collect()
    }

    const LINUX_CONF: &str =
        "\"Normal\" \"ro root=LABEL=Root %v\"\n\"Single\" \"single initrd=/boot/own.img\"\n";

    #[test]
    fn the_entries_of_all_directories_together_are_bounded() {
        let files: Vec<(String, &str)> = (0..20)
            .flat_map(|directory| {
                (0..64).map(move |kernel| (format!("EFI/{directory:02}/vmlinuz-{kernel:02}"), "MZ"))
            })
            .collect();
        let mut esp: Vec<(&str, &str)> =
            files.iter().map(|(path, content)| (path.as_str(), *content)).collect();
        esp.extend([("EFI/refind/refind.conf", ""), ("etc/fstab", "/dev/sda2 / ext4 defaults 0 1\n")]);
        let found = find(&esp, &root(&[]), 0).unwrap();
        // Two for each kernel, whole directories.
        assert_eq!(found.entries.len(), 1024);
        let lost: Vec<&str> = found.warnings.iter().map(|warning| warning.path.as_str()).collect();
        assert_eq!(lost, ["/EFI/08"]);
    }

    #[test]
    fn found_kernels_have_the_options_beside_them_and_the_initrd_of_their_version() {
        let root = root(&[("boot/refind_linux.conf", LINUX_CONF), ("boot/own.img", "")]);
        let found = find(&[("EFI/refind/refind.conf", "timeout 5\n")], &root, 0).unwrap();
        let newest = "Boot boot\\vmlinuz-6.1 from Root";
        let expected = [
            format!("{newest} = sda2:/boot/vmlinuz-6.1 ro root=LABEL=Root 6.1 initrd=boot\\initrd.img-6.1"),
            format!("{newest}>Single = sda2:/boot/vmlinuz-6.1 single initrd=/boot/own.img"),
            format!("{newest}>vmlinuz-6.9: Normal = sda2:/boot/vmlinuz-6.9 ro root=LABEL=Root 6.9"),
            format!("{newest}>vmlinuz-6.9: Single = sda2:/boot/vmlinuz-6.9 single initrd=/boot/own.img"),
        ];
        assert_eq!(shown(&found), expected);
        assert_eq!((found.default.as_deref(), found.timeout), (Some(newest), Some(5)));
        let file = |path: &str| FileReference::new("sda2".into(), path.into());
        let source = |line| Source {
            format: Format::Refind,
            volume: "sda2".into(),
            path: "/boot/refind_linux.conf".into(),
            line: Some(line),
            ..found.entries[0].source.clone()
        };
        let single = Entry {
            title: "Single".into(),
            path_in_menu: vec![newest.into()],
            kernel: Some(file("/boot/vmlinuz-6.1")),
            initrds: vec![file("/boot/own.img")],
            cmdline: "single initrd=/boot/own.img".into(),
            version: Some("6.1".into()),
            ..Entry::new(format!("{newest}>Single"), source(2))
        };
        assert_eq!(found.entries[1], single);
        assert_eq!(find(&[("EFI/refind/refind.conf", "")], &root, 1), None);
    }

    #[test]
    fn stanzas_stand_where_the_configuration_puts_them() {
        let root = root(&[("etc/fstab", "LABEL=Root / ext4 defaults 0 1\n"), ("EFI/x/kernel", "MZ")]);
        let stanza = "menuentry Mine {\nvolume ROOT\nloader /boot/vmlinuz-6.9\noptions \"root=x\"\n}\n\
                      menuentry Lost {\nvolume Gone\nloader /k.efi\nostype Linux\n}\n";
        let mine = "Boot Mine from Root = sda2:/boot/vmlinuz-6.9 root=x";
        let lost = "Boot Lost from ESP = sda1:Gone:/k.efi Gone:/k.efi: there is no such volume";
        let kernels = [
            "Boot boot\\vmlinuz-6.1 from Root = sda2:/boot/vmlinuz-6.1 ro root=LABEL=Root initrd=boot\\initrd.img-6.1",
            "Boot boot\\vmlinuz-6.1 from Root>Boot into single-user mode = sda2:/boot/vmlinuz-6.1 ro root=LABEL=Root single initrd=boot\\initrd.img-6.1",
            "Boot boot\\vmlinuz-6.9 from Root = sda2:/boot/vmlinuz-6.9 ro root=LABEL=Root",
            "Boot boot\\vmlinuz-6.9 from Root>Boot into single-user mode = sda2:/boot/vmlinuz-6.9 ro root=LABEL=Root single",
        ];
        for (settings, expected, default) in [
            ("scanfor manual\n", vec![mine, lost], "Boot Mine from Root"),
            (
                "scanfor manual,internal\nfold_linux_kernels 0\ndont_scan_dirs EFI/x\ndefault_selection 6.9\n",
                [&[mine, lost], &kernels[..]].concat(),
                "Boot boot\\vmlinuz-6.9 from Root",
            ),
            (
                "fold_linux_kernels off\ndont_scan_files kernel\ndefault_selection \"+,nothing,4\"\n",
                [&kernels[..], &[mine, lost]].concat(),
                "Boot Lost from ESP",
            ),
            ("dont_scan_volumes Root\ndefault_selection mine\n", vec![mine, lost], "Boot Mine from Root"),
            ("scan_all_linux_kernels false\n", vec![mine, lost], "Boot Mine from Root"),
        ] {
            let conf = format!("{settings}{stanza}");
            let found = find(&[("EFI/refind/refind.conf", &conf)], &root, 0).unwrap();
            assert_eq!(shown(&found), expected, "{settings}");
            assert_eq!(found.default.as_deref(), Some(default), "{settings}");
        }
    }

    #[test]
    fn without_refind_conf_only_kernels_with_options_beside_them_are_found() {
        let with = root(&[("boot/refind_linux.conf", LINUX_CONF), ("boot/own.img", "")]);
        assert_eq!(find(&[], &with, 1).unwrap().entries.len(), 4);
        let without = root(&[("etc/fstab", "LABEL=Root / ext4 defaults 0 1\n")]);
        assert_eq!(find(&[], &without, 1), None);
    }

    #[test]
    fn what_was_booted_last_boots_again_unless_something_else_is_asked_for() {
        let root = root(&[("etc/fstab", "LABEL=Root / ext4 defaults 0 1\n")]);
        let text = |text: &str| text.chars().flat_map(|c| [c, '\0']).collect::<String>();
        let (older, newer) = ("Boot boot\\vmlinuz-6.9 from Root", "Boot boot\\vmlinuz-6.1 from Root");
        for (settings, variable, file, expected) in [
            ("", None, None, newer),
            ("", Some("Boot boot\\vmlinuz-6.9 from Root "), None, older),
            ("", Some("boot boot\\vmlinuz-6.9 FROM root"), None, older),
            ("", Some("Boot boot\\vmlinuz-6.9 from Rooted "), None, newer),
            // The variable that does not count is there, too.
            ("", Some(older), Some(newer), older),
            ("use_nvram false\n", Some(newer), Some(older), older),
            ("use_nvram off\n", Some(older), None, newer),
            ("use_nvram\n", Some(older), None, older),
            ("default_selection 2\n", None, None, older),
            ("default_selection L\n", Some(older), None, newer),
            ("default_selection \"6.9,+\"\n", Some(newer), None, older),
            ("default_selection \"+,6.1\"\n", Some(older), None, older),
            ("default_selection \"from root\"\n", None, None, newer),
        ] {
            let conf = format!("fold_linux_kernels off\n{settings}");
            let file = file.map(|title| text(title) + "\0\0");
            let mut esp = vec![("EFI/refind/refind.conf", conf.as_str())];
            esp.extend(file.as_deref().map(|text| ("EFI/refind/vars/PreviousBoot", text)));
            let loader = Variables { previous: variable.map(String::from), ..Variables::default() };
            let mut root_volume = volume("sda2", FilesystemKind::Ext4);
            root_volume.filesystem.label = Some("Root".into());
            let own = volume("sda1", FilesystemKind::Vfat);
            let context = Context { loader, ..Context::default() };
            let found = find_on(&esp, own, &root, root_volume, 0, &context).unwrap();
            assert_eq!(found.default.as_deref(), Some(expected), "{settings}{variable:?}{file:?}");
        }
    }

    #[test]
    fn a_volume_goes_by_its_label_or_its_partitions_or_its_size() {
        let root = root(&[("etc/fstab", "/dev/sda2 / ext4 defaults 0 1\n")]);
        for (label, partition, size, shown) in [
            (Some("Root"), Some("System"), 1 << 30, "Root"),
            (None, Some("System"), 1 << 30, "System"),
            (Some(""), Some("Linux filesystem"), 1 << 30, "1024 MiB ext4 volume"),
            (None, None, (30 << 30) - 1, "29 GiB ext4 volume"),
            (None, None, 1000, "1000-byte ext4 volume"),
            (None, None, 0, "ext4 volume"),
        ] {
            let mut on = volume("sda2", FilesystemKind::Ext4);
            on.filesystem.label = label.map(String::from);
            on.device.size = size;
            on.device.partition = Some(Partition { label: partition.map(String::from), ..root_partition(0) });
            // A driver counts another size than the partition has.
            let previous = "Boot boot\\vmlinuz-6.9 from 17 MiB ext4 volume ";
            let loader = Variables { previous: Some(previous.into()), ..Variables::default() };
            let context = Context { loader, ..Context::default() };
            let esp = [("EFI/refind/refind.conf", "fold_linux_kernels off\n")];
            let found = find_on(&esp, volume("sda1", FilesystemKind::Vfat), &root, on, 0, &context).unwrap();
            let titles = ["6.1", "6.9"].map(|version| format!("Boot boot\\vmlinuz-{version} from {shown}"));
            let mut all: Vec<&str> = found.entries.iter().map(|entry| entry.title.as_str()).collect();
            all.retain(|title| title.starts_with("Boot boot"));
            assert_eq!(all, titles);
            let again = usize::from(shown.ends_with("volume"));
            assert_eq!(found.default.as_ref(), titles.get(again), "{shown}");
        }
    }

    fn root_partition(attributes: u64) -> Partition {
        Partition {
            number: 2,
            table: PartitionTable::Gpt,
            uuid: Some("1234".into()),
            label: None,
            type_id: Some(ROOT_TYPE.into()),
            attributes,
        }
    }

    #[test]
    fn kernels_without_options_beside_them_get_those_of_the_root_partition() {
        let root = root(&[]);
        let by_type = |mode: &str, word: &str| format!("{mode} root=/dev/disk/by-partuuid/1234{word}");
        for (partition, expected) in [
            (Some(root_partition(0)), vec![by_type("rw", ""), by_type("rw", " single")]),
            (Some(root_partition(READ_ONLY)), vec![by_type("ro", ""), by_type("ro", " single")]),
            (Some(root_partition(NO_AUTO)), vec![String::new()]),
            (None, vec![String::new()]),
        ] {
            let mut on = volume("sda2", FilesystemKind::Ext4);
            on.device.partition = partition;
            let esp = [("EFI/refind/refind.conf", "dont_scan_files vmlinuz-6.1\n")];
            let own = volume("sda1", FilesystemKind::Vfat);
            let found = find_on(&esp, own, &root, on, 0, &Context::default()).unwrap();
            let cmdlines: Vec<&str> = found.entries.iter().map(|entry| entry.cmdline.as_str()).collect();
            assert_eq!(cmdlines, expected);
        }
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        let root = root(&[]);
        let warnings = |conf: &str| {
            let found = find(&[("EFI/refind/refind.conf", conf)], &root, 0).unwrap();
            found.warnings.into_iter().map(|it| (it.path, it.line, it.message)).collect::<Vec<_>>()
        };
        let path = "/EFI/refind/refind.conf".to_owned();
        assert_eq!(
            warnings("include theme.conf"),
            [(path.clone(), Some(1), "theme.conf: no such file".into())]
        );
        let message = "larger than 1048576 bytes: its entries are lost";
        assert_eq!(warnings(&"#".repeat(2 << 20)), [(path, None, message.into())]);
    }
}
