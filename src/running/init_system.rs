//! Which init system runs, and how it is asked for a clean shutdown that ends in the loaded kernel.
//!
//! systemd (systemctl(1), `kexec`), OpenRC's own init (openrc-shutdown(8), `--kexec`); sysvinit, runit and the others are
//! asked to restart (shutdown(8)), and the scripts that they run last find the loaded kernel.

use std::{
    fs, io,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::Command,
};

/// Where kexec-tools looks for a shutdown, in its order; then what else ends a system.
const SHUTDOWN: [&str; 3] = ["/sbin/shutdown", "/etc/shutdown", "/bin/shutdown"];

/// Directories of what the init systems run at the very end, where a script whose name holds `kexec` makes the jump.
const LAST_SCRIPTS: [&str; 4] = ["etc/rc6.d", "etc/rc.d/rc6.d", "etc/runit/shutdown.d", "etc/shutdown.d"];

/// How the system is shut down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shutdown {
    /// The init system, as messages name it.
    pub init: &'static str,
    /// Commands of which the first one that exists is run.
    pub commands: Vec<Vec<String>>,
    /// Nothing was found that would make the jump at the end: the machine restarts through its firmware.
    pub through_firmware: bool,
}

impl Shutdown {
    /// Finds out how the running system is shut down; `root` is `/` except in tests.
    #[must_use]
    pub fn of(root: &Path) -> Self {
        let is = |path: &str| root.join(path).exists();
        let one = |words: &[&str]| vec![words.iter().map(|word| (*word).to_owned()).collect()];
        if root.join("run/systemd/system").is_dir() {
            // `systemctl kexec` checks inhibitors itself where a person sits at a terminal; that has been done by then.
            let commands = one(&["systemctl", "--ignore-inhibitors", "kexec"]);
            return Self { init: "systemd", commands, through_firmware: false };
        }
        if is("run/openrc/init.ctl") {
            let commands = one(&["openrc-shutdown", "--kexec", "now"]);
            return Self { init: "OpenRC", commands, through_firmware: false };
        }
        let init = match () {
            () if is("run/openrc") => "OpenRC",
            () if is("run/runit") || is("etc/runit/2") => "runit",
            () if is("etc/inittab") => "sysvinit",
            () => "the init system",
        };
        let mut commands: Vec<Vec<String>> =
            SHUTDOWN.iter().map(|program| [program, "-r", "now"].map(str::to_owned).to_vec()).collect();
        commands.extend(one(&["runit-init", "6"]).into_iter().filter(|_| init == "runit"));
        commands.push(vec!["reboot".to_owned()]);
        let jumps = LAST_SCRIPTS.iter().any(|directory| holds_jump(&root.join(directory)));
        Self { init, commands, through_firmware: !jumps }
    }

    /// The command that is going to be run, as one would type it.
    #[must_use]
    pub fn text(&self) -> String {
        let existing = self.commands.iter().find(|command| {
            let program = command.first().map_or("", String::as_str);
            find(program).is_some()
        });
        existing.or(self.commands.first()).map(|command| command.join(" ")).unwrap_or_default()
    }

    /// Asks for the shutdown: becomes the command. Returns only if none can be run, with the reason.
    #[must_use]
    pub fn ask(&self) -> io::Error {
        let mut reason = io::ErrorKind::NotFound.into();
        for command in &self.commands {
            let Some((program, arguments)) = command.split_first() else { continue };
            match Command::new(program).args(arguments).exec() {
                error if error.kind() == io::ErrorKind::NotFound => {}
                error => reason = error,
            }
        }
        reason
    }
}

fn holds_jump(directory: &Path) -> bool {
    let names = fs::read_dir(directory).into_iter().flatten().flatten();
    names.map(|entry| entry.file_name()).any(|name| {
        let name = name.to_string_lossy();
        // Of sysvinit's links, those that begin with K are run in this runlevel.
        name.contains("kexec") && !name.contains("kexec-load")
    })
}

/// The program's file, as execvp(3) finds it.
pub(super) fn find(program: &str) -> Option<PathBuf> {
    if program.contains('/') {
        return Some(PathBuf::from(program)).filter(|path| path.exists());
    }
    let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/sbin:/usr/bin:/sbin:/bin".into());
    std::env::split_paths(&path).map(|directory| directory.join(program)).find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn machine(files: &[&str]) -> TempDir {
        let root = TempDir::new().unwrap();
        for file in files {
            let path = root.path().join(file);
            if file.ends_with('/') {
                fs::create_dir_all(path).unwrap();
            } else {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, "").unwrap();
            }
        }
        root
    }

    #[test]
    fn where_a_command_is_missing_the_next_one_is_tried() {
        let shutdown = ["/sbin/shutdown -r now", "/etc/shutdown -r now", "/bin/shutdown -r now"];
        let cases: [(&[&str], &[&str]); 4] = [
            (&["run/systemd/system/"], &["systemctl --ignore-inhibitors kexec"]),
            (&["run/openrc/init.ctl"], &["openrc-shutdown --kexec now"]),
            (&["run/runit/"], &[&shutdown[..], &["runit-init 6", "reboot"]].concat()),
            (&["etc/inittab"], &[&shutdown[..], &["reboot"]].concat()),
        ];
        for (files, expected) in cases {
            let root = machine(files);
            let commands: Vec<String> =
                Shutdown::of(root.path()).commands.iter().map(|words| words.join(" ")).collect();
            assert_eq!(commands, expected, "{files:?}");
        }
    }

    #[test]
    fn every_init_system_is_asked_in_its_own_words() {
        let cases: [(&[&str], &str, &str, bool); 10] = [
            (
                &["run/systemd/system/", "etc/inittab"],
                "systemd",
                "systemctl --ignore-inhibitors kexec",
                false,
            ),
            (&["run/openrc/init.ctl"], "OpenRC", "openrc-shutdown --kexec now", false),
            (&["run/openrc/softlevel", "etc/inittab"], "OpenRC", "/sbin/shutdown -r now", true),
            (&["etc/inittab", "etc/rc6.d/K01kexec-load"], "sysvinit", "/sbin/shutdown -r now", true),
            // As the package's own script is linked, and kexec-tools'.
            (&["etc/inittab", "etc/rc6.d/K01firstlight-kexec"], "sysvinit", "/sbin/shutdown -r now", false),
            (&["run/openrc/softlevel", "etc/rc6.d/K09kexec"], "OpenRC", "/sbin/shutdown -r now", false),
            (&["run/runit/", "etc/inittab"], "runit", "/sbin/shutdown -r now", true),
            (&["etc/inittab", "etc/rc6.d/K09kexec"], "sysvinit", "/sbin/shutdown -r now", false),
            (&["etc/runit/2", "etc/runit/shutdown.d/90-kexec.sh"], "runit", "/sbin/shutdown -r now", false),
            (&[], "the init system", "/sbin/shutdown -r now", true),
        ];
        for (files, init, command, through_firmware) in cases {
            let root = machine(files);
            let shutdown = Shutdown::of(root.path());
            let first = shutdown.commands.first().unwrap().join(" ");
            assert_eq!(
                (shutdown.init, first.as_str(), shutdown.through_firmware),
                (init, command, through_firmware),
                "{files:?}"
            );
        }
    }
}
