//! One typed line: drawn in one row of the terminal, edited with readline's keys, with the lines before and completion.

use super::{
    complete::{Completion, complete},
    terminal::{self, Keys, Terminal},
};
use crate::{
    formats::text::printable,
    ui::{
        field::TextField,
        keys::Key,
        wrap::{measure, start, width},
    },
};

/// Maximum number of lines that are kept.
const HISTORY_LIMIT: usize = 200;

/// Maximum number of choices that are shown.
const CHOICES_LIMIT: usize = 200;

/// What a key leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// The row is drawn anew.
    Draw,
    /// The character came at the end of the line.
    Append(char),
    /// The row shows the key already, or nothing changed.
    Stay,
    Enter,
    /// The line is given up.
    GiveUp,
    Choices(Vec<String>),
    Clear,
}

/// The line that is being typed, and those before.
#[derive(Debug, Default)]
pub(super) struct LineEditor {
    field: TextField,
    history: Vec<String>,
    /// The place in the history that is shown; its length for the new line.
    place: usize,
    /// The new line, while one of the history is shown.
    new: TextField,
}

impl LineEditor {
    /// Reads one line from the standard input; `None` when no more can come. `typed` is called at every key.
    pub(super) fn read(
        &mut self,
        prompt: &str,
        keys: &mut Keys,
        mut typed: impl FnMut(Key),
    ) -> Option<String> {
        self.field = TextField::default();
        self.place = self.history.len();
        terminal::write(&self.row(prompt));
        loop {
            let key = keys.next()?;
            typed(key);
            match self.press(key) {
                // A slow line is spared the rest of the row.
                Step::Append(character) if self.fits(prompt) => {
                    terminal::write(&printable(character.encode_utf8(&mut [0; 4])));
                }
                Step::Draw | Step::Append(_) => terminal::write(&self.row(prompt)),
                Step::Stay => {}
                Step::Enter => {
                    terminal::write("\n");
                    let line = self.field.text().to_owned();
                    self.remember(&line);
                    return Some(line);
                }
                Step::GiveUp => {
                    terminal::write("^C\n");
                    return Some(String::new());
                }
                Step::Choices(choices) => {
                    terminal::write("\n");
                    super::show_choices(&choices);
                    terminal::write(&self.row(prompt));
                }
                Step::Clear => terminal::write(&("\x1b[H\x1b[J".to_owned() + &self.row(prompt))),
            }
        }
    }

    fn press(&mut self, key: Key) -> Step {
        match key {
            Key::Enter => return Step::Enter,
            Key::Control('c') => return Step::GiveUp,
            Key::Control('l') => return Step::Clear,
            Key::Control('i') => return self.complete(),
            Key::Up | Key::Control('p') => self.show(self.place.saturating_sub(1)),
            Key::Down | Key::Control('n') => self.show(self.place.saturating_add(1)),
            _ if self.field.take(key) => {
                let is_at_end = self.field.before_cursor().len() == self.field.text().len();
                if let (Key::Character(character), true) = (key, is_at_end) {
                    return Step::Append(character);
                }
            }
            _ => return Step::Stay,
        }
        Step::Draw
    }

    fn complete(&mut self) -> Step {
        let Completion { replaced, text, mut choices } = complete(self.field.before_cursor());
        if choices.is_empty() {
            if !text.is_empty() {
                self.field.replace_before(replaced, &text);
            }
            return Step::Draw;
        }
        choices.truncate(CHOICES_LIMIT);
        Step::Choices(choices)
    }

    /// Shows the line at this place of the history; the new line is after its end.
    fn show(&mut self, place: usize) {
        if place > self.history.len() || place == self.place {
            return;
        }
        if self.place == self.history.len() {
            self.new = std::mem::take(&mut self.field);
        }
        self.field = match self.history.get(place) {
            Some(line) => TextField::new(line),
            None => std::mem::take(&mut self.new),
        };
        self.place = place;
    }

    fn remember(&mut self, line: &str) {
        if line.trim().is_empty() || self.history.last().is_some_and(|last| last == line) {
            return;
        }
        if self.history.len() >= HISTORY_LIMIT {
            self.history.remove(0);
        }
        self.history.push(line.to_owned());
    }

    /// Whether all of the line is in the row.
    fn fits(&self, prompt: &str) -> bool {
        measure(prompt).saturating_add(measure(self.field.text())) < Terminal.size().columns
    }

    /// The prompt and as much of the line as fits into a row, with the cursor in its place.
    fn row(&self, prompt: &str) -> String {
        row(prompt, &self.field, Terminal.size().columns)
    }
}

/// As [`LineEditor::row`], for a terminal of so many columns. The last column stays free.
fn row(prompt: &str, field: &TextField, columns: usize) -> String {
    let room = columns.saturating_sub(1).saturating_sub(measure(prompt)).max(10);
    let shown = printable(field.text());
    let before: String = shown.chars().take(field.before_cursor().chars().count()).collect();
    // The end of what is before the cursor comes first: that is where a person types.
    let mut hidden = 0;
    let mut used = measure(&before);
    for character in before.chars() {
        if used < room {
            break;
        }
        used = used.saturating_sub(width(character));
        hidden = character.len_utf8().saturating_add(hidden);
    }
    let visible = start(shown.get(hidden..).unwrap_or_default(), room);
    let column = measure(prompt).saturating_add(used);
    let place = if column > 0 { format!("\x1b[{column}C") } else { String::new() };
    format!("\r{prompt}{visible}\x1b[K\r{place}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(editor: &mut LineEditor, text: &str) {
        text.chars().for_each(|character| drop(editor.press(Key::Character(character))));
    }

    #[test]
    fn the_lines_before_come_back_and_the_new_one_is_kept() {
        let mut editor = LineEditor::default();
        for line in ["one", "two", "two", "  "] {
            editor.remember(line);
        }
        editor.place = editor.history.len();
        typed(&mut editor, "new");
        let mut seen = Vec::new();
        for key in [Key::Up, Key::Up, Key::Up, Key::Down, Key::Control('n'), Key::Down] {
            editor.press(key);
            seen.push(editor.field.text().to_owned());
        }
        assert_eq!(seen, ["two", "one", "one", "two", "new", "new"]);
    }

    #[test]
    fn a_line_that_is_too_long_shows_the_place_of_the_cursor() {
        for (text, columns, expected) in [
            ("", 20, "\r> \x1b[K\r\x1b[2C"),
            ("abc", 20, "\r> abc\x1b[K\r\x1b[5C"),
            ("0123456789abcdefghij", 20, "\r> 456789abcdefghij\x1b[K\r\x1b[18C"),
            ("a\u{1b}[2J", 20, "\r> a?[2J\x1b[K\r\x1b[7C"),
            ("äöü", 20, "\r> äöü\x1b[K\r\x1b[8C"),
        ] {
            assert_eq!(row("> ", &TextField::new(text), columns), expected, "{text}");
        }
        let mut field = TextField::new("0123456789abcdefghij");
        field.take(Key::Home);
        assert_eq!(row("> ", &field, 20), "\r> 0123456789abcdefg\x1b[K\r\x1b[2C");
    }
}
