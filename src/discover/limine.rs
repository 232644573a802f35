//! Limine: the paths of its configurations, and its names of devices.

use super::{
    by_device::partition,
    menu::{MenuLoader, volume_by},
    place::Place,
};
use crate::{
    entry::Format,
    formats::{
        grub::device::Devices,
        limine::{Syntax, parse},
    },
};

/// Finds limine.conf.
pub(super) static LIMINE: MenuLoader = MenuLoader {
    format: Format::Limine,
    places: &[
        "/EFI/*/limine.conf",
        "/efi/*/limine.conf",
        "/boot/limine/limine.conf",
        "/boot/limine.conf",
        "/limine/limine.conf",
        "/limine.conf",
    ],
    read: |_, context, text| {
        parse(text, Syntax::Slashes, context.efi, &context.loader, context.limine_remembered.as_deref())
    },
    locate,
};

/// Finds limine.cfg, which the releases before 7 read.
pub(super) static LIMINE_CFG: MenuLoader = MenuLoader {
    format: Format::Limine,
    places: &[
        "/limine.cfg",
        "/limine/limine.cfg",
        "/boot/limine.cfg",
        "/boot/limine/limine.cfg",
        "/EFI/BOOT/limine.cfg",
    ],
    read: |_, context, text| {
        parse(text, Syntax::Colons, context.efi, &context.loader, context.limine_remembered.as_deref())
    },
    locate,
};

/// `resource(argument):/path`, before 7 `resource://argument/path`; `#` and a digest may follow, which Limine checks and
/// we do not.
fn locate(place: &Place<'_>, name: &str) -> Option<(usize, String)> {
    let name = name.strip_prefix('$').unwrap_or(name).split('#').next()?;
    let (resource, argument, path) = match name.split_once("://") {
        Some((resource, rest)) => {
            let (argument, path) = rest.split_once('/')?;
            (resource, argument, path)
        }
        None => {
            let (resource, rest) = name.split_once('(')?;
            let (argument, path) = rest.split_once("):")?;
            (resource, argument, path)
        }
    };
    let volume = match (resource, argument) {
        ("boot", "") => place.volume,
        ("boot", number) => partition(place, number)?,
        ("hdd" | "odd", _) => {
            let (drive, number) = argument.split_once(':').unwrap_or((argument, ""));
            let drive = drive.parse::<u16>().ok()?.checked_sub(1)?;
            let name = if number.is_empty() { format!("hd{drive}") } else { format!("hd{drive},{number}") };
            Devices::new(place.volume, "").volume(place.lookup, &name)?
        }
        ("guid" | "uuid", id) => volume_by(place, |volume| {
            let partition = volume.device.partition.as_ref().and_then(|it| it.uuid.as_ref());
            [volume.filesystem.uuid.as_ref(), partition]
                .iter()
                .flatten()
                .any(|it| it.eq_ignore_ascii_case(id))
        })?,
        ("fslabel", label) => volume_by(place, |volume| {
            volume.filesystem.label.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(label))
        })?,
        _ => return None,
    };
    Some((volume, place.path(&format!("/{path}"))))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::{
        discover::{
            finder::{Context, Finder},
            testing::{tree, volume, volumes},
        },
        entry::{FilesystemKind, Kind},
        formats::testing::pe::image,
    };

    #[test]
    fn programs_that_are_kernels_or_unified_images_are_booted() {
        let mut kernel = vec![0; 1 << 10];
        kernel[..2].copy_from_slice(b"MZ");
        kernel[0x1fe..0x208].copy_from_slice(b"\x55\xaa\0\0HdrS\x0f\x02");
        let esp = tree(&[(
            "limine.conf",
            "/Unified\nprotocol: efi\npath: boot():/EFI/Linux/a.efi#00\n\
             /Kernel\nprotocol: efi_chainload\nimage_path: boot():/vmlinuz\ncmdline: quiet initrd=\\i.img\n\
             /Other\nprotocol: efi\npath: boot():/limine.conf\n",
        )]);
        fs::create_dir_all(esp.path().join("EFI/Linux")).unwrap();
        let sections: [(&[u8; 8], &str); 2] = [(b".linux\0\0", "kernel"), (b".cmdline", "root=LABEL=a")];
        fs::write(esp.path().join("EFI/Linux/a.efi"), image(&sections)).unwrap();
        fs::write(esp.path().join("vmlinuz"), kernel).unwrap();
        let open = volumes(&[(&esp, volume("sda1", FilesystemKind::Vfat))]);
        let found = LIMINE.find(&open, 0, &Context { efi: true, ..Context::default() }).unwrap();
        let shown: Vec<_> = found
            .entries
            .iter()
            .map(|it| (it.kind, it.cmdline.as_str(), it.initrds.len(), it.problem.as_deref()))
            .collect();
        let expected = [
            (Kind::Uki, "root=LABEL=a", 0, None),
            (Kind::Linux, "quiet initrd=\\i.img", 1, None),
            (Kind::Chainload, "", 0, Some("it hands over to another boot loader, which takes the firmware")),
        ];
        assert_eq!(shown, expected);
        assert_eq!((found.default.as_deref(), found.timeout), (Some("Unified"), Some(5)));
    }

    #[test]
    fn devices_are_named_in_the_old_way_and_the_new() {
        let empty = tree(&[]);
        let mut labelled = volume("sda2", FilesystemKind::Ext4);
        labelled.filesystem.label = Some("root fs".into());
        let open = volumes(&[
            (&empty, volume("sda1", FilesystemKind::Vfat)),
            (&empty, labelled),
            (&empty, volume("sdb1", FilesystemKind::Ext4)),
        ]);
        let place = Place::of(&open, 0, "/EFI/limine/limine.conf").unwrap();
        for (name, expected) in [
            ("boot():/vmlinuz", Some((0, "/vmlinuz"))),
            ("boot():vmlinuz#00ff", Some((0, "/vmlinuz"))),
            ("boot(2):/boot/k", Some((1, "/boot/k"))),
            ("hdd(2:1):/k", Some((2, "/k"))),
            ("guid(PART-SDB1):/k", Some((2, "/k"))),
            ("uuid(uuid-sda2):/k", Some((1, "/k"))),
            ("fslabel(ROOT fs):/k", Some((1, "/k"))),
            ("boot:///a/k", Some((0, "/a/k"))),
            ("$boot://2/k.gz", Some((1, "/k.gz"))),
            ("hdd://1:2/k", Some((1, "/k"))),
            ("boot(9):/k", None),
            ("hdd(0:1):/k", None),
            ("uuid(none):/k", None),
            ("tftp():/k", None),
            ("/vmlinuz", None),
        ] {
            assert_eq!(
                locate(&place, name),
                expected.map(|(volume, path)| (volume, path.to_owned())),
                "{name}"
            );
        }
    }
}
