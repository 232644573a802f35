//! Scripts of U-Boot's hush shell, as far as boot scripts of distributions go (U-Boot, doc/usage/cmdline.rst, doc/usage/cmd).
//!
//! Variables, `if` with `test`, loops, `load`, `env import`, `run`, `source`, `part uuid` and the commands that boot are carried
//! out. Every other command succeeds; where one of them boots something, a note says so.

#[cfg(test)]
mod tests;

use super::{lines::lines, name_table::NameTable, text};

/// Magic number of U-Boot's older images.
pub const IMAGE: &[u8] = b"\x27\x05\x19\x56";

/// Maximum number of statements that are run.
const STATEMENT_LIMIT: usize = 10_000;

/// Maximum depth of variables and scripts that run each other.
const DEPTH_LIMIT: usize = 8;

/// Maximum depth of conditions and loops.
const NESTING_LIMIT: usize = 32;

/// Words that a statement may begin with and that are statements of their own here.
const KEYWORDS: [&str; 9] = ["if", "then", "elif", "else", "fi", "while", "until", "do", "done"];

/// Commands that boot, or bring, what is not known here.
const BOOTING: [&str; 15] = [
    "bootefi", "bootelf", "bootvx", "bootflow", "bootdev", "bootp", "dhcp", "go", "nfs", "pxe", "sysboot",
    "tftp", "tftpboot", "wget", "zboot",
];

/// A value, and all words of a statement, are cut at this many bytes: lines that double a variable must not fill the memory.
const VALUE_LIMIT: usize = 16 * 1024;

/// Maximum number of variables; a board's own environment has some two hundred.
const VARIABLE_LIMIT: usize = 1024;

/// A file: the number of its partition on the script's disk, 0 for the script's own, and its path.
pub type File = (u32, String);

/// The files on the disk of a script.
pub trait Files {
    /// Whether there is such a file.
    fn is_file(&self, file: &File) -> bool;

    /// The text of a file.
    fn read(&self, file: &File) -> Option<String>;

    /// UUID of the partition with this number; 0 is the script's own.
    fn partition_uuid(&self, number: u32) -> Option<String>;
}

/// The system that a script boots.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Boot {
    /// The kernel.
    pub kernel: File,
    /// The initrd.
    pub initrd: Option<File>,
    /// The device tree.
    pub devicetree: Option<File>,
    /// The command line: the variable `bootargs`.
    pub cmdline: String,
}

/// The script in a file made by `mkimage -T script`.
#[must_use]
pub fn unwrap(image: &[u8]) -> Option<&[u8]> {
    let (header, content) = image.split_at_checked(64)?;
    let is_script = header.starts_with(IMAGE) && header.get(30) == Some(&6);
    let (length, text) = content.split_first_chunk::<4>().filter(|_| is_script)?;
    // A table of lengths, which a zero ends.
    let text = text.strip_prefix(&[0; 4])?;
    text.get(..usize::try_from(u32::from_be_bytes(*length)).ok()?.min(text.len()))
}

/// The outcome of a script.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScriptOutcome {
    /// The system that it boots.
    pub boot: Option<Boot>,
    /// The first thing in it that was not carried out although it may boot something, and why.
    pub passed_over: Option<String>,
}

/// Runs a script with these variables.
#[must_use]
pub fn run(text: &str, variables: &[(&str, &str)], files: &dyn Files) -> ScriptOutcome {
    let mut shell = Shell::new(variables, files);
    shell.run(text, 0);
    ScriptOutcome { boot: shell.boot, passed_over: shell.passed_over }
}

/// The settings in a text as `env import -t` takes them: names and values.
pub fn settings(text: &str) -> impl Iterator<Item = (&str, &str)> {
    lines(text).filter_map(|(_, line)| line.split_once('='))
}

struct Shell<'a> {
    files: &'a dyn Files,
    variables: NameTable<String>,
    /// The file that was loaded last to each address.
    loaded: NameTable<File>,
    statements: usize,
    /// `exit` was run.
    has_ended: bool,
    boot: Option<Boot>,
    passed_over: Option<String>,
}

/// A script that is run: its statements, and the place of the next one.
struct Script {
    statements: Vec<String>,
    next: usize,
}

impl Script {
    fn peek(&self) -> Option<&str> {
        self.statements.get(self.next).map(String::as_str)
    }

    fn advance(&mut self) {
        self.next = self.next.saturating_add(1);
    }

    /// Passes over a word if it is next; whether it was.
    fn take(&mut self, word: &str) -> bool {
        let is_next = self.peek() == Some(word);
        self.next = self.next.saturating_add(usize::from(is_next));
        is_next
    }
}

