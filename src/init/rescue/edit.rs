//! The command `edit`: a text file on the whole screen. Bytes that nobody touches stay as they are, also those that are no UTF-8.

use std::{fs, io::Write};

use rustix::stdio::stdout;

use super::{
    files::{path, replace},
    output::{Failure, Output, about},
    table::Command,
    terminal::{Keys, Terminal},
};
use crate::{
    formats::text::{decode_owned, encode, printable},
    sys::files::open_regular,
    ui::{
        console::{Consoles, Size},
        field::TextField,
        keys::Key,
        screen::{Picture, Screen},
        wrap::measure,
    },
};

/// Maximum size of a file that is edited, in bytes.
const SIZE_LIMIT: u64 = 1 << 20;

/// What a key leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Stay,
    Save,
    Leave,
}

/// The text, and the line in which a person types.
#[derive(Debug)]
struct Editor {
    name: String,
    /// Without their ends; the last one is empty where the file ends with one.
    lines: Vec<String>,
    row: usize,
    /// The line of that row.
    field: TextField,
    /// The first row that is shown.
    top: usize,
    /// Rows that are shown.
    height: usize,
    is_changed: bool,
    /// The next key says whether the changes are lost.
    asks: bool,
    message: String,
}

pub(super) fn edit(words: &[String], _: &mut Output) -> Result<(), Failure> {
    let [name] = words else { return Err(Command::usage("edit")) };
    if Terminal::standard().is_none() {
        return Err("no terminal to edit on".into());
    }
    let text = match open_regular(&path(name)) {
        Ok(file) if file.metadata().is_ok_and(|status| status.len() > SIZE_LIMIT) => {
            return Err(Failure::Said(format!("{}: more than {} KiB", printable(name), SIZE_LIMIT >> 10)));
        }
        Ok(_) => decode_owned(fs::read(path(name)).map_err(|error| about(name, &error))?),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(about(name, &error)),
    };
    let mut editor = Editor::new(name, &text);
    let terminal =
        rustix::io::fcntl_dupfd_cloexec(stdout(), 0).map_err(|error| about(name, &error.into()))?;
    let (consoles, mut screen, mut keys) =
        (Consoles::over(vec![terminal]), Screen::default(), Keys::default());
    Terminal::make_raw();
    loop {
        editor.scroll(Terminal.size());
        screen.show(&consoles, |size| editor.picture(size));
        let Some(key) = keys.next() else { return Ok(()) };
        match editor.press(key) {
            Step::Stay => {}
            Step::Save => editor.save(),
            Step::Leave => {
                screen.leave(&consoles);
                return Ok(());
            }
        }
    }
}

impl Editor {
    fn new(name: &str, text: &str) -> Self {
        let lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
        let mut editor = Self {
            name: name.to_owned(),
            lines,
            row: 0,
            field: TextField::default(),
            top: 0,
            height: 1,
            is_changed: false,
            asks: false,
            message: String::new(),
        };
        editor.go(0, 0);
        editor
    }

    /// Puts the cursor into a row, behind so many characters.
    fn go(&mut self, row: usize, column: usize) {
        self.row = row.min(self.lines.len().saturating_sub(1));
        self.field = TextField::new(self.lines.get(self.row).map_or("", String::as_str));
        self.field.take(Key::Home);
        let length = self.field.text().chars().count();
        for _ in 0..column.min(length) {
            self.field.take(Key::Right);
        }
    }

