//! Scripts of U-Boot's hush shell, as far as boot scripts of distributions go (U-Boot, doc/usage/cmdline.rst, doc/usage/cmd).
//!
//! Variables, `if` with `test`, `load`, `env import`, `run`, `part uuid` and the commands that boot are carried out. Loops are
//! passed over: scripts put overlays on the device tree in them. Every other command succeeds.

use std::collections::HashMap;

use super::lines::lines;

/// Magic number of U-Boot's older images.
pub const IMAGE: &[u8] = b"\x27\x05\x19\x56";

/// Maximum number of statements that are run.
const STATEMENT_LIMIT: usize = 10_000;

/// Maximum depth of variables that run each other.
const DEPTH_LIMIT: usize = 8;

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

/// Runs a script with these variables; `None` if it boots nothing.
#[must_use]
pub fn run(text: &str, variables: &[(&str, &str)], files: &dyn Files) -> Option<Boot> {
    let mut shell = Shell::new(variables, files);
    shell.run(text, 0);
    shell.boot
}

struct Shell<'a> {
    files: &'a dyn Files,
    variables: HashMap<String, String>,
    /// The file that was loaded last to each address.
    loaded: HashMap<String, File>,
    statements: usize,
    boot: Option<Boot>,
}

/// A condition around statements.
struct Branch {
    /// Statements are run.
    active: bool,
    /// One of its branches was taken, or none may be.
    done: bool,
}

impl<'a> Shell<'a> {
    fn new(variables: &[(&str, &str)], files: &'a dyn Files) -> Self {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Self { files, variables: variables.collect(), loaded: HashMap::new(), statements: 0, boot: None }
    }

