//! Lines to tokens, quoting and escapes included (GNU GRUB manual, "Quoting"; grub-emu 2.06 where the manual is silent).
//!
//! GRUB reads a configuration line by line: a line that begins with `#` never reaches the lexer, not even inside a
//! string or a block, and carriage returns are dropped. Whether the end of a line ends the text is for the parser to
//! say: inside a compound command it does not.

use super::syntax::{Part, Word};

/// A token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token<'a> {
    /// A word; `name` is its text if it is nothing but an unquoted name, and so may be a keyword.
    Word {
        /// Its pieces.
        word: Word,
        /// The whole word, if it is one plain name.
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

/// The reader of one file.
pub struct Lexer<'a> {
    lines: Vec<(u32, &'a str)>,
    /// The line being read, as a place in `lines`, and the place in its text.
    row: usize,
    column: usize,
    /// `\xHH` stays as it is in unquoted text (Fedora, RHEL, SUSE).
    keep_hex_escapes: bool,
    /// What is wrong inside a string: it shows only when the word has been read to its end.
    wrong: Option<String>,
}

impl<'a> Lexer<'a> {
    /// A lexer over a whole file without its carriage returns.
    #[must_use]
    pub fn new(text: &'a str, keep_hex_escapes: bool) -> Self {
        let mut lines: Vec<_> = text
            .split('\n')
            .zip(1..)
            .filter(|(line, _)| !line.starts_with('#'))
            // The rest of a line behind a NUL is lost to a reader in C.
            .map(|(line, number)| (number, line.split('\0').next().unwrap_or_default()))
            .collect();
        if text.ends_with('\n') || text.is_empty() {
            lines.pop();
        }
        Self { lines, row: 0, column: 0, keep_hex_escapes, wrong: None }
    }

    /// Number of the line being read, from 1.
    #[must_use]
    pub fn line(&self) -> u32 {
        self.lines.get(self.row).or(self.lines.last()).map_or(1, |(number, _)| *number)
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
    pub fn text_since(&self, (row, column): (usize, usize)) -> String {
        let mut text = String::new();
        for index in row..=self.row {
            let line = self.lines.get(index).map_or("", |(_, line)| line);
            let from = if index == row { column } else { 0 };
            let to = if index == self.row { self.column } else { line.len() };
            text.push_str(line.get(from..to.max(from)).unwrap_or_default());
            if index < self.row {
                text.push('\n');
            }
        }
        text
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
        let mut word = Word::new();
        while let Some(c) = self.peek() {
            let read = match c {
                ' ' | '\t' | ';' | '{' | '}' | '&' | '|' | '<' | '>' => break,
                '\\' => self.escape(&mut word),
                '\'' => self.single_quotes(&mut word),
                '"' => self.double_quotes(&mut word),
                '$' => self.dollar(&mut word),
                _ => {
                    push_plain(&mut word, self.run(is_special));
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
        if word.is_empty() {
            // Nothing but continued lines: what follows them is the token.
            return self.token(open);
        }
        // What goes over several lines is no name.
        let text = self.text_on_line(start);
        if let Some(text @ ("[[" | "]]")) = text {
            return Token::Bad(format!("“{text}” has no meaning here"));
        }
        Token::Word { word, name: text.filter(|text| is_name(text)) }
    }

    fn escape(&mut self, word: &mut Word) -> Result<(), String> {
        self.bump();
        let Some(c) = self.peek() else {
            return self.continue_line();
        };
        if self.keep_hex_escapes
            && c == 'x'
            && self.rest().chars().skip(1).take(2).all(|c| c.is_ascii_hexdigit())
        {
            push_plain(word, "\\");
            return Ok(());
        }
        self.bump();
        word.push(Part::Quoted(c.into()));
        Ok(())
    }

    fn single_quotes(&mut self, word: &mut Word) -> Result<(), String> {
        self.bump();
        let mut text = String::new();
        loop {
            text.push_str(self.run(|byte| byte == b'\''));
            if self.peek().is_some() {
                break;
            }
            text.push('\n');
            self.continue_line()?;
        }
        self.bump();
        word.push(Part::Quoted(text));
        Ok(())
    }

    fn double_quotes(&mut self, word: &mut Word) -> Result<(), String> {
        self.bump();
        // An empty string is an argument too.
        word.push(Part::Quoted(String::new()));
        loop {
            match self.peek() {
                Some('"') => break,
                Some('$') => match self.variable() {
                    Ok(name) => word.push(Part::Variable { name, quoted: true }),
                    Err(message) => self.wrong = Some(message),
                },
                Some('\\') => {
                    self.bump();
                    match self.peek() {
                        Some(c) => {
                            self.bump();
                            if !matches!(c, '$' | '"' | '\\') {
                                push_quoted(word, "\\");
                            }
                            push_quoted(word, c.encode_utf8(&mut [0; 4]));
                        }
                        None => self.continue_line()?,
                    }
                }
                Some(_) => push_quoted(word, self.run(|byte| matches!(byte, b'"' | b'$' | b'\\'))),
                None => {
                    push_quoted(word, "\n");
                    self.continue_line()?;
                }
            }
        }
        self.bump();
        Ok(())
    }

    fn dollar(&mut self, word: &mut Word) -> Result<(), String> {
        // $"…" is a string to be translated; ours is shown as it stands.
        if self.rest().starts_with("$\"") {
            self.bump();
            return self.double_quotes(word);
        }
        let name = self.variable()?;
        word.push(Part::Variable { name, quoted: false });
        Ok(())
    }

    /// `$name`, `${name}`, `$12`, `$?` and their like.
    fn variable(&mut self) -> Result<String, String> {
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
        let name = rest.get(..length).unwrap_or_default().to_string();
        self.advance(length);
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
        self.lines.get(self.row).and_then(|(_, line)| line.get(self.column..)).unwrap_or_default()
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
    fn run(&mut self, ends: impl Fn(u8) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest.bytes().position(ends).unwrap_or(rest.len());
        self.advance(length);
        rest.get(..length).unwrap_or_default()
    }

    /// The text between a mark on the line being read and here.
    fn text_on_line(&self, (row, column): (usize, usize)) -> Option<&'a str> {
        let (_, line) = self.lines.get(self.row).filter(|_| row == self.row)?;
        line.get(column..self.column)
    }
}

fn push_plain(word: &mut Word, more: &str) {
    match word.last_mut() {
        Some(Part::Plain(text)) => text.push_str(more),
        _ => word.push(Part::Plain(more.into())),
    }
}

fn push_quoted(word: &mut Word, more: &str) {
    match word.last_mut() {
        Some(Part::Quoted(text)) => text.push_str(more),
        _ => word.push(Part::Quoted(more.into())),
    }
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
