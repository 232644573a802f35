//! `firstlight install` becomes the program that packages have beside it, with all its words.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

#[test]
fn the_program_is_found_from_where_firstlight_is() {
    let root = tempfile::tempdir().unwrap();
    let place = |path: &str| {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    };
    let firstlight = place("usr/sbin/firstlight");
    fs::copy(env!("CARGO_BIN_EXE_firstlight"), &firstlight).unwrap();
    let run = || {
        let output =
            Command::new(&firstlight).args(["install", "--dry-run", "--esp", "/efi"]).output().unwrap();
        let [printed, said] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        (output.status.code(), printed, said)
    };
    let missing = "firstlight: /usr/lib/firstlight/install: No such file or directory (os error 2); scripts/install.sh and the \
                   package install it\n";
    assert_eq!(run(), (Some(1), String::new(), missing.into()));
    let install = place("usr/lib/firstlight/install");
    fs::write(&install, "#!/bin/sh\necho \"$@\"\n").unwrap();
    fs::set_permissions(&install, fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(run(), (Some(0), "--dry-run --esp /efi\n".into(), String::new()));
}
