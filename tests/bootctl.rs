//! The menu of systemd-boot is the one that systemd's own bootctl lists.

use std::{fs, path::Path, process::Command};

use qemu::{
    oracles::{self, Oracle, SYSTEMDS},
    pinned,
    roots::Root,
};
use serde_json::Value;
use tempfile::{TempDir, tempdir};

/// Entry files that bootctl and systemd-boot read alike: bootctl leaves quotes around values, sorts capitals before small
/// letters, and takes no tilde in a file's name. Keys in every order, repeated, with tabs and comments.
const ENTRIES: &[(&str, &str)] = &[
    ("a.conf", "title A\nversion 1\nlinux /k\noptions a b\n"),
    (
        "b.conf",
        "title B\nversion 2\nsort-key x\nmachine-id 0123456789abcdef0123456789abcdef\nlinux /k\ninitrd /i\ninitrd /j\noptions ro\noptions quiet\n",
    ),
    ("b2.conf", "title B\nversion 2\nsort-key x\nmachine-id fedcba9876543210fedcba9876543210\nlinux /k\n"),
    (
        "debian-6.1.0-9-amd64.conf",
        "title\tDebian\nversion 6.1.0-9-amd64\nsort-key debian\nlinux k\noptions\tro\tquiet\n",
    ),
    ("debian-6.1.0-10-amd64.conf", "title Debian\nversion 6.1.0-10-amd64\nsort-key debian\nlinux k\n"),
    ("debian-6.2-rc1.conf", "title Debian\nversion 6.2~rc1\nsort-key debian\nlinux k\n"),
    ("debian-6.2.conf", "title Debian\nversion 6.2\nsort-key debian\nlinux k\n"),
    ("linux-5.10.conf", "# a comment\n\nlinux /k\n"),
    ("linux-5.9.conf", "title Linux\nlinux /k\ntitle Later\n"),
    ("quoted.conf", "title Quoted\nlinux /k\nunknown key\n"),
    ("program.conf", "title Program\nefi /shell.efi\noptions one two\n"),
];

