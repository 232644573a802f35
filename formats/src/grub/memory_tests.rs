//! GRUB's memory from boot to boot, and its effects: the pieces of configuration that Debian, Ubuntu and
//! Fedora generate for that, each with an environment block and what must come of it.

use super::{
    Facts, Flavour, GrubMenu,
    flavour::{FEDORA, RHEL8, UPSTREAM},
    read,
};
use crate::{
    entry::{EnvironmentChange, TimeoutStyle},
    table::Table,
};

fn menu(config: &str, variables: &str, flavour: &'static Flavour) -> GrubMenu {
    let block = format!("# GRUB Environment Block\n{variables}####");
    let files = [("/boot/grub/grub.cfg", config), ("/boot/grub/grubenv", &block), ("/k", "k"), ("/i", "i")];
    let table = Table::default().volume("sda2", &files);
    read(&table, 0, "/boot/grub/grub.cfg", Facts { efi: false, cpu: "x86_64" }, flavour).unwrap()
}

/// Changes as `name=value`, `-name` for what is deleted.
fn words(changes: &[EnvironmentChange]) -> String {
    let one = |change: &EnvironmentChange| {
        assert_eq!((&*change.block.volume.name, &*change.block.path), ("sda2", "/boot/grub/grubenv"));
        match &change.value {
            Some(value) => format!("{}={value}", change.name),
            None => format!("-{}", change.name),
        }
    };
    changes.iter().map(one).collect::<Vec<_>>().join(" ")
}

/// The default's id, the timeout and how it shows, and what is written by the time the default starts.
fn outcome(menu: &GrubMenu) -> (String, Option<u32>, TimeoutStyle, String) {
    let default = menu.level.default_entry().unwrap();
    (default.id.clone(), menu.timeout, menu.timeout_style, words(&default.changes))
}

/// Debian's and Ubuntu's header, as 00_header writes it where `GRUB_DEFAULT=saved` and `GRUB_SAVEDEFAULT=true`.
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
   set default="${saved_entry}"
fi
if [ x"${feature_menuentry_id}" = xy ]; then menuentry_id_option="--id"; else menuentry_id_option=""; fi
export menuentry_id_option
if [ "${prev_saved_entry}" ]; then
  set saved_entry="${prev_saved_entry}"
  save_env saved_entry
  set prev_saved_entry=
  save_env prev_saved_entry
  set boot_once=true
fi
function savedefault {
  if [ -z "${boot_once}" ]; then
    saved_entry="${chosen}"
    save_env saved_entry
  fi
}
function recordfail {
  set recordfail=1
  if [ -n "${have_grubenv}" ]; then if [ -z "${boot_once}" ]; then save_env recordfail; fi; fi
}
if [ "${recordfail}" = 1 ] ; then
  set timeout=30
else
  if [ x$feature_timeout_style = xy ] ; then
    set timeout_style=hidden
    set timeout=0
  else
    set timeout=5
  fi
fi
menuentry 'One' $menuentry_id_option 'one' { recordfail; savedefault; linux /k one; initrd /i; }
submenu 'More' $menuentry_id_option 'more' {
  menuentry 'Two' $menuentry_id_option 'two' { recordfail; savedefault; linux /k two; }
}
"#;

#[test]
fn debian_remembers_the_choice_and_ubuntu_the_failure() {
    use TimeoutStyle::{Hidden, Menu};
    for (variables, default, timeout, style, changes) in [
        ("", "one", 0, Hidden, "recordfail=1 saved_entry=one"),
        // have_grubenv and boot_once are not exported: in a submenu, both functions do as if they were unset.
        ("saved_entry=more>two\n", "more>two", 0, Hidden, "saved_entry=more>two"),
        ("recordfail=1\n", "one", 30, Menu, "recordfail=1 saved_entry=one"),
        ("recordfail=0\n", "one", 0, Hidden, "recordfail=1 saved_entry=one"),
        // grub-reboot: once, and nothing else is remembered of it.
        ("saved_entry=1>0\nnext_entry=one\n", "one", 0, Hidden, "next_entry="),
        ("saved_entry=one\nnext_entry=1>0\n", "more>two", 0, Hidden, "next_entry= saved_entry=more>two"),
        (
            "saved_entry=one\nprev_saved_entry=more>two\n",
            "one",
            0,
            Hidden,
            "saved_entry=more>two prev_saved_entry=",
        ),
    ] {
        let expected = (default.to_owned(), Some(timeout), style, changes.to_owned());
        assert_eq!(outcome(&menu(DEBIAN, variables, &UPSTREAM)), expected, "{variables}");
    }
    // Each entry would write its own name.
    let menu = menu(DEBIAN, "", &UPSTREAM);
    let each: Vec<String> = menu.level.flat().iter().map(|(_, entry)| words(&entry.changes)).collect();
    assert_eq!(each, ["recordfail=1 saved_entry=one", "saved_entry=more>two"]);
}

