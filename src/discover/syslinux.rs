//! SYSLINUX, EXTLINUX and ISOLINUX, and U-Boot where it reads their configuration: where it is, and its entries.

mod remembered;

use super::{
    finder::{Context, Finder, Findings, Note, NoteAction},
    menu::{empty, passed_over},
    place::Place,
    unbootable::kind_problem,
};
use crate::{
    entry::{Entry, Format, Kind, Multiboot, MultibootModule, TimeoutStyle},
    formats::{
        cmdline,
        lines::statement,
        lookup::{FileKind, Lookup},
        name_table::NameNumbers,
        syslinux::{self, Configuration, Dialect, FSUUID, Label, NETWORK, Program},
    },
};

/// Paths of configurations; the first one counts.
const PLACES: [&str; 21] = [
    "/boot/extlinux/extlinux.conf",
    "/extlinux/extlinux.conf",
    "/boot/extlinux.conf",
    "/extlinux.conf",
    "/boot/syslinux/extlinux.conf",
    "/boot/syslinux/syslinux.cfg",
    "/syslinux/syslinux.cfg",
    "/syslinux.cfg",
    "/EFI/syslinux/syslinux.cfg",
    "/EFI/BOOT/syslinux.cfg",
    "/boot/isolinux/isolinux.cfg",
    "/isolinux/isolinux.cfg",
    "/boot/x86_64/loader/isolinux.cfg",
    "/boot/i386/loader/isolinux.cfg",
    "/boot/aarch64/loader/isolinux.cfg",
    "/isolinux.cfg",
    "/boot/isolinux/syslinux.cfg",
    "/isolinux/syslinux.cfg",
    "/boot/syslinux/isolinux.cfg",
    "/syslinux/isolinux.cfg",
    "/pxelinux.cfg/default",
];

/// Maximum number of configurations that are read because labels lead to them.
const FILE_LIMIT: usize = 32;

/// Files that the Syslinux Project's installers put beside the configuration, and U-Boot does not.
const LOADERS: [&str; 4] = ["ldlinux.sys", "ldlinux.c32", "isolinux.bin", "ldlinux.e64"];

/// Finds configurations of the syslinux family.
pub(super) struct Syslinux;

impl Finder for Syslinux {
    fn format(&self) -> Format {
        Format::Syslinux
    }

    fn find(&self, lookup: &dyn Lookup, volume: usize, context: &Context) -> Option<Findings> {
        let path = PLACES.into_iter().find(|path| lookup.is_file(volume, path))?;
        let place = Place::of(lookup, volume, path)?;
        // PXELINUX counts from its own directory, above its configurations.
        let place = Place { directory: place.directory.trim_end_matches("/pxelinux.cfg"), ..place };
        Some(find(&place, path, context))
    }
}

fn find(place: &Place<'_>, path: &str, context: &Context) -> Findings {
    let is_installed = LOADERS.iter().any(|name| place.is_file(name));
    let dialect =
        if path.ends_with("extlinux.conf") && !is_installed { Dialect::Uboot } else { Dialect::Syslinux };
    let words = &context.system_words;
    let (keeper, saved) =
        remembered::find(place).filter(|_| dialect == Dialect::Syslinux).unwrap_or_default();
    let findings = Findings::default();
    let keeps = (!keeper.is_empty()).then_some(keeper.as_str());
    let mut reading =
        Reading { dialect, words, keeper: keeps, seen: Vec::new(), known: NameNumbers::default(), findings };
    let outermost = reading.configuration(place, path, false, &[], "");
    let mut findings = reading.findings;
    let (default, configuration) = match outermost {
        Ok(outermost) => outermost,
        Err(message) => {
            findings.warnings.push(place.warning(path, None, format!("{message}: its entries are lost")));
            return findings;
        }
    };
    findings.notes.extend(empty(place, path, &findings));
    findings.notes.extend(passed_over(place.lookup, place.volume, &PLACES, path, Format::Syslinux));
    let once =
        saved.once.as_ref().and_then(|once| remembered::boot_once(place, &mut findings, &keeper, once));
    let is_there = |label: &String| findings.entries.iter().any(|entry| entry.id == *label);
    let default = saved.choice.filter(|label| configuration.keeps_choice && is_there(label)).or(default);
    let (default, timeout) = match once {
        // It starts without a menu.
        Some(once) => (Some(once), Some(0)),
        None => (default, configuration.timeout),
    };
    let chosen = default.and_then(|id| findings.entries.iter().find(|entry| entry.id == id));
    let chosen = chosen.or(findings.entries.first());
    // U-Boot goes on to the next label where a file is not there (boot/pxe_utils.c, `boot_unattempted_labels`).
    let is_booted = |entry: &&Entry| entry.problem.is_none() || entry.kind == Kind::Chainload;
    let next = chosen.filter(|entry| dialect == Dialect::Syslinux || is_booted(entry));
    let next = next.or_else(|| findings.entries.iter().find(is_booted)).or(chosen);
    findings.default = next.map(|entry| entry.id.clone());
    findings.timeout = timeout;
    if findings.timeout.is_some() {
        // An entry that boots on its own boots without a password.
        let own = findings.entries.iter_mut().find(|entry| findings.default.as_ref() == Some(&entry.id));
        own.into_iter().for_each(|entry| entry.lock = None);
    }
    findings.lock = configuration.lock.map(|lock| (findings.entries.len(), lock));
    if configuration.is_hidden {
        findings.timeout_style = TimeoutStyle::Hidden;
    }
    findings
}