    fn press(&mut self, key: Key) -> Step {
        self.message.clear();
        if std::mem::take(&mut self.asks) {
            return if key == Key::Character('y') { Step::Leave } else { Step::Stay };
        }
        let before = self.field.before_cursor();
        let column = before.chars().count();
        let (is_at_start, is_at_end) = (before.is_empty(), before.len() == self.field.text().len());
        match key {
            Key::Control('s' | 'o') => return Step::Save,
            Key::Control('x' | 'c' | 'q') if !self.is_changed => return Step::Leave,
            Key::Control('x' | 'c' | 'q') => self.asks = true,
            Key::Up | Key::Control('p') => self.go(self.row.saturating_sub(1), column),
            Key::Down | Key::Control('n') => self.go(self.row.saturating_add(1), column),
            Key::PageUp => self.go(self.row.saturating_sub(self.height), column),
            Key::PageDown => self.go(self.row.saturating_add(self.height), column),
            Key::Enter => {
                let rest = self.field.text().get(before.len()..).unwrap_or_default().to_owned();
                let before = before.to_owned();
                if let Some(line) = self.lines.get_mut(self.row) {
                    *line = before;
                }
                self.lines.insert(self.row.saturating_add(1).min(self.lines.len()), rest);
                self.is_changed = true;
                self.go(self.row.saturating_add(1), 0);
            }
            Key::Backspace if is_at_start => {
                if let Some(above) = self.row.checked_sub(1) {
                    self.join(above);
                }
            }
            Key::Delete | Key::Control('d') if is_at_end => self.join(self.row),
            Key::Control('i') => self.type_in('\t'),
            key => {
                self.field.take(key);
                self.keep();
            }
        }
        Step::Stay
    }

    fn type_in(&mut self, character: char) {
        self.field.take(Key::Character(character));
        self.keep();
    }

    /// Keeps what was typed in the row.
    fn keep(&mut self) {
        let Some(line) = self.lines.get_mut(self.row) else { return };
        if line != self.field.text() {
            self.field.text().clone_into(line);
            self.is_changed = true;
        }
    }

    /// Makes one of a row and the next.
    fn join(&mut self, row: usize) {
        let next = row.saturating_add(1);
        if next >= self.lines.len() {
            return;
        }
        let below = self.lines.remove(next);
        let Some(line) = self.lines.get_mut(row) else { return };
        let column = line.chars().count();
        line.push_str(&below);
        self.is_changed = true;
        self.go(row, column);
    }

    fn save(&mut self) {
        let bytes = encode(&self.lines.join("\n"));
        let saved = replace(&path(&self.name), None, |file| file.write_all(&bytes));
        self.message = match saved {
            Ok(()) => {
                self.is_changed = false;
                format!("{} bytes are saved.", bytes.len())
            }
            Err(error) => match about(&self.name, &error) {
                Failure::Said(sentence) => format!("NOT saved: {sentence}"),
                Failure::Stopped => String::new(),
            },
        };
    }

    /// Shows the row of the cursor.
    fn scroll(&mut self, size: Size) {
        self.height = size.rows.saturating_sub(1).max(1);
        let last = self.top.saturating_add(self.height).saturating_sub(1);
        if self.row < self.top {
            self.top = self.row;
        } else if self.row > last {
            self.top = self.row.saturating_sub(self.height).saturating_add(1);
        }
    }

    fn picture(&self, size: Size) -> Picture {
        let room = size.columns.saturating_sub(2).max(1);
        // A tab takes one column here; in the file it stays what it is.
        let shown = |text: &str| printable(&text.replace('\t', " "));
        let column = measure(&shown(self.field.before_cursor()));
        // Half a screen at a time, so that a person sees what comes before.
        let step = (room / 2).max(1);
        let screens = if column < room {
            0
        } else {
            column.saturating_sub(room).checked_div(step).unwrap_or_default().saturating_add(1)
        };
        let hidden = screens.saturating_mul(step);
        let mut rows: Vec<String> = self
            .lines
            .iter()
            .skip(self.top)
            .take(self.height)
            .map(|line| shown(line).chars().skip(hidden).collect())
            .collect();
        rows.resize(self.height, "~".to_owned());
        rows.push(self.status());
        Picture { rows, cursor: Some((self.row.saturating_sub(self.top), column.saturating_sub(hidden))) }
    }

