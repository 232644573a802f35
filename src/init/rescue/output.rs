//! What a command says: on the terminal, a screen at a time where it is longer.

use std::io;

use super::terminal::{self, Terminal};
use crate::{formats::text::printable, ui::keys::Key};

const MORE: &str = "-- more (Space, Enter, q) --";

/// Why a command ends early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The person has seen enough.
    Stopped,
    /// This went wrong: what, why, and what to do.
    Said(String),
}

impl From<String> for Failure {
    fn from(sentence: String) -> Self {
        Self::Said(sentence)
    }
}

impl From<&str> for Failure {
    fn from(sentence: &str) -> Self {
        Self::Said(sentence.to_owned())
    }
}

/// The failure of a system call on a file.
pub(super) fn about(path: &str, error: &io::Error) -> Failure {
    use rustix::io::Errno;
    let hint = match Errno::from_io_error(error) {
        Some(Errno::ROFS) => "; `mount -w` makes a volume writable",
        Some(Errno::NOSPC) => "; the volume is full: `ls -l` shows what can go",
        Some(Errno::IO) => "; `dmesg` says what the disk answered",
        _ => "",
    };
    Failure::Said(format!("{}: {error}{hint}", printable(path)))
}

/// The place where a command's lines go.
#[derive(Debug)]
pub(super) struct Output {
    terminal: Option<Terminal>,
    /// Rows that are left of this page.
    left: usize,
    /// What was said.
    #[cfg(test)]
    pub(super) said: String,
}

impl Output {
    /// Over the terminal that is the standard output, if it is one.
    pub(super) fn standard() -> Self {
        let terminal = Terminal::standard();
        Self {
            left: page(terminal.as_ref()),
            terminal,
            #[cfg(test)]
            said: String::new(),
        }
    }

    #[cfg(test)]
    pub(super) fn kept() -> Self {
        Self { terminal: None, left: 0, said: String::new() }
    }

    /// Columns of the terminal.
    pub(super) fn columns(&self) -> usize {
        self.terminal.as_ref().map_or(80, |terminal| terminal.size().columns)
    }

    /// Says one line, whatever is in it; waits for a key where the screen is full.
    pub(super) fn line(&mut self, text: &str) -> Result<(), Failure> {
        let text = printable(&text.replace('\t', "        ")) + "\n";
        let Some(terminal) = &self.terminal else {
            #[cfg(test)]
            self.said.push_str(&text);
            #[cfg(not(test))]
            terminal::write(&text);
            return Ok(());
        };
        let columns = terminal.size().columns.max(1);
        let rows = text.chars().count().saturating_sub(1).div_ceil(columns).max(1);
        if rows > self.left {
            let key = terminal.ask(MORE);
            terminal.write("\r\x1b[K");
            self.left = match key {
                Some(Key::Enter | Key::Down) => rows,
                Some(Key::Character(' ') | Key::PageDown) => page(self.terminal.as_ref()).max(rows),
                _ => return Err(Failure::Stopped),
            };
        }
        self.left = self.left.saturating_sub(rows);
        terminal::write(&text);
        Ok(())
    }

    /// Says several lines.
    pub(super) fn lines(&mut self, text: &str) -> Result<(), Failure> {
        text.lines().try_for_each(|line| self.line(line))
    }

    /// Says names side by side, as many in a row as fit.
    pub(super) fn columns_of(&mut self, names: &[String]) -> Result<(), Failure> {
        let width = names.iter().map(|name| name.chars().count()).max().unwrap_or_default().saturating_add(2);
        let in_a_row = self.columns().saturating_sub(1).checked_div(width).unwrap_or_default().max(1);
        for row in names.chunks(in_a_row) {
            let row: String = row.iter().map(|name| format!("{name:<width$}")).collect();
            self.line(row.trim_end())?;
        }
        Ok(())
    }
}

/// Rows of a page; the last is for the question.
fn page(terminal: Option<&Terminal>) -> usize {
    terminal.map_or(0, |terminal| terminal.size().rows.saturating_sub(1).max(2))
}
