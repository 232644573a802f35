//! The syntax tree of a script (GNU GRUB manual, "Writing full configuration files": commands, quoting).

use std::{fmt, ops::Deref, rc::Rc};

/// Text of a script: a piece of it where it is there literally, since most words do, else a text of its own.
#[derive(Clone)]
pub struct Text {
    script: Rc<str>,
    /// Short numbers, since there are hundreds of thousands of them.
    from: u32,
    to: u32,
}

impl Text {
    /// A piece of a script, by its places in bytes.
    #[must_use]
    pub fn piece(script: &Rc<str>, from: usize, to: usize) -> Self {
        let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Self { script: script.clone(), from: place(from), to: place(to) }
    }

    /// Adds what follows it directly in the script; `false` if that is something else.
    pub fn extend(&mut self, more: &Self) -> bool {
        let next = Rc::ptr_eq(&self.script, &more.script) && self.to == more.from;
        if next {
            self.to = more.to;
        }
        next
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        self.script.get(self.from as usize..self.to as usize).unwrap_or_default()
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self { from: 0, to: u32::try_from(text.len()).unwrap_or(u32::MAX), script: text.into() }
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Text {}

impl fmt::Debug for Text {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, formatter)
    }
}

/// A command and the line on which it begins, from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Line in the file, from 1.
    pub line: u32,
    /// The command.
    pub command: Command,
}

/// One command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// A name and its arguments; the name is known only after expansion.
    Simple(Words),
    /// `if`, each `elif`, and `else`.
    If {
        /// Conditions and what follows each.
        branches: Vec<(Vec<Statement>, Vec<Statement>)>,
        /// After `else`; empty where there is none.
        otherwise: Vec<Statement>,
    },
    /// `for NAME in WORDS; do BODY; done`.
    For {
        /// The variable.
        name: String,
        /// Its values, before expansion.
        words: Words,
        /// Run for each value.
        body: Vec<Statement>,
    },
    /// `while` and `until`.
    While {
        /// Runs until the condition holds, not while it does.
        until: bool,
        /// The last status decides.
        condition: Vec<Statement>,
        /// Run each time.
        body: Vec<Statement>,
    },
}

/// Words: the pieces of each are joined after expansion, a [`Part::Gap`] is between two words. They are not lists of
/// lists because there are tens of thousands of them.
pub type Words = Vec<Part>;

/// A piece of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Plain text, its backslashes already taken away.
    Plain(Text),
    /// A character after a backslash, or text in quotes: never a wildcard, and an argument even when empty.
    Quoted(Text),
    /// `$name`: `quoted` inside double quotes, where its value is not split.
    Variable {
        /// Name, number or one of `? # * @`.
        name: Text,
        /// Inside double quotes.
        quoted: bool,
    },
    /// `{ … }` after a command's arguments.
    Block(Rc<Block>),
    /// The next word comes after it.
    Gap,
}

/// The body of a menu entry, as text (with its braces) and as commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// As it is written.
    pub text: Text,
    /// Its statements.
    pub body: Rc<[Statement]>,
}

/// The unit that the parser reads before anything of it runs: a line, or the lines of a compound command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Functions, which are defined by being read.
    pub functions: Vec<(String, Rc<[Statement]>)>,
    /// Statements to run then.
    pub statements: Result<Vec<Statement>, SyntaxError>,
    /// Statements and pieces of words in it: what it costs to keep.
    pub nodes: usize,
}

/// A part of a script that GRUB's parser refuses: it is dropped, and reading goes on after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// Line on which the dropped part begins.
    pub line: u32,
    /// Line on which the parser gave up; reading goes on with the next one.
    pub last_line: u32,
    /// The reason.
    pub message: String,
}
