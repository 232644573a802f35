//! Menus of thousands of entries, as snapshots make them, and scripts that never end beside them.

use std::fmt::Write;

use super::*;
use crate::grub::MenuEntry;

const UUID: &str = "uuid-sda2";

/// What grub-btrfs writes (41_snapshots-btrfs, `make_menu_entries`): a submenu for each snapshot, its heading, its kernels.
fn snapshots(snapshots: usize, kernels: usize) -> String {
    let mut text = String::new();
    for snapshot in 1..=snapshots {
        let title =
            format!("2024-03-01 10:{snapshot:03}:00 | @/.snapshots/{snapshot}/snapshot | pre | pacman -Syu");
        write!(text, "submenu '{title}' {{\n    submenu '{title}' {{ echo }}").unwrap();
        for kernel in 1..=kernels {
            write!(
                text,
                r#"

    if [ x$feature_all_video_module = xy ]; then
    insmod all_video
    fi
    set gfxpayload=keep
    insmod btrfs
    menuentry '  vmlinuz-linux{kernel} & initramfs-linux{kernel}.img' --class snapshots --class gnu-linux --class gnu --class os "$menuentry_id_option" 'gnulinux-snapshots-{snapshot}-{kernel}'{{
    if [ x$feature_platform_search_hint = xy ]; then
        search --no-floppy --fs-uuid  --set=root --hint-bios=hd0,gpt2 --hint-efi=hd0,gpt2 --hint-baremetal=ahci0,gpt2  {UUID}
    else
        search --no-floppy --fs-uuid --set=root {UUID}
    fi
    echo 'Loading Snapshot: 2024-03-01 10:{snapshot:03}:00 @/.snapshots/{snapshot}/snapshot'
    echo 'Loading Kernel: vmlinuz-linux{kernel} ...'
    linux "/@/.snapshots/{snapshot}/snapshot/boot/vmlinuz-linux{kernel}" root=UUID={UUID} rw rootflags=subvol="@/.snapshots/{snapshot}/snapshot" loglevel=3 quiet
    echo 'Loading Microcode & Initramfs: intel-ucode.img initramfs-linux{kernel}.img ...'
    initrd "/@/.snapshots/{snapshot}/snapshot/boot/intel-ucode.img" "/@/.snapshots/{snapshot}/snapshot/boot/initramfs-linux{kernel}.img"
    }}"#
            )
            .unwrap();
        }
        text.push_str("\n}\n");
    }
    text
}

const HEADER: &str = "set menuentry_id_option=--id\nmenuentry Arch --id arch { linux /k; }\n";

fn found(files: &[(&str, &str)]) -> GrubMenu {
    menu_of(&Table::default().volume("sda2", files), "/grub.cfg", &UPSTREAM)
}

/// The entries with a kernel, and the warnings.
fn count(menu: &GrubMenu) -> (usize, Vec<&str>) {
    let flat = menu.level.flat();
    let is_there = |entry: &&MenuEntry| matches!(entry.action, EntryAction::Boot(..));
    let entries = flat.iter().map(|(_, entry)| *entry).filter(is_there);
    (entries.count(), menu.warnings.iter().map(|warning| warning.message.as_str()).collect())
}

#[test]
fn every_snapshot_has_its_entries() {
    let submenu = format!("{HEADER}submenu 'Arch Linux snapshots' {{\n configfile /grub-btrfs.cfg\n}}\n");
    // The defaults of grub-btrfs, and as many as people have reported.
    for (number, kernels) in [(50, 4), (200, 6)] {
        let text = snapshots(number, kernels);
        let own = number * kernels;
        let menu = found(&[("/grub.cfg", &submenu), ("/grub-btrfs.cfg", &text)]);
        assert_eq!(count(&menu), (own + 1, vec![]));
        // Below one submenu, or none, of the configuration itself.
        for text in [format!("{HEADER}{text}"), format!("{HEADER}submenu all {{\n{text}}}\n")] {
            assert_eq!(count(&found(&[("/grub.cfg", &text)])), (own + 1, vec![]));
        }
    }
}

