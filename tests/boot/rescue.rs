//! A person at the rescue console of a machine.

use std::time::Duration;

use qemu::console::Line;
use qemu::guest::Guest;

use crate::LIMIT;

/// A person at the rescue console.
pub struct Rescue {
    /// The guest.
    pub guest: Guest,
    /// When the last prompt came: what came before does not count.
    pub since: Duration,
    /// The longest that a command may take.
    pub limit: Duration,
}

impl Rescue {
    /// Opens it with the menu's key, once the boot loader has searched the disks.
    pub fn open(guest: Guest) -> Self {
        Self::open_after(guest, "default")
    }

    /// The same, once this landmark has come.
    pub fn open_after(mut guest: Guest, landmark: &str) -> Self {
        guest.wait_for_landmark(landmark, &[], LIMIT).unwrap();
        guest.send("r").unwrap();
        let since = guest.wait_for_text("rescue /> ", LIMIT).unwrap();
        Self { guest, since, limit: LIMIT }
    }

    /// Types a line.
    pub fn type_line(&mut self, line: &str) {
        self.guest.send(&format!("{line}\r")).unwrap();
    }

    /// Types a line and gives what comes before the next prompt.
    pub fn run(&mut self, line: &str) -> Vec<String> {
        self.type_line(line);
        self.rest(line)
    }

    /// Waits for a question of the command that runs, and answers it.
    pub fn answer(&mut self, question: &str, answer: &str) {
        let since = self.since;
        let is_asked = |line: &Line| (line.at > since && line.text.contains(question)).then_some(line.at);
        self.since = self.guest.wait(question, self.limit, is_asked).unwrap();
        self.type_line(answer);
    }

    /// What comes before the next prompt.
    pub fn rest(&mut self, line: &str) -> Vec<String> {
        let since = self.since;
        let mut lines = Vec::new();
        let is_prompt = |text: &str| text.starts_with("rescue /") && text.ends_with("> ");
        let awaited = format!("the end of `{line}`");
        let look = |line: &Line| {
            if line.at <= since {
                return None;
            }
            if is_prompt(&line.text) {
                return Some(line.at);
            }
            lines.extend((line.whole && !line.text.starts_with("rescue /")).then(|| line.text.clone()));
            None
        };
        self.since = self.guest.wait(&awaited, self.limit, look).unwrap();
        lines
    }

    /// As [`Self::run`], where exactly this comes.
    pub fn expect(&mut self, line: &str, expected: &[&str]) {
        assert_eq!(self.run(line), expected, "{line}");
    }
}
