//! GRUB itself: grub-emu runs a configuration in this process's place and prints what it makes of it. Each GRUB comes from
//! an unpacked root of the Debian release that has it; none is the host's.

use std::{
    io::{Read as _, Write as _},
    path::Path,
    process::Stdio,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use qemu::{
    oracles::{self, Oracle},
    pinned,
    roots::Root,
    tool,
};

/// Seconds after which grub-emu counts as hung.
const DEADLINE: &str = "60";

/// A GRUB to compare with.
pub struct Grub {
    /// Its version, as the tables of accepted differences name it.
    pub version: &'static str,
    root: Root,
}

impl Grub {
    /// This one, or `None` where it cannot be had and that is a skip.
    pub fn of(oracle: &Oracle) -> Option<Self> {
        let root = oracles::available(oracle, oracle.root())?;
        // Its disks are made with these.
        pinned::for_test()?;
        Some(Self { version: oracle.version, root })
    }

    /// Runs the configuration `grub.cfg` in a directory and gives the text between `@@NAME:` and `@@.` for each name
    /// that was asked for, without the line breaks that its terminal puts in.
    pub fn run(&self, directory: &Path, names: usize) -> Vec<Option<String>> {
        let text = self.output(directory, &[], None, &[]);
        (0..names)
            .map(|name| {
                let (_, rest) = text.split_once(&format!("@@{name}:"))?;
                rest.split_once("@@.").map(|(found, _)| found.to_owned())
            })
            .collect()
    }

    /// Runs the configuration `grub.cfg` in a directory until it ends or has shown this text, and gives the text of the
    /// screen, as one line. It sees no files but those of the directory and its own. Each of `typed` is a text of the screen, and
    /// what is typed once it is there.
    pub fn output(
        &self,
        directory: &Path,
        arguments: &[&str],
        until: Option<&str>,
        typed: &[(&str, &str)],
    ) -> String {
        let inside = self.root.command(&[directory], "grub-emu");
        let mut command = tool::command("timeout");
        command.arg(DEADLINE).arg(inside.get_program()).args(inside.get_args());
        let mut child = command
            .arg("--root=host")
            .arg(format!("--directory={}", directory.display()))
            .args(arguments)
            .env("TERM", "dumb")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut keys = child.stdin.take().unwrap();
        if until.is_none() && typed.is_empty() {
            // They get it past any “Press any key”, should a script lead there.
            let _ = keys.write_all(&[b'\n'; 64]);
        }
        let mut screen = Vec::new();
        let mut typed = typed.iter();
        let mut next = typed.next();
        let mut output = child.stdout.take().unwrap();
        let mut buffer = [0; 4096];
        loop {
            match output.read(&mut buffer).unwrap() {
                0 => break,
                length => screen.extend(&buffer[..length]),
            }
            let seen = |text: &str| screen.windows(text.len()).any(|window| window == text.as_bytes());
            if let Some((_, text)) = next.filter(|(asked, _)| seen(asked)) {
                keys.write_all(text.as_bytes()).unwrap();
                next = typed.next();
            }
            if until.is_some_and(seen) {
                // timeout(1) hands the signal on.
                kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
                break;
            }
        }
        child.wait().unwrap();
        let text: String =
            String::from_utf8_lossy(&screen).chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
        without_escapes(&text)
    }
}

/// Text without a terminal's escape sequences.
fn without_escapes(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\x1b[") {
        plain.push_str(before);
        rest = after.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';' || c == '?');
        rest = rest.get(1..).unwrap_or_default();
    }
    plain + rest
}
