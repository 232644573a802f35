//! Lines, words and assignments: what the configurations of one statement a line have in common.

/// Longer lines and values are lost, in bytes: what stands for all entries is copied into each.
pub const LENGTH_LIMIT: usize = 4096;

/// The parts of a text between separators, which are one ASCII character: as `str::split` gives them, in a tenth of the
/// instructions.
pub fn split_at_byte(text: &str, separator: u8) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let divided = split_once_at_byte(text, separator);
        rest = divided.map(|(_, after)| after);
        Some(divided.map_or(text, |(part, _)| part))
    })
}

/// The text before and after the first separator, which is one ASCII character; `None` if there is none.
#[must_use]
pub fn split_once_at_byte(text: &str, separator: u8) -> Option<(&str, &str)> {
    let (part, after) = text.split_at_checked(memchr::memchr(separator, text.as_bytes())?)?;
    Some((part, after.get(1..)?))
}

/// The filled lines of a text, trimmed, each with its number from 1; lines that begin with `#` are comments. Lines past
/// [`LENGTH_LIMIT`] are left out.
pub fn lines(text: &str) -> impl Iterator<Item = (u32, &str)> {
    filled(text).filter(|(_, line)| line.len() <= LENGTH_LIMIT)
}

/// The numbers of the lines that [`lines`] leaves out for their length.
pub fn long_lines(text: &str) -> impl Iterator<Item = u32> {
    filled(text).filter(|(_, line)| line.len() > LENGTH_LIMIT).map(|(number, _)| number)
}

fn filled(text: &str) -> impl Iterator<Item = (u32, &str)> {
    let numbered = (1..).zip(split_at_byte(text, b'\n').map(str::trim));
    numbered.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

/// A line's first word and the rest, which one of the separators or white space divides.
#[must_use]
pub fn statement<'a>(line: &'a str, separators: &[char]) -> (&'a str, &'a str) {
    let ends = |c: char| c.is_whitespace() || separators.contains(&c);
    let (name, rest) = line.split_at_checked(line.find(ends).unwrap_or(line.len())).unwrap_or((line, ""));
    (name, rest.trim_start_matches(ends))
}

/// A text without the quotes and spaces around it.
#[must_use]
pub fn unquoted(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || c == '"' || c == '\'')
}

/// The warning of a line or a value longer than [`LENGTH_LIMIT`].
pub const TOO_LONG: &str = "it is longer than 4096 bytes";

/// Tenths of a second as seconds, begun ones counted.
#[must_use]
pub fn seconds(tenths: &str) -> Option<u32> {
    tenths.parse().ok().map(|tenths: u32| tenths.div_ceil(10))
}

/// Why a line or a value is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineError {
    /// It is longer than [`LENGTH_LIMIT`].
    TooLong,
    /// It is malformed, in these words.
    Malformed(&'static str),
}

/// An assignment (`image = /vmlinuz`) or a flag (`read-only`) of lilo.conf(5) and its relatives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Line of its name.
    pub line: u32,
    /// The name, in small letters.
    pub name: String,
    /// The value; `None` for a flag.
    pub value: Option<String>,
}

/// Cuts a configuration into items: white space, line ends too, divides them and may be around the equals sign; quotes
/// hold spaces; a backslash takes the next character, or the line end, as it is. What is malformed is lost with its line.
pub fn items(text: &str, mut take: impl FnMut(Result<Item, (u32, LineError)>)) {
    let mut tokens = Tokens { rest: text, line: 1 };
    let mut next = tokens.next(false);
    while let Some((line, token)) = next.take() {
        match token {
            Ok(Token::Word(name)) => {
                let name = name.to_ascii_lowercase();
                next = tokens.next(false);
                let mut value = None;
                if matches!(next, Some((_, Ok(Token::Equals)))) {
                    let token = tokens.next(true);
                    next = tokens.next(false);
                    match token {
                        Some((_, Ok(Token::Word(word)))) if word.len() > LENGTH_LIMIT => {
                            take(Err((line, LineError::TooLong)));
                            continue;
                        }
                        Some((_, Ok(Token::Word(word)))) => value = Some(word),
                        Some((_, Err(message))) => {
                            take(Err((line, LineError::Malformed(message))));
                            continue;
                        }
                        _ => {
                            take(Err((line, LineError::Malformed("a value is missing"))));
                            continue;
                        }
                    }
                }
                take(Ok(Item { line, name, value }));
            }
            Ok(Token::Equals) => {
                take(Err((line, LineError::Malformed("a name is missing before the equals sign"))));
                next = tokens.next(false);
            }
            Err(message) => {
                take(Err((line, LineError::Malformed(message))));
                next = tokens.next(false);
            }
        }
    }
}

enum Token {
    Equals,
    Word(String),
}

struct Tokens<'a> {
    rest: &'a str,
    line: u32,
}

