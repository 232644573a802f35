//! Versions are in the order of the tools that every Debian has, `sort -V` and `dpkg --compare-versions`, and of systemd.

use std::{
    cmp::Ordering,
    io::{Seek, Write},
    process::{Command, Stdio},
};

use firstlight::formats::version;
use qemu::{
    oracles::{self, SYSTEMDS},
    tool,
};

const NAMES: &[&str] = &[
    "vmlinuz-6.1.0-9-amd64",
    "vmlinuz-6.1.0-10-amd64",
    "vmlinuz-6.1.0-10-amd64.old",
    "vmlinuz-6.1.0-10-rt-amd64",
    "vmlinuz-5.15.0-100-generic",
    "vmlinuz-5.15.0-91-generic",
    "vmlinuz-5.15.0-91-generic.efi.signed",
    "vmlinuz-6.6.1_1",
    "vmlinuz-6.6.10_1",
    "vmlinuz-linux",
    "vmlinuz-linux-lts",
    "vmlinuz-linux-zen",
    "vmlinuz-0-rescue-0123456789abcdef",
    "vmlinuz-6.7.4-200.fc39.x86_64",
    "vmlinuz-6.7.10-200.fc39.x86_64",
    "vmlinuz-6.7.4~rc1",
    "vmlinuz-6.7.4+rt",
    "vmlinuz",
    "vmlinuz.old",
    "kernel-6.6.13-gentoo.img",
    "kernel-6.6.13-gentoo-r1.img",
    "a.b.c",
    "a.1.c",
    "a1b2.tar.gz",
    "a1b10.tar.gz",
    "a01",
    "a1",
    "a001",
    ".hidden",
    "..",
    ".",
    "~",
    "",
];

/// Valid Debian versions.
const VERSIONS: &[&str] = &[
    "6.1.0-9",
    "6.1.0-10",
    "6.1.0~rc4-1",
    "6.1.0",
    "6.1.0+deb12u1",
    "6.1.0-1",
    "6.1.0-0",
    "1:1.0",
    "0:6.1.0",
    "6.1.0a",
    "6.1.0.1",
    "6.1.00",
    "6.1.0-10-amd64",
    "6.1.0-9-amd64",
    "1.0~",
    "1.0~~",
    "1.0~~a",
    "1.0",
];

/// Whether a program of this machine can be asked; where it cannot, that is a skip for a person and a failure in CI.
fn is_here(program: &str) -> bool {
    oracles::available(&program, tool::run(program, ["--version"])).is_some()
}

#[test]
fn file_names_are_in_the_order_of_version_sort() {
    if !is_here("sort") {
        return;
    }
    let mut sort = Command::new("sort")
        .arg("-V")
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    sort.stdin.take().unwrap().write_all(format!("{}\n", NAMES.join("\n")).as_bytes()).unwrap();
    let output = String::from_utf8(sort.wait_with_output().unwrap().stdout).unwrap();
    let mut names = NAMES.to_vec();
    // sort itself orders equal names by their bytes.
    names.sort_by(|a, b| version::file(a, b).then_with(|| a.cmp(b)));
    assert_eq!(names, output.lines().collect::<Vec<_>>());
}

#[test]
fn debian_versions_compare_as_dpkg_compares_them() {
    if !is_here("dpkg") {
        return;
    }
    for a in VERSIONS {
        for b in VERSIONS {
            let holds = |relation| {
                Command::new("dpkg").args(["--compare-versions", a, relation, b]).status().unwrap().success()
            };
            let expected = match (holds("lt"), holds("eq")) {
                (true, _) => Ordering::Less,
                (_, true) => Ordering::Equal,
                _ => Ordering::Greater,
            };
            assert_eq!(version::dpkg(a, b), expected, "{a} {b}");
        }
    }
}

#[test]
fn uapi_versions_compare_as_systemd_compares_them() {
    // In one process each: a pair of lines in, systemd-analyze's exit code out.
    const SCRIPT: &str = r#"while IFS= read -r a && IFS= read -r b; do
        code=0
        systemd-analyze compare-versions -- "$a" "$b" >/dev/null || code=$?
        echo $code
    done"#;
    let pairs: Vec<(&str, &str)> =
        NAMES.iter().step_by(3).flat_map(|a| NAMES.iter().chain(VERSIONS).map(move |b| (*a, *b))).collect();
    let input: String = pairs.iter().map(|(a, b)| format!("{a}\n{b}\n")).collect();
    for oracle in SYSTEMDS {
        let Some(root) = oracles::available(&oracle, oracle.root()) else { continue };
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(input.as_bytes()).unwrap();
        file.rewind().unwrap();
        let output = root.command(&[], "sh").args(["-c", SCRIPT]).stdin(file).output().unwrap();
        let answers: Vec<Ordering> = String::from_utf8(output.stdout)
            .unwrap()
            .lines()
            .map(|code| match code {
                "0" => Ordering::Equal,
                "11" => Ordering::Greater,
                "12" => Ordering::Less,
                other => panic!("{oracle}: systemd-analyze: {other}"),
            })
            .collect();
        assert_eq!(answers.len(), pairs.len(), "{oracle}: {}", String::from_utf8_lossy(&output.stderr));
        for ((a, b), expected) in pairs.iter().zip(answers) {
            assert_eq!(version::uapi(a, b), expected, "{oracle}: {a} {b}");
        }
    }
}
