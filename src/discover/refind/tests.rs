//! Menus made of configurations and kernels on made-up volumes.

use std::{
    fs::File,
    time::{Duration, SystemTime},
};

use tempfile::TempDir;

use super::*;
use crate::{
    discover::testing::{tree, volume, volumes},
    entry::{FileReference, FilesystemKind, Partition, PartitionTable, Source},
    formats::lookup::{MENU_LIMIT, too_large},
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

const LINUX_CONF: &str = "\"Normal\" \"ro root=LABEL=Root %v\"\n\"Single\" \"single initrd=/boot/own.img\"\n";

#[test]
fn the_entries_of_all_directories_together_are_bounded() {
    let files: Vec<(String, &str)> = (0..20)
        .flat_map(|directory| {
            (0..64).map(move |kernel| (format!("EFI/{directory:02}/vmlinuz-{kernel:02}"), "MZ"))
        })
        .collect();
    let mut esp: Vec<(&str, &str)> = files.iter().map(|(path, content)| (path.as_str(), *content)).collect();
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
        let refind_previous = variable.map(String::from);
        let mut root_volume = volume("sda2", FilesystemKind::Ext4);
        root_volume.filesystem.label = Some("Root".into());
        let own = volume("sda1", FilesystemKind::Vfat);
        let context = Context { refind_previous, ..Context::default() };
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
        let context = Context { refind_previous: Some(previous.into()), ..Context::default() };
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
fn what_cannot_be_read_is_a_warning() {
    let root = root(&[]);
    let warnings = |conf: &str| {
        let found = find(&[("EFI/refind/refind.conf", conf)], &root, 0).unwrap();
        found.warnings.into_iter().map(|it| (it.path, it.line, it.message)).collect::<Vec<_>>()
    };
    let path = "/EFI/refind/refind.conf".to_owned();
    assert_eq!(warnings("include theme.conf"), [(path.clone(), Some(1), "theme.conf: no such file".into())]);
    let lines = (MENU_LIMIT / 4) as u32;
    assert_eq!(warnings(&"# x\n".repeat(3 << 20)), [(path, Some(lines), too_large(MENU_LIMIT))]);
}
