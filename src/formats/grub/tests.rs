//! Whole configurations, as grub-mkconfig and its kin lay them out, with the menus that GRUB makes of them.

use super::{
    Facts, Flavour, Menu,
    environment_block::Change,
    flavour::{FEDORA, SUSE, UPSTREAM},
    menu::Action,
    read,
    testing::Table,
};
use crate::entry::{FileReference, TimeoutStyle};

const FACTS: Facts = Facts { efi: true, cpu: "x86_64" };

fn menu_of(table: &Table, path: &str, flavour: &'static Flavour) -> Menu {
    read(table, 0, path, FACTS, flavour).unwrap()
}

/// Each entry as `id: kernel on volume + initrds: command line`.
fn lines(table: &Table, menu: &Menu) -> Vec<String> {
    let show = |file: &super::device::Located| {
        let file = file.reference(table);
        format!("{}:{}", file.volume, file.path)
    };
    let flat = menu.level.flat();
    let line = |entry: &super::menu::MenuEntry| match &entry.action {
        Action::Boot(loaded, cmdline) => {
            let files: Vec<String> = loaded.kernel.iter().chain(&loaded.initrds).map(show).collect();
            format!("{}: {}: {cmdline}", entry.id, files.join(" + "))
        }
        action => format!("{}: {action:?}", entry.id),
    };
    flat.into_iter().map(|(_, entry)| line(entry)).collect()
}

const DEBIAN: &str = r#"
if [ -s $prefix/grubenv ]; then
  set have_grubenv=true
  load_env
fi
if [ "${next_entry}" ] ; then
   set default="${next_entry}"
   set next_entry=
   save_env next_entry
   set boot_once=true
else
   set default="0"
fi
if [ x"${feature_menuentry_id}" = xy ]; then
  menuentry_id_option="--id"
else
  menuentry_id_option=""
fi
export menuentry_id_option
function load_video {
  if [ x$feature_all_video_module = xy ]; then insmod all_video; fi
}
if [ x$feature_timeout_style = xy ] ; then
  set timeout_style=menu
  set timeout=5
else
  set timeout=5
fi
function gfxmode {
	set gfxpayload="${1}"
}
set linux_gfx_mode=
export linux_gfx_mode
menuentry 'Debian GNU/Linux' --class debian $menuentry_id_option 'gnulinux-simple-uuid-sda2' {
	load_video
	insmod gzio
	if [ x$grub_platform = xxen ]; then insmod xzio; insmod lzopio; fi
	set root='hd0,gpt2'
	if [ x$feature_platform_search_hint = xy ]; then
	  search --no-floppy --fs-uuid --set=root --hint-bios=hd0,gpt2 --hint-efi=hd0,gpt2  uuid-sda2
	else
	  search --no-floppy --fs-uuid --set=root uuid-sda2
	fi
	echo	'Loading Linux 6.1.0-18-amd64 ...'
	linux	/boot/vmlinuz-6.1.0-18-amd64 root=UUID=uuid-sda2 ro  quiet
	initrd	/boot/microcode.img /boot/initrd.img-6.1.0-18-amd64
}
submenu 'Advanced options' $menuentry_id_option 'gnulinux-advanced' {
	menuentry 'Linux 6.1.0-17' $menuentry_id_option 'gnulinux-17' {
		set root='hd0,gpt2'
		linux	/boot/vmlinuz-6.1.0-17-amd64 root=UUID=uuid-sda2 ro  quiet
		initrd	/boot/initrd.img-6.1.0-17-amd64
	}
}
"#;

fn debian(environment: &str) -> Table {
    let environment = format!("# GRUB Environment Block\n{environment}####");
    Table::default()
        .volume(
            "sda2",
            &[
                ("/boot/grub/grub.cfg", DEBIAN),
                ("/boot/grub/grubenv", &environment),
                ("/boot/vmlinuz-6.1.0-18-amd64", "k"),
                ("/boot/vmlinuz-6.1.0-17-amd64", "k"),
                ("/boot/microcode.img", "i"),
                ("/boot/initrd.img-6.1.0-18-amd64", "i"),
                ("/boot/initrd.img-6.1.0-17-amd64", "i"),
            ],
        )
        .volume(
            "sda1",
            &[(
                "/EFI/debian/grub.cfg",
                "search.fs_uuid uuid-sda2 root hd0,gpt2\nset prefix=($root)'/boot/grub'\nconfigfile $prefix/grub.cfg\n",
            )],
        )
}

