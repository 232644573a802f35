//! The commands of the rescue console.

use std::{ffi::OsStr, fs, io, os::fd::OwnedFd, path::Path, process::ExitStatus};

use rustix::process::WaitOptions;

use super::{Answer, kernel_log};
use crate::{
    boot::supervision::Request,
    formats::{sort, text},
    sys::child,
};

/// One command: its name, what the help says, and what it does with the rest of the line on this terminal.
struct RescueCommand {
    name: &'static str,
    what: &'static str,
    run: fn(&str, &OwnedFd) -> Answer,
}

/// All of them, in the order of the help.
const COMMANDS: &[RescueCommand] = &[
    RescueCommand { name: "help", what: "these lines", run: |_, _| Answer::Show(help()) },
    RescueCommand { name: "boot", what: "start the boot loader again", run: |_, _| Answer::Leave },
    RescueCommand { name: "devices", what: "the block devices that the kernel knows", run: |_, _| devices() },
    RescueCommand {
        name: "log",
        what: "the last lines of the kernel's log; `log 100` for more",
        run: |rest, _| log(rest),
    },
    RescueCommand {
        name: "shell",
        what: "/bin/sh, if it is in this image",
        run: |_, terminal| shell(terminal),
    },
    RescueCommand { name: "reboot", what: "restart the machine", run: |_, _| Answer::Ask(Request::Reboot) },
    RescueCommand { name: "poweroff", what: "power off", run: |_, _| Answer::Ask(Request::PowerOff) },
];

/// Lines of the kernel's log that are shown if no number is given.
const LOG_LINES: usize = 20;

/// The answer to a typed line.
pub(super) fn answer(line: &str, terminal: &OwnedFd) -> Answer {
    let (name, rest) = line.split_once(' ').unwrap_or((line, ""));
    match COMMANDS.iter().find(|command| command.name == name) {
        Some(command) => (command.run)(rest.trim(), terminal),
        None if name.is_empty() => Answer::Show(String::new()),
        None => Answer::Show(format!("no command `{}`; `help` lists them\n", text::printable(name))),
    }
}

fn help() -> String {
    COMMANDS.iter().map(|command| format!("  {:<10}{}\n", command.name, command.what)).collect()
}

/// Each block device: name, size, and what the disk or the partition calls itself.
fn devices() -> Answer {
    let read = |path: &Path, file| fs::read_to_string(path.join(file)).unwrap_or_default().trim().to_owned();
    let mut lines: Vec<String> = Vec::new();
    for entry in fs::read_dir("/sys/class/block").into_iter().flatten().flatten() {
        let path = entry.path();
        // One of several ways to a disk that is listed itself.
        if read(&path, "hidden") == "1" {
            continue;
        }
        // In units of 512 bytes, whatever the device's own block size (Documentation/ABI/stable/sysfs-block).
        let mebibytes = read(&path, "size").parse::<u64>().unwrap_or_default() >> 11;
        let uevent = read(&path, "uevent");
        let label = uevent.lines().find_map(|line| line.strip_prefix("PARTNAME="));
        let description = label.map_or_else(|| read(&path, "device/model"), ToOwned::to_owned);
        let name = entry.file_name().to_string_lossy().into_owned();
        lines.push(text::printable(&format!("  {name:<16}{mebibytes:>10} MiB  {description}")));
    }
    if lines.is_empty() {
        return Answer::Show("the kernel knows no block device: is its driver in this image?\n".to_owned());
    }
    sort::ascending(&mut lines);
    Answer::Show(lines.join("\n") + "\n")
}

fn log(rest: &str) -> Answer {
    let lines = rest.parse().unwrap_or(LOG_LINES);
    Answer::Show(match kernel_log::last_lines(lines) {
        Ok(lines) => lines,
        Err(error) => format!("/dev/kmsg: {error}\n"),
    })
}

/// A shell on this terminal; the other consoles wait until it ends.
fn shell(terminal: &OwnedFd) -> Answer {
    if !Path::new("/bin/sh").exists() {
        return Answer::Show("this image has no /bin/sh\n".to_owned());
    }
    Answer::Show(match run(OsStr::new("/bin/sh"), terminal) {
        Ok(status) => format!("/bin/sh: {status}\n"),
        Err(error) => format!("/bin/sh: {error}\n"),
    })
}

/// Runs a program on the terminal to its end.
fn run(program: &OsStr, terminal: &OwnedFd) -> io::Result<ExitStatus> {
    let process = child::Program::new(program, &[program])?.leading().on_terminal(terminal)?.spawn()?;
    Ok(child::wait(process, WaitOptions::empty())?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(line: &str) -> String {
        let (_, terminal) = rustix::pipe::pipe().unwrap();
        match answer(line, &terminal) {
            Answer::Show(text) => text,
            Answer::Ask(request) => format!("{request:?}"),
            Answer::Leave => "leave".to_owned(),
        }
    }

    #[test]
    fn each_command_is_in_the_help() {
        for command in COMMANDS {
            assert!(shown("help").contains(command.name), "{}", command.name);
        }
    }

    #[test]
    fn lines_lead_to_what_they_say() {
        for (line, expected) in [
            ("", ""),
            ("reboot", "Reboot"),
            ("poweroff now", "PowerOff"),
            ("boot", "leave"),
            ("rm -rf \u{1b}[2J", "no command `rm`; `help` lists them\n"),
        ] {
            assert_eq!(shown(line), expected, "{line:?}");
        }
    }
}
