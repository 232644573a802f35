//! The package, put in and taken out again below a directory: nothing is left, and kexec-tools'
//! program is back in its place.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use packaging::tree::Programs;
use qemu::{
    oracles::{Oracle, SHELLS, available},
    roots::Root,
};
use tempfile::TempDir;

/// A command as root: as ourselves if we are, else in a user namespace.
fn as_root(program: &str) -> Command {
    let id = Command::new("id").arg("-u").output().unwrap();
    if id.stdout == b"0\n" {
        return Command::new(program);
    }
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", program]);
    command
}

fn good(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// Something that says that it was run, in the place of each program.
fn programs(directory: &Path) -> Programs {
    let path = directory.join("program");
    fs::write(&path, "#!/bin/sh\necho program\n").unwrap();
    Programs { firstlight: path.clone(), install: path.clone(), init: path.clone(), stub: path }
}

/// Every file and link below, from there.
fn files(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap().flatten() {
            if entry.file_type().unwrap().is_dir() {
                directories.push(entry.path());
            } else {
                found.push(entry.path().strip_prefix(root).unwrap().to_string_lossy().into_owned());
            }
        }
    }
    found.sort();
    found
}

fn dpkg(root: &Path, arguments: &[&str]) -> Command {
    let mut command = as_root("dpkg");
    command.arg(format!("--root={}", root.display()));
    // Scripts are run outside, with the place as an argument.
    command.args(["--force-script-chrootless", "--force-not-root"]).args(arguments);
    command
}

/// A package, and a system with kexec-tools' program below a directory.
fn system(scratch: &TempDir) -> (PathBuf, PathBuf) {
    let package = scratch.path().join("firstlight.deb");
    packaging::deb::build(&programs(scratch.path()), &package).unwrap();
    let root = scratch.path().join("root");
    for directory in ["var/lib/dpkg/info", "var/lib/dpkg/updates", "var/log", "usr/sbin"] {
        fs::create_dir_all(root.join(directory)).unwrap();
    }
    fs::write(root.join("var/lib/dpkg/status"), "").unwrap();
    std::os::unix::fs::symlink("usr/sbin", root.join("sbin")).unwrap();
    fs::write(root.join("usr/sbin/kexec"), "kexec-tools").unwrap();
    (package, root)
}

/// Another package, which holds a file that the package brings, too: dpkg refuses to overwrite it.
fn add_rival(root: &Path) {
    let stanza = "Package: rival\nStatus: install ok installed\nVersion: 1\nArchitecture: all\nMaintainer: nobody\n\
                  Description: rival\n\n";
    let status = root.join("var/lib/dpkg/status");
    fs::write(&status, fs::read_to_string(&status).unwrap() + stanza).unwrap();
    let list =
        "/.\n/usr\n/usr/share\n/usr/share/man\n/usr/share/man/man1\n/usr/share/man/man1/firstlight.1.gz\n";
    fs::write(root.join("var/lib/dpkg/info/rival.list"), list).unwrap();
}

#[test]
fn a_failed_installation_or_upgrade_leaves_kexec_as_it_was() {
    let scratch = TempDir::new().unwrap();
    let (package, root) = system(&scratch);
    let install = |root: &Path| dpkg(root, &["--install", package.to_str().unwrap()]).output().unwrap();
    add_rival(&root);
    let failed = install(&root);
    let said = String::from_utf8_lossy(&failed.stderr);
    assert!(!failed.status.success() && said.contains("which is also in package rival"), "{said}");
    assert_eq!(fs::read(root.join("sbin/kexec")).unwrap(), b"kexec-tools");
    let diversions = fs::read_to_string(root.join("var/lib/dpkg/diversions")).unwrap_or_default();
    assert!(!diversions.contains("firstlight"), "{diversions}");

    let scratch = TempDir::new().unwrap();
    let (_, root) = system(&scratch);
    assert!(install(&root).status.success());
    add_rival(&root);
    assert!(!install(&root).status.success());
    assert_eq!(fs::read_link(root.join("usr/sbin/kexec")).unwrap(), Path::new("firstlight"));
    assert_eq!(fs::read(root.join("usr/sbin/kexec.kexec-tools")).unwrap(), b"kexec-tools");
    good(&mut dpkg(&root, &["--purge", "firstlight"]));
    assert_eq!(fs::read(root.join("usr/sbin/kexec")).unwrap(), b"kexec-tools");
}

