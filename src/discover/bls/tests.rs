//! Menus as systemd-boot and GRUB would show them, from made-up volumes.

use std::fs;

use crate::{
    discover::{
        finder::{Context, Finder, Findings, Note, NoteAction},
        testing::{tree, volume, volumes},
    },
    entry::{Entry, FileReference, FilesystemKind, Format, Kind, Source, Volume},
    formats::{bzimage::HEADER_LENGTH, testing::pe::image},
};

use super::Bls;

const ESP: &str = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b";
const XBOOTLDR: &str = "bc13c2ff-59e6-4262-a352-b275fd6f7172";

/// A partition of a type.
fn typed(name: &str, type_id: &str) -> Volume {
    let mut volume = volume(name, FilesystemKind::Vfat);
    volume.device.partition.as_mut().unwrap().type_id = Some(type_id.into());
    volume
}

fn find(trees: &[(&[(&str, &str)], Volume)], place: usize) -> Option<Findings> {
    let trees: Vec<_> = trees.iter().map(|(files, volume)| (tree(files), volume.clone())).collect();
    let open = volumes(&trees.iter().map(|(tree, volume)| (tree, volume.clone())).collect::<Vec<_>>());
    Bls.find(&open, place, &Context { efi: true, ..Context::default() })
}

fn file(volume: &str, path: &str) -> FileReference {
    FileReference::new(volume.into(), path.into())
}

const DEBIAN: &str = "title Debian\nversion 6.1.0-9\nsort-key debian\noptions root=UUID=1 ro\n\
                      linux /debian/linux\ninitrd /debian//ucode\ninitrd debian/initrd\n";

#[test]
fn systemd_boot_shows_the_esp_and_xbootldr_as_one_menu() {
    let esp: &[(&str, &str)] = &[
        ("loader/loader.conf", "timeout 3\ndefault arch*\n"),
        ("loader/entries/arch+2-1.conf", "title Arch\nlinux \\vmlinuz\ndevicetree board.dtb\n"),
        ("loader/entries/gone.conf", "title Gone\nlinux /gone\n"),
        ("loader/entries/note.txt", "linux /vmlinuz"),
        ("vmlinuz", ""),
    ];
    let boot: &[(&str, &str)] = &[
        ("loader/entries/debian.conf", DEBIAN),
        ("debian/linux", ""),
        ("debian/ucode", "u"),
        ("debian/initrd", "i"),
    ];
    let disk = [(esp, typed("sda1", ESP)), (boot, typed("sda2", XBOOTLDR)), (boot, typed("sdb1", XBOOTLDR))];
    let entry = |id: &str, title: &str, volume: &str, path: &str| Entry {
        id: id.into(),
        title: title.into(),
        kind: Kind::Linux,
        source: Source {
            format: Format::Bls,
            volume: volume.into(),
            path: format!("/loader/entries/{path}"),
            inside: None,
            line: None,
        },
        ..Entry::default()
    };
    let expected = Findings {
        entries: vec![
            Entry {
                kernel: Some(file("sda2", "/debian/linux")),
                initrds: vec![file("sda2", "/debian/ucode"), file("sda2", "/debian/initrd")],
                cmdline: "initrd=\\debian\\ucode initrd=debian\\initrd root=UUID=1 ro".into(),
                version: Some("6.1.0-9".into()),
                ..entry("debian", "Debian", "sda2", "debian.conf")
            },
            Entry {
                kernel: Some(file("sda1", "/gone")),
                hidden: true,
                problem: Some("there is no /gone".into()),
                ..entry("gone", "Gone", "sda1", "gone.conf")
            },
            Entry {
                kernel: Some(file("sda1", "/vmlinuz")),
                devicetree: Some(file("sda1", "/board.dtb")),
                tries_left: Some(2),
                ..entry("arch", "Arch", "sda1", "arch+2-1.conf")
            },
        ],
        default: Some("arch".into()),
        timeout: Some(3),
        notes: vec![Note {
            action: NoteAction::Used,
            volume: "sda1".into(),
            path: "/loader/loader.conf".into(),
            message: "systemd-boot's settings".into(),
        }],
        ..Findings::default()
    };
    assert_eq!(find(&disk, 0), Some(expected));
    assert_eq!(find(&disk, 1), None, "the ESP of the same disk has shown it");
    assert_eq!(find(&disk, 2).unwrap().entries.len(), 1, "its disk has no ESP");
}

