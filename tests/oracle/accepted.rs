//! Where GRUB is not followed, or its versions differ, each with its reason. A script that contains one is not
//! compared with the versions that are not followed; `versions.rs` holds each of them to what it does.

use crate::script::{Piece, Statement, Word};

/// An accepted difference.
pub struct Difference {
    pub name: &'static str,
    /// The versions that are not followed.
    pub versions: &'static [&'static str],
    pub reason: &'static str,
    /// Whether a word holds it.
    pub word: fn(&[Piece]) -> bool,
    /// Whether the words of a test do.
    pub test: fn(&[Word]) -> bool,
    /// Whether a line that is written unchanged does.
    pub raw: fn(&str) -> bool,
}

const ALL: [&str; 3] = ["2.06", "2.12", "2.14"];

pub const DIFFERENCES: &[Difference] = &[
    Difference {
        name: "an escaped character before a translated string",
        versions: &ALL,
        reason: "GRUB 2.06 gives the backslash back (\\z$\"x\" becomes \\zx); no configuration holds such a word, and the \
                 backslash is plainly not meant",
        word: |word| {
            let escape = word.iter().position(|piece| matches!(piece, Piece::Escape(_)));
            escape.is_some_and(|at| word[at..].iter().any(|piece| matches!(piece, Piece::Translated(_))))
        },
        test: |_| false,
        raw: |_| false,
    },
    Difference {
        name: "the size of a directory",
        versions: &ALL,
        reason: "grub-emu's (host) opens a directory and gives its size; GRUB's file systems do not open one, so that -s \
                 fails on it (loopback.rs asks one of them)",
        word: |_| false,
        test: |words| {
            words.array_windows().any(|[operator, file]| {
                let is = |word: &[Piece], text| matches!(word, [Piece::Plain(plain)] if *plain == text);
                is(operator, "-s") && is(file, "$base/tree")
            })
        },
        raw: |_| false,
    },
    Difference {
        name: "cmp",
        versions: &["2.06"],
        reason: "GRUB 2.06 says how two files differ, and succeeds; since 2.12 it fails, as the manual of all versions has it \
                 and as the distributions of today ship it",
        word: |_| false,
        test: |_| false,
        raw: |text| text.contains("cmp "),
    },
];

/// The first accepted difference between ours and a version of GRUB that a script holds.
pub fn find(version: &str, script: &[Statement]) -> Option<&'static Difference> {
    let mut here = DIFFERENCES.iter().filter(|difference| difference.versions.contains(&version));
    here.find(|difference| script.iter().any(|statement| holds(statement, difference)))
}

fn holds(statement: &Statement, difference: &Difference) -> bool {
    let check = difference.word;
    let words = |words: &[Word]| words.iter().any(|word| check(word));
    let list = |list: &[Statement]| list.iter().any(|statement| holds(statement, difference));
    match statement {
        Statement::Test(it) => words(it) || (difference.test)(it),
        Statement::Emit(it) | Statement::Simple(_, it) => words(it),
        Statement::Set(_, word) | Statement::Assign(_, word) | Statement::Regexp(_, word) => check(word),
        Statement::Not(inner) => holds(inner, difference),
        Statement::If(branches, otherwise) => {
            branches.iter().any(|(condition, body)| list(condition) || list(body)) || list(otherwise)
        }
        Statement::For(_, it, body) => words(it) || list(body),
        Statement::Loop { body, .. } | Statement::Function(_, body) => list(body),
        Statement::Raw(text) => (difference.raw)(text),
    }
}

/// An accepted difference of one system of the corpus.
pub struct System {
    pub name: &'static str,
    /// The difference as the comparison names it, or the beginning of that name.
    pub what: &'static str,
    pub reason: &'static str,
    /// Whether ours and GRUB's answer differ by that alone.
    pub explains: fn(&str, &str) -> bool,
}

/// The name of all systems whose entries are files that `blscfg` reads.
pub const ENTRY_FILES: &str = "entry files";

const SUBVOLUME: &str = "openSUSE's GRUB counts paths from the default subvolume";
const SNAPSHOTS: &str = "a snapshot's entries are in the menu of its own configuration, which sets its own default: the \
                         driver cannot choose there";

/// The path of the subvolume that is the default: the installed system's, or that of a snapshot which is started.
fn from_subvolume(ours: &str, theirs: &str) -> bool {
    ["1", "12"].iter().any(|number| ours.replace(&format!("/@/.snapshots/{number}/snapshot"), "") == theirs)
}

/// GRUB boots the default of the snapshot's own configuration.
fn default_of_snapshot(ours: &str, theirs: &str) -> bool {
    let of_snapshot = |id: &str| id.split('>').take(2).map(str::to_owned).collect::<Vec<_>>();
    of_snapshot(ours) == of_snapshot(theirs)
        && theirs.ends_with(">gnulinux-6.11.8-1-default-advanced-7a3b1e00-7a3b-4eed-8eed-7a3b1eeed000")
}

/// The words of the default of the snapshot's configuration, in place of those of its recovery entry.
fn words_of_default(ours: &str, theirs: &str) -> bool {
    let root = ours.strip_suffix(" single");
    root.is_some() && root == theirs.strip_suffix(" splash=silent quiet security=selinux")
}

pub const SYSTEMS: &[System] = &[
    System {
        name: ENTRY_FILES,
        what: "default",
        reason: "Fedora's GRUB looks for an id before it takes a default for a number; Debian's, which answers here, takes \
                 an id that begins with digits for that number",
        explains: |ours, theirs| ours.starts_with(|first: char| first.is_ascii_digit()) && !theirs.is_empty(),
    },
    System {
        name: "fedora-41",
        what: "command line",
        reason: "Fedora's GRUB keeps \\x2d in unquoted text unchanged",
        explains: |ours, theirs| ours.replace("\\x", "x") == theirs,
    },
    System { name: "opensuse-leap-15.6", what: "", reason: SUBVOLUME, explains: from_subvolume },
    System { name: "opensuse-tumbleweed", what: "", reason: SUBVOLUME, explains: from_subvolume },
    System {
        name: "opensuse-tumbleweed",
        what: "entry 2>0",
        reason: SNAPSHOTS,
        explains: default_of_snapshot,
    },
    System {
        name: "opensuse-tumbleweed",
        what: "command line of Start boot",
        reason: SNAPSHOTS,
        explains: words_of_default,
    },
];

/// Whether a difference is accepted.
pub fn system(name: &str, what: &str, ours: &str, theirs: &str) -> bool {
    let mut rows = SYSTEMS.iter().filter(|row| row.name == name && what.starts_with(row.what));
    rows.any(|row| (row.explains)(ours, theirs))
}