/// A configuration, and those that its labels lead to.
struct Reading<'a> {
    dialect: Dialect,
    /// The facts about the machine.
    words: &'a [String],
    /// The file in which SYSLINUX keeps what a person chose last.
    keeper: Option<&'a str>,
    /// Configurations that were read. One that is led back to is no menu of its own.
    seen: Vec<String>,
    /// Where the entries come from, and their command lines.
    known: NameNumbers,
    findings: Findings,
}

impl Reading<'_> {
    /// Adds a configuration's entries below the menus with these titles, and before their ids `prefix`. Gives the id of the
    /// one that it boots on its own. `is_shown`: a menu was told to show it.
    fn configuration(
        &mut self,
        place: &Place<'_>,
        path: &str,
        is_shown: bool,
        titles: &[String],
        prefix: &str,
    ) -> Result<(Option<String>, Configuration), String> {
        let dialect = self.dialect;
        if self.seen.len() >= FILE_LIMIT {
            return Err(format!("more than {FILE_LIMIT} configurations"));
        }
        let (content, cut) = place.menu(path).map_err(|error| error.to_string())?;
        self.findings.warnings.extend(cut);
        self.seen.push(place.path(path));
        let mut configuration = syslinux::read(path, &content, dialect, is_shown, &mut |name| {
            // The loader includes what is there: installation media name files that only some of them have.
            let is_there = place.lookup.status(place.volume, &place.path(name), true).is_some();
            if is_there { place.read(name) } else { Ok(String::new()) }
        });
        for (file, line, message) in std::mem::take(&mut configuration.lost) {
            self.findings.warnings.push(place.warning(&file, Some(line), message));
        }
        self.notes(place, path, &configuration);
        let mut default = None;
        let mut led_to = None;
        let before = self.findings.passwords.len();
        let count = configuration.passwords.len();
        self.findings.passwords.append(&mut configuration.passwords);
        configuration.lock = configuration.lock.map(|lock| lock.moved(count, before));
        for label in &configuration.labels {
            let titles = [titles, &label.path_in_menu].concat();
            let id = format!("{prefix}{}", label.name);
            let mut own_default = Some(id.clone());
            let is_default = configuration.default.as_ref() == Some(&label.name) && default.is_none();
            if let Program::Menu(file) | Program::Configuration(file) = &label.program {
                if self.seen.contains(&place.path(file)) {
                    continue;
                }
                let below = [&titles[..], std::slice::from_ref(&label.title)].concat();
                // CONFIG is given the directory that paths count from afterwards.
                let directory = place.path(label.append.split_whitespace().next().unwrap_or_default());
                let status = place.lookup.status(place.volume, &directory, true);
                let moves = !label.append.is_empty()
                    && status.is_some_and(|status| status.kind == FileKind::Directory);
                let directory = if moves { &directory } else { place.directory };
                let inside = Place { directory, ..*place };
                let is_shown = matches!(label.program, Program::Menu(_));
                match self.configuration(&inside, &place.path(file), is_shown, &below, &format!("{id}>")) {
                    Ok((inner, configuration)) => {
                        own_default = inner;
                        led_to = led_to.or(Some(configuration).filter(|_| is_default));
                    }
                    Err(message) => {
                        let message = format!("{file}: {message}: its entries are lost");
                        self.findings.warnings.push(place.warning(&label.file, Some(label.line), message));
                    }
                }
            } else {
                let entry = entry(place, label, dialect, self.words);
                let source = &entry.source;
                let (file, line) = (source.full_path(), source.line.unwrap_or_default());
                let is_new =
                    self.known.is_new(format!("{}\0{file}\0{line}\0{}", source.volume, entry.cmdline));
                // A configuration that includes another's parts shows them once more.
                if prefix.is_empty() || is_new {
                    let lock = entry.lock.as_ref().map(|lock| lock.moved(count, before));
                    let changes = self.keeper.and_then(|keeper| remembered::choice(place, keeper, label));
                    let changes = changes.into_iter().collect();
                    self.findings.entries.push(Entry { id, path_in_menu: titles, lock, changes, ..entry });
                }
            }
            if is_default {
                default = own_default;
            }
        }
        if let (Some(inner), Some(0)) = (led_to, configuration.timeout) {
            // It goes there at once, and asks there.
            (configuration.timeout, configuration.is_hidden) = (inner.timeout, inner.is_hidden);
        }
        Ok((default, configuration))
    }

    /// Tells what the loader would know and is not known here.
    fn notes(&mut self, place: &Place<'_>, path: &str, configuration: &Configuration) {
        let any = |is: fn(&Label) -> bool| configuration.labels.iter().any(is);
        let notes = [
            (
                self.words.is_empty() && any(|label| label.system_words & !(FSUUID | NETWORK) != 0),
                "which machine boots is not known: of the words about it (SYSAPPEND), only FSUUID= is put on the command line",
            ),
            (
                any(|label| label.devicetree.is_none() && label.devicetree_directory.is_some()),
                "which device tree of fdtdir is this board's is not known; the running one is handed on",
            ),
            (any(|label| label.has_overlays), "overlays are not put on device trees"),
        ];
        for (_, message) in notes.into_iter().filter(|(is_so, _)| *is_so) {
            self.findings.notes.push(Note {
                action: NoteAction::PassedOver,
                volume: place.on(),
                path: place.path(path),
                message: message.to_owned(),
            });
        }
    }
}

