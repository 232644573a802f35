//! Images that are read once they are mounted: which are asked for, and what counts of what is in them.

use super::*;
use crate::{
    discover::{
        survey,
        testing::{tree, volume, volumes},
    },
    entry::FilesystemKind,
};

/// The beginning of a SquashFS image (kernel: Documentation/filesystems/squashfs.rst).
fn squashfs() -> String {
    format!("hsqs{}\x04\0\0\0{}", "\0".repeat(24), "\0".repeat(64))
}

/// An image file on `sda2` that is mounted.
fn mounted(path: &str) -> Volume {
    let host = volume("sda2", FilesystemKind::Ext4);
    Volume::in_image(&host, path, 0, volume("sda2", FilesystemKind::Squashfs).filesystem)
}

const LOOPBACK_ENTRY: &str = "menuentry a {\n loopback loop /deep/z.snap\n loopback again /deep/z.snap\n linux (loop)/k quiet\n}\nset default=0\n";

#[test]
fn images_that_are_named_or_lie_in_the_usual_places_are_to_be_mounted() {
    let image = squashfs();
    let disk = tree(&[
        ("boot/grub/grub.cfg", LOOPBACK_ENTRY),
        ("deep/z.snap", &image),
        ("deep/other.snap", &image),
        ("x.SquashFS", &image),
        ("iso/no.sfs", "no image"),
        ("images/y.img", &image),
    ]);
    let inside = tree(&[("k", "")]);
    let on_disk = (&disk, volume("sda2", FilesystemKind::Ext4));
    let mounted = (&inside, mounted("/deep/z.snap"));
    let context = Context { images: vec!["/images/y.img".into()], ..Context::default() };
    for (open, wanted, is_problem) in [
        (
            volumes(std::slice::from_ref(&on_disk)),
            &["/deep/z.snap", "/x.SquashFS", "/images/y.img"][..],
            true,
        ),
        (volumes(&[on_disk, mounted]), &["/x.SquashFS", "/images/y.img"], false),
    ] {
        let found = survey(&open, &context);
        let paths: Vec<&str> = found.images.iter().map(|image| image.path.as_str()).collect();
        assert_eq!(paths, wanted);
        assert!(found.images.iter().all(|image| image.volume.name == "sda2"));
        let [entry] = &found.discovery.entries[..] else { panic!("{:?}", found.discovery.entries) };
        assert_eq!(entry.problem.is_some(), is_problem, "{:?}", entry.problem);
        if !is_problem {
            let kernel = entry.kernel.as_ref().unwrap();
            assert_eq!((&*kernel.volume.name, &*kernel.path), ("sda2:/deep/z.snap", "/k"));
        }
    }
}

#[test]
fn nothing_boots_by_itself_of_an_image_that_was_only_put_down() {
    let disk = tree(&[("x.squashfs", &squashfs())]);
    let configured = tree(&[
        ("boot/grub/grub.cfg", "set timeout=3\nmenuentry a {\n linux /boot/vmlinuz-1\n}\n"),
        ("boot/vmlinuz-1", ""),
        ("boot/initrd.img-1", ""),
    ]);
    let bare = tree(&[("boot/vmlinuz-1", ""), ("boot/initrd.img-1", "")]);
    for (inside, named, expected, default) in [
        (&configured, None, Some(("x.squashfs>a", vec!["x.squashfs"])), None),
        (&configured, Some("x.squashfs"), Some(("a", vec![])), Some("a")),
        (&bare, None, None, None),
        (&bare, Some("/x.squashfs"), Some(("/boot/vmlinuz-1", vec![])), Some("/boot/vmlinuz-1")),
    ] {
        let open =
            volumes(&[(&disk, volume("sda2", FilesystemKind::Ext4)), (inside, mounted("/x.squashfs"))]);
        let images = named.into_iter().map(String::from).collect();
        let found = survey(&open, &Context { images, ..Context::default() });
        assert_eq!(found.images, []);
        let entries = found.discovery.entries.iter();
        let shown: Vec<_> = entries
            .map(|entry| (&*entry.id, entry.path_in_menu.iter().map(String::as_str).collect::<Vec<_>>()))
            .collect();
        assert_eq!(shown, Vec::from_iter(expected), "{named:?}");
        assert_eq!(found.discovery.default.as_deref(), default, "{named:?}");
        assert_eq!(found.discovery.timeout.is_some(), default.is_some(), "{named:?}");
    }
}