#[test]
fn ten_thousand_entries_and_four_mebibytes_are_a_menu() {
    let text = format!("{HEADER}{}", snapshots(1000, 4));
    assert!(text.len() > 4 << 20, "{}", text.len());
    assert_eq!(count(&found(&[("/grub.cfg", &text)])), (4001, vec![]));
    let short =
        |number| format!("menuentry '{number}' --id {number} {{\n linux /k {number}\n initrd /i\n}}\n");
    let text: String = (0..10_000).map(short).collect();
    let menu = found(&[("/grub.cfg", &text), ("/k", ""), ("/i", "")]);
    assert_eq!(count(&menu), (10_000, vec![]));
    let (_, last) = menu.level.flat().pop().unwrap();
    assert_eq!((last.id.as_str(), &last.problem), ("9999", &None));
}

#[test]
fn a_script_that_is_too_large_is_read_up_to_the_limit() {
    let text = format!("{HEADER}{}menuentry Last --id last {{ linux /k; }}\n", "# filler\n".repeat(1 << 20));
    let menu = found(&[("/grub.cfg", &text)]);
    assert_eq!(count(&menu), (1, vec!["larger than 8388608 bytes: what follows here is not read"]));
    assert_eq!(menu.warnings[0].line, Some(932_063));
    assert_eq!(menu.level.default_entry().unwrap().id, "arch");
}

/// A hundred entries and then a loop without end: as a submenu, in a file of its own, in functions.
#[test]
fn what_an_endless_loop_ends_keeps_the_entries_before_it() {
    let entries: String =
        (0..100).map(|number| format!("menuentry '{number}' --id {number} {{ linux /k; }}\n")).collect();
    let endless = format!("{entries}while true; do true; done\nmenuentry Lost --id lost {{ linux /k; }}\n");
    let message = "this runs too long and was cut off here; the 100 entries before it are kept";
    for (text, expected) in [
        (endless.clone(), 100),
        (format!("{HEADER}submenu more --id more {{\n{endless}}}\nmenuentry z {{ linux /k; }}\n"), 102),
        (format!("{HEADER}submenu more --id more {{\n configfile /more.cfg\n}}\n"), 101),
        (format!("{HEADER}menuentry more --id more {{\n configfile /more.cfg\n}}\n"), 101),
        ("configfile /more.cfg\n".to_owned(), 100),
        ("source /more.cfg\n".to_owned(), 100),
        (format!("function f {{\n{endless}}}\nf\n"), 100),
    ] {
        let menu = found(&[("/grub.cfg", &text), ("/more.cfg", &endless), ("/k", "")]);
        let (count, warnings) = count(&menu);
        assert_eq!((count, warnings.contains(&message)), (expected, true), "{warnings:?}: {text}");
    }
}

#[test]
fn entries_that_cost_too_much_together_leave_the_others_and_the_default() {
    let costly = "for i in 1 2 3 4 5 6 7 8 9; do search --file /nothing; done;";
    let costly: String = (0..4000)
        .map(|number| format!("menuentry {number} --id {number} {{ while true; do {costly} done; }}\n"))
        .collect();
    let text = format!("set default=last\n{costly}menuentry Last --id last {{ linux /k; }}\n");
    let menu = found(&[("/grub.cfg", &text), ("/k", "")]);
    let kept = menu.level.entries.len();
    assert!((10..1000).contains(&kept), "{kept}");
    let last = menu.warnings.last().unwrap();
    let message =
        format!("the entries together run too long: {kept} of 4001 are kept, from here on they are lost");
    assert_eq!(
        (last.message.as_str(), last.line),
        (message.as_str(), Some(u32::try_from(kept).unwrap() + 1))
    );
    let default = menu.level.default_entry().unwrap();
    assert_eq!((default.id.as_str(), &default.problem), ("last", &None));
}

/// One file that is read over and over allows for its work once.
#[test]
fn reading_again_allows_for_nothing_more() {
    let filler = "# filler\n".repeat(10_000);
    for text in [
        "while true; do source /filler; done\n",
        "menuentry a { while true; do source /filler; done; }\n",
        "menuentry a { while true; do configfile /filler; done; }\n",
    ] {
        let menu = found(&[("/grub.cfg", text), ("/filler", &filler)]);
        let (_, warnings) = count(&menu);
        assert_eq!(warnings, ["this runs too long and was cut off here"], "{text}");
    }
}
