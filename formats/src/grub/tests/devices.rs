//! Names of devices, and where paths count from.

use super::*;
use crate::entry::Layer;

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
fn disks_of_a_grub_that_drives_them_itself_are_counted_as_the_firmwares() {
    let text = "menuentry a { linux (ahci0,gpt1)/k; }\nmenuentry b { set root=nvme0n1,gpt1; linux /k; }\n\
                menuentry c { linux (usb0,1)/k; }\nmenuentry d { linux (ata1,gpt1)/k; }\nmenuentry e { linux (odd0,1)/k; }\n";
    let table =
        Table::default().volume("sda1", &[("/grub.cfg", text), ("/k", "")]).volume("sdb1", &[("/k", "")]);
    let menu = menu_of(&table, "/grub.cfg", &UPSTREAM);
    let kernels: Vec<_> = lines(&table, &menu).iter().map(|line| line[..9].to_owned()).collect();
    assert_eq!(kernels, ["a: sda1:/", "b: sda1:/", "c: sda1:/", "d: sdb1:/", "e: : BOOT"]);
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
        .layer(Layer::LogicalVolume { name: "g-v".into(), group: "G".into(), volume: "V".into() });
    let menu = menu_of(&table, "/grub.cfg", &FEDORA);
    let expected = "x: dm-0:/k: BOOT_IMAGE=(lvmid/G/V)/k lvmid/G/V lvm/g-v hd0,2 hd1,gpt1 e= hd0,gpt2 diskfilter none part-sdb1";
    assert_eq!(lines(&table, &menu), [expected]);
}

fn array() -> Layer {
    Layer::Array { uuid: Some("0-a".into()), name: Some("host:boot".into()) }
}

#[test]
fn partitions_of_arrays_are_called_by_the_array_and_no_disks_by_numbers() {
    let text = "search --fs-uuid --set=a uuid-sdc1\nsearch --fs-uuid --set=b --hint=mduuid/0a,gpt2 uuid-sdc2\n\
                search --label --set=c label-sdb1\nif [ -e (md/boot) ]; then d=whole; fi\nif [ -e (md/boot,1) ]; then e=part; fi\n\
                menuentry x { linux (mduuid/0A,2)/k $a $b $c $d $e; }\nmenuentry y { linux (hd1,gpt1)/k; }\n";
    let table = Table::default()
        .volume("sdc2", &[("/grub.cfg", text), ("/k", "k")])
        .layer(array())
        .volume("sdc1", &[])
        .layer(array())
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
fn unlocked_containers_are_called_by_number_and_by_uuid() {
    let text = "search --fs-uuid --set=a uuid-dm-1\nsearch --fs-uuid --set=b --hint=cryptouuid/0A-1b uuid-dm-1\n\
                menuentry x { linux (crypto0)/k $a $b; initrd (cryptouuid/0a-1B)/i; }\n\
                menuentry y { linux (crypto1,msdos2)/k; }\n";
    let table = Table::default()
        .volume("sda2", &[("/grub.cfg", text)])
        .volume("dm-1", &[("/k", "k"), ("/i", "i")])
        .layer(Layer::Container { uuid: "0a1b".into() });
    let menu = menu_of(&table, "/grub.cfg", &UPSTREAM);
    let expected = [
        "x: dm-1:/k + dm-1:/i: BOOT_IMAGE=(crypto0)/k crypto0 cryptouuid/0A-1b",
        "y: : BOOT_IMAGE=(crypto1,msdos2)/k",
    ];
    assert_eq!(lines(&table, &menu), expected);
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
        crate::grub::device::snapshot_of_the_system(&Table::default().volume("sda2", &files), 0)
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