#[test]
fn titles_that_are_the_same_are_made_different() {
    let files: &[(&str, &str)] = &[
        ("loader/entries.srel", "type1\n"),
        ("loader/entries/a.conf", "title Linux\nversion 1\nlinux /k"),
        ("loader/entries/b.conf", "title Linux\nversion 2\nmachine-id 0123456789abcdef\nlinux /k"),
        ("loader/entries/c.conf", "title Linux\nversion 2\nmachine-id fedcba9876543210\nlinux /k"),
        ("loader/entries/d.conf", "title Linux\nversion 2\nlinux /k"),
        ("loader/entries/e.conf", "title Linux\nversion 2\nlinux /k"),
        ("loader/entries/F.conf", "linux /k"),
        // One that is not in the menu makes no other title longer, and one that systemd-boot makes by itself does.
        ("loader/entries/G.conf", "title Once\nlinux /k"),
        ("loader/entries/H.conf", "title Once\nlinux /gone"),
        ("loader/entries/I.conf", "title Windows Boot Manager\nversion 10\nlinux /k"),
        ("EFI/Microsoft/Boot/bootmgfw.efi", "MZ"),
        ("k", ""),
    ];
    let found = find(&[(files, volume("sda1", FilesystemKind::Vfat))], 0).unwrap();
    let titles: Vec<_> =
        found.entries.iter().map(|entry| (entry.id.as_str(), entry.title.as_str())).collect();
    assert_eq!(
        titles,
        [
            ("I", "Windows Boot Manager (10)"),
            ("H", "Once"),
            ("G", "Once"),
            ("F", "f.conf"),
            ("e", "Linux (2) (e.conf)"),
            ("d", "Linux (2) (d.conf)"),
            ("c", "Linux (2) (fedcba98)"),
            ("b", "Linux (2) (01234567)"),
            ("a", "Linux (1)"),
            ("auto-windows", "Windows Boot Manager"),
        ]
    );
    assert_eq!((found.default.as_deref(), found.timeout), (Some("I"), Some(0)));
}

#[test]
fn entries_that_cannot_be_booted_are_shown_with_the_reason() {
    let files: &[(&str, &str)] = &[
        ("boot/loader/loader.conf", "default v*\ntimeout menu-force"),
        ("boot/loader/entries/z.conf", "linux /k\narchitecture m68k"),
        ("boot/loader/entries/y.conf", "linux /k\ninitrd /gone"),
        ("boot/loader/entries/x.conf", "linux /k\nefi /k"),
        ("boot/loader/entries/w.conf", "linux /k\narchitecture X64\narchitecture AA64"),
        ("boot/loader/entries/v.conf", "title ok\nlinux /k"),
        ("boot/k", ""),
    ];
    let found = find(&[(files, volume("sda1", FilesystemKind::Ext4))], 0).unwrap();
    let problems: Vec<_> = found
        .entries
        .iter()
        .map(|entry| (entry.id.as_str(), entry.hidden, entry.problem.as_deref()))
        .filter(|(id, ..)| *id != "w")
        .collect();
    let own = if cfg!(target_arch = "x86_64") { "x64" } else { "aa64" };
    assert_eq!(
        problems,
        [
            ("z", true, Some(&*format!("it is for m68k, this is {own}"))),
            ("y", false, Some("there is no /boot/gone")),
            ("v", false, None),
        ]
    );
    assert_eq!(
        found.warnings.iter().map(|warning| warning.path.as_str()).collect::<Vec<_>>(),
        ["/boot/loader/entries/x.conf"]
    );
    assert_eq!((found.default.as_deref(), found.timeout), (Some("v"), None));
}

#[test]
fn the_default_is_what_systemd_boot_would_boot_whoever_can_start_it() {
    let linux = ("loader/entries/linux.conf", "linux /k");
    let shell = ("loader/entries/shell.conf", "sort-key a\nefi /shell.efi");
    let others = [("EFI/Microsoft/Boot/bootmgfw.efi", "MZ"), ("shell.efi", "MZ"), ("k", "")];
    for (loader, entries, default) in [
        ("default auto-windows", &[linux][..], "auto-windows"),
        ("default shell.conf", &[linux, shell], "shell"),
        ("default nothing", &[linux, shell], "shell"),
        ("", &[linux, shell], "shell"),
        ("", &[linux], "linux"),
        ("default gone.conf", &[linux, ("loader/entries/gone.conf", "linux /gone")], "linux"),
    ] {
        let files = [&[("loader/loader.conf", loader)], entries, &others].concat();
        let found = find(&[(&files, typed("sda1", ESP))], 0).unwrap();
        assert_eq!(found.default.as_deref(), Some(default), "{loader} {entries:?}");
    }
}

#[test]
fn an_efi_program_that_is_linux_is_loaded_as_linux() {
    let files = tree(&[
        ("loader/entries/linux.conf", "efi /kernel.efi\noptions ro initrd=\\a initrd=b"),
        ("loader/entries/shell.conf", "efi /shell.efi"),
        ("shell.efi", "MZ"),
        ("a", ""),
        ("b", ""),
    ]);
    let mut kernel = vec![0; HEADER_LENGTH];
    kernel[0x1fe..0x200].copy_from_slice(&[0x55, 0xaa]);
    kernel[0x202..0x208].copy_from_slice(b"HdrS\x0f\x02");
    fs::write(files.path().join("kernel.efi"), kernel).unwrap();
    let found = Bls
        .find(&volumes(&[(&files, typed("sda1", ESP))]), 0, &Context { efi: true, ..Context::default() })
        .unwrap();
    let [shell, linux] = &found.entries[..] else { panic!("{found:?}") };
    assert_eq!((linux.kind, linux.cmdline.as_str()), (Kind::Linux, "ro initrd=\\a initrd=b"));
    assert_eq!(linux.initrds, [file("sda1", "/a"), file("sda1", "/b")]);
    assert_eq!(shell.kind, Kind::Chainload);
}

