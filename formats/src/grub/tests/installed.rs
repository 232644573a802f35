//! Menus of installed systems, as grub-mkconfig and its kin lay them out.

use super::*;

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
    assert_eq!(*menu.changes, [Change::new(block, "next_entry", Some(String::new()))]);
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
