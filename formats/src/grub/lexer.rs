//! Lines to tokens, quoting and escapes included (GNU GRUB manual, "Quoting"; grub-emu 2.06 where the manual is silent).
//!
//! GRUB reads a configuration line by line: a line that begins with `#` never reaches the lexer, not even inside a
//! string or a block, and carriage returns are dropped. Whether the end of a line ends the text is for the parser to
//! say: inside a compound command it does not.

use std::rc::Rc;

use super::syntax::{Part, Text, Words};

/// Pieces of one word, at most.
const PARTS_LIMIT: usize = 1 << 16;

/// A token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token<'a> {
    /// A word, whose pieces are [`Lexer::parts`].
    Word {
        /// The whole word, if it is nothing but an unquoted name, and so may be a keyword.
        name: Option<&'a str>,
    },
    /// `;`
    Semicolon,
    /// End of a line inside a compound command.
    Newline,
    /// `{`
    Open,
    /// `}`
    Close,
    /// End of the line outside any compound command.
    End,
    /// Something that no rule of the grammar takes.
    Bad(String),
}

/// A line that is read.
#[derive(Clone, Copy)]
struct SourceLine {
    /// From 1, in the file.
    number: u32,
    /// Its place in the file, in bytes: short numbers, since there may be a million lines.
    start: u32,
    end: u32,
}

impl SourceLine {
    /// Where a column of it is in the file.
    fn place(self, column: usize) -> usize {
        (self.start as usize).saturating_add(column).min(self.end as usize)
    }

    fn text(self, script: &str) -> &str {
        script.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

/// The reader of one file.
pub struct Lexer<'a> {
    script: &'a Rc<str>,
    lines: Vec<SourceLine>,
    /// The pieces of the word that was read last.
    pub parts: Words,
    /// The line being read, as a place in `lines`, and the place in its text.
    row: usize,
    column: usize,
    /// `\xHH` stays as it is in unquoted text (Fedora, RHEL, SUSE).
    keep_hex_escapes: bool,
    /// The error inside a string: it shows only when the word has been read to its end.
    wrong: Option<String>,
}

impl<'a> Lexer<'a> {
    /// A lexer over a whole file without its carriage returns.
    #[must_use]
    pub fn new(script: &'a Rc<str>, keep_hex_escapes: bool) -> Self {
        let mut start = 0_u32;
        let mut lines = Vec::with_capacity(line_count(script));
        for (text, number) in script.split('\n').zip(1..) {
            let place = |length: usize| start.saturating_add(u32::try_from(length).unwrap_or(u32::MAX));
            if !text.starts_with('#') {
                // The rest of a line after a NUL is lost to a reader in C.
                let text = text.split('\0').next().unwrap_or_default();
                lines.push(SourceLine { number, start, end: place(text.len()) });
            }
            start = place(text.len()).saturating_add(1);
        }
        if script.ends_with('\n') || script.is_empty() {
            lines.pop();
        }
        Self { script, lines, parts: Words::new(), row: 0, column: 0, keep_hex_escapes, wrong: None }
    }

    /// Number of the line being read, from 1.
    #[must_use]
    pub fn line(&self) -> u32 {
        self.lines.get(self.row).or(self.lines.last()).map_or(1, |line| line.number)
    }

    /// Whether every line has been read.
    #[must_use]
    pub fn at_end(&self) -> bool {
        self.row >= self.lines.len()
    }

    /// Gives up the rest of the line being read.
    pub fn next_line(&mut self) {
        self.row = self.row.saturating_add(1);
        self.column = 0;
    }

    /// The place in the text, for [`Lexer::text_since`].
    #[must_use]
    pub fn mark(&self) -> (usize, usize) {
        (self.row, self.column)
    }

    /// The text between a mark and here.
    #[must_use]
    pub fn text_since(&self, (row, column): (usize, usize)) -> Text {
        let lines = self.lines.get(row..=self.row).unwrap_or_default();
        let whole = lines.array_windows().all(|[line, next]| line.end.checked_add(1) == Some(next.start));
        if let ([first, .., last] | [first @ last], true) = (lines, whole) {
            return Text::piece(self.script, first.place(column), last.place(self.column));
        }
        // Lines in between are not read: a text of its own.
        let mut text = String::new();
        for (index, line) in lines.iter().enumerate() {
            let own = line.text(self.script);
            let from = if index == 0 { column } else { 0 };
            let to = if index.saturating_add(1) == lines.len() { self.column } else { own.len() };
            text.push_str(own.get(from..to.max(from)).unwrap_or_default());
            if index.saturating_add(1) < lines.len() {
                text.push('\n');
            }
        }
        text.into()
    }