const DEBIAN_LINES: [&str; 2] = [
    "gnulinux-simple-uuid-sda2: sda2:/boot/vmlinuz-6.1.0-18-amd64 + sda2:/boot/microcode.img + \
     sda2:/boot/initrd.img-6.1.0-18-amd64: BOOT_IMAGE=/boot/vmlinuz-6.1.0-18-amd64 root=UUID=uuid-sda2 ro quiet",
    "gnulinux-advanced>gnulinux-17: sda2:/boot/vmlinuz-6.1.0-17-amd64 + sda2:/boot/initrd.img-6.1.0-17-amd64: \
     BOOT_IMAGE=/boot/vmlinuz-6.1.0-17-amd64 root=UUID=uuid-sda2 ro quiet",
];

#[test]
fn a_debian_menu_is_resolved() {
    let table = debian("");
    let menu = menu_of(&table, "/boot/grub/grub.cfg", &UPSTREAM);
    assert_eq!(lines(&table, &menu), DEBIAN_LINES);
    assert_eq!(menu.warnings, []);
    assert_eq!((menu.timeout, menu.timeout_style), (Some(5), TimeoutStyle::Menu));
    assert_eq!(menu.level.default_entry().unwrap().id, "gnulinux-simple-uuid-sda2");
    let problems: Vec<_> =
        menu.level.flat().into_iter().filter_map(|(_, entry)| entry.problem.clone()).collect();
    assert_eq!(problems, Vec::<String>::new());
    assert_eq!(menu.level.flat()[1].0, ["Advanced options"]);
}

#[test]
fn grub_reboot_takes_effect_once() {
    let table = debian("next_entry=gnulinux-advanced>gnulinux-17\n");
    let menu = menu_of(&table, "/boot/grub/grub.cfg", &UPSTREAM);
    assert_eq!(menu.level.default_entry().unwrap().id, "gnulinux-advanced>gnulinux-17");
    let block = FileReference::new("sda2".into(), "/boot/grub/grubenv".into());
    assert_eq!(*menu.changes, [Change { block, name: "next_entry".into(), value: Some(String::new()) }]);
}

#[test]
fn a_stub_on_the_esp_leads_to_the_real_configuration() {
    let table = debian("");
    let menu = read(&table, 1, "/EFI/debian/grub.cfg", FACTS, &UPSTREAM).unwrap();
    assert_eq!(lines(&table, &menu), DEBIAN_LINES);
    let file = FileReference::new("sda2".into(), "/boot/grub/grub.cfg".into());
    assert_eq!(menu.level.flat()[0].1.file, file);
    assert_eq!(menu.timeout, Some(5));
}

#[test]
fn a_directory_of_unknown_kind_is_what_is_searched_for() {
    let table = Table::default().volume("sda2", &[("/grub/grub.cfg", DEBIAN)]).unknown();
    let menu = menu_of(&table, "/grub/grub.cfg", &UPSTREAM);
    assert_eq!(lines(&table, &menu), DEBIAN_LINES);
    assert_eq!(menu.level.flat()[0].1.problem.as_deref(), Some("/boot/vmlinuz-6.1.0-18-amd64: no such file"),);
}

#[test]
fn fedora_knows_an_entry_by_its_id_before_its_number() {
    let text = "set default=1\nmenuentry a { linux /a; }\nmenuentry b { linux /b; }\nmenuentry c --id 1 { linux /c; }\n";
    let table = Table::default().volume("sda2", &[("/grub.cfg", text)]);
    let default =
        |flavour| menu_of(&table, "/grub.cfg", flavour).level.default_entry().unwrap().title.clone();
    assert_eq!((default(&FEDORA), default(&UPSTREAM)), ("c".into(), "b".into()));
}