impl Tokens<'_> {
    /// The next token and its line; in a value, an equals sign is a character like others.
    fn next(&mut self, in_value: bool) -> Option<(u32, Result<Token, &'static str>)> {
        while let Some(c) = self.rest.chars().next() {
            if c == '#' {
                self.rest = self.rest.find('\n').and_then(|end| self.rest.get(end..)).unwrap_or_default();
            } else if c.is_whitespace() {
                self.bump();
            } else {
                break;
            }
        }
        let line = self.line;
        let token = match self.rest.chars().next()? {
            '=' if !in_value => {
                self.bump();
                Ok(Token::Equals)
            }
            '"' => self.quoted().map(Token::Word),
            _ => Ok(Token::Word(self.word(in_value))),
        };
        Some((line, token))
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = self.rest.get(c.len_utf8()..).unwrap_or_default();
        self.line = self.line.saturating_add(u32::from(c == '\n'));
        Some(c)
    }

    fn word(&mut self, in_value: bool) -> String {
        let mut word = String::new();
        while let Some(c) = self.rest.chars().next() {
            if c.is_whitespace() || c == '#' || (c == '=' && !in_value) {
                break;
            }
            self.bump();
            match c {
                '\\' => word.extend(self.bump().filter(|c| *c != '\n')),
                c => word.push(c),
            }
        }
        word
    }

    fn quoted(&mut self) -> Result<String, &'static str> {
        let mut word = String::new();
        self.bump();
        while let Some(c) = self.rest.chars().next() {
            // The line is lost, and not all that follows it.
            if c == '\n' {
                return Err("a quote is open at the end of the line");
            }
            self.bump();
            match c {
                '"' => return Ok(word),
                '\\' if self.rest.starts_with('\n') => {
                    self.bump();
                    self.rest = self.rest.trim_start_matches([' ', '\t']);
                    word.push(' ');
                }
                '\\' => word.extend(self.bump()),
                c => word.push(c),
            }
        }
        Err("a quote is open at the end of the file")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(text: &str) -> Vec<Result<Item, (u32, LineError)>> {
        let mut all = Vec::new();
        items(text, |item| all.push(item));
        all
    }

    #[test]
    fn items_are_cut_as_lilo_cuts_them() {
        let item = |line, name: &str, value: Option<&str>| {
            Ok(Item { line, name: name.to_owned(), value: value.map(str::to_owned) })
        };
        let malformed = |line, message| Err((line, LineError::Malformed(message)));
        for (text, expected) in [
            ("image = /boot/x\n", vec![item(1, "image", Some("/boot/x"))]),
            (
                "image=/x read-only\n\tlabel\n=\n y",
                vec![item(1, "image", Some("/x")), item(1, "read-only", None), item(2, "label", Some("y"))],
            ),
            (
                "# no=1\nAppend=\"a=1 \\\"b\\\" c\" # end\nprompt",
                vec![item(2, "append", Some("a=1 \"b\" c")), item(3, "prompt", None)],
            ),
            ("append=\"one \\\n\t two\"", vec![item(1, "append", Some("one  two"))]),
            ("root=LABEL=x\\ y", vec![item(1, "root", Some("LABEL=x y"))]),
            (
                "append=\"open\nlabel=a",
                vec![malformed(1, "a quote is open at the end of the line"), item(2, "label", Some("a"))],
            ),
            (&format!("a={}\nb", "x".repeat(4097)), vec![Err((1, LineError::TooLong)), item(2, "b", None)]),
            ("a=\"open", vec![malformed(1, "a quote is open at the end of the file")]),
            (
                "= x\nb=",
                vec![
                    malformed(1, "a name is missing before the equals sign"),
                    item(1, "x", None),
                    malformed(2, "a value is missing"),
                ],
            ),
        ] {
            assert_eq!(all(text), expected, "{text}");
        }
    }

    #[test]
    fn a_statement_is_divided_where_its_format_says() {
        for (line, separators, expected) in [
            ("title  Debian GNU", &[][..], ("title", "Debian GNU")),
            ("timeout=5", &['='], ("timeout", "5")),
            ("default = 2", &['='], ("default", "2")),
            ("cmdline: a b: c", &[':'], ("cmdline", "a b: c")),
            ("hiddenmenu", &['='], ("hiddenmenu", "")),
        ] {
            assert_eq!(statement(line, separators), expected, "{line}");
        }
    }

    proptest! {
        #[test]
        fn parts_are_those_of_str_split(text in "[aä\n]{0,40}") {
            let parts: Vec<&str> = split_at_byte(&text, b'\n').collect();
            prop_assert_eq!(parts, text.split('\n').collect::<Vec<_>>());
        }

        #[test]
        fn every_item_stands_on_a_line_that_is_there(text in "[a-c=\"\\\\# \n\t]{0,60}") {
            let last = u32::try_from(text.split('\n').count()).unwrap();
            for item in all(&text) {
                let line = item.map_or_else(|(line, _)| line, |item| item.line);
                prop_assert!((1..=last).contains(&line));
            }
        }
    }
}
