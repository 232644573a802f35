//! Random scripts that GRUB accepts (and a few lines that it does not): what they hold and how it is written.

use std::fmt::Write as _;

use proptest::{collection::vec, option, prelude::*, sample::select};

/// A piece of a word.
#[derive(Clone, Debug)]
pub enum Piece {
    Plain(&'static str),
    Single(&'static str),
    Double(Vec<Piece>),
    Variable(&'static str),
    Braced(&'static str),
    Escape(char),
    Translated(&'static str),
}

pub type Word = Vec<Piece>;

/// A statement.
#[derive(Clone, Debug)]
pub enum Statement {
    Emit(Vec<Word>),
    Set(&'static str, Word),
    Assign(&'static str, Word),
    Test(Vec<Word>),
    Regexp(&'static str, Word),
    Simple(&'static str, Vec<Word>),
    Not(Box<Statement>),
    If(Vec<(Vec<Statement>, Vec<Statement>)>, Vec<Statement>),
    For(&'static str, Vec<Word>, Vec<Statement>),
    Loop { until: bool, turns: usize, body: Vec<Statement> },
    Function(&'static str, Vec<Statement>),
    Raw(&'static str),
}

const NAMES: [&str; 6] = ["a", "b", "c", "d", "empty", "unset"];
const VARIABLES: [&str; 14] =
    ["a", "b", "c", "d", "empty", "unset", "1", "2", "10", "?", "#", "*", "@", "list"];
const PLAIN: [&str; 22] = [
    "a", "b", "x", "1", "2", "10", "08", "010", "0x1f", "-1", "foo=bar", "a=b", "x#y", "%", "!", "if",
    "done", "in", "é", "]", "-n", ",.:/",
];
const QUOTED: [&str; 11] =
    ["", " ", "a b", "  lead", "trail  ", "$a", "\\n", "it is", "#x", "{ b; }", "a;b|c&d<e>"];
const ODD: [&str; 64] = [
    "# a comment",
    "  # it's \"one\"",
    "nosuchcommand a b",
    "true || emit or",
    "true && emit and",
    "emit a | emit b",
    "emit back & emit ground",
    "case x in x) emit case;; esac",
    "emit ${",
    "emit $",
    "emit \"$\"",
    "emit a$-b",
    "emit ]]",
    "[[ a ]]",
    "emit { b; } c",
    "emit x{ b; }",
    "emit {b}",
    "emit {\n  b \"c d\" # e\n}",
    "{ emit x; }",
    "emit a;; emit b",
    "emit a; ; emit b",
    "; emit a",
    "fi",
    "if true; then function f { emit no; }; fi",
    "emit $base/t*/f* \"$base/tree/*\" $base/none/* $base/tree/?ile",
    "set d=$base/tree/fi*\nemit $d \"$d\"",
    "function f { emit defined; }; emit a && emit b",
    "done",
    "}",
    "if true; then fi",
    "for x; do emit x; done",
    "for x in a b do emit x; done",
    "function if { true; }",
    "if",
    "set a=${b}'q'\"$c\"",
    "set x",
    "set =y",
    "emit 'two\nlines' \"two\n$a\"",
    "emit 'two\n#lines\nthree'",
    "emit con\\\ntinued \\\n words",
    "emit \"con\\\ntinued\"",
    "emit \"\\a\\$\\\"\\\\\\`\" \\a\\$\\\"\\ \\;\\{",
    "\temit\ttabs \t ",
    "emit `true` $'a'",
    "emit `true`",
    "$unset",
    "\"\" a",
    "$unset emit late",
    "if cat $base/tree/none; then emit a; else emit b; fi",
    "if cat $base/tree/empty; then emit a; else emit b; fi",
    "cat",
    "if cmp $base/tree/file $base/tree/none; then emit a; else emit b; fi",
    "cmp $base/tree/none $base/tree/file",
    "cmp $base/tree/file $base/tree/empty",
    "if md5sum $base/tree/none; then emit a; else emit b; fi",
    "if legacy_source $base/tree/none; then emit a; else emit b; fi",
    "if syslinux_configfile $base/tree/none; then emit a; else emit b; fi",
    "if net_bootp; then emit a; else emit b; fi",
    "if list_env; then emit a; else emit b; fi",
    "tr --set=c abc xyz \"$b$list\"",
    "tr --set=c aa xy \"$list\"",
    "tr --upcase --set c \"$b\"",
    "tr -D \"$b\" c",
    "tr a b",
];
const EXPRESSIONS: [&str; 10] =
    ["^a", "([a-z]*)(.*)", "[[:digit:]]+", "a|b", "(", "^$", "(.)(.)", "b?$", "[^ab]", "(a b)"];

fn piece() -> impl Strategy<Value = Piece> {
    let inner = prop_oneof![
        4 => select(&PLAIN[..]).prop_map(Piece::Plain),
        2 => select(&QUOTED[..5]).prop_map(Piece::Plain),
        3 => select(&VARIABLES[..]).prop_map(Piece::Variable),
        3 => select(&VARIABLES[..]).prop_map(Piece::Braced),
    ];
    prop_oneof![
        24 => select(&PLAIN[..]).prop_map(Piece::Plain),
        6 => select(&QUOTED[..]).prop_map(Piece::Single),
        9 => vec(inner, 0..4).prop_map(Piece::Double),
        9 => select(&VARIABLES[..]).prop_map(Piece::Variable),
        9 => select(&VARIABLES[..]).prop_map(Piece::Braced),
        3 => select(&[' ', '$', '\\', '"', '\'', 'n', '#', ';'][..]).prop_map(Piece::Escape),
        1 => select(&["", "a b", "\\\"q"][..]).prop_map(Piece::Translated),
    ]
}

fn word() -> impl Strategy<Value = Word> {
    vec(piece(), 1..4)
}

fn words(most: usize) -> impl Strategy<Value = Vec<Word>> {
    vec(word(), 0..most)
}

/// Words of a test: operators among operands.
fn test_words() -> impl Strategy<Value = Vec<Word>> {
    const OPERATORS: [&str; 25] = [
        "=", "==", "!=", "-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-pgt", "-plt", "-n", "-z", "-a", "-o",
        "!", "(", ")", "-f", "-d", "-e", "-s", "-nt", "-a", "-o",
    ];
    const FILES: [&str; 4] = ["$base/tree/file", "$base/tree", "$base/tree/none", "$base/tree/empty"];
    let operand = prop_oneof![
        4 => word(),
        4 => select(&OPERATORS[..]).prop_map(|operator| vec![Piece::Plain(operator)]),
        1 => select(&FILES[..]).prop_map(|file| vec![Piece::Plain(file)]),
    ];
    prop_oneof![
        2 => (word(), select(&OPERATORS[..11]), word()).prop_map(|(a, o, b)| vec![a, vec![Piece::Plain(o)], b]),
        1 => vec(operand, 0..7),
        1 => (select(&["-f", "-d", "-e", "-s"][..]), select(&FILES[..]))
            .prop_map(|(operator, file)| vec![vec![Piece::Plain(operator)], vec![Piece::Plain(file)]]),
    ]
}

fn leaf() -> impl Strategy<Value = Statement> {
    const SIMPLE: [&str; 18] = [
        "f",
        "g",
        "emit",
        "true",
        "false",
        "break",
        "continue",
        "return",
        "shift",
        "setparams",
        "unset a",
        "export b",
        "eval",
        "break 2",
        "continue 2",
        "return 3",
        "shift 2",
        "time emit",
    ];
    prop_oneof![
        6 => words(4).prop_map(Statement::Emit),
        4 => (select(&NAMES[..5]), word()).prop_map(|(name, value)| Statement::Set(name, value)),
        2 => (select(&NAMES[..5]), word()).prop_map(|(name, value)| Statement::Assign(name, value)),
        3 => test_words().prop_map(Statement::Test),
        1 => (select(&EXPRESSIONS[..]), word()).prop_map(|(expression, text)| Statement::Regexp(expression, text)),
        5 => (select(&SIMPLE[..]), words(3)).prop_map(|(name, words)| Statement::Simple(name, words)),
        2 => select(&SIMPLE[..]).prop_map(|name| Statement::Simple(name, Vec::new())),
        2 => select(&ODD[..]).prop_map(Statement::Raw),
    ]
}

fn statement() -> impl Strategy<Value = Statement> {
    leaf().prop_recursive(4, 40, 5, |inner| {
        let body = || vec(inner.clone(), 1..4);
        prop_oneof![
            3 => (vec((body(), body()), 1..3), option::of(body()))
                .prop_map(|(branches, otherwise)| Statement::If(branches, otherwise.unwrap_or_default())),
            2 => (select(&["a", "list", "x"][..]), words(4), body())
                .prop_map(|(name, words, body)| Statement::For(name, words, body)),
            2 => (any::<bool>(), 0_usize..3, body())
                .prop_map(|(until, turns, body)| Statement::Loop { until, turns, body }),
            1 => inner.clone().prop_map(|statement| Statement::Not(Box::new(statement))),
        ]
    })
}

/// A whole script.
pub fn script() -> impl Strategy<Value = Vec<Statement>> {
    let function = (select(&["f", "g"][..]), vec(statement(), 1..4));
    let statement = prop_oneof![
        9 => statement(),
        2 => function.prop_map(|(name, body)| Statement::Function(name, body)),
    ];
    vec(statement, 1..8)
}

/// Writes statements as text.
pub fn text(statements: &[Statement]) -> String {
    let mut writer = Writer { text: String::new(), loops: 0, inside: String::new() };
    writer.list(statements);
    writer.text
}

struct Writer {
    text: String,
    loops: usize,
    /// The function being written: it may not call itself.
    inside: String,
}

impl Writer {
    fn list(&mut self, statements: &[Statement]) {
        for statement in statements {
            self.statement(statement);
            // Both separators, by a rule that shrinking keeps.
            let raw = matches!(statement, Statement::Raw(_));
            self.text.push_str(if raw || !self.text.len().is_multiple_of(3) { "\n" } else { "; " });
        }
        if self.text.ends_with("; ") {
            self.text.pop();
            self.text.push('\n');
        }
    }

    fn statement(&mut self, statement: &Statement) {
        match statement {
            Statement::Emit(words) => self.simple("emit $?", words),
            Statement::Set(name, value) => self.assignment("set ", name, value),
            Statement::Assign(name, value) => self.assignment("", name, value),
            Statement::Test(words) => {
                self.simple("[", words);
                self.text.push_str(" ]");
            }
            Statement::Regexp(expression, text) => {
                write!(self.text, "regexp --set 1:c '{expression}'").unwrap();
                self.simple("", std::slice::from_ref(text));
            }
            Statement::Simple(name, words) => {
                // Functions call only the ones before them, or scripts would not end.
                let allowed = match *name {
                    "f" => self.inside.is_empty() || self.inside == "g",
                    "g" => self.inside.is_empty(),
                    _ => true,
                };
                let evaluated = *name == "eval"
                    || words.iter().flatten().any(|piece| matches!(piece, Piece::Plain("f" | "g")));
                if !allowed || (evaluated && !self.inside.is_empty()) {
                    self.text.push_str("true");
                } else {
                    self.simple(name, words);
                }
            }
            Statement::Not(inner) => {
                if matches!(
                    **inner,
                    Statement::Emit(_) | Statement::Set(..) | Statement::Test(_) | Statement::Simple(..)
                ) {
                    self.text.push_str("! ");
                }
                self.statement(inner);
            }
            Statement::If(branches, otherwise) => {
                for (index, (condition, body)) in branches.iter().enumerate() {
                    self.text.push_str(if index == 0 { "if " } else { "elif " });
                    self.list(condition);
                    self.text.push_str("then ");
                    self.list(body);
                }
                if !otherwise.is_empty() {
                    self.text.push_str("else\n");
                    self.list(otherwise);
                }
                self.text.push_str("fi");
            }
            Statement::For(name, words, body) => {
                self.simple(&format!("for {name} in"), words);
                self.text.push_str("; do\n");
                self.list(body);
                self.text.push_str("done");
            }
            Statement::Loop { until, turns, body } => {
                self.loops += 1;
                let counter = format!("turns{}", self.loops);
                let (word, operator) = if *until { ("until", "=") } else { ("while", "!=") };
                write!(
                    self.text,
                    "set {counter}=\n{word} [ \"${counter}\" {operator} {} ]",
                    "x".repeat(*turns + 1)
                )
                .unwrap();
                write!(self.text, "; do\n{counter}=x${counter}\n").unwrap();
                self.list(body);
                self.text.push_str("done");
            }
            Statement::Function(name, body) => {
                let outer = std::mem::replace(&mut self.inside, (*name).to_owned());
                writeln!(self.text, "function {name} {{").unwrap();
                self.list(body);
                self.text.push('}');
                self.inside = outer;
            }
            Statement::Raw(text) => self.text.push_str(text),
        }
    }

    fn simple(&mut self, name: &str, words: &[Word]) {
        self.text.push_str(name);
        for word in words {
            self.text.push(' ');
            self.word(word);
        }
    }

    fn assignment(&mut self, command: &str, name: &str, value: &Word) {
        write!(self.text, "{command}{name}=").unwrap();
        self.word(value);
    }

    fn word(&mut self, word: &Word) {
        for piece in word {
            self.piece(piece);
        }
    }

    fn piece(&mut self, piece: &Piece) {
        match piece {
            Piece::Plain(text) => self.text.push_str(text),
            Piece::Single(text) => write!(self.text, "'{text}'").unwrap(),
            Piece::Double(pieces) => {
                self.text.push('"');
                pieces.iter().for_each(|piece| self.piece(piece));
                self.text.push('"');
            }
            Piece::Variable(name) => write!(self.text, "${name}").unwrap(),
            Piece::Braced(name) => write!(self.text, "${{{name}}}").unwrap(),
            Piece::Escape(c) => write!(self.text, "\\{c}").unwrap(),
            Piece::Translated(text) => write!(self.text, "$\"{text}\"").unwrap(),
        }
    }
}
