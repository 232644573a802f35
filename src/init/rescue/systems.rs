//! The commands that run other programs: an installed system's in its own root directory, a program of a volume, a shell of the image.

use std::{
    ffi::{CString, OsString},
    fs, io,
    os::unix::fs::symlink,
    path::Path,
};

use nix::unistd::execve;
use rustix::{
    fs::{StatVfsMountFlags, statvfs},
    io::Errno,
    mount::{MountFlags, UnmountFlags, mount, mount_bind_recursive, unmount},
    process::{WaitOptions, chdir, chroot as change_root},
};

use super::{
    files::path,
    output::{Failure, Output, about},
    shell,
    table::Command,
    terminal,
};
use crate::{
    formats::text::{decode, os_string, printable},
    storage::{mount::Care, probe::Prober},
    sys::child::{self, Program},
};

/// What an installed system's programs need of the running kernel.
const BOUND: [&str; 4] = ["/dev", "/proc", "/sys", "/run"];

/// Shells, best first.
const SHELLS: [&str; 3] = ["/bin/bash", "/bin/sh", "/bin/busybox"];

/// Where programs look for others.
const SEARCH_PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What a program finds in its environment.
fn environment() -> Vec<CString> {
    let kind = format!("TERM={}", terminal::kind());
    [SEARCH_PATH, "HOME=/root", "USER=root", &kind]
        .into_iter()
        .filter_map(|it| CString::new(it).ok())
        .collect()
}

/// Runs a program on this terminal to its end. Ctrl-C is for it alone.
fn run_program(file: &Path, words: &[OsString], output: &mut Output) -> Result<(), Failure> {
    shell::hold_signals();
    let name = decode(file.as_os_str().as_encoded_bytes());
    let failed = |error: io::Error| {
        let why = match Errno::from_io_error(&error) {
            Some(Errno::NOENT) if file.exists() => {
                "the program needs a loader that is not here: run a static one, or `chroot` into its system"
            }
            Some(Errno::NOEXEC) => "no program for this machine",
            _ => return about(&name, &error),
        };
        Failure::Said(format!("{}: {why}", printable(&name)))
    };
    let program = Program::new(file.as_os_str(), words).map_err(failed)?.with_environment(environment());
    let process = program.spawn().map_err(failed)?;
    let status = child::wait(process, WaitOptions::empty()).map_err(failed)?.unwrap_or_default();
    if !status.success() {
        output.line(&format!("({status})"))?;
    }
    Ok(())
}

pub(super) fn run(words: &[String], output: &mut Output) -> Result<(), Failure> {
    let Some(name) = words.first() else { return Err(Command::usage("run")) };
    let words: Vec<OsString> = words.iter().map(|word| os_string(word)).collect();
    run_program(&path(name), &words, output)
}

pub(super) fn sh(words: &[String], output: &mut Output) -> Result<(), Failure> {
    let found = SHELLS.iter().find(|file| Path::new(file).exists());
    let Some(file) = found else {
        return Err("this image has no shell; `chroot` starts an installed system's".into());
    };
    let words: Vec<OsString> =
        [OsString::from("sh")].into_iter().chain(words.iter().map(|word| os_string(word))).collect();
    run_program(Path::new(file), &words, output)
}

pub(super) fn chroot(words: &[String], output: &mut Output) -> Result<(), Failure> {
    let Some((directory, words)) = words.split_first().filter(|(first, _)| !first.starts_with('-')) else {
        return Err(Command::usage("chroot"));
    };
    let root = fs::canonicalize(path(directory)).map_err(|error| about(directory, &error))?;
    if statvfs(&root).is_ok_and(|status| status.f_flag.contains(StatVfsMountFlags::RDONLY)) {
        output.line(
            "It is mounted read-only: nothing in there can be changed. `mount -w` makes a volume writable.",
        )?;
    }
    let shell =
        SHELLS.iter().find(|file| fs::symlink_metadata(root.join(file.trim_start_matches('/'))).is_ok());
    let words: Vec<OsString> = match (words, shell) {
        ([], Some(shell)) => vec![OsString::from(shell)],
        ([], None) => {
            return Err(Failure::Said(format!("{}: no system: it has no /bin/sh", printable(directory))));
        }
        (words, _) => words.iter().map(|word| os_string(word)).collect(),
    };
    name_devices();
    let mut bound = Vec::new();
    for place in BOUND {
        let target = root.join(place.trim_start_matches('/'));
        match mount_bind_recursive(place, &target) {
            Ok(()) => bound.push(target),
            Err(error) => output.line(&format!("{place} is not there inside: {error}"))?,
        }
    }
    let door = ["firstlight", "shell", shell::ENTER].into_iter().map(OsString::from);
    let all: Vec<OsString> = door.chain([root.into_os_string()]).chain(words).collect();
    let ran = run_program(Path::new("/proc/self/exe"), &all, output);
    for target in bound.iter().rev() {
        // Whatever runs on inside keeps it until its end.
        if let Err(error) = unmount(target, UnmountFlags::DETACH) {
            log::warn!("{} not unmounted: {error}", target.display());
        }
    }
    ran
}