#[test]
fn fedora_makes_its_menu_of_entry_files() {
    let config = "load_env\nset default=\"${saved_entry}\"\nset timeout=1\nexport kernelopts\nblscfg\n";
    let environment =
        "# GRUB Environment Block\nsaved_entry=m-6.8.5-301.fc40.x86_64\nkernelopts=root=UUID=1 ro rhgb\n##";
    let entry = |version: &str, options: &str| {
        format!(
            "title Fedora ({version})\nversion {version}\nlinux /vmlinuz-{version}\ninitrd /initramfs-{version}.img $tuned_initrd\noptions {options}\ngrub_users $grub_users\ngrub_class fedora\n"
        )
    };
    let (new, old) = (
        entry("6.10.3-200.fc40.x86_64", "$kernelopts $tuned_params \"a b\""),
        entry("6.8.5-301.fc40.x86_64", "root=UUID=2 quiet"),
    );
    let table = Table::default().volume(
        "sda2",
        &[
            ("/grub2/grub.cfg", config),
            ("/grub2/grubenv", environment),
            ("/loader/entries/m-6.10.3-200.fc40.x86_64.conf", &new),
            ("/loader/entries/m-6.8.5-301.fc40.x86_64.conf", &old),
            ("/loader/entries/m-0-rescue.conf", "title Rescue\nlinux /vmlinuz-0-rescue\ninitrd /a.img\n"),
        ],
    );
    let menu = menu_of(&table, "/grub2/grub.cfg", &FEDORA);
    assert_eq!(
        lines(&table, &menu),
        [
            "m-6.10.3-200.fc40.x86_64: sda2:/vmlinuz-6.10.3-200.fc40.x86_64 + \
             sda2:/initramfs-6.10.3-200.fc40.x86_64.img: \
             BOOT_IMAGE=(hd0,gpt2)/vmlinuz-6.10.3-200.fc40.x86_64 root=UUID=1 ro rhgb \"a b\"",
            "m-6.8.5-301.fc40.x86_64: sda2:/vmlinuz-6.8.5-301.fc40.x86_64 + \
             sda2:/initramfs-6.8.5-301.fc40.x86_64.img: \
             BOOT_IMAGE=(hd0,gpt2)/vmlinuz-6.8.5-301.fc40.x86_64 root=UUID=2 quiet",
            "m-0-rescue: sda2:/vmlinuz-0-rescue + sda2:/a.img: BOOT_IMAGE=(hd0,gpt2)/vmlinuz-0-rescue",
        ]
    );
    assert_eq!(menu.level.default_entry().unwrap().id, "m-6.8.5-301.fc40.x86_64");
    let entry = &menu.level.entries[0];
    assert_eq!(
        (entry.file.path.as_str(), entry.line),
        ("/loader/entries/m-6.10.3-200.fc40.x86_64.conf", None)
    );
}

// As GRUB 2.14 does on a disk: tests/boot/loaders.rs.
#[test]
fn gnu_grub_makes_its_menu_of_entry_files_in_its_own_way() {
    let entry = "title\tLinux\nlinux /k\ninitrd /a /b\ninitrd /c\noptions $kernelopts x $nothing newest 3\noptions no\n";
    let table = |arguments: &str| {
        let config =
            format!("kernelopts='ro quiet'\nearly_initrd=no\nblsdir=/other\ndefault=1\nblscfg {arguments}\n");
        Table::default().volume(
            "sda2",
            &[
                ("/grub/grub.cfg", &config),
                ("/loader/entries/m-6.9.conf", "title Old\nlinux /k\n"),
                ("/loader/entries/m-6.10.conf", entry),
                ("/loader/entries/efi.conf", "title Not\nefi /k\n"),
                ("/other/x.conf", "linux /k\noptions y\n"),
            ],
        )
    };
    let newer = "m-6.10: sda2:/k + sda2:/a + sda2:/b + sda2:/c: BOOT_IMAGE=/k ro quiet x newest 3";
    let (older, other) = ("m-6.9: sda2:/k: BOOT_IMAGE=/k", "x: sda2:/k: BOOT_IMAGE=/k");
    for (arguments, expected) in [
        ("", &[newer, older][..]),
        ("m-6.9", &[newer, older]),
        ("--show-default", &[older]),
        ("--show-non-default", &[newer]),
        ("--entry m-6.10.conf", &[newer]),
        ("--entry m-6.10", &[]),
        ("--path /other", &[other]),
        ("--path /nothing", &[]),
        ("--path /nothing --enable-fallback", &[newer, older]),
    ] {
        let table = table(arguments);
        assert_eq!(lines(&table, &menu_of(&table, "/grub/grub.cfg", &UPSTREAM)), expected, "{arguments}");
    }
}

