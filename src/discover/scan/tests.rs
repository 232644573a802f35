//! Whole findings for made-up volumes, named after the distributions whose layout they have.

use super::*;
use crate::{
    discover::{
        Volumes,
        testing::{tree, volume, volumes},
    },
    entry::FilesystemKind::{Btrfs, Ext4, Vfat, Zfs},
};

/// Paths and contents.
type Files = &'static [(&'static str, &'static str)];

/// A kernel and its initrds.
type Pair = (&'static str, &'static [&'static str]);

const DEBIAN: Files = &[
    ("boot/vmlinuz-6.1.0-9-amd64", ""),
    ("boot/initrd.img-6.1.0-9-amd64", ""),
    ("boot/vmlinuz-6.1.0-18-amd64", ""),
    ("boot/initrd.img-6.1.0-18-amd64", ""),
    ("boot/config-6.1.0-18-amd64", ""),
    ("vmlinuz", "-> boot/vmlinuz-6.1.0-18-amd64"),
    ("initrd.img", "-> boot/initrd.img-6.1.0-18-amd64"),
    ("etc/os-release", "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n"),
    ("etc/fstab", "UUID=uuid-sda2 / ext4 errors=remount-ro 0 1\n"),
    ("etc/default/grub", "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\nGRUB_CMDLINE_LINUX=\"console=ttyS0\"\n"),
];

/// Kernel, initrds and command line of each entry.
fn paired(lookup: &Volumes, place: usize) -> Vec<(String, Vec<String>, String)> {
    let findings = scan(lookup, place, &[]).unwrap();
    let pair = |entry: Entry| {
        (
            entry.kernel.unwrap().path,
            entry.initrds.into_iter().map(|initrd| initrd.path).collect(),
            entry.cmdline,
        )
    };
    findings.entries.into_iter().map(pair).collect()
}

fn pair(kernel: &str, initrds: &[&str], cmdline: &str) -> (String, Vec<String>, String) {
    (kernel.into(), initrds.iter().map(|path| (*path).into()).collect(), cmdline.into())
}

#[test]
fn debian_boots_its_newest_kernel() {
    let tree = tree(DEBIAN);
    let lookup = volumes(&[(&tree, volume("sda2", Ext4))]);
    let findings = scan(&lookup, 0, &[]).unwrap();
    let cmdline = "root=UUID=uuid-sda2 ro console=ttyS0 quiet";
    let reference = |path: &str| FileReference::new("sda2".into(), path.into());
    let entry = |version: &str| Entry {
        id: format!("/boot/vmlinuz-{version}"),
        title: format!("Debian GNU/Linux 12 (bookworm), with Linux {version}"),
        kind: Kind::Linux,
        source: Source {
            format: Format::Scan,
            volume: "sda2".into(),
            path: format!("/boot/vmlinuz-{version}"),
            inside: None,
            line: None,
        },
        kernel: Some(reference(&format!("/boot/vmlinuz-{version}"))),
        initrds: vec![reference(&format!("/boot/initrd.img-{version}"))],
        cmdline: cmdline.into(),
        version: Some(version.into()),
        ..Entry::default()
    };
    assert_eq!(findings.entries, [entry("6.1.0-18-amd64"), entry("6.1.0-9-amd64")]);
    assert_eq!(findings.default.as_deref(), Some("/boot/vmlinuz-6.1.0-18-amd64"));
    assert_eq!((findings.timeout, findings.warnings), (Some(5), vec![]));
    let notes: Vec<_> = findings.notes.iter().map(|note| (note.action, note.path.as_str())).collect();
    let expected = [
        (NoteAction::PassedOver, "/vmlinuz"),
        (NoteAction::Guessed, "/etc/fstab"),
        (NoteAction::Guessed, "/etc/default/grub"),
        (NoteAction::Guessed, "/boot/vmlinuz-6.1.0-18-amd64"),
        (NoteAction::Guessed, "/boot/vmlinuz-6.1.0-9-amd64"),
    ];
    assert_eq!(notes, expected);
}

#[test]
fn distributions_pair_by_their_own_names() {
    let fstab = ("etc/fstab", "UUID=u / ext4 defaults 0 1\n");
    let cases: [(&str, Files, Pair); 12] = [
        (
            "arch",
            &[
                ("boot/vmlinuz-linux-lts", ""),
                ("boot/initramfs-linux-lts.img", ""),
                ("boot/initramfs-linux-lts-fallback.img", ""),
                ("boot/amd-ucode.img", ""),
                ("boot/intel-ucode.img", ""),
            ],
            (
                "/boot/vmlinuz-linux-lts",
                &["/boot/intel-ucode.img", "/boot/amd-ucode.img", "/boot/initramfs-linux-lts.img"],
            ),
        ),
        (
            "alpine",
            &[("boot/vmlinuz-virt", ""), ("boot/initramfs-virt", "")],
            ("/boot/vmlinuz-virt", &["/boot/initramfs-virt"]),
        ),
        (
            "gentoo",
            &[("boot/kernel-genkernel-x86_64-6.6.1", ""), ("boot/initramfs-genkernel-x86_64-6.6.1", "")],
            ("/boot/kernel-genkernel-x86_64-6.6.1", &["/boot/initramfs-genkernel-x86_64-6.6.1"]),
        ),
        (
            "opensuse",
            &[
                ("boot/vmlinuz-6.4.0-default", "-> ../usr/lib/modules/6.4.0-default/vmlinuz"),
                ("usr/lib/modules/6.4.0-default/vmlinuz", ""),
                ("boot/initrd-6.4.0-default", ""),
                ("boot/vmlinuz", "-> vmlinuz-6.4.0-default"),
            ],
            ("/boot/vmlinuz-6.4.0-default", &["/boot/initrd-6.4.0-default"]),
        ),
        (
            "fedora without /boot/vmlinuz",
            &[("usr/lib/modules/6.8.1.x86_64/vmlinuz", ""), ("boot/initramfs-6.8.1.x86_64.img", "")],
            ("/usr/lib/modules/6.8.1.x86_64/vmlinuz", &["/boot/initramfs-6.8.1.x86_64.img"]),
        ),
        (
            "ostree",
            &[
                ("usr/lib/modules/6.8.1.x86_64/vmlinuz", ""),
                ("usr/lib/modules/6.8.1.x86_64/initramfs.img", ""),
            ],
            ("/usr/lib/modules/6.8.1.x86_64/vmlinuz", &["/usr/lib/modules/6.8.1.x86_64/initramfs.img"]),
        ),
        (
            "kernel-install",
            &[
                ("boot/0123456789abcdef0123456789abcdef/6.9.2/linux", ""),
                ("boot/0123456789abcdef0123456789abcdef/6.9.2/initrd", ""),
            ],
            (
                "/boot/0123456789abcdef0123456789abcdef/6.9.2/linux",
                &["/boot/0123456789abcdef0123456789abcdef/6.9.2/initrd"],
            ),
        ),
        (
            "kernel-install with a token of its own on /boot",
            &[
                ("boot/debian/6.9.2/linux", ""),
                ("boot/debian/6.9.2/initrd", ""),
                ("boot/grub/fonts/linux", ""),
            ],
            ("/boot/debian/6.9.2/linux", &["/boot/debian/6.9.2/initrd"]),
        ),
        (
            "kernel-install on a volume of its own",
            &[
                ("Default/6.9.2/linux", ""),
                ("Default/6.9.2/microcode.cpio", ""),
                ("Default/6.9.2/initrd", ""),
            ],
            ("/Default/6.9.2/linux", &["/Default/6.9.2/microcode.cpio", "/Default/6.9.2/initrd"]),
        ),
        (
            "only links, as after a failed upgrade",
            &[
                ("vmlinuz", "-> boot/odd-name"),
                ("initrd.img", "-> boot/odd-initrd"),
                ("boot/odd-name", ""),
                ("boot/odd-initrd", ""),
            ],
            ("/vmlinuz", &["/initrd.img"]),
        ),
        (
            "slackware",
            &[("boot/vmlinuz-generic-5.15.19", ""), ("boot/initrd.gz", "")],
            ("/boot/vmlinuz-generic-5.15.19", &["/boot/initrd.gz"]),
        ),
        (
            "void",
            &[("boot/vmlinuz-6.6.1_1", ""), ("boot/initramfs-6.6.1_1.img", "")],
            ("/boot/vmlinuz-6.6.1_1", &["/boot/initramfs-6.6.1_1.img"]),
        ),
    ];
    for (name, files, (kernel, initrds)) in cases {
        let tree = tree(&[files, &[fstab]].concat());
        let lookup = volumes(&[(&tree, volume("sda2", Ext4))]);
        assert_eq!(paired(&lookup, 0), [pair(kernel, initrds, "root=UUID=u ro")], "{name}");
    }
}

#[test]
fn the_root_comes_from_the_best_witness() {
    let kernel: &[(&str, &str)] = &[("boot/vmlinuz-6.1", ""), ("boot/initrd.img-6.1", "")];
    let fstab = ("etc/fstab", "LABEL=top / btrfs subvol=/@sys,compress 0 0\n");
    let grub =
        ("etc/default/grub", "GRUB_CMDLINE_LINUX=\"a=1\"\nGRUB_CMDLINE_LINUX_DEFAULT='quiet splash'\n");
    let snippet = ("etc/default/grub.d/50-cloud.cfg", "GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX b=2\"\n");
    let complete = ("etc/kernel/cmdline", "# comment\nroot=UUID=own  rw\nquiet\n");
    let pieces = ("etc/cmdline.d/root.conf", "root=UUID=pieces\n");
    let more = ("etc/cmdline.d/z.conf", "# comment\nquiet\n");
    let number = ("etc/fstab", "LABEL=top / btrfs subvolid=257 0 0\n");
    let cases: [(&[(&str, &str)], &str); 9] = [
        (&[pieces, more, fstab], "root=UUID=pieces quiet"),
        (&[number], "root=LABEL=top rootflags=subvolid=257 ro"),
        (&[complete, grub, fstab], "root=UUID=own rw quiet"),
        (&[grub, snippet, fstab], "root=LABEL=top rootflags=subvol=@sys ro a=1 b=2 quiet splash"),
        (&[fstab], "root=LABEL=top rootflags=subvol=@sys ro"),
        (&[("etc/fstab", "/dev/mapper/vg-root / ext4 x 0 0\n")], "root=/dev/mapper/vg-root ro"),
        (&[("etc/fstab", "/dev/sdx9 / ext4 x 0 0\n")], "root=UUID=uuid-sda2 ro"),
        (&[("etc/os-release", "ID=x\n")], "root=UUID=uuid-sda2 ro"),
        (&[], ""),
    ];
    for (files, cmdline) in cases {
        let tree = tree(&[kernel, files].concat());
        let lookup = volumes(&[(&tree, volume("sda2", Ext4))]);
        assert_eq!(
            paired(&lookup, 0),
            [pair("/boot/vmlinuz-6.1", &["/boot/initrd.img-6.1"], cmdline)],
            "{files:?}"
        );
    }
}

#[test]
fn alpine_gets_modules_and_file_system() {
    let files: Files = &[
        ("boot/vmlinuz-lts", ""),
        ("boot/initramfs-lts", ""),
        ("etc/os-release", "ID=alpine\n"),
        ("etc/fstab", "UUID=u / ext4 rw,relatime 0 1\n"),
    ];
    let own = (
        "etc/update-extlinux.conf",
        "default_kernel_opts=\"quiet rootfstype=ext4\"\nmodules=sd-mod,ext4\nroot=UUID=own\n",
    );
    for (files, cmdline) in [
        (files.to_vec(), "root=UUID=u modules=sd-mod,usb-storage,nvme,ext4 quiet rootfstype=ext4"),
        ([files, &[own]].concat(), "root=UUID=own modules=sd-mod,ext4 quiet rootfstype=ext4"),
    ] {
        let tree = tree(&files);
        let lookup = volumes(&[(&tree, volume("sda2", Ext4))]);
        assert_eq!(paired(&lookup, 0), [pair("/boot/vmlinuz-lts", &["/boot/initramfs-lts"], cmdline)]);
    }
}

#[test]
fn an_entry_elsewhere_for_the_same_system_knows_the_words_best() {
    let boot = tree(&[
        ("boot/vmlinuz-6.2", ""),
        ("boot/initrd.img-6.2", ""),
        ("etc/fstab", "UUID=x / ext4 x 0 0\n"),
    ]);
    let lookup = volumes(&[(&boot, volume("sda2", Ext4))]);
    let reference = |path: &str| FileReference::new("sda1".into(), path.into());
    let source = Source { format: Format::Bls, ..scan(&lookup, 0, &[]).unwrap().entries[0].source.clone() };
    let mut entry = Entry::new(
        "other",
        Source { volume: "sda1".into(), path: "/loader/entries/a.conf".into(), ..source },
    );
    entry.kernel = Some(reference("/linux"));
    entry.initrds = vec![reference("/initrd")];
    for (words, cmdline) in [
        ("BOOT_IMAGE=/linux root=UUID=uuid-sda2 a=1 initrd=\\x quiet", "root=UUID=uuid-sda2 a=1 quiet"),
        ("root=PARTUUID=PART-SDA2 rw", "root=PARTUUID=PART-SDA2 rw"),
        ("root=UUID=another quiet", "root=UUID=x ro"),
    ] {
        entry.cmdline = words.into();
        let findings = scan(&lookup, 0, &[&entry]).unwrap();
        assert_eq!(findings.entries[0].cmdline, cmdline);
    }
}

// As OpenZFS's manual has Debian say it, as the initrds of each distribution read it (formats: grub-mkconfig's 10_linux,
// ZFSBootMenu).
#[test]
fn a_root_on_zfs_is_named_by_its_dataset_or_reported_missing() {
    let kernel: &[(&str, &str)] = &[("boot/vmlinuz-6.1", ""), ("boot/initrd.img-6.1", "")];
    let fstab = ("etc/fstab", "rpool/ROOT/debian / zfs defaults 0 0\n");
    let grub = ("etc/default/grub", "GRUB_CMDLINE_LINUX=\"root=ZFS=rpool/ROOT/own\"\n");
    let (debian, arch) = (("etc/os-release", "ID=debian\n"), ("etc/os-release", "ID=arch\n"));
    let cases: [(&[(&str, &str)], &str); 4] = [
        (&[fstab, debian], "root=ZFS=rpool/ROOT/debian ro"),
        (&[fstab, arch], "zfs=rpool/ROOT/debian ro"),
        (&[grub, debian], "ro root=ZFS=rpool/ROOT/own"),
        (&[debian], ""),
    ];
    for (files, cmdline) in cases {
        let tree = tree(&[kernel, files].concat());
        let lookup = volumes(&[(&tree, volume("sda2", Zfs))]);
        let expected = [pair("/boot/vmlinuz-6.1", &["/boot/initrd.img-6.1"], cmdline)];
        assert_eq!(paired(&lookup, 0), expected, "{files:?}");
    }
    let tree = tree(&[kernel, &[debian]].concat());
    let findings = scan(&volumes(&[(&tree, volume("sda2", Zfs))]), 0, &[]).unwrap();
    let notes: Vec<&str> = findings.notes.iter().map(|note| note.message.as_str()).collect();
    assert!(notes[0].contains("it takes root=ZFS=POOL/DATASET"), "{notes:?}");
    assert!(notes[1].contains("their initrd must know"), "{notes:?}");
}

#[test]
fn opensuse_boots_from_the_default_subvolume_and_not_what_is_for_debugging() {
    let tree = tree(&[
        ("@/.snapshots/1/snapshot/boot/vmlinuz-6.3.0-1-default", ""),
        ("@/.snapshots/1/snapshot/etc/os-release", "ID=opensuse-leap\nID_LIKE=\"suse opensuse\"\n"),
        ("@/.snapshots/2/snapshot/boot/vmlinuz-6.4.0-10-default", ""),
        ("@/.snapshots/2/snapshot/boot/initrd-6.4.0-10-default", ""),
        ("@/.snapshots/2/snapshot/boot/vmlinuz-6.4.0-9-default", ""),
        ("@/.snapshots/2/snapshot/boot/initrd-6.4.0-9-default", ""),
        ("@/.snapshots/2/snapshot/boot/vmlinux-6.4.0-10-default.gz", ""),
        ("@/.snapshots/2/snapshot/etc/os-release", "ID=opensuse-leap\nID_LIKE=\"suse opensuse\"\n"),
        (
            "@/.snapshots/2/snapshot/etc/fstab",
            "UUID=u / btrfs defaults 0 0\nUUID=u /home btrfs subvol=/@/home 0 0\n",
        ),
        ("@/home/x", ""),
    ]);
    let mut known = volume("sda2", Btrfs);
    known.subvolume = Some("/@/.snapshots/2/snapshot".into());
    let boot = "/@/.snapshots/2/snapshot/boot";
    let expected = ["6.4.0-10", "6.4.0-9"].map(|version| {
        let initrd = format!("{boot}/initrd-{version}-default");
        pair(&format!("{boot}/vmlinuz-{version}-default"), &[&initrd], "root=UUID=u ro")
    });
    assert_eq!(paired(&volumes(&[(&tree, known)]), 0), expected);
}

#[test]
fn pacmans_kernel_beside_its_modules_is_the_one_in_boot() {
    let copy: &[(&str, &str)] = &[
        ("usr/lib/modules/6.9.1-arch1-1/vmlinuz", ""),
        ("usr/lib/modules/6.9.1-arch1-1/pkgbase", "linux\n"),
    ];
    let boot: &[(&str, &str)] = &[("boot/initramfs-linux.img", ""), ("etc/fstab", "UUID=u / ext4 x 0 0\n")];
    for (files, kernel) in [
        ([copy, boot].concat(), "/usr/lib/modules/6.9.1-arch1-1/vmlinuz"),
        ([copy, boot, &[("boot/vmlinuz-linux", "")]].concat(), "/boot/vmlinuz-linux"),
    ] {
        let tree = tree(&files);
        let lookup = volumes(&[(&tree, volume("sda2", Ext4))]);
        assert_eq!(paired(&lookup, 0), [pair(kernel, &["/boot/initramfs-linux.img"], "root=UUID=u ro")]);
    }
}

/// A kernel for x86 that tells this version (kernel: Documentation/arch/x86/boot.rst, `kernel_version`).
fn bzimage(version: &str) -> Vec<u8> {
    let mut head = vec![0; 0x400];
    for (at, field) in
        [(0x1f1, &b"\x01"[..]), (0x202, b"HdrS\x0f\x02"), (0x20e, b"\x80\x01"), (0x211, b"\x01")]
    {
        head[at..at + field.len()].copy_from_slice(field);
    }
    head[0x1fe..0x200].copy_from_slice(b"\x55\xaa");
    head[0x380..0x380 + version.len()].copy_from_slice(version.as_bytes());
    head
}

/// Directories of files that are no text.
fn with_kernels(files: &[(&str, &str)], kernels: &[(&str, &str)]) -> tempfile::TempDir {
    let directory = tree(&[files, &kernels.iter().map(|(path, _)| (*path, "")).collect::<Vec<_>>()].concat());
    for (path, version) in kernels {
        std::fs::write(directory.path().join(path), bzimage(version)).unwrap();
    }
    directory
}

#[test]
fn a_kernel_that_lacks_the_initrd_that_it_needs_is_listed_and_not_the_default() {
    let initrd = ("boot/initrd.img-6.1.0-17", "");
    let complete = |root| ("etc/kernel/cmdline", root);
    let fstab = |line| ("etc/fstab", line);
    let lost = |root: &str| format!("no initrd is named for it, and without one no kernel finds {root}");
    let sibling = "no initrd is named for it, and other kernels beside it have one".to_owned();
    type Case<'a> = (&'a [(&'a str, &'a str)], Option<String>);
    let cases: [Case<'_>; 8] = [
        (&[initrd, ("boot/vmlinuz-6.1.0-17", ""), fstab("UUID=UUID-SDA2 / ext4 x 0 0\n")], Some(sibling)),
        (&[fstab("UUID=UUID-SDA2 / ext4 x 0 0\n")], None),
        (&[fstab("/dev/mapper/vg-root / ext4 x 0 0\n")], Some(lost("root=/dev/mapper/vg-root"))),
        (&[complete("root=/dev/vg/root\n")], Some(lost("root=/dev/vg/root"))),
        (&[complete("root=UUID=1 quiet\n")], Some(lost("root=UUID=1"))),
        (&[complete("root=LABEL=x\n")], Some(lost("root=LABEL=x"))),
        (&[complete("root=/dev/nvme0n1p2\n")], None),
        (&[complete("root=8:2\n")], None),
    ];
    for (files, problem) in cases {
        let own = [("boot/vmlinuz-6.1.0-18", ""), ("etc/os-release", "ID=x\n")];
        let files = tree(&[files, &own].concat());
        let findings = scan(&volumes(&[(&files, volume("sda2", Ext4))]), 0, &[]).unwrap();
        let newest = &findings.entries[0];
        assert_eq!((newest.id.as_str(), &newest.problem), ("/boot/vmlinuz-6.1.0-18", &problem));
        let default = (problem.is_none()).then_some("/boot/vmlinuz-6.1.0-18");
        let default = default.or_else(|| findings.entries.get(1).map(|entry| entry.id.as_str()));
        assert_eq!(findings.default.as_deref(), default, "{problem:?}");
    }
}

#[test]
fn words_before_the_number_make_no_kernel_newer() {
    let files = tree(&[
        ("boot/kernel-genkernel-x86_64-5.15.1-gentoo", ""),
        ("boot/initramfs-genkernel-x86_64-5.15.1-gentoo", ""),
        ("boot/vmlinuz-6.6.30-gentoo-dist", ""),
        ("boot/initramfs-6.6.30-gentoo-dist.img", ""),
        ("boot/vmlinuz-generic-6.6.2", ""),
        ("boot/vmlinuz-huge-6.6.2", ""),
        ("boot/initrd.gz", ""),
        ("etc/fstab", "UUID=uuid-sda2 / ext4 x 0 0\n"),
        ("etc/os-release", "NAME=Gentoo\n"),
    ]);
    let findings = scan(&volumes(&[(&files, volume("sda2", Ext4))]), 0, &[]).unwrap();
    let shown: Vec<_> = findings
        .entries
        .iter()
        .map(|it| (it.title.as_str(), it.version.as_deref(), it.initrds.len()))
        .collect();
    let expected = [
        ("Gentoo, with Linux 6.6.30-gentoo-dist", Some("6.6.30-gentoo-dist"), 1),
        ("Gentoo, with Linux 6.6.2 (/boot/vmlinuz-huge-6.6.2)", Some("6.6.2"), 0),
        ("Gentoo, with Linux 6.6.2 (/boot/vmlinuz-generic-6.6.2)", Some("6.6.2"), 1),
        ("Gentoo, with Linux 5.15.1-gentoo", Some("5.15.1-gentoo"), 1),
    ];
    assert_eq!(shown, expected);
    assert_eq!(findings.default.as_deref(), Some("/boot/vmlinuz-6.6.30-gentoo-dist"));
}

#[test]
fn names_without_a_number_are_ordered_by_what_the_kernel_or_its_modules_tell() {
    let initrds: &[(&str, &str)] = &[
        ("boot/initramfs-linux.img", ""),
        ("boot/initramfs-linux-lts.img", ""),
        ("etc/fstab", "UUID=u / ext4 x 0 0\n"),
        ("etc/os-release", "ID=arch\n"),
    ];
    let bases: &[(&str, &str)] = &[
        ("usr/lib/modules/6.12.4-1-lts/pkgbase", "linux-lts\n"),
        ("usr/lib/modules/6.9.1-arch1-1/pkgbase", "linux\n"),
    ];
    let versions = |lts, plain| [("boot/vmlinuz-linux-lts", lts), ("boot/vmlinuz-linux", plain)];
    let none = ["vmlinuz-linux-lts", "vmlinuz-linux"].map(|name| (format!("boot/{name}"), ""));
    let none: Vec<(&str, &str)> = none.iter().map(|(path, text)| (path.as_str(), *text)).collect();
    for (files, kernels, expected) in [
        (
            initrds.to_vec(),
            &versions("6.6.30-1-lts (x@y) #1", "6.9.1-arch1-1 (x@y) #1")[..],
            ["linux", "linux-lts"],
        ),
        (
            initrds.to_vec(),
            &versions("6.12.4-1-lts (x@y) #1", "6.9.1-arch1-1 (x@y) #1"),
            ["linux-lts", "linux"],
        ),
        ([initrds, bases, &none].concat(), &[], ["linux-lts", "linux"]),
    ] {
        let files = with_kernels(&files, kernels);
        let findings = scan(&volumes(&[(&files, volume("sda2", Ext4))]), 0, &[]).unwrap();
        let ids: Vec<&str> = findings.entries.iter().map(|entry| entry.id.as_str()).collect();
        assert_eq!(ids, expected.map(|name| format!("/boot/vmlinuz-{name}")));
    }
}

/// Gentoo's installkernel with its USE flag efistub.
#[test]
fn kernels_that_the_firmware_can_start_are_found_and_other_programs_named() {
    use crate::formats::testing::pe::{image, kernel, program};
    let files = tree(&[
        ("EFI/Gentoo/initramfs-6.6.32-gentoo-dist.img", ""),
        ("EFI/Gentoo/initramfs-6.6.31-gentoo-dist.img", ""),
    ]);
    let write =
        |name: &str, content: &[u8]| std::fs::write(files.path().join("EFI/Gentoo").join(name), content);
    write("vmlinuz-6.6.32-gentoo-dist.efi", &kernel()).unwrap();
    write("vmlinuz-6.6.31-gentoo-dist.efi", b"").unwrap();
    write("kernel-6.6.30.efi", &image(&[(b".linux\0\0", "kernel"), (b".cmdline", "quiet")])).unwrap();
    write("linux-shell.efi", &program(&[])).unwrap();
    let root = tree(&[]);
    let mut system = volume("sda2", Ext4);
    system.device.partition.as_mut().unwrap().type_id = Some(ROOT_TYPE.into());
    let lookup = volumes(&[(&files, volume("sda1", Vfat)), (&root, system)]);
    let findings = scan(&lookup, 0, &[]).unwrap();
    let shown: Vec<_> = findings
        .entries
        .iter()
        .map(|it| (it.id.as_str(), it.kind, it.initrds.first().map(|file| file.path.as_str())))
        .collect();
    let expected = [
        (
            "/EFI/Gentoo/vmlinuz-6.6.32-gentoo-dist.efi",
            Kind::Linux,
            Some("/EFI/Gentoo/initramfs-6.6.32-gentoo-dist.img"),
        ),
        (
            "/EFI/Gentoo/vmlinuz-6.6.31-gentoo-dist.efi",
            Kind::Linux,
            Some("/EFI/Gentoo/initramfs-6.6.31-gentoo-dist.img"),
        ),
        ("/EFI/Gentoo/kernel-6.6.30.efi", Kind::Uki, None),
    ];
    assert_eq!(shown, expected);
    let passed_over = findings.notes.iter().find(|note| note.action == NoteAction::PassedOver).unwrap();
    assert_eq!(
        (passed_over.path.as_str(), passed_over.message.as_str()),
        ("/EFI/Gentoo/linux-shell.efi", "an EFI program that is no kernel")
    );
}

#[test]
fn without_an_initrd_the_root_is_named_by_its_partition() {
    let files = tree(&[("boot/vmlinuz-6.1", ""), ("etc/fstab", "UUID=UUID-SDA2 / ext4 defaults 0 1\n")]);
    let lookup = volumes(&[(&files, volume("sda2", Ext4))]);
    assert_eq!(paired(&lookup, 0), [pair("/boot/vmlinuz-6.1", &[], "root=PARTUUID=part-sda2 ro")]);
}

#[test]
fn a_kernel_that_could_not_find_its_root_is_shown_and_never_the_default() {
    let files = tree(&[("vmlinuz-6.1", "")]);
    let findings = scan(&volumes(&[(&files, volume("sda2", Ext4))]), 0, &[]).unwrap();
    assert!(findings.entries[0].problem.is_some());
    assert_eq!((findings.default, findings.timeout), (None, None));
}

#[test]
fn a_separate_boot_volume_finds_the_system_that_has_its_modules() {
    let boot = tree(&[("vmlinuz-6.1", ""), ("initrd.img-6.1", "")]);
    let other = tree(&[("etc/fstab", "UUID=other / ext4 x 0 0\n"), ("usr/lib/modules/5.10/x", "")]);
    let own = tree(&[("etc/fstab", "UUID=own / ext4 x 0 0\n"), ("usr/lib/modules/6.1/vmlinuz", "")]);
    let lookup = volumes(&[
        (&boot, volume("sda1", Ext4)),
        (&other, volume("sda2", Ext4)),
        (&own, volume("sda3", Ext4)),
    ]);
    assert_eq!(paired(&lookup, 0), [pair("/vmlinuz-6.1", &["/initrd.img-6.1"], "root=UUID=own ro")]);
    // The copy beside the modules has no initrd and is no entry of its own.
    let findings = scan(&lookup, 2, &[]).unwrap();
    assert_eq!(findings.entries, []);
    assert_eq!(findings.notes[0].message, "sda1 holds this kernel for booting");
}

#[test]
fn an_esp_finds_the_root_partition_by_its_type() {
    let esp = tree(&[("EFI/arch/vmlinuz-linux", ""), ("EFI/arch/initramfs-linux.img", "")]);
    let empty = tree(&[]);
    let mut root = volume("sda2", Ext4);
    root.device.partition.as_mut().unwrap().type_id = Some("4f68bce3-e8cd-4db1-96e7-fbcaf984b709".into());
    let lookup = volumes(&[(&esp, volume("sda1", Vfat)), (&empty, root)]);
    let expected = pair(
        "/EFI/arch/vmlinuz-linux",
        &["/EFI/arch/initramfs-linux.img"],
        if cfg!(target_arch = "x86_64") { "root=PARTUUID=part-sda2 ro" } else { "" },
    );
    assert_eq!(paired(&lookup, 0), [expected]);
}

#[test]
fn a_btrfs_root_is_found_in_its_subvolume() {
    let files = tree(&[
        ("@/boot/vmlinuz-6.1", ""),
        ("@/boot/initrd.img-6.1", ""),
        ("@/etc/fstab", "UUID=uuid-sda2 / btrfs defaults,subvol=@ 0 1\n"),
    ]);
    let lookup = volumes(&[(&files, volume("sda2", Btrfs))]);
    let cmdline = "root=UUID=uuid-sda2 rootflags=subvol=@ ro";
    assert_eq!(paired(&lookup, 0), [pair("/@/boot/vmlinuz-6.1", &["/@/boot/initrd.img-6.1"], cmdline)]);
}

#[test]
fn what_a_configuration_elsewhere_offers_is_passed_over() {
    let files = tree(DEBIAN);
    let lookup = volumes(&[(&files, volume("sda2", Ext4))]);
    let offered = scan(&lookup, 0, &[]).unwrap().entries;
    let findings = scan(&lookup, 0, &[&offered[0]]).unwrap();
    assert_eq!(findings.entries, [offered[1].clone()]);
}

#[test]
fn odd_things_named_like_kernels_are_no_entries() {
    let files = tree(&[
        ("boot/vmlinuz-dir/x", ""),
        ("boot/vmlinuz-6.1", "-> vmlinuz-6.1"),
        ("boot/vmlinuz-6.2", "-> nowhere"),
        ("boot/vmlinuz-6.3.dpkg-new", ""),
        ("boot/vmlinuz-", ""),
    ]);
    let findings = scan(&volumes(&[(&files, volume("sda2", Ext4))]), 0, &[]).unwrap();
    assert_eq!(findings.entries, []);
    assert_eq!(findings.notes.len(), 3);
}

#[test]
fn only_the_newest_of_very_many_kernels_are_offered() {
    let names: Vec<String> = (0..2000).map(|number| format!("boot/vmlinuz-6.1.{number}")).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
    let findings = scan(&volumes(&[(&tree(&files), volume("sda2", Ext4))]), 0, &[]).unwrap();
    assert_eq!(findings.entries.len(), KERNEL_LIMIT);
    assert_eq!(findings.entries[0].id, "/boot/vmlinuz-6.1.1999");
    assert_eq!(findings.warnings.len(), 1);
}