/// Fedora's 08_fallback_counting, 10_reset_boot_success and 12_menu_auto_hide.
const FEDORA_HEADER: &str = r#"
load_env
set timeout_style=menu
set timeout=5
if [ -n "${boot_counter}" -a "${boot_success}" = "0" ]; then
  if [ "${boot_counter}" = "0" -o "${boot_counter}" = "-1" ]; then
    set default=1
    set boot_counter=-1
  else
    decrement boot_counter
  fi
  save_env boot_counter
fi
if [ "${boot_success}" = "1" -o "${boot_indeterminate}" = "1" ]; then
  set menu_hide_ok=1
else
  set menu_hide_ok=0
fi
if [ "${boot_success}" = "1" ] ; then
  set boot_indeterminate=0
elif [ "${boot_indeterminate}" = "1" ]; then
  set boot_indeterminate=2
fi
set boot_success=0
save_env boot_success boot_indeterminate
if [ x$feature_timeout_style = xy ] ; then
  if [ "${menu_show_once}" ]; then
    unset menu_show_once
    save_env menu_show_once
    set timeout_style=menu
    set timeout=60
  elif [ "${menu_auto_hide}" -a "${menu_hide_ok}" = "1" ]; then
    set orig_timeout_style=${timeout_style}
    set orig_timeout=${timeout}
    if [ "${fastboot}" = "1" ]; then
      set timeout_style=menu
      set timeout=0
    else
      set timeout_style=hidden
      set timeout=1
    fi
  fi
fi
menuentry New --id new { linux /k new; }
menuentry Old --id old { linux /k old; }
"#;

#[test]
fn fedora_hides_the_menu_after_a_good_boot_and_counts_the_bad_ones() {
    use TimeoutStyle::{Hidden, Menu};
    for (variables, default, timeout, style, changes) in [
        ("", "new", 5, Menu, "boot_success=0 -boot_indeterminate"),
        ("menu_auto_hide=1\nboot_success=1\n", "new", 1, Hidden, "boot_success=0 boot_indeterminate=0"),
        ("menu_auto_hide=1\nboot_success=0\n", "new", 5, Menu, "boot_success=0 -boot_indeterminate"),
        (
            "menu_auto_hide=1\nboot_success=0\nboot_indeterminate=1\n",
            "new",
            1,
            Hidden,
            "boot_success=0 boot_indeterminate=2",
        ),
        (
            "menu_auto_hide=1\nfastboot=1\nboot_success=1\n",
            "new",
            0,
            Menu,
            "boot_success=0 boot_indeterminate=0",
        ),
        (
            "menu_auto_hide=1\nmenu_show_once=1\nboot_success=1\n",
            "new",
            60,
            Menu,
            "boot_success=0 boot_indeterminate=0 -menu_show_once",
        ),
        (
            "boot_counter=2\nboot_success=0\n",
            "new",
            5,
            Menu,
            "boot_counter=1 boot_success=0 -boot_indeterminate",
        ),
        (
            "boot_counter=0\nboot_success=0\n",
            "old",
            5,
            Menu,
            "boot_counter=-1 boot_success=0 -boot_indeterminate",
        ),
        ("boot_counter=2\nboot_success=1\n", "new", 5, Menu, "boot_success=0 boot_indeterminate=0"),
    ] {
        let expected = (default.to_owned(), Some(timeout), style, changes.to_owned());
        assert_eq!(outcome(&menu(FEDORA_HEADER, variables, &FEDORA)), expected, "{variables}");
    }
}

#[test]
fn ubuntus_cloud_image_boots_without_an_initrd_until_that_fails() {
    let config = r#"
load_env
if [ "${initrdfail}" = 2 ]; then set initrdfail=; elif [ "${initrdfail}" = 1 ]; then set next_entry=; fi
function initrdfail {
  if [ -n "${initrdfail}" ]; then
    if [ "${initrdfail}" = 1 ]; then set initrdfail=2; fi
  else
    set initrdfail=1
  fi
  save_env initrdfail
}
menuentry Ubuntu --id ubuntu {
  if [ "${initrdfail}" = 1 ]; then
    linux /k root=UUID=1
    initrd /i
  else
    linux /k root=PARTUUID=2 panic=-1
  fi
  initrdfail
}
"#;
    for (variables, cmdline, initrds, changes) in [
        ("", "BOOT_IMAGE=/k root=PARTUUID=2 panic=-1", 0, "initrdfail=1"),
        ("initrdfail=1\n", "BOOT_IMAGE=/k root=UUID=1", 1, "initrdfail=2"),
        ("initrdfail=2\n", "BOOT_IMAGE=/k root=PARTUUID=2 panic=-1", 0, "initrdfail=1"),
    ] {
        let menu = menu(config, variables, &UPSTREAM);
        let entry = menu.level.default_entry().unwrap();
        let super::menu::EntryAction::Boot(loaded, line) = &entry.action else { panic!("{entry:?}") };
        let found = (line.as_str(), loaded.initrds.len(), words(&entry.changes));
        assert_eq!(found, (cmdline, initrds, changes.to_owned()), "{variables}");
    }
}