    /// The next token. `open`: inside a compound command, where lines go on.
    pub fn token(&mut self, open: bool) -> Token<'a> {
        let rest = self.rest();
        self.advance(rest.bytes().take_while(|byte| matches!(byte, b' ' | b'\t')).count());
        if self.peek() == Some('#') {
            self.advance(self.rest().len());
        }
        let Some(first) = self.peek() else {
            if !open || self.at_end() {
                return Token::End;
            }
            self.next_line();
            return if self.at_end() { Token::End } else { Token::Newline };
        };
        let punctuation = match first {
            ';' => Token::Semicolon,
            '{' => Token::Open,
            '}' => Token::Close,
            '&' | '|' | '<' | '>' => Token::Bad(format!("“{first}” has no meaning here")),
            _ => return self.word(open),
        };
        self.bump();
        if first == ';' && self.peek() == Some(';') {
            return Token::Bad("“;;” has no meaning here".into());
        }
        punctuation
    }

    fn word(&mut self, open: bool) -> Token<'a> {
        let start = self.mark();
        self.parts.clear();
        while let Some(c) = self.peek() {
            if self.parts.len() > PARTS_LIMIT {
                return Token::Bad("this is too long".into());
            }
            let read = match c {
                ' ' | '\t' | ';' | '{' | '}' | '&' | '|' | '<' | '>' => break,
                '\\' => self.escape(),
                '\'' => self.single_quotes(),
                '"' => self.double_quotes(),
                '$' => self.dollar(),
                _ => {
                    let text = self.run(is_special);
                    self.push(Part::Plain(text));
                    Ok(())
                }
            };
            if let Err(message) = read {
                self.wrong = None;
                return Token::Bad(message);
            }
        }
        if let Some(message) = self.wrong.take() {
            return Token::Bad(message);
        }
        if self.parts.is_empty() {
            // Nothing but continued lines: what follows them is the token.
            return self.token(open);
        }
        // A name does not go over several lines.
        let text = self.text_on_line(start);
        if let Some(text @ ("[[" | "]]")) = text {
            return Token::Bad(format!("“{text}” has no meaning here"));
        }
        Token::Word { name: text.filter(|text| is_name(text)) }
    }

    fn escape(&mut self) -> Result<(), String> {
        let backslash = self.taken(1);
        let Some(c) = self.peek() else {
            return self.continue_line();
        };
        if self.keep_hex_escapes
            && c == 'x'
            && self.rest().chars().skip(1).take(2).all(|c| c.is_ascii_hexdigit())
        {
            self.push(Part::Plain(backslash));
            return Ok(());
        }
        let character = self.taken(c.len_utf8());
        self.parts.push(Part::Quoted(character));
        Ok(())
    }

    fn single_quotes(&mut self) -> Result<(), String> {
        self.bump();
        let start = self.mark();
        loop {
            self.run(|byte| byte == b'\'');
            if self.peek().is_some() {
                break;
            }
            self.continue_line()?;
        }
        self.parts.push(Part::Quoted(self.text_since(start)));
        self.bump();
        Ok(())
    }

    fn double_quotes(&mut self) -> Result<(), String> {
        self.bump();
        // An empty string is an argument too.
        let empty = self.taken(0);
        self.push(Part::Quoted(empty));
        loop {
            match self.peek() {
                Some('"') => break,
                Some('$') => match self.variable() {
                    Ok(name) => self.parts.push(Part::Variable { name, quoted: true }),
                    Err(message) => self.wrong = Some(message),
                },
                Some('\\') => {
                    let backslash = self.taken(1);
                    match self.peek() {
                        Some(c) => {
                            if !matches!(c, '$' | '"' | '\\') {
                                self.push(Part::Quoted(backslash));
                            }
                            let character = self.taken(c.len_utf8());
                            self.push(Part::Quoted(character));
                        }
                        None => self.continue_line()?,
                    }
                }
                Some(_) => {
                    let text = self.run(|byte| matches!(byte, b'"' | b'$' | b'\\'));
                    self.push(Part::Quoted(text));
                }
                None => {
                    self.push(Part::Quoted(String::from("\n").into()));
                    self.continue_line()?;
                }
            }
        }
        self.bump();
        Ok(())
    }

    fn dollar(&mut self) -> Result<(), String> {
        // $"…" is a string to be translated; it is shown as it is.
        if self.rest().starts_with("$\"") {
            self.bump();
            return self.double_quotes();
        }
        let name = self.variable()?;
        self.parts.push(Part::Variable { name, quoted: false });
        Ok(())
    }

    /// `$name`, `${name}`, `$12`, `$?` and their like.
    fn variable(&mut self) -> Result<Text, String> {
        self.bump();
        let braces = self.peek() == Some('{');
        if braces {
            self.bump();
        }
        let rest = self.rest();
        let length = match rest.chars().next() {
            Some('?' | '#' | '*' | '@') => 1,
            Some(c) if c.is_ascii_digit() => rest.bytes().take_while(u8::is_ascii_digit).count(),
            Some(c) if is_name_start(c) => rest.bytes().take_while(|&b| is_name_byte(b)).count(),
            _ => 0,
        };
        let name = self.taken(length);
        if name.is_empty() || (braces && self.peek() != Some('}')) {
            return Err("a “$” without a variable's name".into());
        }
        if braces {
            self.bump();
        }
        Ok(name)
    }

    fn continue_line(&mut self) -> Result<(), String> {
        self.next_line();
        if self.at_end() { Err("the file ends inside a string or a continued line".into()) } else { Ok(()) }
    }

    fn rest(&self) -> &'a str {
        self.lines
            .get(self.row)
            .and_then(|line| line.text(self.script).get(self.column..))
            .unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn bump(&mut self) {
        self.advance(self.peek().map_or(0, char::len_utf8));
    }

    fn advance(&mut self, bytes: usize) {
        self.column = self.column.saturating_add(bytes);
    }

    /// The text up to one of these ASCII characters or the end of the line, which is read by that.
    fn run(&mut self, ends: impl Fn(u8) -> bool) -> Text {
        let rest = self.rest();
        self.taken(rest.bytes().position(ends).unwrap_or(rest.len()))
    }

    /// The next bytes of the line, which are read by that.
    fn taken(&mut self, bytes: usize) -> Text {
        let from = self.column;
        self.advance(bytes);
        match self.lines.get(self.row) {
            Some(line) => Text::piece(self.script, line.place(from), line.place(self.column)),
            None => String::new().into(),
        }
    }

    /// Adds a piece to the word being read: to its last piece where both are one in the script too.
    fn push(&mut self, part: Part) {
        let joined = match (self.parts.last_mut(), &part) {
            (Some(Part::Plain(text)), Part::Plain(more)) | (Some(Part::Quoted(text)), Part::Quoted(more)) => {
                text.extend(more)
            }
            _ => false,
        };
        if !joined {
            self.parts.push(part);
        }
    }

    /// The text between a mark on the line being read and here.
    fn text_on_line(&self, (row, column): (usize, usize)) -> Option<&'a str> {
        let line = self.lines.get(self.row).filter(|_| row == self.row)?;
        line.text(self.script).get(column..self.column)
    }
}

/// Lines of a text, an empty last one too.
#[must_use]
pub fn line_count(text: &str) -> usize {
    memchr::memchr_iter(b'\n', text.as_bytes()).count().saturating_add(1)
}

/// Whether a byte is more than plain text where no quote is open.
fn is_special(byte: u8) -> bool {
    matches!(
        byte,
        b' ' | b'\t' | b';' | b'{' | b'}' | b'&' | b'|' | b'<' | b'>' | b'\\' | b'\'' | b'"' | b'$'
    )
}

fn is_name_start(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_'
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn is_name(text: &str) -> bool {
    text.chars().next().is_some_and(is_name_start) && text.bytes().all(is_name_byte)
}