#[test]
fn the_package_is_installed_and_removed() {
    let scratch = TempDir::new().unwrap();
    let (package, root) = system(&scratch);
    good(&mut dpkg(&root, &["--install", package.to_str().unwrap()]));
    assert_eq!(fs::read_link(root.join("usr/sbin/kexec")).unwrap(), Path::new("firstlight"));
    assert_eq!(good(&mut Command::new(root.join("sbin/kexec"))).stdout, b"program\n");
    let installed = files(&root);
    for file in [
        "etc/default/firstlight",
        "etc/kernel/postinst.d/zz-firstlight",
        "usr/lib/firstlight/init",
        "usr/lib/firstlight/install",
        "usr/lib/firstlight/stub.efi",
        "usr/lib/kernel/install.d/95-firstlight.install",
        "usr/lib/systemd/system/firstlight-confirm.service",
        "usr/lib/systemd/system/firstlight-load.service",
        "usr/lib/systemd/system-shutdown/firstlight",
        "usr/share/man/man1/firstlight.1.gz",
        "usr/share/man/man8/kexec.8.gz",
    ] {
        assert!(installed.iter().any(|other| other == file), "{file}");
    }

    good(&mut dpkg(&root, &["--purge", "firstlight"]));
    let left: Vec<String> =
        files(&root).into_iter().filter(|file| !file.starts_with("var/") && file != "sbin").collect();
    assert_eq!(left, ["usr/sbin/kexec"]);
    assert_eq!(fs::read(root.join("usr/sbin/kexec")).unwrap(), b"kexec-tools");
}

#[test]
fn a_second_installation_keeps_what_the_administrator_changed() {
    let scratch = TempDir::new().unwrap();
    let root = scratch.path().join("root");
    fs::create_dir_all(root.join("usr/sbin")).unwrap();
    fs::write(root.join("usr/sbin/kexec"), "kexec-tools").unwrap();
    // As scripts/install.sh does it.
    let staged = packaging::tree::stage(&root, &programs(scratch.path())).unwrap();
    assert_eq!(staged.len(), files(&root).len());
    for file in &staged {
        assert!(root.join(file).symlink_metadata().is_ok(), "{file}");
    }
    fs::write(root.join("etc/default/firstlight"), "LOAD_KEXEC=true\n").unwrap();
    packaging::tree::stage(&root, &programs(scratch.path())).unwrap();
    let kept = fs::read_to_string(root.join("etc/default/firstlight")).unwrap();
    assert_eq!(kept, "LOAD_KEXEC=true\n", "what the administrator changed stays");
}

#[test]
fn the_installation_from_a_clone_makes_the_boot_entry_that_is_asked_for() {
    let scratch = TempDir::new().unwrap();
    let program = scratch.path().join("program");
    fs::write(&program, "#!/bin/sh\necho \"$@\"\n").unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/install.sh");
    let root = scratch.path().join("root");
    let run = |words: &[&str]| {
        let mut command = Command::new("bash");
        command.arg(&script).args(words).env("DESTDIR", &root);
        for name in ["BINARY", "INSTALLER", "INIT", "STUB"] {
            command.env(name, &program);
        }
        command.output().unwrap()
    };
    let at = format!("--root {}", root.display());
    for (words, expected) in [
        (&[][..], String::new()),
        (&["--boot", "--dry-run"], format!("install {at} --dry-run\n")),
        (&["--recovery", "--dry-run"], format!("install {at} --recovery --dry-run\n")),
    ] {
        let output = run(words);
        let said = String::from_utf8(output.stdout).unwrap();
        let (_, ours) = said.split_once("/etc/default/firstlight\n").unwrap();
        assert_eq!((output.status.code(), ours), (Some(0), expected.as_str()), "{words:?}");
    }
    let refused = run(&["--recover"]);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(said.starts_with("install: --recover: it is scripts/install.sh [--boot"), "{said}");
    assert!(run(&["--uninstall"]).status.success());
    assert_eq!(
        files(&root),
        [
            "etc/default/firstlight",
            "etc/init.d/firstlight-kexec",
            "etc/kernel/postinst.d/zz-firstlight",
            "etc/kernel/postrm.d/zz-firstlight"
        ]
    );
}

