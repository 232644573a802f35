//! root at the serial console of a Debian guest: logging in, typing, and reading what commands print.

use std::time::Duration;

use qemu::console::Line;
use qemu::guest::Guest;

/// A shutdown and a boot of the whole system, on a machine that is busy.
pub const LIMIT: Duration = Duration::from_secs(600);

/// Runs its arguments as a command, and marks what that prints, as the kernel's own messages may come between.
pub const RIG: &str = r#"#!/bin/bash
set -o pipefail
export LC_ALL=C.UTF-8
eval "$*" 2>&1 | sed --unbuffered 's/^/rig| /'
printf '\nrig: status %s\n' $?
"#;

/// A session at the console of a guest.
pub struct Session {
    /// The guest.
    pub guest: Guest,
    /// When the last command was given: what came before does not count.
    pub since: Duration,
}

impl Session {
    /// With a guest that has just been started.
    pub fn new(guest: Guest) -> Self {
        Self { guest, since: Duration::ZERO }
    }

    /// Waits for something in the lines that came after the last command.
    pub fn wait<T>(&self, awaited: &str, mut look: impl FnMut(&Line) -> Option<T>) -> (Duration, T) {
        let since = self.since;
        self.guest
            .wait(awaited, LIMIT, |line| {
                let found = if line.at > since { look(line) } else { None };
                found.map(|found| (line.at, found))
            })
            .unwrap()
    }

    /// Waits for the login prompt and logs in.
    pub fn log_in(&mut self) {
        let prompt = |text: &'static str| move |line: &Line| line.text.contains(text).then_some(());
        (self.since, ()) = self.wait("the login prompt", prompt("demo login: "));
        self.guest.send("root\n").unwrap();
        (self.since, ()) = self.wait("the shell's prompt", prompt("root@demo:~#"));
    }

    /// Types a command, which [`RIG`], as `/root/rig`, runs.
    pub fn start(&mut self, command: &str) {
        self.guest.send(&format!("bash rig '{command}'\n")).unwrap();
    }

    /// Runs a command and gives its status and the lines that it printed.
    pub fn result(&mut self, command: &str) -> (String, Vec<String>) {
        self.start(command);
        let mut lines = Vec::new();
        let (_, status) = self.wait(&format!("the end of {command}"), |line| {
            let line = line.text.strip_prefix("rig").filter(|_| line.whole)?;
            lines.extend(line.strip_prefix("| ").map(str::to_owned));
            line.strip_prefix(": status ").map(str::to_owned)
        });
        let prompt = |line: &Line| line.text.contains("root@demo:~#").then_some(());
        (self.since, ()) = self.wait("the shell's prompt", prompt);
        (status, lines)
    }

    /// The lines that a command prints, which succeeds.
    pub fn run(&mut self, command: &str) -> Vec<String> {
        let (status, lines) = self.result(command);
        assert_eq!(status, "0", "{command}: {}", lines.join("\n"));
        lines
    }

    /// Switches it off in good order.
    pub fn power_off(mut self) {
        self.guest.send("poweroff\n").unwrap();
        self.guest.wait_off(LIMIT).unwrap();
    }
}
