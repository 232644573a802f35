//! `NAME=value` lines in shell syntax, as os-release(5) and /etc/default/grub hold them, read without a shell.
//!
//! Quotes, backslashes and the values of earlier lines (`$NAME`, `${NAME}`) are understood. What only a shell could tell
//! (commands in the value, conditions around the line) is left out and remembered as unread.

use crate::name_table::NameTable;

/// A value is cut at this many bytes: lines that double a variable must not fill the memory.
const VALUE_LIMIT: usize = 16 * 1024;

/// Words that open and close a part of a script that may not run.
const OPENERS: [&str; 6] = ["if", "case", "for", "while", "until", "{"];
const CLOSERS: [&str; 4] = ["fi", "esac", "done", "}"];

/// Variables and their values after any number of files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assignments {
    values: NameTable<String>,
    unread: Vec<(u32, String)>,
}

impl Assignments {
    /// Reads one file over what the files before have set.
    pub fn read(&mut self, text: &str) {
        let mut rest = text;
        let mut line = 1_u32;
        let mut depth = 0_usize;
        while !rest.is_empty() {
            let statement = statement(rest);
            self.take(statement, line, &mut depth);
            let newlines = statement.matches('\n').count().saturating_add(1);
            line = line.saturating_add(u32::try_from(newlines).unwrap_or(u32::MAX));
            rest = rest.get(statement.len().saturating_add(1)..).unwrap_or_default();
        }
    }

    /// The value of a variable.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// Variables whose value takes a shell to know, each with its line.
    #[must_use]
    pub fn unread(&self) -> &[(u32, String)] {
        &self.unread
    }

    fn take(&mut self, statement: &str, line: u32, depth: &mut usize) {
        let statement = statement.trim();
        let first = statement.split(|c: char| c.is_whitespace() || c == ';').next().unwrap_or_default();
        if OPENERS.contains(&first) || statement.ends_with('{') {
            *depth = depth.saturating_add(1);
        }
        // A part opened and closed on one line holds nothing for the lines after it.
        let closed = statement.split([' ', '\t', ';']).any(|word| CLOSERS.contains(&word));
        if closed {
            *depth = depth.saturating_sub(1);
        }
        let statement = statement.strip_prefix("export ").unwrap_or(statement);
        let Some((name, value)) = statement.split_once('=').filter(|(name, _)| is_name(name)) else {
            return;
        };
        match self.value(value).filter(|_| *depth == 0) {
            Some(value) => {
                self.values.insert(name.to_owned(), value);
            }
            None => self.unread.push((line, name.to_owned())),
        }
    }

    /// Takes quotes off and puts values in; `None` where that is not enough.
    fn value(&self, text: &str) -> Option<String> {
        let mut value = String::new();
        let mut characters = text.chars().peekable();
        let mut quote = None;
        while let Some(character) = characters.next() {
            match (character, quote) {
                ('\'' | '"', None) => quote = Some(character),
                (_, Some(open)) if open == character => quote = None,
                (_, Some('\'')) => value.push(character),
                ('`', _) => return None,
                ('\\', _) => {
                    let next = characters.next()?;
                    if quote.is_some() && !matches!(next, '$' | '`' | '"' | '\\' | '\n') {
                        value.push('\\');
                    }
                    if next != '\n' {
                        value.push(next);
                    }
                }
                ('$', _) => {
                    let braced = characters.next_if_eq(&'{').is_some();
                    let mut name = String::new();
                    while let Some(letter) = characters.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
                        name.push(letter);
                    }
                    if !is_name(&name) || (braced && characters.next() != Some('}')) {
                        return None;
                    }
                    value.push_str(self.get(&name).unwrap_or_default());
                }
                // A space ends the value; after it there may only be a comment, or the line is a command.
                (end, None) if end.is_whitespace() || end == ';' => {
                    let after: String = characters.collect();
                    let after = after.trim_start();
                    return (after.is_empty() || after.starts_with('#')).then_some(value);
                }
                _ => value.push(character),
            }
            if value.len() > VALUE_LIMIT {
                return None;
            }
        }
        quote.is_none().then_some(value)
    }
}

