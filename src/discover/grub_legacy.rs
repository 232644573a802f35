//! GRUB Legacy: the paths of its menu, which entry it saved, and its names of devices.

use super::{
    menu::{MenuLoader, volume_by},
    place::Place,
};
use crate::{
    entry::Format,
    formats::{
        grub::device::{Devices, single_slashes},
        grub_legacy,
    },
};

/// Finds menu.lst and grub.conf.
pub(super) static GRUB_LEGACY: MenuLoader = MenuLoader {
    format: Format::GrubLegacy,
    places: &[
        "/boot/grub/menu.lst",
        "/boot/grub/grub.conf",
        "/grub/menu.lst",
        "/grub/grub.conf",
        "/boot/menu.lst",
        "/menu.lst",
    ],
    read: |place, _, text| {
        // grub-set-default writes the number on the first line and a warning after it.
        let saved = place.read("default").ok();
        let saved = saved.and_then(|text| text.split_whitespace().next()?.parse().ok());
        grub_legacy::parse(text, saved)
    },
    locate,
};

/// `(hd0,0)/path`: partitions count from 0 here, and from 1 everywhere else.
fn locate(place: &Place<'_>, name: &str) -> Option<(usize, String)> {
    let Some((device, path)) = name.strip_prefix('(').and_then(|name| name.split_once(')')) else {
        return Some((place.volume, place.path(&format!("/{name}"))));
    };
    let volume = match device.strip_prefix("UUID=") {
        Some(uuid) => volume_by(place, |volume| {
            volume.filesystem.uuid.as_ref().is_some_and(|it| it.eq_ignore_ascii_case(uuid))
        })?,
        None => {
            let mut parts = device.split(',');
            let mut name = parts.next()?.to_owned();
            if let Some(number) = parts.next() {
                name = format!("{name},{}", number.parse::<u16>().ok()?.checked_add(1)?);
            }
            Devices::new(place.volume, "").file_volume(place.lookup, &name)?
        }
    };
    Some((volume, single_slashes(path)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        discover::{
            finder::{Context, Finder},
            testing::{tree, volume, volumes},
        },
        entry::FilesystemKind,
    };

    #[test]
    fn partitions_count_from_zero() {
        let boot = tree(&[
            (
                "grub/menu.lst",
                "default saved\ntitle a\nroot (hd0,0)\nkernel /vmlinuz root=/dev/sda2\ninitrd /initrd\n\
                 title b\nkernel (hd0,1)/boot/k\ntitle c\nuuid UUID-SDA2\nkernel /boot/k\ntitle d\nkernel (hd0,6)/k\n\
                 title e\nkernel (nd)/k\n",
            ),
            ("grub/default", "2\n#\n#\n"),
            ("vmlinuz", ""),
            ("initrd", ""),
        ]);
        let root = tree(&[("boot/k", "")]);
        let open = volumes(&[
            (&boot, volume("sda1", FilesystemKind::Ext4)),
            (&root, volume("sda2", FilesystemKind::Ext4)),
        ]);
        let found = GRUB_LEGACY.find(&open, 0, &Context::default()).unwrap();
        let kernels: Vec<_> = found
            .entries
            .iter()
            .map(|entry| {
                let kernel = entry.kernel.as_ref().unwrap();
                (format!("{}:{}", kernel.volume, kernel.path), entry.problem.as_deref())
            })
            .collect();
        let expected = [
            ("sda1:/vmlinuz", None),
            ("sda2:/boot/k", None),
            ("sda2:/boot/k", None),
            ("sda1:(hd0,6)/k", Some("(hd0,6)/k: there is no such volume")),
            ("sda1:(nd)/k", Some("(nd)/k: there is no such volume")),
        ];
        assert_eq!(kernels, expected.map(|(path, problem)| (path.to_owned(), problem)));
        assert_eq!((found.default.as_deref(), found.timeout), (Some("c"), None));
    }
}