#[test]
fn other_loaders_are_told_apart_from_what_can_be_booted() {
    let text = "menuentry windows { chainloader /EFI/Microsoft/Boot/bootmgfw.efi; }\n\
                menuentry bios { set root=hd0,msdos1; chainloader +1; }\n\
                menuentry xen { multiboot2 /xen.gz placeholder dom0_mem=1G; module2 /vmlinuz root=x; }\n\
                menuentry setup { fwsetup; }\n\
                menuentry iso { loopback loop /a.iso; linux (loop)/vmlinuz; }\n\
                menuentry nothing { echo; }\n";
    let files = [
        ("/grub.cfg", text),
        ("/EFI/Microsoft/Boot/bootmgfw.efi", "MZ"),
        ("/xen.gz", "x"),
        ("/vmlinuz", "k"),
        ("/a.iso", "i"),
    ];
    let table = Table::default().volume("sda1", &files);
    let menu = menu_of(&table, "/grub.cfg", &UPSTREAM);
    let problems: Vec<_> = menu
        .level
        .flat()
        .into_iter()
        .map(|(_, entry)| (entry.title.as_str(), entry.problem.as_deref()))
        .collect();
    assert_eq!(
        problems,
        [
            ("windows", Some("Windows, which only the firmware can start")),
            ("bios", Some("a boot sector: only the firmware can start it")),
            ("xen", None),
            ("setup", None),
            ("iso", Some("(loop)/vmlinuz: no such device")),
            ("nothing", Some("loads nothing")),
        ]
    );
}

#[test]
fn another_grub_is_followed_to_its_own_menu_and_no_further() {
    let debian = "set secret=1\nset default=1\nmenuentry 'Debian' { linux /k debian; }\n\
                  menuentry 'Fedora' --id f { chainloader (hd0,gpt1)/EFI/fedora/shimx64.efi; }\n\
                  menuentry 'Boot' --id b { chainloader (hd0,gpt1)/EFI/systemd/systemd-bootx64.efi; }\n";
    let fedora = "menuentry 'One' --id one { linux (hd0,gpt2)/k one $secret; }\n\
                  menuentry 'Back' --id back { chainloader /EFI/debian/grubx64.efi; }\n\
                  menuentry 'Two' --id 1 { linux (hd0,gpt2)/k two; }\nset default=1\n";
    let table = Table::default().volume("sda2", &[("/boot/grub/grub.cfg", debian), ("/k", "k")]).volume(
        "sda1",
        &[
            ("/EFI/fedora/shimx64.efi", "MZ"),
            ("/EFI/fedora/grub.cfg", fedora),
            ("/EFI/debian/grubx64.efi", "MZ"),
            ("/EFI/debian/grub.cfg", "configfile (hd0,gpt2)/boot/grub/grub.cfg"),
            ("/EFI/systemd/systemd-bootx64.efi", "MZ"),
        ],
    );
    let menu = menu_of(&table, "/boot/grub/grub.cfg", &UPSTREAM);
    let told = menu.level.flat().into_iter().map(|(titles, entry)| {
        (titles.join(">"), entry.id.as_str(), entry.problem.as_deref().unwrap_or_default())
    });
    let again = "another GRUB, whose entries are offered where its configuration is";
    let expected = [
        ("", "Debian", ""),
        ("Fedora", "one", ""),
        ("Fedora", "back", again),
        ("Fedora", "1", ""),
        ("", "b", "systemd-boot, whose entries are offered by themselves"),
    ];
    assert_eq!(
        told.collect::<Vec<_>>(),
        expected.map(|(titles, id, problem)| (titles.to_owned(), id, problem))
    );
    // What boots on its own is what Fedora's GRUB takes “1” for: an id.
    let default = menu.level.default_entry().unwrap();
    assert_eq!((default.id.as_str(), default.file.path.as_str()), ("1", "/EFI/fedora/grub.cfg"));
}