#[test]
fn unified_kernel_images_stand_in_the_same_menu() {
    let files = tree(&[
        ("loader/loader.conf", "default *@rescue\ntimeout 2"),
        ("loader/entries/uki.conf", "title By entry\nuki /EFI/Linux/arch.efi\noptions own"),
        ("loader/entries/plain.conf", "title Plain\nuki /EFI/Linux/arch.efi"),
        ("EFI/Linux/shell.efi", "MZ"),
    ]);
    let release = "PRETTY_NAME=\"Arch Linux\"\nID=arch\nVERSION_ID=1\n";
    let sections: &[(&[u8; 8], &str)] = &[
        (b".osrel\0\0", release),
        (b".cmdline", "root=LABEL=a rw\n"),
        (b".linux\0\0", "kernel"),
        (b".profile", "ID=main\n"),
        (b".profile", "ID=rescue\nTITLE=Rescue\n"),
        (b".cmdline", "rescue"),
    ];
    fs::write(files.path().join("EFI/Linux/arch.efi"), image(sections)).unwrap();
    fs::write(files.path().join("EFI/Linux/arch-old+0-3.efi"), image(&sections[..3])).unwrap();
    let found = Bls
        .find(&volumes(&[(&files, typed("sda1", ESP))]), 0, &Context { efi: true, ..Context::default() })
        .unwrap();
    let summary: Vec<_> = found
        .entries
        .iter()
        .map(|entry| (entry.id.as_str(), entry.title.as_str(), entry.cmdline.as_str(), entry.source.format))
        .collect();
    assert_eq!(
        summary,
        [
            ("arch", "Arch Linux (1) (arch.efi)", "root=LABEL=a rw", Format::Uki),
            ("arch@rescue", "Arch Linux (Rescue)", "rescue", Format::Uki),
            ("uki", "By entry", "own", Format::Bls),
            ("plain", "Plain", "root=LABEL=a rw", Format::Bls),
            ("arch-old", "Arch Linux (1) (arch-old.efi)", "root=LABEL=a rw", Format::Uki),
        ]
    );
    assert!(found.entries.iter().all(|entry| entry.kind == Kind::Uki && entry.problem.is_none()));
    assert_eq!(found.entries[4].tries_left, Some(0));
    assert_eq!((found.default.as_deref(), found.timeout), (Some("arch@rescue"), Some(2)));
    assert_eq!(
        found.warnings.iter().map(|warning| warning.path.as_str()).collect::<Vec<_>>(),
        ["/EFI/Linux/shell.efi"]
    );
}

#[test]
fn fedoras_directory_is_read_by_grubs_rules() {
    let files: &[(&str, &str)] = &[
        (
            "loader/entries/0123-6.5.6-300.fc39.conf",
            "title Fedora\nversion 6.5.6\nlinux /vmlinuz-6.5.6\ninitrd /i-6.5.6 $tuned_initrd\n\
             options root=UUID=1 ro $tuned_params rhgb\ngrub_users $grub_users\n\noptions lost\n",
        ),
        ("loader/entries/0123-6.5.12-300.fc39.conf", "linux /vmlinuz-6.5.12\ninitrd /i-6.5.12\n"),
        ("loader/entries/0123-0-rescue.conf", "title Rescue\nlinux /vmlinuz-0-rescue\n"),
        ("vmlinuz-6.5.6", ""),
        ("i-6.5.6", ""),
        ("vmlinuz-6.5.12", ""),
        ("vmlinuz-0-rescue", ""),
    ];
    let found = find(&[(files, volume("sda2", FilesystemKind::Ext4))], 0).unwrap();
    let summary: Vec<_> = found
        .entries
        .iter()
        .map(|entry| (entry.title.as_str(), entry.cmdline.as_str(), entry.problem.as_deref()))
        .collect();
    assert_eq!(
        summary,
        [
            ("/vmlinuz-6.5.12", "BOOT_IMAGE=(hd0,gpt2)/vmlinuz-6.5.12", Some("there is no /i-6.5.12")),
            ("Fedora", "BOOT_IMAGE=(hd0,gpt2)/vmlinuz-6.5.6 root=UUID=1 ro rhgb", None),
            ("Rescue", "BOOT_IMAGE=(hd0,gpt2)/vmlinuz-0-rescue", None),
        ]
    );
    assert_eq!(found.entries[1].initrds, [file("sda2", "/i-6.5.6")]);
    assert_eq!((found.default.as_deref(), found.timeout), (Some("0123-6.5.12-300.fc39"), None));
}

#[test]
fn what_grub_cfg_reads_is_left_to_it() {
    let files: &[(&str, &str)] =
        &[("grub2/grub.cfg", "blscfg"), ("loader/entries/a.conf", "linux /k"), ("k", "")];
    assert_eq!(find(&[(files, volume("sda2", FilesystemKind::Ext4))], 0), None);
    assert_eq!(find(&[(&[("vmlinuz", "")], volume("sda2", FilesystemKind::Ext4))], 0), None);
}
