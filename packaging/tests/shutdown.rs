//! The installed scripts at the end of a system, below a directory with a program in firstlight's place that writes
//! down how it is called.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::PathBuf,
    process::Command,
};

use qemu::pinned;
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

/// Writes down its words. A kernel that it loads is loaded from then on, but for one.
const FIRSTLIGHT: &str = r#"#!/bin/sh
echo "$*" >>/called
case "$*" in
*broken*) exit 1 ;;
*--load* | *-l*) echo 1 >/sys/kernel/kexec_loaded ;;
esac
"#;

/// The files of the package, and a shell.
fn system(scratch: &TempDir) -> PathBuf {
    let program = scratch.path().join("program");
    fs::write(&program, FIRSTLIGHT).unwrap();
    let root = scratch.path().join("root");
    let programs = packaging::tree::Programs {
        firstlight: program.clone(),
        install: program.clone(),
        init: program.clone(),
        stub: program,
    };
    packaging::tree::stage(&root, &programs).unwrap();
    for directory in ["bin", "dev", "sys/kernel"] {
        fs::create_dir_all(root.join(directory)).unwrap();
    }
    fs::copy(pinned::disks().unwrap().file("/bin/busybox").unwrap(), root.join("bin/busybox")).unwrap();
    for applet in ["sh", "cat", "grep"] {
        symlink("busybox", root.join("bin").join(applet)).unwrap();
    }
    fs::write(root.join("dev/null"), "").unwrap();
    root
}

const INIT: &str = "etc/init.d/firstlight-kexec stop";
const LOAD: &str = "usr/lib/firstlight/load-kernel";
const AGAIN: &str = "usr/lib/firstlight/load-kernel --again";
const REBOOT: &str = "usr/lib/systemd/system-shutdown/firstlight reboot";
const POWEROFF: &str = "usr/lib/systemd/system-shutdown/firstlight poweroff";

const JUMP: &str = "kexec --exec --no-ifdown";

/// Script, settings, whether a kernel is loaded, a file that is there, and how firstlight is called.
const CASES: &[(&str, &str, u8, &str, &[&str])] = &[
    // As installed, nothing happens by itself; what somebody has loaded is started.
    (INIT, "", 0, "", &[]),
    (INIT, "", 1, "", &[JUMP]),
    (INIT, "LOAD_KEXEC=true", 0, "", &["boot --load", JUMP]),
    (INIT, "LOAD_KEXEC=true", 1, "", &[JUMP]),
    (INIT, "LOAD_KEXEC=true", 1, "no-kexec-reboot", &[]),
    (INIT, "LOAD_KEXEC=true", 1, "run/systemd/system/", &[]),
    (INIT, "LOAD_KEXEC=true\nKERNEL_IMAGE=/broken", 0, "", &["kexec -l /broken --reuse-cmdline"]),
    (LOAD, "", 0, "", &[]),
    (LOAD, "LOAD_KEXEC=true", 0, "", &["boot --load"]),
    (LOAD, "LOAD_KEXEC=true", 0, "no-kexec-reboot", &[]),
    (LOAD, "LOAD_KEXEC=true", 1, "", &[]),
    (AGAIN, "LOAD_KEXEC=true", 1, "", &["boot --load"]),
    (LOAD, "LOAD_KEXEC=true\nAPPEND='a b'", 0, "", &["boot --load --append a b"]),
    (
        LOAD,
        "LOAD_KEXEC=true\nKERNEL_IMAGE=/k\nINITRD=/i",
        0,
        "",
        &["kexec -l /k --initrd=/i --reuse-cmdline"],
    ),
    (LOAD, "LOAD_KEXEC=true\nKERNEL_IMAGE=/k\nAPPEND='a b'", 0, "", &["kexec -l /k --append=a b"]),
    (REBOOT, "", 1, "", &[]),
    (REBOOT, "LOAD_KEXEC=true", 1, "", &[JUMP]),
    // By the shell's rules, in whatever form.
    (REBOOT, "LOAD_KEXEC=\"true\"", 1, "", &[JUMP]),
    (REBOOT, "  export LOAD_KEXEC='true' # always", 1, "", &[JUMP]),
    (LOAD, "LOAD_KEXEC=\"true\"", 0, "", &["boot --load"]),
    (REBOOT, "LOAD_KEXEC=true\nLOAD_KEXEC=false", 1, "", &[]),
    (REBOOT, "LOAD_KEXEC=true", 0, "", &[]),
    (REBOOT, "LOAD_KEXEC=true", 1, "no-kexec-reboot", &[]),
    (POWEROFF, "LOAD_KEXEC=true", 1, "", &[]),
];

#[test]
fn the_scripts_load_and_start_a_kernel_as_the_settings_say() {
    let scratch = TempDir::new().unwrap();
    let root = system(&scratch);
    let default = fs::read_to_string(root.join("etc/default/firstlight")).unwrap();
    for (script, settings, loaded, file, calls) in CASES {
        let _ = fs::remove_file(root.join("called"));
        let _ = fs::remove_file(root.join("no-kexec-reboot"));
        let _ = fs::remove_dir_all(root.join("run"));
        fs::write(root.join("etc/default/firstlight"), format!("{default}{settings}\n")).unwrap();
        fs::write(root.join("sys/kernel/kexec_loaded"), format!("{loaded}\n")).unwrap();
        match file.strip_suffix('/') {
            Some(directory) => fs::create_dir_all(root.join(directory)).unwrap(),
            None if file.is_empty() => {}
            None => fs::write(root.join(file), "").unwrap(),
        }
        let mut command = as_root("chroot");
        command.arg(&root).args(["/bin/sh", "-c", &format!("PATH=/bin /bin/sh /{script}")]);
        let output = command.output().unwrap();
        let case = format!("{script} with {settings:?}, {loaded}, {file:?}");
        assert!(output.stderr.is_empty(), "{case}: {}", String::from_utf8_lossy(&output.stderr));
        let called = fs::read_to_string(root.join("called")).unwrap_or_default();
        assert_eq!(called.lines().collect::<Vec<_>>(), *calls, "{case}");
    }
}

#[test]
fn the_scripts_can_be_run() {
    let scratch = TempDir::new().unwrap();
    let root = system(&scratch);
    for script in [INIT, LOAD, REBOOT] {
        let path = root.join(script.split(' ').next().unwrap());
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o755, "{}", path.display());
    }
}