#[test]
fn what_grub_asks_a_password_for_is_told() {
    let text = "set superusers=root\nmenuentry a { linux /k; }\nmenuentry b --unrestricted { linux /k; }\n";
    let table = Table::default().volume("sda1", &[("/grub.cfg", text), ("/k", "k")]);
    let problems: Vec<_> = menu_of(&table, "/grub.cfg", &UPSTREAM)
        .level
        .flat()
        .into_iter()
        .map(|(_, entry)| entry.problem.clone())
        .collect();
    assert_eq!(problems, [Some("GRUB asks for a password before it boots this".to_owned()), None]);
}

#[test]
fn names_of_devices_are_found_by_partition_number() {
    let text = "set root=(hd0,gpt2)\nmenuentry a { linux /k; initrd (hd1,gpt1)/i; }\n\
                menuentry b { search --set=r --label label-sdb1; linux ($r)//k; }\n\
                menuentry c { set root=hd7,msdos2; linux /k; }\n";
    let table = Table::default()
        .volume("sda1", &[("/grub.cfg", text)])
        .volume("sda2", &[("/k", "k")])
        .volume("sdb1", &[("/k", "k"), ("/i", "i")]);
    let menu = menu_of(&table, "/grub.cfg", &UPSTREAM);
    assert_eq!(
        lines(&table, &menu),
        ["a: sda2:/k + sdb1:/i: BOOT_IMAGE=/k", "b: sdb1:/k: BOOT_IMAGE=(hd1,gpt1)//k", "c: : BOOT_IMAGE=/k",]
    );
}

#[test]
fn what_a_hint_or_grub_itself_calls_a_device_is_its_name() {
    let text = "search --fs-uuid --set=a --hint=lvmid/G/V uuid-dm-0\nsearch --fs-uuid --set=b uuid-dm-0\n\
                search --fs-uuid --set=c --hint-efi=hd0,2 uuid-sda2\nsearch --fs-uuid --set=d --hint-efi=hd0,2 uuid-sdb1\n\
                search --fs-uuid --root-dev-only --set=e uuid-sdb1\nsearch --fs-uuid --root-dev-only --set=f uuid-sda2\n\
                probe --set=g --driver (lvm/g-v)\nprobe --set=h --partmap (lvm/g-v)\nprobe --set=i --part-uuid (hd1,1)\n\
                menuentry x { linux (lvmid/G/V)/k $a $b $c $d e=$e $f $g $h $i; }\n";
    let table = Table::default()
        .volume("sda2", &[("/grub.cfg", text)])
        .volume("sdb1", &[])
        .volume("dm-0", &[("/k", "k")])
        .grub(&["lvm/g-v", "lvmid/G/V"], None);
    let menu = menu_of(&table, "/grub.cfg", &FEDORA);
    let expected = "x: dm-0:/k: BOOT_IMAGE=(lvmid/G/V)/k lvmid/G/V lvm/g-v hd0,2 hd1,gpt1 e= hd0,gpt2 diskfilter none part-sdb1";
    assert_eq!(lines(&table, &menu), [expected]);
}

#[test]
fn partitions_of_arrays_are_called_by_the_array_and_no_disks_by_numbers() {
    let text = "search --fs-uuid --set=a uuid-sdc1\nsearch --fs-uuid --set=b --hint=mduuid/0a,gpt2 uuid-sdc2\n\
                search --label --set=c label-sdb1\nif [ -e (md/boot) ]; then d=whole; fi\nif [ -e (md/boot,1) ]; then e=part; fi\n\
                menuentry x { linux (mduuid/0A,2)/k $a $b $c $d $e; }\nmenuentry y { linux (hd1,gpt1)/k; }\n";
    let table = Table::default()
        .volume("sdc2", &[("/grub.cfg", text), ("/k", "k")])
        .grub(&["md/boot", "mduuid/0a"], None)
        .volume("sdc1", &[])
        .grub(&["md/boot", "mduuid/0a"], None)
        .volume("sda1", &[])
        .volume("sdb1", &[("/k", "k")]);
    let menu = menu_of(&table, "/grub.cfg", &UPSTREAM);
    let expected = [
        "x: sdc2:/k: BOOT_IMAGE=(mduuid/0A,2)/k md/boot,gpt1 mduuid/0a,gpt2 hd1,gpt1 part",
        "y: sdb1:/k: BOOT_IMAGE=(hd1,gpt1)/k",
    ];
    assert_eq!(lines(&table, &menu), expected);
}