    /// Runs statements; whether the last one succeeded.
    fn run(&mut self, text: &str, depth: usize) -> bool {
        let mut succeeded = true;
        let mut branches: Vec<Branch> = Vec::new();
        let mut loops = 0_usize;
        for statement in statements(text) {
            self.statements = self.statements.saturating_add(1);
            if self.boot.is_some() || self.statements > STATEMENT_LIMIT {
                break;
            }
            let (mut word, mut rest) = first_word(&statement);
            if matches!(word, "then" | "do") {
                (word, rest) = first_word(rest);
            }
            match word {
                "for" | "while" | "until" => {
                    loops = loops.saturating_add(1);
                    continue;
                }
                "done" => {
                    loops = loops.saturating_sub(1);
                    continue;
                }
                _ if loops > 0 => continue,
                "if" => {
                    let active = branches.iter().all(|branch| branch.active);
                    let holds = active && self.list(rest, depth);
                    branches.push(Branch { active: holds, done: holds || !active });
                    continue;
                }
                "elif" => {
                    let done = branches.last().is_none_or(|branch| branch.done);
                    let holds = !done && self.list(rest, depth);
                    if let Some(branch) = branches.last_mut() {
                        *branch = Branch { active: holds, done: done || holds };
                    }
                    continue;
                }
                "else" => {
                    if let Some(branch) = branches.last_mut() {
                        branch.active = !branch.done;
                    }
                    (word, rest) = first_word(rest);
                }
                "fi" => {
                    branches.pop();
                    continue;
                }
                _ => {}
            }
            if branches.iter().all(|branch| branch.active) && !word.is_empty() {
                succeeded = self.list(&format!("{word} {rest}"), depth);
            }
        }
        succeeded
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
            ["load" | "ext4load" | "ext2load" | "fatload", _, device, address, path, ..] => {
                let file = file(device, path);
                let there = self.files.is_file(&file);
                if there {
                    self.loaded.insert((*address).to_owned(), file);
                }
                there
            }
            ["env", "import", options @ ..] => {
                let address = options.iter().find(|word| !word.starts_with('-')).unwrap_or(&"");
                let text = self.loaded.get(*address).and_then(|file| self.files.read(file));
                for (name, value) in
                    text.iter().flat_map(|text| lines(text)).filter_map(|(_, line)| line.split_once('='))
                {
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
                let text = self.variables.get(*name).cloned();
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
            _ => true,
        }
    }

    fn set(&mut self, name: &str, value: String) {
        if self.variables.len() < VARIABLE_LIMIT || self.variables.contains_key(name) {
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
    statements.retain(|statement| !statement.trim().is_empty());
    statements
}

fn first_word(text: &str) -> (&str, &str) {
    let text = text.trim();
    text.split_once(char::is_whitespace).unwrap_or((text, ""))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    struct Table<'a>(&'a [(&'a str, &'a str)]);

    impl Files for Table<'_> {
        fn is_file(&self, (_, path): &File) -> bool {
            self.0.iter().any(|(known, _)| known == path)
        }

        fn read(&self, (_, path): &File) -> Option<String> {
            self.0.iter().find(|(known, _)| known == path).map(|(_, text)| (*text).to_owned())
        }

        fn partition_uuid(&self, number: u32) -> Option<String> {
            Some(format!("1234-0{number}"))
        }
    }

    /// In the manner of Armbian's boot.cmd.
    const SCRIPT: &str = "# comment; not run\nsetenv rootdev \"/dev/mmcblk0p1\"\nsetenv console \"both\"\n\
        if test -e ${devtype} ${devnum} ${prefix}env.txt; then\n\tload ${devtype} ${devnum} ${load_addr} ${prefix}env.txt\n\
        \tenv import -t ${load_addr} ${filesize}\nfi\n\
        if test \"${console}\" = \"display\" || test \"${console}\" = \"both\"; then setenv args \"console=tty1\"; fi\n\
        if test \"${console}\" = \"serial\" || test \"${console}\" = \"both\"; then setenv args \"console=ttyS2,1500000 ${args}\"; else setenv args \"no\"; fi\n\
        if test \"${devtype}\" = \"mmc\"; then part uuid mmc ${devnum}:1 partuuid; fi\n\
        setenv bootargs \"root=${rootdev} ${args} \\\n  ubootpart=${partuuid} ${extraargs} ${gone}end\"\n\
        for o in ${overlays}; do\n if load a b c d; then booti x; fi\ndone\n\
        load ${devtype} ${devnum} ${ramdisk_addr_r} ${prefix}uInitrd\nload ${devtype} ${devnum} ${kernel_addr_r} ${prefix}Image\n\
        load ${devtype} ${devnum} ${fdt_addr_r} ${prefix}dtb/${fdtfile}\n\
        booti ${kernel_addr_r} ${ramdisk_addr_r}:${filesize} ${fdt_addr_r}\nsetenv bootargs late\n";

    #[test]
    fn a_script_boots_what_its_settings_say() {
        let files = Table(&[
            ("/boot/env.txt", "rootdev=UUID=1\n# x\nextraargs=a=1 b\noverlays=x y\nfdtfile=board.dtb\n"),
            ("/boot/uInitrd", ""),
            ("/boot/Image", ""),
            ("/boot/dtb/board.dtb", ""),
        ]);
        let variables = [("prefix", "/boot/"), ("devtype", "mmc"), ("devnum", "0")];
        let expected = Boot {
            kernel: (0, "/boot/Image".into()),
            initrd: Some((0, "/boot/uInitrd".into())),
            devicetree: Some((0, "/boot/dtb/board.dtb".into())),
            cmdline: "root=UUID=1 console=ttyS2,1500000 console=tty1   ubootpart=1234-01 a=1 b end".into(),
        };
        assert_eq!(run(SCRIPT, &variables, &files), Some(expected));
        assert_eq!(run(SCRIPT, &variables, &Table(&[])), None);
    }

    #[test]
    fn conditions_choose_and_commands_are_joined() {
        let files = Table(&[("/a", ""), ("/b", "")]);
        for (text, kernel) in [
            (
                "if false; then load x y 1 a; elif test -n x; then load x y 1 b; else load x y 1 a; fi; bootz 1",
                Some("/b"),
            ),
            ("load x y 1 gone || load x y 1 a && true; bootm 1 - 3", Some("/a")),
            ("setenv go 'load x y 1 b; bootz 1 -'; run go", Some("/b")),
            ("if test -n \"$x\" -o -z ''; then load x y ${loadaddr} /a; fi\nbootz $loadaddr", Some("/a")),
            ("setenv loop 'run loop'; run loop", None),
            ("if true; then if false; then true; else load x y 1 a; fi; bootz 1; fi", Some("/a")),
            ("bootz 1", None),
        ] {
            assert_eq!(run(text, &[], &files).map(|boot| boot.kernel.1).as_deref(), kernel, "{text}");
        }
    }

    #[test]
    fn what_a_script_makes_of_its_variables_is_bounded() {
        let long = "x".repeat(VALUE_LIMIT);
        let shell = Shell::new(&[("a", &long)], &Table(&[]));
        for text in [" $a", "\"$a$a\""].map(|text| text.repeat(100)) {
            let length: usize = shell.words(&text).iter().map(String::len).sum();
            assert!(length <= 2 * VALUE_LIMIT, "{length}");
        }
        let text: String = (0..2 * VARIABLE_LIMIT).map(|number| format!("setenv a{number} 1\n")).collect();
        let mut shell = Shell::new(&[], &Table(&[]));
        shell.run(&format!("{text}setenv a0 2"), 0);
        assert_eq!((shell.variables.len(), shell.variables["a0"].as_str()), (VARIABLE_LIMIT, "2"));
    }

    #[test]
    fn conditions_are_joined_and_turned_round() {
        let shell = Shell::new(&[], &Table(&[]));
        for (text, holds) in [
            ("x", true),
            ("! x", false),
            ("! ! x", true),
            ("! x -o y", true),
            ("x -a ! y", false),
            ("x -a y -o ! z", true),
            ("1 -gt 2 -o 2 -lt 1", false),
        ] {
            assert_eq!(shell.test(&text.split(' ').collect::<Vec<_>>()), holds, "{text}");
        }
        assert!(!shell.test(&vec!["!"; 2 * VALUE_LIMIT]), "an even number of turns, and no call deep");
    }

    #[test]
    fn a_script_is_taken_out_of_its_image() {
        let mut image = b"\x27\x05\x19\x56".to_vec();
        image.resize(64, 0);
        image[30] = 6;
        image.extend(b"\0\0\0\x04\0\0\0\0echorest");
        assert_eq!(unwrap(&image), Some(&b"echo"[..]));
        assert_eq!(unwrap(&image[..70]), None);
        assert_eq!(unwrap(b"setenv"), None);
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in "(if |then |else |fi|for |done|setenv a |\\$\\{a\\}\\$a|run a|load 1 2 3 a|booti 3|[;\n\"'\\\\ #&|a])*") {
            let _ = run(&text, &[], &Table(&[("/a", "")]));
        }
    }
}