/// The text up to the newline that ends the statement: not one in quotes or after a backslash.
fn statement(text: &str) -> &str {
    if text.trim_start_matches([' ', '\t']).starts_with('#') {
        return text.split('\n').next().unwrap_or_default();
    }
    let mut quote = None;
    let mut escaped = false;
    for (place, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' if quote != Some('\'') => escaped = true,
            '\'' | '"' if quote.is_none() => quote = Some(character),
            _ if quote == Some(character) => quote = None,
            '\n' if quote.is_none() => return text.get(..place).unwrap_or_default(),
            _ => {}
        }
    }
    // An open quote to the end of the file costs its own line only.
    if quote.is_some() { text.split('\n').next().unwrap_or_default() } else { text }
}

fn is_name(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(files: &[&str]) -> Assignments {
        let mut assignments = Assignments::default();
        for file in files {
            assignments.read(file);
        }
        assignments
    }

    fn values(pairs: &[(&str, &str)]) -> NameTable<String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn values_are_what_sh_makes_of_them() {
        // Expected values from `sh -c '. ./file; printf %s "$V"'`.
        for (text, value) in [
            ("V=plain", "plain"),
            ("V=\"a b\"", "a b"),
            ("V='a \"b\" \\n'", "a \"b\" \\n"),
            ("V=\"q \\\"x\\\" \\$y \\\\ \\n\"", "q \"x\" $y \\ \\n"),
            ("V=a\\ b", "a b"),
            ("V=one'two'\"three\"", "onetwothree"),
            ("  V=x # comment", "x"),
            ("export V=x", "x"),
            ("V=", ""),
            ("V=\"two\nlines\"", "two\nlines"),
            ("V=\"joined \\\nline\"", "joined line"),
            ("A=1\nV=\"${A}2 $A$NONE\"", "12 1"),
            ("V=old\nV=\"$V new\"", "old new"),
            ("V=x;", "x"),
            ("# it's a comment\nV=x", "x"),
        ] {
            let mut assignments = Assignments::default();
            assignments.read(text);
            assert_eq!(assignments.get("V"), Some(value), "{text}");
        }
    }

    #[test]
    fn later_files_build_on_earlier_ones() {
        let read = read(&["WORDS=\"quiet\"\n", "WORDS=\"$WORDS console=ttyS0\"\n"]);
        assert_eq!(read.values, values(&[("WORDS", "quiet console=ttyS0")]));
        assert_eq!(read.unread, []);
    }

    #[test]
    fn what_takes_a_shell_is_left_out_and_remembered() {
        let text = "A=`lsb_release -i`\nB=$(id)\nC=\"${D:-x}\"\nif true; then\n  E=1\nfi\nF=2 command\nG=3\n\
                    f() {\nH=4\n}\nif x; then y; fi\nI=5\n";
        let read = read(&[text]);
        assert_eq!(read.values, values(&[("G", "3"), ("I", "5")]));
        let expected = [(1, "A"), (2, "B"), (3, "C"), (5, "E"), (7, "F"), (10, "H")];
        assert_eq!(read.unread, expected.map(|(line, name)| (line, name.to_owned())));
    }

    #[test]
    fn an_open_quote_costs_one_line() {
        assert_eq!(read(&["A=\"open\nB=2\n"]).values, values(&[("B", "2")]));
    }

    #[test]
    fn doubling_lines_stay_small() {
        let text = format!("V=xxxxxxxx\n{}", "V=$V$V\n".repeat(200));
        assert!(read(&[&text]).values.values().iter().all(|value| value.len() <= VALUE_LIMIT));
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in "[A-Z=\"'$\\\\{}` \n;#a-f]{0,200}") {
            let _ = read(&[&text]);
        }
    }
}