/// fish answers what it would complete a line with; zsh does that at a terminal only, and says here what it understood.
#[test]
fn fish_and_zsh_take_their_completions() {
    for shells in SHELLS {
        if let Some(root) = available(&shells, shells.root()) {
            take_completions(&shells, &root);
        }
    }
}

fn take_completions(shells: &Oracle, root: &Root) {
    let scratch = TempDir::new().unwrap();
    let shell = |program: &str| root.command(&[scratch.path()], program);
    let (fish, zsh) = (scratch.path().join("firstlight.fish"), scratch.path().join("_firstlight"));
    fs::write(&fish, packaging::completions::fish()).unwrap();
    fs::write(&zsh, packaging::completions::zsh()).unwrap();
    let say = |command: &mut Command| {
        let output = good(command.env("HOME", scratch.path()).env("TERM", "dumb"));
        assert!(output.stderr.is_empty(), "{shells}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let fish_completes = |line: &str| {
        let script = format!("source {}; complete -C '{line}'", fish.display());
        let words = say(shell("fish").args(["--no-config", "-c", &script]));
        // The best one comes first; fish 4 also tells those that only have the letters in that order.
        words.first().and_then(|word| word.split('\t').next()).unwrap_or_default().to_owned()
    };
    assert_eq!(fish_completes("firstlight bo"), "boot", "{shells}");
    assert_eq!(fish_completes("firstlight boot --dr"), "--dry-run");
    assert_eq!(fish_completes("firstlight boot --cmdline-from r"), "running");
    assert_eq!(fish_completes("kexec --reuse-c"), "--reuse-cmdline");

    // In place of zsh's own functions, ones that print what they are given.
    let zsh_is_given = |words: &str, current: u8| {
        let functions = "_describe() { print -l -- ${(P)2} }; _arguments() { print -l -- \"$@\" }";
        let script = format!("{functions}; words=({words}); CURRENT={current}; source {}", zsh.display());
        say(shell("zsh").args(["-f", "-c", &script]))
    };
    assert!(zsh_is_given("firstlight ''", 2).iter().any(|word| word.starts_with("boot:")));
    let options = zsh_is_given("firstlight boot ''", 3);
    assert!(options.iter().any(|word| word.starts_with("--dry-run[")), "{options:?}");
    assert!(options.iter().any(|word| word.ends_with(":value:(entry running)")), "{options:?}");
}

/// The words of the table are words of the shells, too.
#[test]
fn completions_and_pages_are_well_formed() {
    let scratch = TempDir::new().unwrap();
    let bash = scratch.path().join("bash");
    fs::write(&bash, packaging::completions::bash()).unwrap();
    let ask = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let count = words.len() - 1;
        let script = format!(
            "source {}; COMP_WORDS=({line}{}); COMP_CWORD={count}; _firstlight; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            bash.display(),
            if line.ends_with(' ') { "''" } else { "" }
        );
        let output = good(Command::new("bash").args(["-c", &script]));
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(ask("firstlight bo"), ["boot"]);
    assert_eq!(ask("firstlight boot --dr"), ["--dry-run"]);
    assert_eq!(ask("firstlight boot --cmdline-from r"), ["running"]);
}
