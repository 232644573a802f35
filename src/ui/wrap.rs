//! The width of text on a terminal, and rows broken between words so that they fit.

/// Maximum number of rows that one row is broken into.
const ROW_LIMIT: usize = 30;

/// Columns that a character may take.
#[must_use]
pub fn width(character: char) -> usize {
    if character.is_ascii() { 1 } else { 2 }
}

/// Columns that a text may take.
#[must_use]
pub fn measure(text: &str) -> usize {
    text.chars().map(width).sum()
}

/// The longest beginning of a text that fits into so many columns.
#[must_use]
pub fn start(text: &str, columns: usize) -> &str {
    let mut left = columns;
    let end = text.char_indices().find(|(_, character)| {
        let fits = width(*character) <= left;
        left = left.saturating_sub(width(*character));
        !fits
    });
    end.and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}

/// Breaks a row between words so that it fits into the terminal, whose last column stays free; each further row begins with
/// the indent.
pub(super) fn wrapped(row: &str, columns: usize, indent: &str) -> Vec<String> {
    // Each row takes at least one character after its indent.
    let columns = columns.saturating_sub(1).max(indent.len().saturating_add(2));
    let mut rows = Vec::new();
    let mut rest = row.to_owned();
    while measure(&rest) > columns && rows.len() < ROW_LIMIT {
        let fitting = start(&rest, columns);
        let text_begins = rest.len().saturating_sub(rest.trim_start().len());
        // The space after the last word that fits is not printed.
        let space = rest
            .get(fitting.len()..)
            .filter(|after| after.starts_with(' '))
            .map(|_| fitting.len())
            .or_else(|| fitting.rfind(' '));
        let end = space.filter(|space| *space > text_begins).unwrap_or(fitting.len());
        let (head, tail) = rest.split_at_checked(end).unwrap_or((&rest, ""));
        let tail = format!("{indent}{}", tail.trim_start());
        rows.push(head.to_owned());
        rest = tail;
    }
    rows.push(rest);
    rows
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rows_are_broken_between_words_and_long_words_anywhere() {
        for (row, columns, expected) in [
            ("one two three", 80, vec!["one two three"]),
            ("one two three", 8, vec!["one two", "  three"]),
            ("one two three", 9, vec!["one two", "  three"]),
            ("abcdefghij", 6, vec!["abcde", "  fgh", "  ij"]),
            ("統一されたカーネル", 9, vec!["統一され", "  たカー", "  ネル"]),
        ] {
            assert_eq!(wrapped(row, columns, "  "), expected, "{row} in {columns}");
        }
    }

    proptest! {
        #[test]
        fn wrapping_loses_no_word(words in prop::collection::vec("[a-z]{1,20}", 0..30)) {
            let row = words.join(" ");
            let rows = wrapped(&row, 60, "    ");
            let kept: Vec<&str> = rows.iter().flat_map(|row| row.split_whitespace()).collect();
            prop_assert_eq!(kept, words);
        }

        #[test]
        fn every_row_fits(row in ".{0,200}", columns in 10..100_usize) {
            let rows = wrapped(&row, columns, "    ");
            let last = rows.len() - 1;
            prop_assert!(rows.iter().take(last.min(ROW_LIMIT)).all(|row| measure(row) < columns), "{:?}", rows);
        }
    }
}