#[test]
fn suse_keeps_its_block_outside_of_all_files_of_a_btrfs() {
    let config = "if [ -s $prefix/grubenv ]; then load_env; fi\n\
                  if [ \"${env_block}\" ]; then\n  set env_block=\"(${root})${env_block}\"\n  export env_block\n\
                  load_env -f \"${env_block}\"\nfi\nset default=\"${saved_entry}\"\n\
                  menuentry A --id a { linux /k; save_env -f \"${env_block}\" default; }\n\
                  menuentry B --id b { linux /k; load_env -f (hd0)1+1; set saved_entry=c; \
                  save_env -f \"${env_block}\" saved_entry; }\n";
    let block = |body: &str| format!("# GRUB Environment Block\n{body}####");
    let files = [("/grub.cfg", config), ("/grubenv", &block("env_block=512+1\n")), ("/k", "k")];
    let own = block("saved_entry=b\n");
    let table = Table::default().volume("sda2", &files).boot_area(&own);
    let menu =
        read(&table, 0, "/grub.cfg", Facts { efi: true, cpu: "x86_64" }, &super::flavour::SUSE).unwrap();
    let default = menu.level.default_entry().unwrap();
    assert_eq!(default.id, "b");
    let [change] = default.changes.as_slice() else { panic!("{:?}", default.changes) };
    assert_eq!(
        (change.block.volume.name.as_str(), change.block.path.as_str(), change.value.as_deref()),
        ("sda2", "512+1", Some("c"))
    );
    assert_eq!(menu.warnings[0].message, "(hd0)1+1: no such file on a known device");
    // A directory that stands for a file system does not tell what is outside of the files.
    let table = Table::default().volume("sda2", &files[..2]);
    let menu =
        read(&table, 0, "/grub.cfg", Facts { efi: true, cpu: "x86_64" }, &super::flavour::SUSE).unwrap();
    assert!(menu.warnings.iter().all(|warning| !warning.message.contains("512+1")), "{:?}", menu.warnings);
}

#[test]
fn counters_count_through_zero_and_only_what_is_set() {
    let config = "set n=1\ndecrement n\ndecrement n\nset a=$n\nincrement n\nincrement n\nset b=$n\n\
                  if decrement nothing; then set c=yes; else set c=$?; fi\n\
                  menuentry x { linux /k $a $b $c }\n";
    let entry = &menu(config, "", &FEDORA).level.entries[0];
    let super::menu::EntryAction::Boot(_, line) = &entry.action else { panic!("{entry:?}") };
    assert_eq!(line, "BOOT_IMAGE=/k -1 1 5");
}

#[test]
fn the_fallback_list_names_entries_of_the_first_level() {
    let config = |fallback: &str| {
        format!(
            "set fallback=\"{fallback}\"\nmenuentry A --id a {{ linux /k; }}\n\
             submenu S --id s {{ menuentry B --id b {{ linux /k; }}\nmenuentry C --id c {{ linux /k; }} }}\n\
             hiddenentry H --id h {{ linux /k; }}\nmenuentry D --id d {{ linux /k; }}\n"
        )
    };
    for (fallback, upstream, fedora) in [
        ("", "", ""),
        ("2 0", "d a", "d a"),
        ("1", "s>b", "s>b"),
        ("d 0", "", "d a"),
        ("0 7 2", "a", "a"),
        ("A nothing 2", "", "a"),
        ("2x 0", "d", ""),
    ] {
        for (flavour, expected) in [(&UPSTREAM, upstream), (&FEDORA, fedora)] {
            let menu = menu(&config(fallback), "", flavour);
            let ids: Vec<&str> = menu.fallback_entries().map(|entry| entry.id.as_str()).collect();
            assert_eq!(ids.join(" "), expected, "{} {fallback}", flavour.name);
        }
    }
}

#[test]
fn rhel_8_sorts_entry_files_by_their_versions_if_all_have_one() {
    let entry = |version: &str| format!("title T\n{version}linux /k\n");
    let (newer, older, none) = (entry("version 4.18.0-80\n"), entry("version 4.18.0-9\n"), entry(""));
    for (second, flavour, expected) in
        [(&newer, &RHEL8, "a-1 b-2"), (&newer, &FEDORA, "b-2 a-1"), (&none, &RHEL8, "b-2 a-1")]
    {
        let files = [
            ("/grub2/grub.cfg", "blscfg\n"),
            ("/loader/entries/a-1.conf", second.as_str()),
            ("/loader/entries/b-2.conf", &older),
        ];
        let table = Table::default().volume("sda2", &files);
        let facts = Facts { efi: true, cpu: "x86_64" };
        let menu = read(&table, 0, "/grub2/grub.cfg", facts, flavour).unwrap();
        let ids: Vec<&str> = menu.level.entries.iter().map(|entry| entry.id.as_str()).collect();
        assert_eq!(ids.join(" "), expected);
    }
}