impl<'a> Shell<'a> {
    fn new(variables: &[(&str, &str)], files: &'a dyn Files) -> Self {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Self {
            files,
            variables: variables.collect(),
            loaded: NameTable::default(),
            statements: 0,
            has_ended: false,
            boot: None,
            passed_over: None,
        }
    }

    /// Runs a text; whether its last statement succeeded.
    fn run(&mut self, text: &str, depth: usize) -> bool {
        let mut script = Script { statements: statements(text), next: 0 };
        let mut succeeded = true;
        while script.peek().is_some() {
            succeeded = self.block(&mut script, true, depth, 0);
            // A word that ends nothing here.
            script.advance();
        }
        succeeded
    }

    /// Whether nothing more is run.
    fn is_over(&mut self) -> bool {
        if self.statements > STATEMENT_LIMIT {
            self.pass_over(format!("what comes after {STATEMENT_LIMIT} statements"));
        }
        self.boot.is_some() || self.has_ended || self.statements > STATEMENT_LIMIT
    }

    fn pass_over(&mut self, what: String) {
        self.passed_over.get_or_insert(what);
    }

    /// Runs the statements up to a word that ends them, or passes over them; whether the last one succeeded.
    fn block(&mut self, script: &mut Script, active: bool, depth: usize, nesting: usize) -> bool {
        let mut succeeded = true;
        if nesting > NESTING_LIMIT {
            self.pass_over(format!("what is more than {NESTING_LIMIT} conditions and loops deep"));
            script.next = script.statements.len();
        }
        while let Some(statement) = script.peek() {
            let statement = statement.to_owned();
            let active = active && !self.is_over();
            let nesting = nesting.saturating_add(1);
            match statement.as_str() {
                "then" | "elif" | "else" | "fi" | "do" | "done" => break,
                "if" => {
                    script.advance();
                    let done = self.condition(script, active, depth, nesting);
                    succeeded = if active { done } else { succeeded };
                }
                "while" | "until" => {
                    script.advance();
                    self.while_loop(script, active, depth, nesting, statement == "until");
                }
                _ if first_word(&statement).0 == "for" => {
                    script.advance();
                    self.for_loop(script, &statement, active, depth, nesting);
                }
                _ => {
                    script.advance();
                    if active {
                        self.statements = self.statements.saturating_add(1);
                        succeeded = self.list(&statement, depth);
                    }
                }
            }
        }
        succeeded
    }

    /// The rest of an `if`; whether the last statement that was run in it succeeded.
    fn condition(&mut self, script: &mut Script, active: bool, depth: usize, nesting: usize) -> bool {
        let (mut done, mut succeeded) = (false, true);
        loop {
            let holds = self.block(script, active && !done, depth, nesting) && active && !done;
            script.take("then");
            let last = self.block(script, holds, depth, nesting);
            (succeeded, done) = (if holds { last } else { succeeded }, done || holds);
            if script.take("elif") {
                continue;
            }
            if script.take("else") {
                let last = self.block(script, active && !done, depth, nesting);
                succeeded = if done { succeeded } else { last };
            }
            script.take("fi");
            return succeeded;
        }
    }

    /// `for NAME in WORDS`: words are divided at their spaces, quoted or not (U-Boot, common/cli_hush.c, `make_list_in`).
    fn for_loop(&mut self, script: &mut Script, head: &str, active: bool, depth: usize, nesting: usize) {
        let (name, rest) = first_word(first_word(head).1);
        let (word, values) = first_word(rest);
        let text = if active && word == "in" { self.words(values).join(" ") } else { String::new() };
        let mut turns = text.split_whitespace().peekable();
        if active && turns.peek().is_none() && values.contains('$') {
            self.pass_over(format!("the loop “{head}”, whose words the board's own environment has"));
        }
        script.take("do");
        let begin = script.next;
        let mut has_run = false;
        for value in turns {
            if self.is_over() {
                break;
            }
            script.next = begin;
            self.statements = self.statements.saturating_add(1);
            self.set(name, value.to_owned());
            self.block(script, true, depth, nesting);
            has_run = true;
        }
        if !has_run {
            self.block(script, false, depth, nesting);
        }
        script.take("done");
    }

    fn while_loop(&mut self, script: &mut Script, active: bool, depth: usize, nesting: usize, until: bool) {
        let begin = script.next;
        loop {
            script.next = begin;
            let active = active && !self.is_over();
            let goes_on = self.block(script, active, depth, nesting) != until && active;
            script.take("do");
            self.statements = self.statements.saturating_add(usize::from(goes_on));
            self.block(script, goes_on, depth, nesting);
            if !goes_on {
                break;
            }
        }
        script.take("done");
    }

    /// Commands joined by `&&` and `||`; whether the last one that was run succeeded.
    fn list(&mut self, text: &str, depth: usize) -> bool {
        let words = self.words(text);
        let mut holds = true;
        let mut joint = "&&";
        for command in words.split_inclusive(|word| matches!(word.as_str(), "&&" | "||")) {
            let (command, next) = match command.split_last() {
                Some((last, before)) if last == "&&" || last == "||" => (before, last.as_str()),
                _ => (command, ""),
            };
            if holds == (joint == "&&") {
                holds = self.command(command, depth);
            }
            joint = next;
        }
        holds
    }

    fn command(&mut self, words: &[String], depth: usize) -> bool {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            // The content of the board's memory is not known.
            ["false" | "itest" | "itest.b" | "itest.w" | "itest.l", ..] => false,
            ["test", condition @ ..] | ["[", condition @ .., "]"] => self.test(condition),
            ["setenv", name, value @ ..] | ["env", "set", name, value @ ..] => {
                let mut value = value.join(" ");
                value.truncate(value.floor_char_boundary(VALUE_LIMIT));
                self.set(name, value);
                true
            }
            [
                "load" | "ext4load" | "ext2load" | "fatload" | "fsload" | "sqfsload",
                _,
                device,
                address,
                path,
                ..,
            ] => {
                let file = file(device, path);
                let there = self.files.is_file(&file);
                if there {
                    self.loaded.insert((*address).to_owned(), file);
                }
                there
            }
            ["env", "import", options @ ..] => {
                let address = options.iter().find(|word| !word.starts_with('-')).unwrap_or(&"");
                let text = self.loaded.get(address).and_then(|file| self.files.read(file));
                for (name, value) in text.iter().flat_map(|text| settings(text)) {
                    self.set(name, value.to_owned());
                }
                text.is_some()
            }
            ["part", "uuid", _, device, name] => {
                let uuid = self.files.partition_uuid(partition(device)).unwrap_or_default();
                self.set(name, uuid);
                true
            }
            ["run", name] if depth < DEPTH_LIMIT => {
                let text = self.variables.get(name).cloned();
                text.is_some_and(|text| self.run(&text, depth.saturating_add(1)))
            }
            ["booti" | "bootz" | "bootm", kernel, more @ ..] => {
                let file = |word: Option<&&str>| {
                    let address = word?.split([':', '#']).next()?;
                    self.loaded.get(address).cloned()
                };
                let Some(kernel) = file(Some(kernel)) else { return false };
                self.boot = Some(Boot {
                    kernel,
                    initrd: file(more.first()),
                    devicetree: file(more.get(1)),
                    cmdline: self.variables.get("bootargs").cloned().unwrap_or_default(),
                });
                true
            }
            ["source" | "autoscr" | "script", address, ..] if depth < DEPTH_LIMIT => {
                let address = address.split(':').next().unwrap_or_default();
                let image =
                    self.loaded.get(address).and_then(|file| self.files.read(file)).unwrap_or_default();
                let script = unwrap(&text::encode(&image)).map(text::decode);
                script.is_some_and(|script| self.run(&script, depth.saturating_add(1)))
            }
            ["printenv", names @ ..] | ["env", "print" | "exists", names @ ..] => {
                names.iter().all(|name| name.starts_with('-') || self.variables.get(name).is_some())
            }
            ["exit", ..] => {
                self.has_ended = true;
                true
            }
            // A variable of the shell's own.
            [assignment] if assignment.split_once('=').is_some_and(|(name, _)| is_name(name)) => {
                if let Some((name, value)) = assignment.split_once('=') {
                    self.set(name, value.to_owned());
                }
                true
            }
            [command, ..] if BOOTING.contains(command) => {
                self.pass_over(format!("“{}”", words.join(" ")));
                false
            }
            _ => true,
        }
    }

    fn set(&mut self, name: &str, value: String) {
        if self.variables.values().len() < VARIABLE_LIMIT || self.variables.get(name).is_some() {
            self.variables.insert(name.to_owned(), value);
        }
    }

    fn test(&self, words: &[&str]) -> bool {
        let mut any = words.split(|word| *word == "-o");
        any.any(|words| words.split(|word| *word == "-a").all(|words| self.holds(words)))
    }

    fn holds(&self, mut words: &[&str]) -> bool {
        let mut wanted = true;
        while let ["!", rest @ ..] = words {
            (words, wanted) = (rest, !wanted);
        }
        let number = |text: &str| text.parse::<i64>().unwrap_or(0);
        let holds = match words {
            ["-n", text] => !text.is_empty(),
            ["-z", text] => text.is_empty(),
            ["-e", _, device, path] => self.files.is_file(&file(device, path)),
            [one, "=" | "==", other] => one == other,
            [one, "!=", other] => one != other,
            [one, "-eq", other] => number(one) == number(other),
            [one, "-ne", other] => number(one) != number(other),
            [one, "-gt", other] => number(one) > number(other),
            [one, "-lt", other] => number(one) < number(other),
            [text] => !text.is_empty(),
            _ => false,
        };
        holds == wanted
    }

    /// Words with quotes taken off and variables put in.
    fn words(&self, text: &str) -> Vec<String> {
        let mut words: Vec<String> = Vec::new();
        let mut word: Option<String> = None;
        let mut quote = None;
        // How many of the words are counted, and what they come to.
        let (mut counted, mut length) = (0, 0_usize);
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            match (character, quote) {
                ('\'' | '"', None) => {
                    quote = Some(character);
                    word.get_or_insert_default();
                }
                (_, Some(open)) if character == open => quote = None,
                (_, Some('\'')) => word.get_or_insert_default().push(character),
                ('\\', _) => word.get_or_insert_default().extend(characters.next()),
                ('$', _) => {
                    let braced = characters.next_if_eq(&'{').is_some();
                    let mut name = String::new();
                    while let Some(letter) = characters.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
                        name.push(letter);
                    }
                    if braced {
                        while characters.next_if(|c| *c != '}').is_some() {}
                        characters.next();
                    }
                    let value = self.value(name);
                    if quote.is_some() {
                        word.get_or_insert_default().push_str(&value);
                    } else {
                        for (place, piece) in value.split(char::is_whitespace).enumerate() {
                            if place > 0 {
                                words.extend(word.take());
                            }
                            if !piece.is_empty() {
                                word.get_or_insert_default().push_str(piece);
                            }
                        }
                    }
                }
                (space, None) if space.is_whitespace() => words.extend(word.take()),
                _ => word.get_or_insert_default().push(character),
            }
            for word in words.iter().skip(counted) {
                length = length.saturating_add(word.len()).saturating_add(1);
            }
            counted = words.len();
            if length.saturating_add(word.as_ref().map_or(0, String::len)) > VALUE_LIMIT {
                break;
            }
        }
        words.extend(word);
        words
    }

    /// Addresses are the board's own; they need only differ from each other.
    fn value(&self, name: String) -> String {
        match self.variables.get(&name) {
            Some(value) => value.clone(),
            None if name.ends_with("addr") || name.ends_with("addr_r") => name,
            None => String::new(),
        }
    }
}

