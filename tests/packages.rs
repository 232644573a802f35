//! `scripts/install-packages.sh` changes nothing that is installed: what it would do is asked of the real apt, on a machine
//! and an archive that are tables here.

use std::{
    fmt::Write as _,
    fs,
    path::Path,
    process::{Command, Output},
};

use tempfile::TempDir;

/// A package of the archive: suite (`@` is the release's name), name, version, and more fields.
const ARCHIVE: &[(&str, &str, &str, &str)] = &[
    ("@", "tool", "1", ""),
    ("@", "qemu-system-x86", "7.2", "Source: qemu\nDepends: qemu-system-common (= 7.2), seabios, libslirp"),
    ("@", "qemu-system-common", "7.2", "Source: qemu\nBreaks: qemu-utils (<< 7.2), qemu-utils (>> 7.2)"),
    ("@", "qemu-utils", "7.2", "Source: qemu"),
    ("@", "seabios", "1.16.2", ""),
    ("@", "libslirp", "4.7", ""),
    ("@-backports", "tool", "2~bpo", ""),
    (
        "@-backports",
        "qemu-system-x86",
        "10~bpo",
        "Source: qemu\nDepends: qemu-system-common (= 10~bpo), seabios (>= 1.16.3~), libslirp",
    ),
    (
        "@-backports",
        "qemu-system-common",
        "10~bpo",
        "Source: qemu\nBreaks: qemu-utils (<< 10~bpo), qemu-utils (>> 10~bpo)",
    ),
    ("@-backports", "qemu-utils", "10~bpo", "Source: qemu"),
    ("@-backports", "seabios", "1.16.3~bpo", ""),
    ("@-backports", "libslirp", "4.8~bpo", ""),
    // Libraries of another package, which has no backport.
    ("@", "viewer", "1", "Depends: libpicture-tools"),
    ("@", "libpicture", "1", "Source: picture"),
    ("@", "libpicture-tools", "1", "Source: picture\nDepends: libpicture (= 1)"),
    ("@-backports", "libpicture", "2~bpo", "Source: picture"),
    ("@-backports", "libpicture-tools", "2~bpo", "Source: picture\nDepends: libpicture (= 2~bpo)"),
    // A release that has been brought up to date since this machine was.
    ("@", "libc", "36", ""),
    ("@", "libc-dev", "36", "Depends: libc (= 36)"),
    ("@-updates", "libc", "37", ""),
    ("@-updates", "libc-dev", "37", "Depends: libc (= 37)"),
    ("@", "udev-tool", "252.39", "Depends: libudev (= 252.39)"),
    ("@", "libudev", "252.39", ""),
    ("@", "editor", "1", "Conflicts: notes"),
    ("@", "notes", "1", ""),
];

const UNCHANGED: &str = "packages: nothing has been changed; where an upgrade is all that it takes, do that first, then run this again";

/// Name, what is installed, what is asked for, whether it is to be had, and what is said, with what will be there as
/// `packages: NAME VERSION`. `…` is more of apt's own words.
#[expect(clippy::type_complexity, reason = "a table")]
const ROWS: &[(&str, &[(&str, &str)], &[&str], bool, &[&str])] = &[
    (
        "the release's own",
        &[],
        &["qemu-system-x86", "tool"],
        true,
        &[
            "packages: libslirp 4.7",
            "packages: qemu-system-common 7.2",
            "packages: qemu-system-x86 7.2",
            "packages: seabios 1.16.2",
            "packages: tool 1",
        ],
    ),
    (
        "beside a package from backports only its kin come from there",
        &[("qemu-utils", "10~bpo")],
        &["qemu-system-x86", "tool"],
        true,
        &[
            "packages: from @-backports: qemu-system-common qemu-system-x86 seabios",
            "packages: libslirp 4.7",
            "packages: not by the release's own packages: it would remove qemu-utils",
            "packages: qemu-system-common 10~bpo",
            "packages: qemu-system-x86 10~bpo",
            "packages: seabios 1.16.3~bpo",
            "packages: tool 1",
        ],
    ),
    (
        "beside seabios from backports the rest is the release's own",
        &[("seabios", "1.16.3~bpo")],
        &["qemu-system-x86", "tool"],
        true,
        &[
            "packages: libslirp 4.7",
            "packages: qemu-system-common 7.2",
            "packages: qemu-system-x86 7.2",
            "packages: tool 1",
        ],
    ),
    (
        "what is not asked for but needed comes from where its kin are",
        &[("libpicture", "2~bpo")],
        &["viewer"],
        true,
        &[
            "packages: from @-backports: libpicture-tools",
            "packages: libpicture-tools 2~bpo",
            "packages: not by the release's own packages: libpicture-tools : Depends: libpicture (= 1) but 2~bpo is to be installed;…",
            "packages: viewer 1",
        ],
    ),
    (
        "of two versions the one that leaves alone what is there",
        &[("libc", "36")],
        &["libc-dev"],
        true,
        &[
            "packages: libc-dev 36",
            "packages: not by the release's own packages: it would upgrade libc (36 to 37)",
        ],
    ),
    (
        "no upgrade",
        &[("libudev", "252.38")],
        &["tool", "udev-tool"],
        false,
        &[
            "packages: not by the release's own packages: it would upgrade libudev (252.38 to 252.39)",
            UNCHANGED,
            "packages: udev-tool cannot be installed: it would upgrade libudev (252.38 to 252.39)",
        ],
    ),
    (
        "no removal",
        &[("notes", "1")],
        &["editor"],
        false,
        &[
            "packages: editor cannot be installed: it would remove notes",
            "packages: not by the release's own packages: it would remove notes",
            UNCHANGED,
        ],
    ),
    (
        "nothing of that name",
        &[],
        &["tool", "nowhere"],
        false,
        &[
            "packages: not by the release's own packages: Unable to locate package nowhere",
            UNCHANGED,
            "packages: nowhere cannot be installed: Unable to locate package nowhere",
        ],
    ),
];