fn entry(place: &Place<'_>, label: &Label, dialect: Dialect, words: &[String]) -> Entry {
    let mut append = label.append.clone();
    let mut initrds = label.initrds.clone();
    if dialect == Dialect::Syslinux {
        if !initrds.is_empty() {
            append = format!("{append} initrd={}", initrds.join(","));
        }
        let asked = |(bit, word): &(u32, &String)| label.system_words >> bit & 1 == 1 && !word.is_empty();
        for (_, word) in (0..).zip(words).filter(asked) {
            append = format!("{append} {word}");
        }
        let volume = place.lookup.volumes().get(place.volume);
        let uuid = volume.and_then(|volume| volume.filesystem.uuid.as_ref());
        if let Some(uuid) = uuid.filter(|_| label.system_words & FSUUID != 0) {
            append = format!("{append} FSUUID={uuid}");
        }
        // The first of the final command line is loaded.
        let first = cmdline::words(&append).find(|word| word.name == "initrd").and_then(|word| word.value);
        initrds = first.unwrap_or_default().split(',').map(str::to_owned).collect();
        initrds.retain(|path| !path.is_empty());
    }
    let (kind, mut kernel, problem) = program(label);
    let mut cmdline = match (&label.program, dialect) {
        (Program::Linux(path), Dialect::Syslinux) => {
            format!("BOOT_IMAGE={path} {append}", append = append.trim()).trim_end().to_owned()
        }
        _ => append,
    };
    let mut words = Multiboot::default();
    if kind == Kind::Multiboot {
        (kernel, cmdline, initrds, words) = multiboot(&label.append);
    }
    let mut entry = Entry {
        title: label.title.clone(),
        kind,
        hidden: label.hidden,
        lock: label.lock.clone(),
        problem: problem.map(str::to_owned),
        kernel: kernel.map(|path| place.reference(&path)),
        initrds: initrds.iter().map(|path| place.reference(path)).collect(),
        cmdline,
        multiboot: words,
        devicetree: label.devicetree.as_ref().map(|path| place.reference(path)),
        ..Entry::new(&label.name, place.source(Format::Syslinux, &label.file, Some(label.line)))
    };
    place.check(&mut entry);
    entry
}