/// Makes this process the program that the words name, in another root directory.
pub(super) fn enter(words: &[String]) -> Failure {
    let [root, name, ..] = words else { return Command::usage("chroot") };
    let Some(arguments) = words.get(1..) else { return Command::usage("chroot") };
    if let Err(error) = change_root(path(root)).and_then(|()| chdir("/")) {
        return about(root, &error.into());
    }
    let arguments: Vec<CString> =
        arguments.iter().filter_map(|word| CString::new(os_string(word).into_encoded_bytes()).ok()).collect();
    let directories = SEARCH_PATH.trim_start_matches("PATH=").split(':');
    let files: Vec<String> = match name.contains('/') {
        true => vec![name.clone()],
        false => directories.map(|directory| format!("{directory}/{name}")).collect(),
    };
    let mut why = nix::errno::Errno::ENOENT;
    for file in files {
        let Ok(file) = CString::new(os_string(&file).into_encoded_bytes()) else { continue };
        let Err(error) = execve(&file, &arguments, &environment());
        if error != nix::errno::Errno::ENOENT {
            why = error;
        }
    }
    Failure::Said(format!("{}: {}", printable(name), why.desc()))
}

/// Gives devices the names by which an installed system's programs know them: without /dev/disk/by-uuid, for one, update-grub writes
/// the kernel's name of the root device into grub.cfg. And gives programs pseudo-terminals.
fn name_devices() {
    let directory = Path::new("/dev/disk/by-uuid");
    let prober = Prober::at_machine(Care::Alone);
    if let Err(error) = fs::create_dir_all(directory) {
        log::warn!("{}: {error}", directory.display());
    }
    for name in prober.sysfs.names() {
        let uuid = prober.identify(&name).and_then(|found| found.uuid);
        // A UUID is read from the disk.
        let Some(uuid) = uuid.filter(|uuid| !uuid.contains('/')) else { continue };
        // One that is there names the same device, or one of two copies.
        let _ = symlink(format!("../../{}", name.replace('!', "/")), directory.join(uuid));
    }
    let terminals = "/dev/pts";
    let is_there = Path::new("/dev/pts/ptmx").exists();
    if !is_there && fs::create_dir_all(terminals).is_ok() {
        // Few programs need them, and say so.
        let flags = MountFlags::NOSUID | MountFlags::NOEXEC;
        let _ = mount("devpts", terminals, "devpts", flags, c"mode=620,ptmxmode=666");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_run_says_why() {
        let directory = tempfile::TempDir::new().unwrap();
        let at = directory.path().to_str().unwrap();
        let make = |name: &str, content: &[u8]| {
            use std::os::unix::fs::PermissionsExt;
            fs::write(format!("{at}/{name}"), content).unwrap();
            fs::set_permissions(format!("{at}/{name}"), fs::Permissions::from_mode(0o755)).unwrap();
        };
        make("text", b"no program");
        make("elsewhere", b"#!/no/such/loader\n");
        for (name, expected) in [
            ("none", "No such file or directory (os error 2)"),
            ("text", "no program for this machine"),
            (
                "elsewhere",
                "the program needs a loader that is not here: run a static one, or `chroot` into its system",
            ),
        ] {
            let name = format!("{at}/{name}");
            let failure = run(std::slice::from_ref(&name), &mut Output::kept()).unwrap_err();
            assert_eq!(failure, Failure::Said(format!("{name}: {expected}")));
        }
    }
}