#[test]
fn packages_are_installed_only_where_nothing_is_upgraded_or_removed() {
    let directory = TempDir::new().unwrap();
    let release = release();
    for (name, installed, wanted, possible, said) in ROWS {
        let machine = directory.path().join(name.replace([' ', '\''], "-"));
        furnish(&machine, &release, installed);
        let output = script(&machine, wanted);
        let text = String::from_utf8(output.stderr).unwrap();
        let mut expected: Vec<String> = said.iter().map(|line| line.replace('@', &release)).collect();
        expected.sort_unstable();
        let cut = |line: &str| {
            let known = expected
                .iter()
                .find(|known| known.strip_suffix('…').is_some_and(|beginning| line.starts_with(beginning)));
            known.cloned().unwrap_or_else(|| line.to_owned())
        };
        let mut lines: Vec<String> =
            text.lines().filter(|line| line.starts_with("packages: ")).map(cut).collect();
        lines.sort_unstable();
        assert_eq!((&lines, output.status.success()), (&expected, *possible), "{name}: {text}");
    }
}

/// The release that the script finds itself on: that of this machine.
fn release() -> String {
    let text = fs::read_to_string("/etc/os-release").unwrap();
    let name = text.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    name.expect("Debian's or Ubuntu's /etc/os-release names the release").to_owned()
}

fn script(machine: &Path, wanted: &[&str]) -> Output {
    let apt = |command: &mut Command| {
        command
            .env("APT_CONFIG", machine.join("apt.conf"))
            .env("DPKG_ADMINDIR", machine.join("dpkg"))
            .output()
            .unwrap()
    };
    let update = apt(Command::new("apt-get").args(["-qq", "update"]));
    assert!(update.status.success(), "{}", String::from_utf8_lossy(&update.stderr));
    apt(Command::new("scripts/install-packages.sh").arg("--plan").args(wanted))
}

/// A machine with these packages installed, and the archive that its apt knows.
fn furnish(machine: &Path, release: &str, installed: &[(&str, &str)]) {
    for part in ["sources", "preferences", "lists/partial", "cache/archives/partial", "dpkg"] {
        fs::create_dir_all(machine.join(part)).unwrap();
    }
    let own = |suite: &str| suite.replace('@', release);
    let mut sources = String::new();
    for (suite, flags) in
        [("@", ""), ("@-updates", ""), ("@-backports", "NotAutomatic: yes\nButAutomaticUpgrades: yes\n")]
    {
        let packages: String = ARCHIVE
            .iter()
            .filter(|(of, ..)| *of == suite)
            .map(|(_, name, version, fields)| stanza(name, version, fields, "Filename: ./x\nSize: 1\n"))
            .collect();
        publish(machine, &own(suite), flags, &packages);
        if flags.is_empty() {
            writeln!(sources, "deb file:{}/archive {} main", machine.display(), own(suite)).unwrap();
        }
    }
    fs::write(machine.join("sources/debian.list"), sources).unwrap();
    let fields = |name: &str, version: &str| {
        let row = ARCHIVE.iter().find(|(_, of, of_version, _)| (*of, *of_version) == (name, version));
        row.map_or("", |(.., fields)| *fields)
    };
    let status: String = installed
        .iter()
        .map(|(name, version)| stanza(name, version, fields(name, version), "Status: install ok installed\n"))
        .collect();
    fs::write(machine.join("dpkg/status"), status).unwrap();
    let place = machine.display();
    let configuration = format!(
        "Dir::Etc::SourceList \"/dev/null\";\nDir::Etc::SourceParts \"{place}/sources\";\n\
         Dir::Etc::Preferences \"/dev/null\";\nDir::Etc::PreferencesParts \"{place}/preferences\";\n\
         Dir::State \"{place}\";\nDir::State::Lists \"{place}/lists\";\n\
         Dir::State::status \"{place}/dpkg/status\";\nDir::Cache \"{place}/cache\";\n\
         Acquire::AllowInsecureRepositories \"true\";\nAPT::Sandbox::User \"\";\n"
    );
    fs::write(machine.join("apt.conf"), configuration).unwrap();
}

fn stanza(name: &str, version: &str, fields: &str, more: &str) -> String {
    let fields = if fields.is_empty() { String::new() } else { format!("{fields}\n") };
    format!(
        "Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: nobody\nDescription: {name}\n{more}{fields}\n"
    )
}

/// A suite of the archive, without signatures.
fn publish(machine: &Path, suite: &str, flags: &str, packages: &str) {
    let architecture = Command::new("dpkg").arg("--print-architecture").output().unwrap();
    let architecture = String::from_utf8(architecture.stdout).unwrap();
    let index = format!("main/binary-{}/Packages", architecture.trim());
    let directory = machine.join("archive/dists").join(suite);
    let file = directory.join(&index);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, packages).unwrap();
    let hash = Command::new("sha256sum").arg(&file).output().unwrap();
    let hash = String::from_utf8(hash.stdout).unwrap();
    let (hash, _) = hash.split_once(' ').unwrap();
    let release = format!(
        "Origin: Debian\nSuite: old{suite}\nCodename: {suite}\nArchitectures: {architecture}Components: main\n{flags}\
         SHA256:\n {hash} {} {index}\n",
        packages.len()
    );
    fs::write(directory.join("Release"), release).unwrap();
}
