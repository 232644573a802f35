//! Images that xorriso writes, with Rock Ridge, with Joliet and with neither: their files as they went in.

mod images;

use std::{
    fs,
    io::{Read as _, Seek as _, Write as _},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use firstlight::{
    entry::{Device, FileReference, Filesystem, FilesystemKind, Transport, Volume},
    formats::{
        iso9660::Iso9660,
        lookup::{FileKind, LookupError},
    },
    storage::{OpenVolume, root::Root},
};
use images::{Image, scratch};
use qemu::{pinned, tool};

/// Names that each tree keeps its own way.
const LONG: &str =
    "a name of more than sixty-four characters that only Rock Ridge keeps whole in an image.config";

/// A tree with what an image can hold.
fn tree(name: &str) -> (PathBuf, PathBuf) {
    let directory = scratch(name);
    let tree = directory.join("tree");
    let deep = tree.join("1/2/3/4/5/6/7/8/9/10");
    fs::create_dir_all(&deep).unwrap();
    fs::create_dir_all(tree.join("casper")).unwrap();
    fs::create_dir_all(tree.join("many")).unwrap();
    fs::write(tree.join("casper/vmlinuz"), vec![7; 300_000]).unwrap();
    fs::write(tree.join("casper/initrd.lz"), "initrd").unwrap();
    fs::write(tree.join("Größe"), "size").unwrap();
    fs::write(tree.join(LONG), "long").unwrap();
    fs::write(tree.join("empty"), "").unwrap();
    fs::write(deep.join("deep"), "deep").unwrap();
    // More names than one sector holds.
    for number in 0..300 {
        fs::write(tree.join(format!("many/file-{number}")), number.to_string()).unwrap();
    }
    for (target, link) in [
        ("casper/vmlinuz", "vmlinuz"),
        ("/casper/../casper/./initrd.lz", "absolute"),
        ("../../../../casper", "1/2/up"),
        ("round", "round"),
        ("nowhere", "dangling"),
    ] {
        symlink(target, tree.join(link)).unwrap();
    }
    symlink(format!("many/{}file-7", "../many/".repeat(60)), tree.join("winding")).unwrap();
    (directory, tree)
}

/// Writes an image of the tree.
fn image(directory: &Path, tree: &Path, options: &[&str]) -> PathBuf {
    let image = directory.join("image.iso");
    let mut xorriso = pinned::tests().unwrap().command("xorriso");
    xorriso.args(["-as", "mkisofs", "-quiet"]).args(options).arg("-o").arg(&image).arg(tree);
    tool::finish(&mut xorriso).unwrap();
    image
}

fn open(path: &Path) -> Iso9660<'static> {
    Iso9660::open(Box::new(Image::open(path))).unwrap()
}

fn text(iso: &Iso9660<'_>, path: &str) -> Result<String, LookupError> {
    iso.read_at(path, 0, 1 << 20).map(|bytes| String::from_utf8(bytes).unwrap())
}

#[test]
fn rock_ridge_keeps_names_links_and_depth() {
    if pinned::for_test().is_none() {
        return;
    }
    let (directory, tree) = tree("iso-rock-ridge");
    // Deep directories stay where they are, or are moved up as the standard wants it.
    for options in [&["-R"][..], &["-R", "-J"], &["-R", "-rr_reloc_dir", "moved"], &["-r", "-hfsplus"]] {
        let iso = open(&image(&directory, &tree, options));
        for (path, content) in [
            ("/casper/initrd.lz", "initrd"),
            ("/Größe", "size"),
            (&format!("/{LONG}"), "long"),
            ("/empty", ""),
            ("/1/2/3/4/5/6/7/8/9/10/deep", "deep"),
            ("//1/.././casper//initrd.lz", "initrd"),
            ("/../../casper/initrd.lz", "initrd"),
            ("/absolute", "initrd"),
            ("/1/2/up/initrd.lz", "initrd"),
            ("/winding", "7"),
            ("/many/file-299", "299"),
            ("/CASPER/INITRD.LZ", "initrd"),
        ] {
            assert_eq!(text(&iso, path).as_deref(), Ok(content), "{path} of {options:?}");
        }
        for path in ["/round", "/dangling", "/casper/vmlinux", "/casper/vmlinuz/more"] {
            assert_eq!(text(&iso, path), Err(LookupError::Missing), "{path}");
        }
        assert!(matches!(text(&iso, "/casper"), Err(LookupError::Failed(_))));
        assert_eq!(iso.read_at("/vmlinuz", 299_998, 9), Ok(vec![7; 2]));
        assert_eq!(iso.read_at("/vmlinuz", 300_000, 9), Ok(vec![]));
        let kinds = ["/vmlinuz", "/casper"].map(|path| iso.status(path, false).unwrap().kind);
        assert_eq!(kinds, [FileKind::Link, FileKind::Directory]);
        let status = iso.status("/vmlinuz", true).unwrap();
        assert_eq!((status.kind, status.size), (FileKind::File, 300_000));
        let names: Vec<String> = iso.list("/casper").into_iter().map(|entry| entry.name).collect();
        assert_eq!(names, ["initrd.lz", "vmlinuz"]);
        assert_eq!(iso.list("/many").len(), 300);
    }
}