/// The number of a partition after its device: `0:2`.
fn partition(device: &str) -> u32 {
    device.split_once(':').and_then(|(_, number)| number.parse().ok()).unwrap_or(0)
}

fn file(device: &str, path: &str) -> File {
    (partition(device), format!("/{}", path.trim_start_matches('/')))
}

/// Statements, which a line end or a semicolon outside quotes ends, without comments.
fn statements(text: &str) -> Vec<String> {
    let mut statements = Vec::new();
    let mut statement = String::new();
    let mut quote = None;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match (character, quote) {
            ('\\', _) => match characters.next() {
                Some('\n') => {}
                next => {
                    statement.push('\\');
                    statement.extend(next);
                }
            },
            ('#', None) if statement.trim().is_empty() => {
                let _ = characters.by_ref().find(|c| *c == '\n');
            }
            ('\n' | ';', None) => statements.push(std::mem::take(&mut statement)),
            ('\'' | '"', None) => {
                quote = Some(character);
                statement.push(character);
            }
            _ => {
                if quote == Some(character) {
                    quote = None;
                }
                statement.push(character);
            }
        }
    }
    statements.push(statement);
    // A keyword is a statement of its own, and what follows it another.
    let mut divided = Vec::new();
    for statement in &statements {
        let mut rest = statement.trim();
        while let (word, after) = first_word(rest)
            && KEYWORDS.contains(&word)
        {
            divided.push(word.to_owned());
            rest = after.trim();
        }
        divided.extend(Some(rest.to_owned()).filter(|rest| !rest.is_empty()));
    }
    divided
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn first_word(text: &str) -> (&str, &str) {
    let text = text.trim();
    text.split_once(char::is_whitespace).unwrap_or((text, ""))
}
