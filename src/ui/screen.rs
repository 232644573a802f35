//! Drawing on a terminal with few bytes: only the rows that changed are sent (ECMA-48 sequences that the Linux console,
//! xterm and VT100 serial terminals know).

use super::{
    console::{Consoles, Size},
    wrap::start,
};
use crate::formats::text;

/// Moves to the home position and erases everything from there on.
const CLEAR: &str = "\x1b[H\x1b[J";

const ERASE_ROW: &str = "\x1b[K";

/// Moves to the last row (a terminal stops there) and one further, so that later lines scroll the picture up.
const BELOW: &str = "\x1b[999;1H\n";

/// Rows of text, and where a person types in them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Picture {
    pub rows: Vec<String>,
    /// Row and column of the cursor, counted from 0.
    pub cursor: Option<(usize, usize)>,
}

impl From<Vec<String>> for Picture {
    fn from(rows: Vec<String>) -> Self {
        Self { rows, cursor: None }
    }
}

/// The pictures that the consoles show, for each size of terminal.
#[derive(Clone, Debug, Default)]
pub struct Screen {
    /// One for each size of terminal.
    shown: Vec<(Size, Picture)>,
}

impl Screen {
    /// Shows what `picture` makes for each size of terminal.
    pub fn show(&mut self, consoles: &Consoles, picture: impl Fn(Size) -> Picture) {
        let mut next: Vec<(Size, Picture)> = Vec::new();
        for size in consoles.sizes() {
            if of_size(&next, size).is_none() {
                let Picture { rows, cursor } = picture(size);
                let rows = rows.iter().take(size.rows).map(|row| fit(row, size.columns)).collect();
                next.push((size, Picture { rows, cursor }));
            }
        }
        consoles.draw(|size| {
            let new = of_size(&next, size);
            new.map_or_else(String::new, |new| update(of_size(&self.shown, size), new))
        });
        self.shown = next;
    }

    /// Makes room for lines that are written to the consoles in the usual way; the next picture is drawn anew.
    pub fn leave(&mut self, consoles: &Consoles) {
        if !self.shown.is_empty() {
            self.shown.clear();
            consoles.draw(|_| BELOW.to_owned());
        }
    }

    /// The picture may have been overwritten: the next one is drawn anew.
    pub fn forget(&mut self) {
        self.shown.clear();
    }
}

fn of_size(pictures: &[(Size, Picture)], size: Size) -> Option<&Picture> {
    pictures.iter().find(|(other, _)| *other == size).map(|(_, picture)| picture)
}

/// The bytes that turn the old picture into the new one; without an old one, they draw all of it.
fn update(old: Option<&Picture>, new: &Picture) -> String {
    let mut output = String::new();
    match old {
        None => output = CLEAR.to_owned() + &new.rows.join("\n"),
        Some(old) => {
            for place in 0..old.rows.len().max(new.rows.len()) {
                let row = new.rows.get(place).map_or("", String::as_str);
                if old.rows.get(place).map_or("", String::as_str) != row {
                    output.push_str(&format!("\x1b[{};1H{row}{ERASE_ROW}", place.saturating_add(1)));
                }
            }
        }
    }
    let is_moved = old.is_none_or(|old| old.cursor != new.cursor) || !output.is_empty();
    if let Some((row, column)) = new.cursor.filter(|_| is_moved) {
        output.push_str(&format!("\x1b[{};{}H", row.saturating_add(1), column.saturating_add(1)));
    }
    output
}

/// A row without control characters that fits a terminal so wide; the last column stays free, since a terminal may begin
/// a new row after it.
fn fit(row: &str, columns: usize) -> String {
    start(&text::printable(row), columns.saturating_sub(1)).to_owned()
}

#[cfg(test)]
mod tests {
    use std::{fs::File, io::Read};

    use rustix::pipe::{PipeFlags, pipe_with};

    use super::*;

    fn rows(rows: &[&str]) -> Picture {
        rows.iter().map(|row| (*row).to_owned()).collect::<Vec<_>>().into()
    }

    #[test]
    fn only_rows_that_changed_are_sent() {
        let old = rows(&["title", "one", "5 s"]);
        let cases: [(&[&str], &str); 4] = [
            (&["title", "one", "4 s"], "\x1b[3;1H4 s\x1b[K"),
            (&["title", "one", "5 s"], ""),
            (&["title"], "\x1b[2;1H\x1b[K\x1b[3;1H\x1b[K"),
            (&["title", "one", "5 s", "more"], "\x1b[4;1Hmore\x1b[K"),
        ];
        for (new, expected) in cases {
            assert_eq!(update(Some(&old), &rows(new)), expected);
        }
        assert_eq!(update(None, &rows(&["title", "one"])), "\x1b[H\x1b[Jtitle\none");
    }

    #[test]
    fn the_cursor_is_where_a_person_types() {
        let at = |row, column| Picture { cursor: Some((row, column)), ..rows(&["title", "one"]) };
        let cases = [
            (None, at(1, 3), "\x1b[H\x1b[Jtitle\none\x1b[2;4H"),
            (Some(at(1, 3)), at(1, 3), ""),
            (Some(at(1, 3)), at(1, 2), "\x1b[2;3H"),
            (
                Some(at(1, 3)),
                Picture { cursor: Some((1, 3)), ..rows(&["x", "one"]) },
                "\x1b[1;1Hx\x1b[K\x1b[2;4H",
            ),
            (Some(at(1, 3)), rows(&["title", "one"]), ""),
        ];
        for (old, new, expected) in cases {
            assert_eq!(update(old.as_ref(), &new), expected, "{new:?}");
        }
    }

    #[test]
    fn rows_are_cut_before_the_last_column() {
        for (row, columns, expected) in [
            ("12345", 5, "1234"),
            ("123", 5, "123"),
            ("äöü", 5, "äö"),
            ("a\x1b[2Jb", 80, "a?[2Jb"),
            ("x", 0, ""),
        ] {
            assert_eq!(fit(row, columns), expected);
        }
    }

    #[test]
    fn a_picture_is_drawn_whole_once_and_again_after_other_lines() {
        let (reader, writer) = pipe_with(PipeFlags::NONBLOCK).unwrap();
        let consoles = Consoles::over(vec![writer]);
        let mut screen = Screen::default();
        screen.leave(&consoles);
        screen.show(&consoles, |_| rows(&["a", "b"]));
        screen.show(&consoles, |_| rows(&["a", "c"]));
        screen.leave(&consoles);
        consoles.write("line\n");
        screen.show(&consoles, |_| rows(&["a", "c"]));
        drop(consoles);
        let mut sent = String::new();
        File::from(reader).read_to_string(&mut sent).unwrap();
        assert_eq!(sent, "\x1b[H\x1b[Ja\nb\x1b[2;1Hc\x1b[K\x1b[999;1H\nline\n\x1b[H\x1b[Ja\nc");
    }
}