/// Arguments of mboot.c32: `kernel words --- module words --- module words`.
fn multiboot(append: &str) -> (Option<String>, String, Vec<String>, Multiboot) {
    let images = append.split(" --- ").map(|image| {
        let (file, words) = statement(image.trim(), &[]);
        (file.to_owned(), MultibootModule { cmdline: words.to_owned(), as_it_is: false })
    });
    let (mut files, mut modules): (Vec<_>, Vec<_>) = images.filter(|(file, _)| !file.is_empty()).unzip();
    if files.is_empty() {
        return Default::default();
    }
    let (kernel, words) = (files.remove(0), modules.remove(0).cmdline);
    (Some(kernel), words, files, Multiboot { version: 1, modules })
}

/// The kind of program that a label starts, and why that cannot be done here.
fn program(label: &Label) -> (Kind, Option<String>, Option<&'static str>) {
    let name = |path: &str| path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    match &label.program {
        Program::Linux(path) if name(path) == "memdisk" => {
            (Kind::Chainload, Some(path.clone()), Some("memdisk is started by the BIOS's own means"))
        }
        Program::Linux(path) => (Kind::Linux, Some(path.clone()), None),
        Program::Menu(_) | Program::Configuration(_) => (Kind::Chainload, None, Some("a menu of its own")),
        Program::LocalBoot => (
            Kind::Chainload,
            None,
            Some("it goes on to the firmware's next boot device; choose that in the firmware"),
        ),
        Program::Other(path) => match &*name(path) {
            "mboot.c32" => (Kind::Multiboot, None, kind_problem(Kind::Multiboot)),
            "reboot.c32" | "poweroff.c32" | "poweroff.com" => {
                (Kind::Firmware, None, Some("a module of the loader, which alone can run it"))
            }
            _ => {
                (Kind::Chainload, Some(path.clone()), Some("a module of the loader, which alone can run it"))
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        discover::testing::{tree, volume, volumes},
        entry::{FileReference, FilesystemKind, Lock, Secret, Source},
    };

    /// Syslinux 6.03, com32/menu/menumain.c: a password is asked for when a key chooses, and none when the time is up.
    #[test]
    fn a_menus_passwords_lock_what_a_person_would_choose() {
        let labels = "label a\nkernel k\nmenu passwd x\nlabel b\nkernel k\nmenu passwd\nlabel c\nkernel k\n";
        for (head, locks, expected) in [
            ("ui menu.c32\ntimeout 50\n", None, "b:"),
            ("ui menu.c32\n", None, "a:x b:"),
            ("ui menu.c32\nmenu master passwd y\n", Some((3, "y".to_owned())), "a:x,y b:y"),
            ("ui menu.c32\nmenu master passwd $4$salt$hash\n", Some((3, String::new())), "a:x b:"),
            ("default a\nmenu master passwd y\n", None, ""),
        ] {
            let found = find(&[("syslinux.cfg", &format!("{head}{labels}")), ("k", ""), ("ldlinux.sys", "")]);
            let secrets = |lock: &Lock| {
                let secrets = lock.passwords.iter().map(|place| match &found.passwords[*place].secret {
                    Secret::Plain(text) => text.as_str(),
                    Secret::Pbkdf2 { .. } => "?",
                });
                secrets.collect::<Vec<_>>().join(",")
            };
            let locked = found.entries.iter().filter_map(|entry| Some((&entry.id, entry.lock.as_ref()?)));
            let locked: Vec<String> = locked.map(|(id, lock)| format!("{id}:{}", secrets(lock))).collect();
            let own = found.lock.as_ref().map(|(count, lock)| (*count, secrets(lock)));
            assert_eq!((own, locked.join(" ").as_str()), (locks, expected), "{head}");
        }
    }

    #[test]
    fn ten_thousand_labels_are_a_menu_and_those_beyond_the_limit_are_told() {
        let text = |count| -> String {
            (0..count).map(|number| format!("label {number}\nlinux /k\nappend {number}\n")).collect()
        };
        let (text, longer) = (text(10_240), text(10_242));
        for path in ["extlinux/extlinux.conf", "syslinux/syslinux.cfg"] {
            let found = find(&[(path, &text), ("k", "")]);
            assert_eq!((found.entries.len(), found.warnings), (10_240, vec![]), "{path}");
            let found = find(&[(path, &longer), ("k", "")]);
            let lost = found.warnings.iter().map(|warning| (warning.line, warning.message.as_str()));
            assert_eq!(
                (found.entries.len(), lost.collect::<Vec<_>>()),
                (10_240, vec![(Some(3 * 10_240 + 1), "only the first 10240 labels are read")])
            );
        }
    }

    fn find(files: &[(&str, &str)]) -> Findings {
        let tree = tree(files);
        let open = volumes(&[(&tree, volume("sda1", FilesystemKind::Ext4))]);
        let mut system_words = vec![String::new(); 18];
        system_words[3] = "CPU=6PXL".into();
        system_words[5] = "SYSPRODUCT=Standard_PC".into();
        Syslinux.find(&open, 0, &Context { system_words, ..Context::default() }).unwrap()
    }

    #[test]
    fn words_about_the_machine_stand_behind_all_in_the_order_of_their_bits() {
        let found = find(&[
            (
                "syslinux.cfg",
                "label a\n kernel k\n append x\n initrd i\n sysappend 0x4003c\nlabel b\n kernel k\n ipappend 0x10\n",
            ),
            ("ldlinux.sys", ""),
            ("k", ""),
            ("i", ""),
        ]);
        let cmdlines: Vec<_> = found.entries.iter().map(|entry| entry.cmdline.as_str()).collect();
        let first = "BOOT_IMAGE=k x initrd=i CPU=6PXL SYSPRODUCT=Standard_PC FSUUID=uuid-sda1";
        assert_eq!(cmdlines, [first, "BOOT_IMAGE=k"]);
        assert_eq!(found.notes, []);
    }

    fn file(path: &str) -> FileReference {
        FileReference::new("sda1".into(), path.into())
    }

    #[test]
    fn an_alpine_menu_is_read_as_extlinux_reads_it() {
        let found = find(&[
            (
                "boot/extlinux.conf",
                "DEFAULT menu.c32\nPROMPT 0\nTIMEOUT 30\nLABEL lts\n MENU LABEL Linux lts\n LINUX vmlinuz-lts\n\
                 INITRD ucode,initramfs-lts\n APPEND root=UUID=1 modules=ext4 quiet\nLABEL gone\n KERNEL /gone\n\
                 LABEL hd\n COM32 chain.c32\n APPEND hd0 1\n",
            ),
            ("boot/ldlinux.sys", ""),
            ("boot/vmlinuz-lts", ""),
            ("boot/initramfs-lts", ""),
            ("boot/ucode", ""),
            ("boot/chain.c32", ""),
        ]);
        let entry = Entry {
            id: "lts".into(),
            title: "Linux lts".into(),
            kind: Kind::Linux,
            source: Source {
                format: Format::Syslinux,
                volume: "sda1".into(),
                path: "/boot/extlinux.conf".into(),
                inside: None,
                line: Some(4),
            },
            kernel: Some(file("/boot/vmlinuz-lts")),
            initrds: vec![file("/boot/ucode"), file("/boot/initramfs-lts")],
            cmdline: "BOOT_IMAGE=vmlinuz-lts root=UUID=1 modules=ext4 quiet initrd=ucode,initramfs-lts"
                .into(),
            ..Entry::default()
        };
        assert_eq!(found.entries[0], entry);
        let rest: Vec<_> =
            found.entries[1..].iter().map(|entry| (entry.kind, entry.problem.as_deref())).collect();
        assert_eq!(
            rest,
            [
                (Kind::Linux, Some("there is no /gone")),
                (Kind::Chainload, Some("a module of the loader, which alone can run it")),
            ]
        );
        assert_eq!((found.default.as_deref(), found.timeout), (Some("lts"), Some(3)));
    }

    #[test]
    fn u_boot_gives_the_kernel_what_the_label_says_and_no_more() {
        let found = find(&[
            (
                "boot/extlinux/extlinux.conf",
                "default l0\ntimeout 50\nlabel l0\n linux ../vmlinuz\n initrd ../initrd\n fdt /dtb/board.dtb\n append root=/dev/sda1 ${x}\n",
            ),
            ("boot/vmlinuz", ""),
            ("boot/initrd", ""),
            ("dtb/board.dtb", ""),
        ]);
        let [entry] = &found.entries[..] else { panic!("{found:?}") };
        assert_eq!(entry.kernel, Some(file("/boot/vmlinuz")));
        assert_eq!(entry.initrds, [file("/boot/initrd")]);
        assert_eq!(entry.devicetree, Some(file("/dtb/board.dtb")));
        assert_eq!(entry.cmdline, "root=/dev/sda1 ");
        assert_eq!((found.default.as_deref(), found.timeout), (Some("l0"), Some(5)));
    }

    #[test]
    fn a_label_may_lead_to_a_configuration_of_its_own() {
        let found = find(&[
            (
                "boot/syslinux/syslinux.cfg",
                "ui menu.c32\nmenu hidden\ntimeout 20\ndefault more\nlabel more\n menu label More\n kernel menu.c32\n append more.cfg\n\
                 label xen\n kernel mboot.c32\n append xen.gz dom0_mem=1G --- vmlinuz root=/dev/sda1 --- initrd\n",
            ),
            (
                "boot/syslinux/more.cfg",
                "default b\nlabel back\n config syslinux.cfg\nlabel b\n linux vmlinuz\n sysappend 0x40001\n append quiet\n",
            ),
            ("boot/syslinux/ldlinux.sys", ""),
            ("boot/syslinux/vmlinuz", ""),
            ("boot/syslinux/xen.gz", ""),
            ("boot/syslinux/initrd", ""),
        ]);
        let [entry, xen] = &found.entries[..] else { panic!("{found:?}") };
        assert_eq!((entry.id.as_str(), &entry.path_in_menu[..]), ("more>b", &["More".to_owned()][..]));
        assert_eq!(entry.cmdline, "BOOT_IMAGE=vmlinuz quiet FSUUID=uuid-sda1");
        assert_eq!(xen.kernel, Some(file("/boot/syslinux/xen.gz")));
        assert_eq!(xen.initrds, [file("/boot/syslinux/vmlinuz"), file("/boot/syslinux/initrd")]);
        assert_eq!((xen.kind, xen.cmdline.as_str()), (Kind::Multiboot, "dom0_mem=1G"));
        let module = |cmdline: &str| MultibootModule { cmdline: cmdline.into(), as_it_is: false };
        let modules = vec![module("root=/dev/sda1"), module("")];
        assert_eq!(xen.multiboot, Multiboot { version: 1, modules });
        assert_eq!((found.default.as_deref(), found.timeout), (Some("more>b"), Some(2)));
        assert_eq!(found.timeout_style, TimeoutStyle::Hidden);
        assert_eq!(found.warnings, []);
    }

    /// menu.c32 that is given a file shows it as a menu (com32/menu/menumain.c, `main`); CONFIG reads it as the loader's own.
    #[test]
    fn a_configuration_that_a_menu_is_told_to_show_is_a_menu() {
        let more =
            "timeout 50\ndefault a\nlabel a\n kernel k\n menu passwd x\nlabel b\n kernel k\n menu passwd y\n";
        for (go, timeout, locked) in
            [("kernel menu.c32\n append more.cfg", 5, &["go>b"][..]), ("config more.cfg", 0, &[])]
        {
            let text = format!("default go\nlabel go\n {go}\n");
            let found = find(&[("syslinux.cfg", &text), ("more.cfg", more), ("k", ""), ("ldlinux.sys", "")]);
            let own = found.entries.iter().filter(|entry| entry.lock.is_some());
            assert_eq!(own.map(|entry| entry.id.as_str()).collect::<Vec<_>>(), locked);
            assert_eq!((found.default.as_deref(), found.timeout), (Some("go>a"), Some(timeout)), "{go}");
        }
    }

    #[test]
    fn an_installer_whose_help_shows_the_menu_again_lists_it_once() {
        let found = find(&[
            ("isolinux/isolinux.cfg", "default vesamenu.c32\ninclude menu.cfg\n"),
            (
                "isolinux/menu.cfg",
                "label install\n kernel k\nmenu begin more\n label expert\n menu default\n kernel k\n append x\nmenu end\n\
                 label help\n config prompt.cfg\ninclude gone.cfg\n",
            ),
            (
                "isolinux/prompt.cfg",
                "prompt 1\ninclude menu.cfg\nlabel new\n kernel k\nlabel menu\n config isolinux.cfg\n",
            ),
            ("isolinux/isolinux.bin", ""),
            ("isolinux/k", ""),
        ]);
        let ids: Vec<_> = found.entries.iter().map(|entry| entry.id.as_str()).collect();
        assert_eq!(ids, ["install", "expert", "help>new"]);
        assert_eq!((found.default.as_deref(), found.warnings), (Some("install"), vec![]));
    }

    #[test]
    fn a_configuration_that_is_led_to_counts_from_the_given_directory() {
        let found = find(&[
            (
                "isolinux/isolinux.cfg",
                "default go\nlabel go\n config /rescue/boot/menu.cfg\n append /rescue/\n",
            ),
            (
                "rescue/boot/menu.cfg",
                "ui vesamenu.c32\ntimeout 900\nlabel first\n linux boot/vmlinuz\n initrd boot/a.img,boot/b.img\ninclude boot/more.cfg\n",
            ),
            ("rescue/boot/more.cfg", "label second\n linux ../rescue/boot/vmlinuz\n"),
            ("rescue/boot/vmlinuz", ""),
            ("rescue/boot/a.img", ""),
            ("rescue/boot/b.img", ""),
        ]);
        let [first, second] = &found.entries[..] else { panic!("{found:?}") };
        assert_eq!(first.kernel, Some(file("/rescue/boot/vmlinuz")));
        assert_eq!(first.initrds, [file("/rescue/boot/a.img"), file("/rescue/boot/b.img")]);
        assert_eq!((second.kernel.clone(), second.problem.as_deref()), (first.kernel.clone(), None));
        assert_eq!((found.default.as_deref(), found.timeout), (Some("go>first"), Some(90)));
    }

    #[test]
    fn pxelinux_counts_from_above_its_configurations() {
        let found = find(&[("pxelinux.cfg/default", "label a\n kernel boot/linux\n"), ("boot/linux", "")]);
        assert_eq!(found.entries[0].kernel, Some(file("/boot/linux")));
        assert_eq!(found.entries[0].source.path, "/pxelinux.cfg/default");
    }

    #[test]
    fn an_iso_whose_menu_is_in_pieces_is_put_together() {
        let found = find(&[
            ("isolinux/isolinux.cfg", "include menu.cfg\nui vesamenu.c32\ninclude gone.cfg\n"),
            (
                "isolinux/menu.cfg",
                "default live\nlabel live\n kernel /live/vmlinuz\n append initrd=/live/initrd.img boot=live\n",
            ),
            ("live/vmlinuz", ""),
            ("live/initrd.img", ""),
        ]);
        let [entry] = &found.entries[..] else { panic!("{found:?}") };
        assert_eq!(entry.cmdline, "BOOT_IMAGE=/live/vmlinuz initrd=/live/initrd.img boot=live");
        assert_eq!(entry.initrds, [file("/live/initrd.img")]);
        assert_eq!((entry.source.path.as_str(), entry.source.line), ("/isolinux/menu.cfg", Some(2)));
        assert_eq!(found.warnings, []);
    }
}