#[test]
fn a_file_can_come_in_an_archive_under_a_name_of_its_own() {
    let text = "menuentry x { linux /k; initrd /i newc:/etc/key:/secret newc:gone:/nothing /j; }\n";
    let files = [("/grub.cfg", text), ("/k", ""), ("/i", ""), ("/j", ""), ("/secret", "")];
    let table = Table::default().volume("sda2", &files);
    let menu = menu_of(&table, "/grub.cfg", &UPSTREAM);
    assert_eq!(
        lines(&table, &menu),
        ["x: sda2:/k + sda2:/i + sda2:/secret + sda2:/nothing + sda2:/j: BOOT_IMAGE=/k"]
    );
    let Action::Boot(loaded, _) = &menu.level.entries[0].action else { panic!() };
    assert_eq!(loaded.packed, [(1, "etc/key".to_owned()), (2, "gone".to_owned())]);
    assert_eq!(loaded.problem.as_deref(), Some("/nothing: no such file"));
}

#[test]
fn unified_images_are_entries_newest_first() {
    use crate::formats::kernel_file::pe::tests::image;
    let uki = |name: &str, cmdline: &str| {
        let release = format!("ID=x\nPRETTY_NAME=\"{name}\"\n");
        image(&[(b".osrel\0\0", &release), (b".cmdline", cmdline), (b".linux\0\0", "kernel")])
    };
    let (old, new) = (uki("Old", "root=1 \"a b\""), uki("New", "root=2"));
    let [old, new] = [old, new].map(|bytes| crate::formats::text::decode(&bytes));
    let files =
        [("/EFI/Linux/x-9.efi", old.as_str()), ("/EFI/Linux/x-10.efi", &new), ("/EFI/Linux/none.efi", "MZ")];
    for (command, expected) in [
        ("uki", "x-10.efi New root=2|x-9.efi Old root=1 \"a b\""),
        ("uki --entry x-9.efi", "x-9.efi Old root=1 \"a b\""),
        ("set default=x-9.efi\nuki -n", "x-10.efi New root=2"),
        ("uki --path (hd0,gpt1)/EFI/Nothing", ""),
        ("uki --path /EFI/Nothing --enable-fallback -d", ""),
    ] {
        let config = format!("{command}\n");
        let table = Table::default().volume("sda2", &[("/grub.cfg", &config)]).volume("sda1", &files);
        let menu = menu_of(&table, "/grub.cfg", &UPSTREAM);
        let told = menu.level.entries.iter().map(|entry| match &entry.action {
            Action::Boot(_, cmdline) => format!("{} {} {cmdline}", entry.id, entry.title),
            action => format!("{action:?}"),
        });
        assert_eq!(told.collect::<Vec<_>>().join("|"), expected, "{command}");
    }
}

#[test]
fn paths_count_from_the_configurations_own_subvolume_where_they_must() {
    let config = "set btrfs_relative_path=y\nmenuentry a { linux /boot/k; initrd /@/boot/i; }\n";
    let files = [("/@/boot/grub2/grub.cfg", config), ("/@/boot/k", "k"), ("/@/boot/i", "i")];
    let table = Table::default().volume("sda2", &files);
    let menu = menu_of(&table, "/@/boot/grub2/grub.cfg", &SUSE);
    assert_eq!(lines(&table, &menu), ["a: sda2:/@/boot/k + sda2:/@/boot/i: BOOT_IMAGE=/boot/k"]);
}