fn write(root: &Path, files: &[(&str, &str)]) {
    for (path, content) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

fn esp(entries: &[(&str, &str)]) -> TempDir {
    let directory = tempdir().unwrap();
    let root = directory.path();
    write(
        root,
        &[("k", "k"), ("i", "i"), ("j", "j"), ("shell.efi", "MZ"), ("loader/entries.srel", "type1\n")],
    );
    for (file, content) in entries {
        write(root, &[(&format!("loader/entries/{file}"), content)]);
    }
    directory
}

/// bootctl wants a mount point: what a root shares is one.
fn bootctl(systemd: &Root, root: &Path) -> Vec<Value> {
    let output = systemd
        .command(&[root], "bootctl")
        .arg(format!("--esp-path={}", root.display()))
        .args(["--no-pager", "--json=short", "list"])
        .env("SYSTEMD_RELAX_ESP_CHECKS", "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    // Newer ones print one list, older ones an entry a line.
    if text.starts_with('[') {
        return serde_json::from_str(&text).unwrap();
    }
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Each systemd that is compared with.
fn systemds() -> impl Iterator<Item = (Oracle, Root)> {
    SYSTEMDS.into_iter().filter_map(|oracle| Some((oracle, oracles::available(&oracle, oracle.root())?)))
}

fn firstlight(root: &Path) -> Vec<Value> {
    let output = Command::new(env!("CARGO_BIN_EXE_firstlight"))
        .args(["list", "--json", "--root"])
        .arg(root)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let discovery: Value = serde_json::from_slice(&output.stdout).unwrap();
    discovery["entries"].as_array().unwrap().clone()
}

/// File, title, version and options, as both tell them.
type Line = (String, String, Option<String>, String);

fn theirs(systemd: &Root, root: &Path) -> Vec<Line> {
    let text = |entry: &Value, key: &str| entry[key].as_str().map(str::to_owned);
    let line = |entry: &Value| {
        let mut title = text(entry, "showTitle").unwrap();
        // The menu itself shows the beginning of a machine's id only.
        if let Some(id) = text(entry, "machineId") {
            title = title.replace(&id, &id[..8]);
        }
        (
            text(entry, "id").unwrap().to_lowercase(),
            title,
            text(entry, "version"),
            text(entry, "options").unwrap_or_default(),
        )
    };
    bootctl(systemd, root).iter().map(line).collect()
}

fn ours(root: &Path) -> Vec<Line> {
    let line = |entry: &Value| {
        let text = |key: &str| entry[key].as_str().map(str::to_owned);
        let file = entry["source"]["path"].as_str().unwrap().rsplit('/').next().unwrap().to_lowercase();
        // systemd-boot adds these words when it starts the kernel; bootctl tells what is written.
        let cmdline = text("cmdline").unwrap();
        let words =
            cmdline.split(' ').filter(|word| !word.starts_with("initrd=")).collect::<Vec<_>>().join(" ");
        (file, text("title").unwrap(), text("version"), words)
    };
    firstlight(root).iter().map(line).collect()
}

#[test]
fn entries_have_bootctls_order_titles_versions_and_options() {
    let directory = esp(ENTRIES);
    let root = directory.path();
    for (oracle, systemd) in systemds() {
        assert_eq!(ours(root), theirs(&systemd, root), "{oracle}");
    }
}

#[test]
fn the_corpus_is_in_bootctls_order() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let systemds: Vec<_> = systemds().collect();
    let mut compared: usize = 0;
    for system in fs::read_dir(corpus).unwrap().map(|entry| entry.unwrap().path()) {
        let esp = system.join("esp");
        if esp.join("loader/loader.conf").is_file() {
            // Entries that systemd-boot finds by itself are not in bootctl's list.
            let is_listed =
                |file: &str| file.ends_with(".conf") || esp.join("EFI/Linux").join(file).is_file();
            let written: Vec<Line> = ours(&esp).into_iter().filter(|(file, ..)| is_listed(file)).collect();
            // bootctl names files without their counters.
            let counted = |(file, title, version, options): Line| {
                let name = file.split('+').next().unwrap().trim_end_matches(".conf").to_owned();
                (name, title, version, options)
            };
            let counted = |lines: Vec<Line>| lines.into_iter().map(counted).collect::<Vec<_>>();
            let ours = counted(written);
            assert!(!ours.is_empty(), "{}: no entry", system.display());
            for (oracle, systemd) in &systemds {
                assert_eq!(ours, counted(theirs(systemd, &esp)), "{oracle}: {}", system.display());
                compared += ours.len();
            }
        }
    }
    // Without any systemd, its absence is a named skip.
    assert!(compared > systemds.len() || systemds.is_empty(), "{compared} lines compared");
}

#[test]
fn unified_kernel_images_are_where_bootctl_lists_them() {
    let Some(tools) = pinned::for_test() else { return };
    let directory = esp(&ENTRIES[..4]);
    let root = directory.path();
    fs::create_dir_all(root.join("EFI/Linux")).unwrap();
    let releases = [
        ("arch.efi", "PRETTY_NAME=\"Arch Linux\"\nNAME=Arch\nID=arch\nBUILD_ID=rolling\n", " root=a rw\n"),
        ("image-2.efi", "NAME='An image'\nID=img\nIMAGE_ID=image\nIMAGE_VERSION=2\nVERSION=1\n", "a"),
        ("image-10.efi", "NAME='An image'\nID=img\nIMAGE_ID=image\nIMAGE_VERSION=10\nVERSION=1\n", "b"),
    ];
    for (name, release, cmdline) in releases {
        fs::write(root.join("osrel"), release).unwrap();
        fs::write(root.join("cmdline"), cmdline).unwrap();
        let stub = if cfg!(target_arch = "aarch64") { "linuxaa64.efi.stub" } else { "linuxx64.efi.stub" };
        let sections = [
            (".osrel", "osrel", "0x200000"),
            (".cmdline", "cmdline", "0x210000"),
            (".linux", "k", "0x2000000"),
        ];
        let mut objcopy = tools.command("objcopy");
        for (section, file, address) in sections {
            objcopy.arg("--add-section").arg(format!("{section}={}", root.join(file).display()));
            objcopy.arg("--change-section-vma").arg(format!("{section}={address}"));
        }
        objcopy.arg(format!("/usr/lib/systemd/boot/efi/{stub}")).arg(root.join("EFI/Linux").join(name));
        assert!(objcopy.status().unwrap().success());
    }
    for (oracle, systemd) in systemds() {
        assert_eq!(ours(root), theirs(&systemd, root), "{oracle}");
    }
}
