//! Trees that nobody means well with: loops, endless files, names that are no text, and what reading must not change.

use std::{
    io::Write,
    os::unix::{ffi::OsStrExt, fs::symlink},
    path::Path,
    time::{Duration, Instant},
};

use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::*;

/// No search of a hostile tree may take longer, on a machine busy with other tests.
const BOUND: Duration = Duration::from_secs(30);

/// Lists a hostile tree within the time bound.
fn listed(tree: &TempDir) -> Value {
    let begin = Instant::now();
    let list = answer(&["list", "--root", path(tree), "--json"]);
    assert!(begin.elapsed() < BOUND, "{:?}", begin.elapsed());
    list
}

#[test]
fn links_resolve_inside_the_volume_and_never_lead_out() {
    let tree = tree(&[KERNEL, INITRD, ("boot/real.cfg", MENU)]);
    fs::create_dir(tree.path().join("boot/grub")).unwrap();
    // Absolute: from the volume's root, not from this machine's.
    symlink("/boot/real.cfg", tree.path().join("boot/grub/grub.cfg")).unwrap();
    assert_eq!(titles(&listed(&tree)), ["First"]);

    let outside = TempDir::new().unwrap();
    fs::write(outside.path().join("grub.cfg"), MENU).unwrap();
    for target in [
        outside.path().join("grub.cfg"),
        Path::new("../../../../../../../..").join(outside.path().strip_prefix("/").unwrap()).join("grub.cfg"),
    ] {
        fs::remove_file(tree.path().join("boot/grub/grub.cfg")).unwrap();
        symlink(&target, tree.path().join("boot/grub/grub.cfg")).unwrap();
        assert_eq!(listed(&tree)["default"], "/boot/vmlinuz-6.1", "{}", target.display());
    }
}

#[test]
fn loops_of_links_end() {
    let tree = tree(&[KERNEL, INITRD]);
    fs::create_dir(tree.path().join("boot/grub")).unwrap();
    symlink("grub.cfg", tree.path().join("boot/grub/grub.cfg")).unwrap();
    symlink(".", tree.path().join("boot/boot")).unwrap();
    symlink("/", tree.path().join("EFI")).unwrap();
    assert_eq!(listed(&tree)["default"], "/boot/vmlinuz-6.1");
}

#[test]
fn a_configuration_that_is_no_file_hangs_nobody() {
    for kind in [FileType::Fifo, FileType::Socket] {
        let tree = tree(&[KERNEL, INITRD]);
        fs::create_dir(tree.path().join("boot/grub")).unwrap();
        mknodat(CWD, tree.path().join("boot/grub/grub.cfg"), kind, Mode::from_raw_mode(0o644), 0).unwrap();
        assert_eq!(listed(&tree)["default"], "/boot/vmlinuz-6.1", "{kind:?}");
    }
    let tree = tree(&[KERNEL, INITRD, ("boot/grub/grub.cfg/x", "")]);
    assert_eq!(listed(&tree)["default"], "/boot/vmlinuz-6.1");
}

#[test]
fn a_fifo_that_nobody_writes_to_hangs_no_command() {
    let tree = tree(&[]);
    let fifo = tree.path().join("fifo");
    mknodat(CWD, &fifo, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
    let fifo = fifo.to_str().unwrap();
    let message = "nothing came out of this pipe within 3 s; name a file, or start its writer first";
    for (words, code) in [
        (&["inspect", fifo][..], 1),
        (&["config", "--file", fifo], 1),
        (&["config", "check", fifo], 1),
        (&["kexec", "-l", fifo], 1),
    ] {
        let begin = Instant::now();
        let output = firstlight(words);
        assert!(begin.elapsed() < BOUND, "{words:?}");
        assert_eq!(output.status.code(), Some(code), "{words:?}");
        assert!(stderr(&output).contains(&format!("{fifo}: {message}")), "{words:?}: {}", stderr(&output));
    }
}

#[test]
fn reading_changes_no_access_time() {
    let tree = tree(&[KERNEL, INITRD, ("boot/grub/grub.cfg", MENU), ("boot/grub/custom.cfg", "")]);
    symlink("grub.cfg", tree.path().join("boot/grub/menu.lst")).unwrap();
    let places = ["", "boot", "boot/grub", "boot/grub/grub.cfg", "boot/vmlinuz-6.1"];
    let places = places.map(|place| tree.path().join(place));
    // An access time before the modification time is changed by the next read, also with the mount option relatime.
    let long_ago = fs::FileTimes::new().set_accessed(std::time::UNIX_EPOCH);
    for place in &places {
        fs::File::open(place).unwrap().set_times(long_ago).unwrap();
    }
    answer(&["list", "--json", "--root", path(&tree)]);
    firstlight(&["inspect", places[4].to_str().unwrap()]);
    for place in &places {
        assert_eq!(fs::metadata(place).unwrap().accessed().unwrap(), std::time::UNIX_EPOCH, "{place:?}");
    }
}

#[test]
fn a_configuration_of_100_megabytes_is_read_up_to_the_limit() {
    let tree = tree(&[KERNEL, INITRD, ("boot/grub/grub.cfg", MENU)]);
    let mut config =
        fs::OpenOptions::new().append(true).open(tree.path().join("boot/grub/grub.cfg")).unwrap();
    let block = "# padding\n".repeat(100_000);
    for _ in 0..100 {
        config.write_all(block.as_bytes()).unwrap();
    }
    let list = listed(&tree);
    let warning = &list["warnings"][0];
    let message = "larger than 8388608 bytes: what follows here is not read";
    assert_eq!((&warning["path"], &warning["message"]), (&json!("/boot/grub/grub.cfg"), &json!(message)));
    assert_eq!(list["default"], "first");
}

#[test]
fn configurations_that_source_each_other_forever_end() {
    let tree = tree(&[
        KERNEL,
        INITRD,
        (
            "boot/grub/grub.cfg",
            &format!("{MENU}source /boot/grub/other.cfg\nconfigfile /boot/grub/grub.cfg\n"),
        ),
        ("boot/grub/other.cfg", "source /boot/grub/grub.cfg\nwhile true; do true; done\n"),
    ]);
    assert!(titles(&listed(&tree)).contains(&"First"));
}

#[test]
fn ten_thousand_files_are_no_trouble() {
    let tree = tree(&[KERNEL, INITRD]);
    for number in 0..10_000 {
        let name = match number % 4 {
            0 => format!("boot/vmlinuz-5.{number}"),
            1 => format!("boot/initrd.img-5.{}", number - 1),
            2 => format!("boot/grub.cfg.{number}"),
            _ => format!("boot/loader.{number}.conf"),
        };
        fs::write(tree.path().join(name), "").unwrap();
    }
    let list = listed(&tree);
    assert_eq!(list["default"], "/boot/vmlinuz-6.1");
    assert_eq!(list["entries"].as_array().unwrap().len(), 64);
    assert_eq!(list["warnings"].as_array().unwrap().len(), 1);
}

#[test]
fn names_that_are_no_text_survive() {
    let tree = tree(&[]);
    fs::create_dir(tree.path().join("boot")).unwrap();
    let name = [b"vmlinuz-6.1-gr", &b"\xf6\xdf"[..], b"e"].concat();
    fs::write(tree.path().join("boot").join(std::ffi::OsStr::from_bytes(&name)), "").unwrap();
    assert_eq!(listed(&tree)["entries"][0]["kernel"]["path"], "/boot/vmlinuz-6.1-gr\u{10fff6}\u{10ffdf}e");
}