// As openSUSE's GRUB has it (fs/btrfs.c).
#[test]
fn paths_count_from_the_subvolume_that_is_set_mounted_or_the_default_one() {
    let config = "set root=hd0,gpt2\nset btrfs_relative_path=yes\n\
        menuentry top { set btrfs_relative_path=no; linux /boot/k; }\nmenuentry default { linux /boot/k; }\n\
        menuentry mounted { btrfs-mount-subvol ($root) /boot @/kernels; linux /boot/k; }\n\
        menuentry deeper { btrfs-mount-subvol ($root) /boot @/kernels; btrfs-mount-subvol ($root) /boot/k /@/k; \
        linux /boot/k/k; }\n\
        menuentry set { set btrfs_subvol=/@/.snapshots/2/snapshot; linux /etc/k; configfile /more.cfg; }\n\
        menuentry gone { linux /gone/k; }\n";
    let files = [
        ("/boot/k", "top"),
        ("/@/.snapshots/1/snapshot/boot/k", "guessed"),
        ("/@/.snapshots/2/snapshot/etc/k", "set"),
        ("/@/.snapshots/2/snapshot/more.cfg", "menuentry inner { linux /etc/k $btrfs_subvol; }\n"),
        ("/@/.snapshots/7/snapshot/boot/k", "default"),
        ("/@/.snapshots/7/snapshot/etc/k", "default"),
        ("/@/kernels/k", "mounted"),
        ("/@/k/k", "mounted deeper"),
    ];
    let table = Table::default()
        .volume("sda1", &[("/grub.cfg", config)])
        .volume("sda2", &files)
        .btrfs("/@/.snapshots/7/snapshot");
    let menu = menu_of(&table, "/grub.cfg", &SUSE);
    assert_eq!(
        lines(&table, &menu),
        [
            "top: sda2:/boot/k: BOOT_IMAGE=/boot/k",
            "default: sda2:/@/.snapshots/7/snapshot/boot/k: BOOT_IMAGE=/boot/k",
            "mounted: sda2:/@/kernels/k: BOOT_IMAGE=/boot/k",
            "deeper: sda2:/@/k/k: BOOT_IMAGE=/boot/k/k",
            "set>inner: sda2:/@/.snapshots/2/snapshot/etc/k: BOOT_IMAGE=/etc/k /@/.snapshots/2/snapshot",
            "gone: sda2:/@/.snapshots/7/snapshot/gone/k: BOOT_IMAGE=/gone/k",
        ]
    );
}

#[test]
fn the_system_is_the_snapshot_that_the_last_rollback_made_writable() {
    let snapshot = |number: u32, description: &str| {
        let info = format!("<snapshot>\n  <description>{description}</description>\n</snapshot>\n");
        (format!("/@/.snapshots/{number}/info.xml"), info)
    };
    let system = |snapshots: &[(u32, &str)]| {
        let files: Vec<_> = snapshots.iter().map(|(number, text)| snapshot(*number, text)).collect();
        let files: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        super::device::snapshot_of_the_system(&Table::default().volume("sda2", &files), 0)
    };
    let first = (1, "first root filesystem");
    for (snapshots, number) in [
        (&[first][..], Some(1)),
        (&[(10, "timeline"), first, (9, "zypp(zypper)")], Some(1)),
        (&[first, (12, "zypp"), (13, "rollback backup of #1"), (14, "writable copy of #12")], Some(14)),
        (&[first, (14, "writable copy of #12"), (20, "writable copy of #14"), (21, "timeline")], Some(20)),
        (&[], None),
    ] {
        let expected = number.map(|number| format!("/@/.snapshots/{number}/snapshot"));
        assert_eq!(system(snapshots), expected, "{snapshots:?}");
    }
}

#[test]
fn words_are_quoted_expanded_and_split_as_grub_does() {
    // As grub-emu 2.06 answers.
    let cases: [(&str, &[&str]); 14] = [
        ("$e \"$e\" end", &["", "end"]),
        ("x${v}y", &["xa", "b", "cy"]),
        ("\"x${v}y\"", &["xa b  cy"]),
        ("$lead", &["a"]),
        ("x$lead", &["xa"]),
        ("'$v' \\$v", &["$v", "$v"]),
        ("\"\\a\\$\\\"\\\\\"", &["\\a$\"\\"]),
        ("a#b #c", &["a#b"]),
        ("$\"hello\"", &["hello"]),
        ("\"a\\\nb\" e\\\nf", &["ab", "ef"]),
        ("'a\nb'", &["a\nb"]),
        ("if then !", &["if", "then", "!"]),
        ("a;linux /k b", &["b"]),
        ("luks\\x2dfoo", &["luksx2dfoo"]),
    ];
    for (words, expected) in cases {
        let text = format!("menuentry a {{ set e=; set v=\"a b  c\"; set lead=\" a\"; linux /k {words}\n }}");
        let table = Table::default().volume("sda2", &[("/grub.cfg", &text)]);
        let menu = menu_of(&table, "/grub.cfg", &UPSTREAM);
        let Action::Boot(loaded, _) = &menu.level.entries[0].action else { panic!("{words}: {menu:?}") };
        assert_eq!(loaded.arguments[1..], *expected, "{words}");
    }
}

