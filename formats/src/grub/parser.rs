//! Tokens to statements: GRUB's grammar is simple commands, `if`, `for`, `while`, `until`, `function` and blocks.
//!
//! A syntax error drops the statement up to the line on which it shows, and reading goes on with the next line outside
//! any compound command, as GRUB's own reader does.

use std::rc::Rc;

use super::{
    lexer::{Lexer, Token},
    syntax::{Block, Command, Part, Piece, Statement, SyntaxError, Words},
};

/// Compound commands nest no deeper than this.
const DEPTH_LIMIT: u32 = 64;

/// Statements and pieces of words that are parsed before anything of them runs, at most: of a script that is longer, one for
/// each two bytes.
const NODE_LIMIT: usize = 1 << 18;

/// Words that may not be where a command begins, except those that begin a compound command.
const KEYWORDS: [&str; 14] = [
    "case", "do", "done", "elif", "else", "esac", "fi", "for", "function", "if", "in", "select", "then",
    "until",
];

/// Parses a file piece by piece: each is what GRUB parses before it runs anything of it.
pub fn parse(text: &Rc<str>, keep_hex_escapes: bool) -> impl Iterator<Item = Piece> {
    let lexer = Lexer::new(text, keep_hex_escapes);
    let node_limit = NODE_LIMIT.max(text.len() / 2);
    let mut parser =
        Parser { lexer, ahead: None, open: 0, depth: 0, nodes: 0, node_limit, functions: Vec::new() };
    std::iter::from_fn(move || {
        while !parser.lexer.at_end() {
            let piece = parser.next_piece();
            if piece.nodes > 0 {
                return Some(piece);
            }
        }
        None
    })
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    ahead: Option<(Token<'a>, u32, (usize, usize))>,
    /// Compound commands being read: inside one, a line's end does not end the text.
    open: u32,
    depth: u32,
    /// Statements and pieces of words in the piece being read.
    nodes: usize,
    node_limit: usize,
    /// Functions of the piece being read.
    functions: Vec<(String, Rc<[Statement]>)>,
}

type Parsed<T> = Result<T, String>;

impl<'a> Parser<'a> {
    /// The commands up to the end of a line outside any compound command; a piece without nodes is empty.
    fn next_piece(&mut self) -> Piece {
        self.nodes = 0;
        let line = self.lexer.line();
        let statements = self.piece().map_err(|message| {
            // A statement that cannot be read is reported, too.
            self.nodes = self.nodes.max(1);
            let last_line = self.ahead.as_ref().map_or(line, |(_, line, _)| *line);
            SyntaxError { line, last_line, message }
        });
        // A line's end that did not fit has been read already.
        if !matches!(self.ahead, Some((Token::Newline, ..))) {
            self.lexer.next_line();
        }
        self.ahead = None;
        self.open = 0;
        self.depth = 0;
        Piece { functions: std::mem::take(&mut self.functions), statements, nodes: self.nodes }
    }

    fn piece(&mut self) -> Parsed<Vec<Statement>> {
        if *self.peek() == Token::End {
            return Ok(Vec::new());
        }
        let mut statements = Vec::new();
        loop {
            // Functions are outside all other commands.
            if matches!(self.peek(), Token::Word { name: Some("function"), .. }) {
                self.compound(Self::function)?;
            } else {
                statements.push(self.statement()?);
            }
            if !self.delimiter() || *self.peek() == Token::End {
                break;
            }
        }
        if *self.peek() == Token::End { Ok(statements) } else { Err(self.unexpected()) }
    }

    /// Statements inside a compound command: at least one, and a delimiter after the last if `closed`.
    fn list(&mut self, closed: bool) -> Parsed<Vec<Statement>> {
        self.newlines();
        let mut statements = vec![self.statement()?];
        loop {
            if !self.delimiter() {
                return if closed { Err(self.unexpected()) } else { Ok(statements) };
            }
            let ends = match self.peek() {
                Token::Close => true,
                Token::Word { name: Some(name), .. } => {
                    matches!(*name, "then" | "elif" | "else" | "fi" | "do" | "done")
                }
                _ => false,
            };
            if ends {
                return Ok(statements);
            }
            statements.push(self.statement()?);
        }
    }

    fn statement(&mut self) -> Parsed<Statement> {
        self.depth = self.depth.saturating_add(1);
        if self.depth > DEPTH_LIMIT {
            return Err("nested too deeply".into());
        }
        self.peek();
        self.nodes = self.nodes.saturating_add(1);
        let line = self.ahead.as_ref().map_or(1, |(_, line, _)| *line);
        let keyword = match self.peek() {
            Token::Word { name, .. } => name.unwrap_or_default(),
            _ => "",
        };
        let command = match keyword {
            "if" => self.compound(Self::condition),
            "for" => self.compound(Self::for_loop),
            "while" => self.compound(|parser| parser.while_loop(false)),
            "until" => self.compound(|parser| parser.while_loop(true)),
            name if KEYWORDS.contains(&name) => Err(self.unexpected()),
            _ => self.simple(),
        }?;
        self.depth = self.depth.saturating_sub(1);
        Ok(Statement { line, command })
    }

    /// Reads a compound command after its keyword, across lines.
    fn compound<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        self.next();
        self.open = self.open.saturating_add(1);
        let command = read(self)?;
        self.open = self.open.saturating_sub(1);
        Ok(command)
    }

    fn condition(&mut self) -> Parsed<Command> {
        let mut branches = Vec::new();
        let mut otherwise = Vec::new();
        loop {
            let condition = self.list(true)?;
            self.keyword("then")?;
            branches.push((condition, self.list(true)?));
            match self.any_keyword(&["elif", "else", "fi"])? {
                "elif" => {}
                "else" => {
                    otherwise = self.list(true)?;
                    self.keyword("fi")?;
                    break;
                }
                _ => break,
            }
        }
        Ok(Command::If { branches, otherwise })
    }

    fn for_loop(&mut self) -> Parsed<Command> {
        let name = self.name()?;
        self.keyword("in")?;
        let mut words = Words::new();
        while self.word(&mut words) {}
        if !self.delimiter() {
            return Err(self.unexpected());
        }
        self.keyword("do")?;
        let body = self.list(true)?;
        self.keyword("done")?;
        Ok(Command::For { name, words, body })
    }

    fn while_loop(&mut self, until: bool) -> Parsed<Command> {
        let condition = self.list(true)?;
        self.keyword("do")?;
        let body = self.list(true)?;
        self.keyword("done")?;
        Ok(Command::While { until, condition, body })
    }

    fn function(&mut self) -> Parsed<()> {
        let name = self.name()?;
        self.newlines();
        self.expect(&Token::Open)?;
        let body = self.list(true)?.into();
        self.expect(&Token::Close)?;
        self.functions.push((name, body));
        Ok(())
    }

    fn simple(&mut self) -> Parsed<Command> {
        let mut words = Words::new();
        while self.word(&mut words) {}
        words.shrink_to_fit();
        match self.peek() {
            Token::Open if !words.is_empty() => {
                words.push(Part::Gap);
                words.push(self.block()?);
                Ok(Command::Simple(words))
            }
            _ if words.is_empty() => Err(self.unexpected()),
            _ => Ok(Command::Simple(words)),
        }
    }

    fn block(&mut self) -> Parsed<Part> {
        let start = self.ahead.as_ref().map_or_else(|| self.lexer.mark(), |(_, _, mark)| *mark);
        self.next();
        self.open = self.open.saturating_add(1);
        let body = self.list(false)?.into();
        self.expect(&Token::Close)?;
        self.open = self.open.saturating_sub(1);
        Ok(Part::Block(Rc::new(Block { text: self.lexer.text_since(start), body })))
    }

    /// One `;` or line's end, and the empty lines after it.
    fn delimiter(&mut self) -> bool {
        let found = matches!(self.peek(), Token::Semicolon | Token::Newline);
        if found {
            self.next();
            self.newlines();
        }
        found
    }

    fn newlines(&mut self) {
        while *self.peek() == Token::Newline {
            self.next();
        }
    }

    fn name(&mut self) -> Parsed<String> {
        match self.peek() {
            Token::Word { name: Some(name), .. } if *name != "while" && !KEYWORDS.contains(name) => {
                let name = (*name).to_owned();
                self.next();
                Ok(name)
            }
            _ => Err(self.unexpected()),
        }
    }

    fn keyword(&mut self, keyword: &'static str) -> Parsed<()> {
        self.any_keyword(&[keyword]).map(|_| ())
    }

    fn any_keyword(&mut self, keywords: &[&'static str]) -> Parsed<&'static str> {
        let found = match self.peek() {
            Token::Word { name: Some(name), .. } => keywords.iter().find(|keyword| *keyword == name).copied(),
            _ => None,
        };
        match found {
            Some(keyword) => {
                self.next();
                Ok(keyword)
            }
            None => Err(format!("{}, where {} should stand", self.unexpected(), keywords.join(", "))),
        }
    }

    /// Adds what comes next to some words, if it is one.
    fn word(&mut self, words: &mut Words) -> bool {
        let found = matches!(self.peek(), Token::Word { .. });
        if found {
            if !words.is_empty() {
                words.push(Part::Gap);
            }
            self.nodes = self.nodes.saturating_add(self.lexer.parts.len()).saturating_add(1);
            words.append(&mut self.lexer.parts);
            self.ahead = None;
        }
        found
    }

    fn expect(&mut self, token: &Token<'_>) -> Parsed<()> {
        if self.peek() == token {
            self.next();
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    fn unexpected(&mut self) -> String {
        let open = self.open > 0;
        match self.peek() {
            Token::Bad(message) => return message.clone(),
            Token::Word { name: Some(name), .. } => return format!("unexpected “{name}”"),
            Token::Word { .. } => "unexpected word",
            Token::Semicolon => "unexpected “;”",
            Token::Open => "unexpected “{”",
            Token::Close => "unexpected “}”",
            Token::Newline => "unexpected end of line",
            Token::End if open => "unexpected end of file",
            Token::End => "unexpected end of line",
        }
        .into()
    }

    fn peek(&mut self) -> &Token<'a> {
        let lexer = &mut self.lexer;
        let (open, too_long) = (self.open > 0, self.nodes > self.node_limit);
        let (token, ..) = self.ahead.get_or_insert_with(|| {
            // A line's end is a token on the line that it ends.
            let (line, mark) = (lexer.line(), lexer.mark());
            let token = if too_long { Token::Bad("this is too long".into()) } else { lexer.token(open) };
            let mark = if token == Token::Open {
                let (row, column) = lexer.mark();
                (row, column.saturating_sub(1))
            } else {
                mark
            };
            (token, line, mark)
        });
        token
    }

    fn next(&mut self) {
        self.peek();
        self.ahead = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_is_dropped_and_what_follows_is_read() {
        let arguments = " a".repeat(NODE_LIMIT / 2 + 1);
        let word = "\\a".repeat(1 << 17);
        let block = "a;".repeat(NODE_LIMIT / 3 + 1);
        for long in [format!("linux{arguments}"), word, format!("menuentry a {{ {block} }}")] {
            let text: Rc<str> = format!("{long}\necho b\n").into();
            let pieces: Vec<Piece> = parse(&text, false).collect();
            let read: Vec<Option<u32>> = pieces
                .iter()
                .map(|piece| piece.statements.as_ref().ok()?.first().map(|statement| statement.line))
                .collect();
            assert_eq!(read, [None, Some(2)]);
        }
    }
}
