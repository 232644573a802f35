//! Configurations that list their choices outright: titles, arguments, and files in the loader's own words.

use super::lines::{TOO_LONG, long_lines};
use crate::entry::{Kind, Lock, Multiboot, Password, Secret, TimeoutStyle};

/// Maximum number of choices of one configuration.
pub const CHOICE_LIMIT: usize = 16_384;

/// One choice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// Title in the menu.
    pub title: String,
    /// Titles of the menus around it, outermost first.
    pub path_in_menu: Vec<String>,
    /// The kind of the choice.
    pub kind: Kind,
    /// The kernel, device and all, as the loader writes it; empty if there is none.
    pub kernel: String,
    /// Initrds in order, written likewise.
    pub initrds: Vec<String>,
    /// Device tree, written likewise; empty if there is none.
    pub devicetree: String,
    /// The kernel's command line, complete.
    pub cmdline: String,
    /// Arguments of a multiboot kernel's modules, which are among the initrds.
    pub multiboot: Multiboot,
    /// The loader does not show it.
    pub hidden: bool,
    /// The loader asks for a password before it boots it.
    pub lock: Option<Lock>,
    /// Why it cannot be booted.
    pub problem: Option<String>,
    /// The file that it is in, if that is not the configuration itself.
    pub file: Option<String>,
    /// Line on which it begins, from 1.
    pub line: u32,
}

/// A configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChoiceMenu {
    /// Choices in the order of the loader's menu.
    pub choices: Vec<Choice>,
    /// Place of the choice that boots on its own.
    pub default: Option<usize>,
    /// Places of those that are tried after it, in order.
    pub fallback: Vec<usize>,
    /// Seconds until the default boots; `None` waits for a person.
    pub timeout: Option<u32>,
    /// How the menu shows itself meanwhile.
    pub timeout_style: TimeoutStyle,
    /// The loader asks for a password before its own command line.
    pub lock: Option<Lock>,
    /// The passwords to which the locks refer.
    pub passwords: Vec<Password>,
    /// Warnings: line and message.
    pub lost: Vec<(u32, String)>,
    /// Lines that are lost because they are too long.
    pub long_lines: Vec<u32>,
}

impl ChoiceMenu {
    /// An empty menu of this text, with the lines that are too long already lost.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let mut menu = Self::default();
        long_lines(text).for_each(|line| menu.lose_long(line));
        menu
    }

    /// Adds a choice, as far as there is room.
    pub fn push(&mut self, choice: Choice) {
        match self.choices.len() {
            CHOICE_LIMIT => self.lose(choice.line, format!("only the first {CHOICE_LIMIT} entries are read")),
            length if length < CHOICE_LIMIT => self.choices.push(choice),
            _ => {}
        }
    }

    /// A lock that this password opens, which is not asked for together with a name; nothing opens it where the password is not
    /// known.
    pub fn lock_with(&mut self, secret: Option<Secret>) -> Lock {
        Lock::with_secret(secret, &mut self.passwords)
    }

    /// Notes that a line is lost.
    pub fn lose(&mut self, line: u32, message: impl Into<String>) {
        if self.lost.len() < CHOICE_LIMIT {
            self.lost.push((line, message.into()));
        }
    }

    /// Notes that a line is lost because it is too long.
    pub fn lose_long(&mut self, line: u32) {
        self.lose(line, TOO_LONG);
        if self.long_lines.len() < CHOICE_LIMIT {
            self.long_lines.push(line);
        }
    }

    /// Gives choices a reason not to boot where a line of theirs was too long: what it said may be what matters.
    pub fn refuse_cut(&mut self) {
        for lost in &self.long_lines {
            let own = self.choices.iter_mut().filter(|choice| choice.file.is_none() && choice.line <= *lost);
            if let Some(choice) = own.max_by_key(|choice| choice.line) {
                choice.problem.get_or_insert_with(|| format!("line {lost} of it is lost: {TOO_LONG}"));
            }
        }
    }

    /// The place of the choice with a title, in any case of letters.
    #[must_use]
    pub fn titled(&self, title: &str) -> Option<usize> {
        self.choices.iter().position(|choice| choice.title.eq_ignore_ascii_case(title))
    }
}

#[cfg(test)]
pub(super) mod testing {
    use super::Choice;

    /// A choice that the kernel can boot, as far as such a configuration tells.
    pub fn choice(line: u32, title: &str, kernel: &str, initrds: &[&str], cmdline: &str) -> Choice {
        Choice {
            title: title.into(),
            kernel: kernel.into(),
            initrds: initrds.iter().map(|&path| path.into()).collect(),
            cmdline: cmdline.into(),
            line,
            ..Choice::default()
        }
    }
}