#[test]
fn ubuntu_keeps_the_graphics_mode_on_both_platforms() {
    let text = "if [ ${grub_platform} != pc ]; then mode=keep\n\
                elif hwmatch ${prefix}/gfxblacklist.txt 3; then if [ ${match} = 0 ]; then mode=keep; else mode=text; fi\n\
                else mode=text; fi\n\
                function gfxmode {\nif [ \"${1}\" = keep ]; then set vt_handoff=vt.handoff=7; fi\n}\n\
                menuentry a { gfxmode $mode; linux /k quiet $vt_handoff; }\n";
    let table = Table::default()
        .volume("sda2", &[("/boot/grub/grub.cfg", text), ("/boot/grub/gfxblacklist.txt", "x")]);
    for efi in [true, false] {
        let menu = read(&table, 0, "/boot/grub/grub.cfg", Facts { efi, ..FACTS }, &UPSTREAM).unwrap();
        assert_eq!(lines(&table, &menu), ["a: sda2:/k: BOOT_IMAGE=/k quiet vt.handoff=7"], "efi: {efi}");
    }
}

#[test]
fn a_bad_statement_loses_itself_alone() {
    let text =
        "menuentry a { linux /a }\nif true; then echo x && y\nfi\nset timeout=3\nmenuentry b { linux /b }\n";
    let table = Table::default().volume("sda2", &[("/grub.cfg", text)]);
    let menu = menu_of(&table, "/grub.cfg", &UPSTREAM);
    assert_eq!(lines(&table, &menu), ["a: sda2:/a: BOOT_IMAGE=/a", "b: sda2:/b: BOOT_IMAGE=/b"]);
    let told: Vec<_> = menu.warnings.iter().map(|it| (it.line, it.message.as_str())).collect();
    assert_eq!(
        told,
        [
            (Some(2), "syntax error: “&” has no meaning here; lines 2 to 2 dropped"),
            (Some(3), "syntax error: unexpected “fi”; lines 3 to 3 dropped"),
        ]
    );
}

#[test]
fn a_script_without_end_ends() {
    let cases = [
        "while true; do true; done",
        "function f { f; f; }\nf",
        "set a=x\nwhile true; do set a=$a$a; done",
        "source /grub.cfg\nsource /grub.cfg",
        "menuentry a { while true; do true; done; }",
        "submenu a { configfile /grub.cfg }",
        "eval 'while true; do eval true; done'",
    ];
    for text in cases {
        let table = Table::default().volume("sda2", &[("/grub.cfg", text)]);
        let menu = menu_of(&table, "/grub.cfg", &UPSTREAM);
        assert!(
            !menu.warnings.is_empty() || menu.level.flat().iter().all(|(_, entry)| entry.problem.is_some()),
            "{text}"
        );
    }
}

#[test]
fn entries_are_kept_that_stand_before_a_loop_without_end() {
    let text = "menuentry a { linux /k a; }\nset default=1\nmenuentry b { linux /k b; }\nwhile true; do true; done\n";
    let table = Table::default().volume("sda2", &[("/grub.cfg", text), ("/k", "k")]);
    let menu = menu_of(&table, "/grub.cfg", &UPSTREAM);
    assert_eq!(lines(&table, &menu), ["a: sda2:/k: BOOT_IMAGE=/k a", "b: sda2:/k: BOOT_IMAGE=/k b"]);
    assert_eq!(menu.level.default_entry().unwrap().id, "b");
    assert_eq!(menu.warnings[0].message, "this runs too long and was cut off here");
}

proptest::proptest! {
    #[test]
    fn no_text_is_too_much(text in "([a-z ;\n{}$\"'\\\\]|if |then |fi\n|menuentry a \\{|linux /k |set a=|done\n|do |while |for a in |\\[ |submenu b \\{|\\}\n){0,60}") {
        let table = Table::default().volume("sda2", &[("/grub.cfg", &text)]);
        menu_of(&table, "/grub.cfg", &UPSTREAM);
    }

    #[test]
    fn no_bytes_are_too_much(bytes: Vec<u8>) {
        let table = Table::default().volume("sda2", &[("/grub.cfg", &crate::formats::text::decode(&bytes))]);
        menu_of(&table, "/grub.cfg", &FEDORA);
    }
}
