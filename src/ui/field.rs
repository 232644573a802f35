//! A line of text that a person edits, with the keys of readline and of GRUB's own editor (readline(3); GRUB manual, 11.3).

use super::{keys::Key, wrap::width};

/// Maximum length of a line, in bytes. No kernel takes a longer command line.
const LENGTH_LIMIT: usize = 64 * 1024;

/// Maximum number of changes that can be undone.
const UNDO_LIMIT: usize = 200;

/// The text, the cursor in it, and what earlier keys have left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TextField {
    text: String,
    /// In bytes, between two characters.
    cursor: usize,
    killed: String,
    /// The states before each change, oldest first.
    undo: Vec<(String, usize)>,
}

impl TextField {
    /// A line with the cursor after its last character.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self { text: text.to_owned(), cursor: text.len(), ..Self::default() }
    }

    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text before the cursor.
    #[must_use]
    pub fn before_cursor(&self) -> &str {
        self.text.get(..self.cursor).unwrap_or(&self.text)
    }

    /// Puts `new` in place of so many bytes before the cursor.
    pub fn replace_before(&mut self, bytes: usize, new: &str) {
        self.replace(self.cursor.saturating_sub(bytes), self.cursor, new);
    }

    /// Takes a key; `false` if it does not edit.
    pub fn take(&mut self, key: Key) -> bool {
        let (before, after) = self.text.split_at_checked(self.cursor).unwrap_or((&self.text, ""));
        let back = before.chars().next_back().map_or(0, char::len_utf8);
        let forward = after.chars().next().map_or(0, char::len_utf8);
        let (start, cursor, end) = (0, self.cursor, self.text.len());
        match key {
            Key::Left | Key::Control('b') => self.cursor = cursor.saturating_sub(back),
            Key::Right | Key::Control('f') => self.cursor = cursor.saturating_add(forward),
            Key::Home | Key::Control('a') => self.cursor = start,
            Key::End | Key::Control('e') => self.cursor = end,
            Key::Backspace => self.replace(cursor.saturating_sub(back), cursor, ""),
            Key::Delete | Key::Control('d') => self.replace(cursor, cursor.saturating_add(forward), ""),
            Key::Control('w') => {
                let word = before.trim_end().rfind(' ').map_or(0, |space| space.saturating_add(1));
                self.kill(word, cursor);
            }
            Key::Control('u') => self.kill(start, cursor),
            Key::Control('k') => self.kill(cursor, end),
            Key::Control('y') => {
                let killed = self.killed.clone();
                self.replace(cursor, cursor, &killed);
            }
            Key::Control('_') => {
                if let Some((text, cursor)) = self.undo.pop() {
                    (self.text, self.cursor) = (text, cursor);
                }
            }
            Key::Character(character) => self.replace(cursor, cursor, character.encode_utf8(&mut [0; 4])),
            _ => return false,
        }
        true
    }

    /// The text in rows of at most so many columns, and the row and the column of the cursor.
    #[must_use]
    pub fn rows(&self, columns: usize) -> (Vec<String>, (usize, usize)) {
        let (mut rows, mut row, mut used) = (Vec::new(), String::new(), 0_usize);
        let mut cursor = None;
        for (place, character) in self.text.char_indices() {
            if used.saturating_add(width(character)) > columns.max(2) {
                rows.push(std::mem::take(&mut row));
                used = 0;
            }
            if place == self.cursor {
                cursor = Some((rows.len(), used));
            }
            row.push(character);
            used = used.saturating_add(width(character));
        }
        // After a full row, the cursor begins another one.
        if used >= columns.max(2) && cursor.is_none() {
            rows.push(std::mem::take(&mut row));
            used = 0;
        }
        let cursor = cursor.unwrap_or((rows.len(), used));
        rows.push(row);
        (rows, cursor)
    }

    fn kill(&mut self, start: usize, end: usize) {
        if let Some(killed) = self.text.get(start..end).filter(|killed| !killed.is_empty()) {
            self.killed = killed.to_owned();
            self.replace(start, end, "");
        }
    }

    /// Puts `new` in place of what is between these bytes, and the cursor after it.
    fn replace(&mut self, start: usize, end: usize, new: &str) {
        let (Some(head), Some(tail)) = (self.text.get(..start), self.text.get(end..)) else { return };
        let changed = [head, new, tail].concat();
        if changed == self.text || changed.len() > LENGTH_LIMIT {
            return;
        }
        if self.undo.len() >= UNDO_LIMIT {
            self.undo.remove(0);
        }
        let text = std::mem::replace(&mut self.text, changed);
        self.undo.push((text, self.cursor));
        self.cursor = start.saturating_add(new.len());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Presses keys: `<` and `>` move, `[` and `]` go to the ends, `^` and a letter is Control, others are typed. Gives the text
    /// with `|` at the cursor.
    fn edited(text: &str, keys: &str) -> String {
        let mut field = TextField::new(text);
        let mut keys = keys.chars();
        while let Some(key) = keys.next() {
            field.take(match key {
                '<' => Key::Left,
                '>' => Key::Right,
                '[' => Key::Home,
                ']' => Key::End,
                '-' => Key::Backspace,
                'X' => Key::Delete,
                '^' => Key::Control(keys.next().unwrap()),
                typed => Key::Character(typed),
            });
        }
        let (head, tail) = field.text.split_at(field.cursor);
        format!("{head}|{tail}")
    }

    #[test]
    fn keys_edit_as_in_readline() {
        for (text, keys, expected) in [
            ("", "ab", "ab|"),
            ("quiet", "[ro ", "ro |quiet"),
            ("quiet", "<<s", "quis|et"),
            ("quiet", "[>>X", "qu|et"),
            ("quiet", "]--", "qui|"),
            ("ro quiet splash", "^w", "ro quiet |"),
            ("ro quiet  ", "^w", "ro |"),
            ("ro", "^w^w", "|"),
            ("ro quiet", "[>>^k", "ro|"),
            ("ro quiet", "<<^u", "|et"),
            ("ro quiet", "^w[^y", "quiet|ro "),
            ("ro quiet", "^w^_", "ro quiet|"),
            ("a", "bc^_^_^_^_", "a|"),
            ("aé統", "<-", "a|統"),
            ("aé統", "^b^b^d^f", "a統|"),
            ("a", "^a^b-X^e^f", "|"),
        ] {
            assert_eq!(edited(text, keys), expected, "{text} {keys}");
        }
    }

    #[test]
    fn a_long_text_takes_several_rows_and_the_cursor_is_in_one_of_them() {
        let rows = |text: &str, keys: &str, columns| {
            let mut field = TextField::new(text);
            keys.chars().for_each(|_| {
                field.take(Key::Left);
            });
            let (rows, cursor) = field.rows(columns);
            (rows.join("/"), cursor)
        };
        for (text, left, columns, expected, cursor) in [
            ("", "", 5, "", (0, 0)),
            ("abc", "", 5, "abc", (0, 3)),
            ("abcde", "", 5, "abcde/", (1, 0)),
            ("abcde", "l", 5, "abcde", (0, 4)),
            ("abcdefg", "", 5, "abcde/fg", (1, 2)),
            ("abcdefg", "ll", 5, "abcde/fg", (1, 0)),
            ("統一されたカ", "", 5, "統一/され/たカ", (2, 4)),
        ] {
            assert_eq!(rows(text, left, columns), (expected.to_owned(), cursor), "{text}");
        }
    }

    fn key() -> impl Strategy<Value = Key> {
        prop_oneof![
            any::<char>().prop_map(Key::Character),
            prop::sample::select("abdefkuwy_".chars().collect::<Vec<_>>()).prop_map(Key::Control),
            prop::sample::select(vec![
                Key::Left,
                Key::Right,
                Key::Home,
                Key::End,
                Key::Backspace,
                Key::Delete
            ]),
        ]
    }

    proptest! {
        #[test]
        fn no_keys_break_the_text(keys in prop::collection::vec(key(), 0..60), columns in 0..40_usize) {
            let mut field = TextField::default();
            for key in keys {
                field.take(key);
                prop_assert!(field.text.is_char_boundary(field.cursor));
                let (rows, (row, _)) = field.rows(columns);
                prop_assert_eq!(rows.concat(), field.text.clone());
                prop_assert!(row < rows.len());
            }
        }
    }
}
