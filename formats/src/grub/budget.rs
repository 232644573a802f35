//! How much work and memory a configuration may cost: in proportion to its own size, since a menu of thousands of entries is
//! as legitimate as one of three, and a loop without end costs the same however short it is.

use std::{cell::RefCell, rc::Rc};

use crate::{
    entry::Password,
    lookup::MENU_LIMIT,
    name_table::{NameNumbers, NameTable},
};

/// Units of work: about one for each byte handled, [`STEP`] for a command, [`LOOK`] for a question to a file system.
pub const STEP: usize = 128;
/// The cost of a question to a file system.
pub const LOOK: usize = 2048;
/// The cost of each statement and piece of a word that is parsed: menu entries keep them.
pub const NODE: usize = 32;
/// The cost of each line of a file that is being run: it is known where all of them begin.
pub const LINE: usize = 12;

/// Work that the top level of a configuration may cost whatever its size, and that all its menu entries together may cost.
pub const BASE: u64 = 16 << 20;
/// Work that one menu entry may cost whatever its size.
pub const ENTRY_BASE: u64 = 1 << 20;
/// Work that each byte of a script allows for beside that: more than parsing the densest script costs ([`NODE`], [`LINE`]), and
/// about four times what the entries of grub-mkconfig and grub-btrfs cost.
pub const PER_BYTE: u64 = 64;
/// Work that each file allows for beside that: entries of the Boot Loader Specification are short.
pub const PER_FILE: u64 = 16 << 10;

/// Bytes of scripts that allow for work; what is read beyond them has to do with what is left.
const BYTE_LIMIT: u64 = 8 << 20;

/// Statements and pieces of words of all scripts together: about 40 bytes of memory each.
const NODE_LIMIT: usize = 3 << 20;

/// Bytes of all scripts together: a file that runs itself is kept once, but there may be many files.
const TEXT_LIMIT: usize = 4 * MENU_LIMIT;

/// Passwords of all users together.
const PASSWORD_LIMIT: usize = 1024;

/// The work that a text of this length allows for.
pub fn work(length: usize) -> u64 {
    PER_BYTE.saturating_mul(length as u64)
}

/// The name of a file of a volume among those of all.
pub fn file_name(volume: usize, path: &str) -> String {
    format!("{volume} {path}")
}

/// A script that was read from a file.
#[derive(Clone, Debug)]
pub struct Script {
    /// Without carriage returns.
    pub text: Rc<str>,
    /// There is more of the file.
    pub is_cut: bool,
}

/// What a configuration, everything that it leads to and all its entries have in common.
#[derive(Clone, Debug, Default)]
pub struct Account(Rc<RefCell<Balance>>);

#[derive(Debug, Default)]
struct Balance {
    /// The files that have been read, each of which allows for work once.
    reads: NameNumbers,
    bytes: u64,
    work: u64,
    nodes: usize,
    scripts: NameTable<Script>,
    text: usize,
    passwords: Vec<Password>,
}

impl Account {
    /// Notes that a file of this length is read; gives the work that it allows for: none where it was read before.
    pub fn read(&self, file: String, length: usize) -> u64 {
        let Ok(mut balance) = self.0.try_borrow_mut() else { return 0 };
        if !balance.reads.is_new(file) {
            return 0;
        }
        let length = (length as u64).min(BYTE_LIMIT.saturating_sub(balance.bytes));
        balance.bytes = balance.bytes.saturating_add(length);
        let work = PER_BYTE.saturating_mul(length).saturating_add(PER_FILE);
        balance.work = balance.work.saturating_add(work);
        work
    }

    /// The work that everything read so far allows for.
    pub fn work(&self) -> u64 {
        self.0.try_borrow().map_or(0, |balance| balance.work)
    }

    /// The script of a file that was read before.
    pub fn script(&self, file: &str) -> Option<Script> {
        self.0.try_borrow().ok()?.scripts.get(file).cloned()
    }

    /// Keeps the script of a file; `false` where there is no room for it.
    pub fn keep_script(&self, file: String, script: &Script) -> bool {
        let Ok(mut balance) = self.0.try_borrow_mut() else { return false };
        let text = balance.text.saturating_add(script.text.len());
        let fits = text <= TEXT_LIMIT;
        if fits {
            balance.text = text;
            balance.scripts.insert(file, script.clone());
        }
        fits
    }

    /// Keeps a password and gives its place; `None` where there is no room for it.
    pub fn keep_password(&self, password: Password) -> Option<usize> {
        let mut balance = self.0.try_borrow_mut().ok()?;
        let place = balance.passwords.len();
        (place < PASSWORD_LIMIT).then(|| balance.passwords.push(password))?;
        Some(place)
    }

    /// All passwords that were kept.
    pub fn passwords(&self) -> Vec<Password> {
        self.0.try_borrow().map_or_else(|_| Vec::new(), |balance| balance.passwords.clone())
    }

    /// Notes what was parsed; `false` where there is no room for more.
    pub fn keep(&self, nodes: usize) -> bool {
        let Ok(mut balance) = self.0.try_borrow_mut() else { return false };
        balance.nodes = balance.nodes.saturating_add(nodes);
        balance.nodes <= NODE_LIMIT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_allows_for_work_once_and_no_more_than_so_many_bytes_do() {
        let account = Account::default();
        assert_eq!(account.read(file_name(0, "/a"), 10), PER_FILE + 640);
        assert_eq!(account.read(file_name(0, "/a"), 10), 0);
        assert_eq!(account.read(file_name(1, "/a"), usize::MAX), PER_FILE + PER_BYTE * (BYTE_LIMIT - 10));
        assert_eq!(account.read(file_name(1, "/b"), 10), PER_FILE);
        assert_eq!(account.work(), 3 * PER_FILE + PER_BYTE * BYTE_LIMIT);
        assert!(account.keep(NODE_LIMIT));
        assert!(!account.keep(1));
    }
    #[test]
    fn scripts_are_kept_as_long_as_there_is_room() {
        let account = Account::default();
        let script = |length| Script { text: "a".repeat(length).into(), is_cut: false };
        let file = |path| file_name(0, path);
        assert!(account.script(&file("/a")).is_none());
        assert!(account.keep_script(file("/a"), &script(TEXT_LIMIT - 1)));
        assert!(!account.keep_script(file("/b"), &script(2)));
        assert!(account.keep_script(file("/c"), &script(1)));
        let kept = ["/a", "/b", "/c"].map(|path| account.script(&file(path)).map(|script| script.text.len()));
        assert_eq!(kept, [Some(TEXT_LIMIT - 1), None, Some(1)]);
    }
}
