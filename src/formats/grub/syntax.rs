//! What a parsed script is made of (GNU GRUB manual, "Writing full configuration files": commands, quoting).

use std::rc::Rc;

/// A command and the line on which it begins, from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Line in the file, from 1.
    pub line: u32,
    /// What to do.
    pub command: Command,
}

/// One command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// A name and its arguments; the name is known only after expansion.
    Simple(Vec<Word>),
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
        words: Vec<Word>,
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

/// One word: adjacent pieces that are joined after expansion.
pub type Word = Vec<Part>;

/// A piece of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Plain text, its backslashes already taken away.
    Plain(String),
    /// A character that stood behind a backslash or text in quotes: never a wildcard, and an argument even when empty.
    Quoted(String),
    /// `$name`: `quoted` inside double quotes, where its value is not split.
    Variable {
        /// Name, number or one of `? # * @`.
        name: String,
        /// Inside double quotes.
        quoted: bool,
    },
    /// `{ … }` behind a command's arguments.
    Block(Rc<Block>),
}

/// The body of a menu entry, as text (with its braces) and as commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// As it stands written.
    pub text: String,
    /// What it does.
    pub body: Rc<[Statement]>,
}

/// What the parser reads before anything of it runs: a line, or the lines of a compound command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Functions, which are defined by being read.
    pub functions: Vec<(String, Rc<[Statement]>)>,
    /// What runs then.
    pub statements: Result<Vec<Statement>, SyntaxError>,
}

/// A part of a script that GRUB's parser refuses: it is dropped, and reading goes on behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// Line on which the dropped part begins.
    pub line: u32,
    /// Line on which the parser gave up; reading goes on with the next one.
    pub last_line: u32,
    /// What was found there.
    pub message: String,
}