    fn status(&self) -> String {
        if self.asks {
            return "The changes are not saved. y: leave without them; another key: stay".to_owned();
        }
        if !self.message.is_empty() {
            return self.message.clone();
        }
        let mark = if self.is_changed { " (changed)" } else { "" };
        let (row, count) = (self.row.saturating_add(1), self.lines.len());
        format!("Ctrl-S saves, Ctrl-X leaves  {row}/{count}  {}{mark}", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Types into a text: `^` and a letter is Control, `<>` move, `⏎` is Enter, `⌫` Backspace, `⌦` Delete, `↑↓` move.
    fn edited(text: &str, keys: &str) -> (String, Step) {
        let mut editor = Editor::new("file", text);
        let mut step = Step::Stay;
        let mut keys = keys.chars();
        while let Some(key) = keys.next() {
            step = editor.press(match key {
                '^' => Key::Control(keys.next().unwrap()),
                '<' => Key::Left,
                '>' => Key::Right,
                '⏎' => Key::Enter,
                '⌫' => Key::Backspace,
                '⌦' => Key::Delete,
                '↑' => Key::Up,
                '↓' => Key::Down,
                other => Key::Character(other),
            });
        }
        (editor.lines.join("\n"), step)
    }

    #[test]
    fn keys_change_the_text_and_nothing_else() {
        for (text, keys, expected, step) in [
            ("a\nb\n", "x", "xa\nb\n", Step::Stay),
            ("a\nb\n", "↓y^e!", "a\nyb!\n", Step::Stay),
            ("ab", ">⏎", "a\nb", Step::Stay),
            ("a\nb", "↓⌫", "ab", Step::Stay),
            ("a\nb", "^e⌦c", "acb", Step::Stay),
            ("a\nb", "↓^e⌦⌦", "a\nb", Step::Stay),
            ("a", "⌫", "a", Step::Stay),
            ("a\tb", "^ix", "\txa\tb", Step::Stay),
            ("no end", "^s", "no end", Step::Save),
            ("a", "^x", "a", Step::Leave),
            ("a", "b^x", "ba", Step::Stay),
            ("a", "b^xn", "ba", Step::Stay),
            ("a", "b^xy", "ba", Step::Leave),
            ("long\nb\nlong", "^e↓↓x", "long\nb\nlxong", Step::Stay),
        ] {
            assert_eq!(edited(text, keys), (expected.to_owned(), step), "{text:?} {keys}");
        }
    }

    #[test]
    fn the_cursor_is_always_on_the_screen() {
        let text: String = (0..50).map(|number| format!("{number} {}\n", "x".repeat(number * 4))).collect();
        let mut editor = Editor::new("file", &text);
        let size = Size { columns: 40, rows: 12 };
        for key in
            [Key::PageDown, Key::End, Key::PageDown, Key::Home, Key::PageUp, Key::End, Key::Down, Key::Left]
        {
            for _ in 0..7 {
                editor.press(key);
                editor.scroll(size);
                let Picture { rows, cursor } = editor.picture(size);
                let (row, column) = cursor.unwrap();
                assert!(rows.len() == 12 && row < 11 && column < 39, "{key:?}: {row} {column}");
            }
        }
    }

    #[test]
    fn a_file_is_saved_byte_by_byte() {
        let directory = tempfile::TempDir::new().unwrap();
        let name = directory.path().join("file").to_str().unwrap().to_owned();
        fs::write(&name, b"gr\xf6\xdfe\r\n\x00tail").unwrap();
        let mut editor = Editor::new(&name, &decode_owned(fs::read(&name).unwrap()));
        editor.press(Key::Character('#'));
        editor.save();
        assert_eq!(fs::read(&name).unwrap(), b"#gr\xf6\xdfe\r\n\x00tail");
        assert!(!editor.is_changed && editor.message == "13 bytes are saved.", "{}", editor.message);
        editor.name = "/proc/version".into();
        editor.save();
        assert!(editor.message.starts_with("NOT saved: /proc/version"), "{}", editor.message);
    }
}