#[test]
fn without_rock_ridge_joliet_keeps_names_and_the_plain_tree_is_read_in_lower_case() {
    if pinned::for_test().is_none() {
        return;
    }
    let (directory, tree) = tree("iso-others");
    for (options, names) in [
        (&["--norock", "-J", "-joliet-long"][..], ["/casper/initrd.lz", "/Größe", "/many/file-17"]),
        (&["--norock", "-iso-level", "2"], ["/casper/initrd.lz", "/CASPER/INITRD.LZ", "/many/file_17"]),
    ] {
        let iso = open(&image(&directory, &tree, options));
        for path in names {
            assert!(iso.status(path, true).is_some(), "{path} of {options:?}: {:?}", iso.list("/"));
        }
    }
}

#[test]
fn dates_are_those_of_the_files() {
    if pinned::for_test().is_none() {
        return;
    }
    let (directory, tree) = tree("iso-dates");
    for (date, seconds) in [("2026-02-28T23:59:58Z", 1_772_323_198), ("2000-02-29T00:00:00Z", 951_782_400)] {
        let status = Command::new("touch").arg("-d").arg(date).arg(tree.join("empty")).status();
        assert!(status.unwrap().success());
        let iso = open(&image(&directory, &tree, &["-R"]));
        assert_eq!(iso.status("/empty", true).unwrap().modified, seconds, "{date}");
    }
}

#[test]
fn an_image_that_is_cut_short_gives_what_is_there() {
    if pinned::for_test().is_none() {
        return;
    }
    let (directory, tree) = tree("iso-cut");
    let whole = image(&directory, &tree, &["-R", "-J"]);
    let bytes = fs::read(&whole).unwrap();
    for length in (0..bytes.len()).step_by(4099) {
        let Some(iso) = Iso9660::open(Box::new(&bytes[..length])) else { continue };
        for path in ["/casper/vmlinuz", "/winding", "/1/2/up/initrd.lz", "/many"] {
            let _ = (iso.status(path, true), iso.read_at(path, 0, 1 << 20), iso.list(path));
        }
    }
}

#[test]
fn what_is_loaded_out_of_an_image_is_what_went_in_and_nobody_can_change_it() {
    if pinned::for_test().is_none() {
        return;
    }
    let (directory, tree) = tree("iso-loaded");
    let path = image(&directory, &tree, &["-R"]);
    let device = Device { disk: "sda".into(), transport: Transport::Scsi, ..Device::new("sda1") };
    let filesystem = Filesystem { kind: FilesystemKind::Ext4, uuid: None, label: None };
    let root = Root::from_directory(&directory).unwrap();
    let volume = OpenVolume::new(Volume::new(device, filesystem), root);
    let reference = |path: &str, inside: &str| FileReference {
        sha256: None,
        volume: "sda1".into(),
        path: path.into(),
        inside: Some(inside.into()),
        packed_as: None,
    };
    let mut kernel = volume.open(&reference("/image.iso", "/vmlinuz")).unwrap();
    let mut content = Vec::new();
    kernel.rewind().unwrap();
    kernel.read_to_end(&mut content).unwrap();
    assert!(content == vec![7; 300_000]);
    assert!(kernel.write(b"x").is_err());
    for (path, inside, reason) in [
        ("/image.iso", "/gone", "no such file"),
        ("/image.iso", "/casper", "not a regular file"),
        ("/tree/Größe", "/vmlinuz", "not an ISO 9660 image"),
        ("/gone.iso", "/vmlinuz", "no such file"),
    ] {
        assert_eq!(volume.open(&reference(path, inside)).unwrap_err().to_string(), reason);
    }
    // A medium that was pulled out while it was copied.
    let (start, _) = open(&path).ranges("/vmlinuz").unwrap()[0];
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(start + 1000).unwrap();
    let cut = "the image is cut short; copy it again";
    assert_eq!(volume.open(&reference("/image.iso", "/vmlinuz")).unwrap_err().to_string(), cut);
}
