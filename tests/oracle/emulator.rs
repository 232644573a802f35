//! GRUB itself: Debian's grub-emu runs a configuration in this process's place and prints what it makes of it.

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

/// Seconds after which grub-emu counts as hung.
const DEADLINE: &str = "60";

/// Runs the configuration `grub.cfg` in a directory and gives what stands between `@@NAME:` and `@@.` for each name that
/// was asked for, without the line breaks that its terminal puts in.
pub fn run(directory: &Path, names: usize) -> Vec<Option<String>> {
    let mut child = Command::new("timeout")
        .args([DEADLINE, "grub-emu", "--root=host"])
        .arg(format!("--directory={}", directory.display()))
        .env("TERM", "dumb")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("grub-emu: install the package grub-emu (scripts/setup.sh does)");
    // Keys that get it past any “Press any key”, should a script lead there.
    child.stdin.take().unwrap().write_all(&[b'\n'; 64]).unwrap();
    let output = child.wait_with_output().unwrap();
    let text: String =
        String::from_utf8_lossy(&output.stdout).chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    let text = without_escapes(&text);
    (0..names)
        .map(|name| {
            let (_, rest) = text.split_once(&format!("@@{name}:"))?;
            rest.split_once("@@.").map(|(found, _)| found.to_owned())
        })
        .collect()
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
