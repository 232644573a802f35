//! Which entries GRUB asks a password for, where `superusers` is set in one of its ways: each entry in turn is the default. And who
//! is let in.

use std::fs;

use firstlight::{boot::passwords, entry::Password};

use crate::{emulator::Grub, ours};

/// Ways to set who may do what.
const HEADS: [&str; 8] = [
    "",
    "set superusers=root\npassword root x",
    "set superusers=root\nexport superusers",
    "set superusers=''",
    "export superusers",
    "set superusers=root\nunset superusers",
    "set superusers=root\nauthenticate root",
    "password root x",
];

const ENTRIES: &str = "menuentry a { go; }
menuentry b --unrestricted { go; }
menuentry c --users 'x y' { go; }
menuentry d --users x --unrestricted { go; }
menuentry e --users '' { go; }
menuentry f --unrestricted { authenticate; go; }
submenu s { menuentry g --unrestricted { go; }
}
submenu t --unrestricted { menuentry h { go; }
menuentry i --unrestricted { go; }
}
";

/// The places of the entries, as `default` names them.
const PLACES: [&str; 9] = ["0", "1", "2", "3", "4", "5", "6>0", "7>0", "7>1"];

/// The first words of GRUB's question.
const QUESTION: &str = "Enter username:";

pub fn table(grub: &Grub) {
    let directory = tempfile::tempdir().unwrap();
    let mut wrong = Vec::new();
    let mut seen = (0, 0);
    for head in HEADS {
        for place in PLACES {
            let write = |name: &str, go: &str| {
                let path = directory.path().join(name);
                let text = format!(
                    "function go {{ {go}; }}\nset timeout=0\nset default='{place}'\n{head}\n{ENTRIES}"
                );
                fs::write(&path, text).unwrap();
                path
            };
            write("grub.cfg", "echo '@@booted@@'; halt");
            let screen = grub.output(directory.path(), &[], Some(QUESTION), &[]);
            let theirs = match (screen.contains(QUESTION), screen.contains("@@booted@@")) {
                (true, false) => true,
                (false, true) => false,
                other => panic!("GRUB {}: {head:?}, entry {place}: {other:?}: {screen}", grub.version),
            };
            let menu = ours::menu(&write("ours.cfg", "linux /k"));
            let entry = menu.level.default_entry().unwrap();
            match theirs {
                true => seen.0 += 1,
                false => seen.1 += 1,
            }
            if entry.lock.is_some() != theirs {
                wrong.push(format!("{head:?}, entry {place}: ours {:?}, GRUB's {theirs}", entry.lock));
            }
        }
    }
    assert!(wrong.is_empty(), "GRUB {}: {wrong:#?}", grub.version);
    // Neither answer is the only one.
    assert!(seen.0 > 0 && seen.1 > 0, "{seen:?}");
}

/// `secret`, hashed by Python's hashlib.
const HASH: &str = "grub.pbkdf2.sha512.1000.A0A1A2A3A4A5A6A7.8560E3EAD897AE6D14ACEE134659EE24C082822D";

/// Who may do what.
const USERS: &str = "set superusers='root;eve'
password root plain
password alice other
password alice secret
password_pbkdf2 eve @HASH
menuentry a { go; }
menuentry b --users 'carol,alice' { go; }
menuentry z --unrestricted { echo '@@denied@@'; halt; }
";

/// Each entry in turn is the default, and somebody tries to boot it.
pub fn answers(grub: &Grub) {
    let directory = tempfile::tempdir().unwrap();
    let mut wrong = Vec::new();
    for (place, user, password) in [
        ("0", "root", "plain"),
        ("0", "root", "wrong"),
        ("0", "alice", "secret"),
        ("0", "eve", "secret"),
        ("0", "eve", "secre"),
        ("0", "nobody", "plain"),
        ("1", "alice", "secret"),
        ("1", "alice", "other"),
        ("1", "root", "plain"),
        ("1", "eve", "secret"),
    ] {
        let write = |name: &str, go: &str| {
            let path = directory.path().join(name);
            let head =
                format!("function go {{ {go}; }}\nset timeout=0\nset default={place}\nset fallback=2\n");
            fs::write(&path, format!("{head}{}", USERS.replace("@HASH", HASH))).unwrap();
            path
        };
        write("grub.cfg", "echo '@@booted@@'; halt");
        let typed = [(QUESTION, &*format!("{user}\n")), ("Enter password:", &*format!("{password}\n"))];
        let screen = grub.output(directory.path(), &[], None, &typed);
        let theirs = match (screen.contains("@@denied@@"), screen.contains("@@booted@@")) {
            (true, false) => false,
            (false, true) => true,
            other => panic!("GRUB {}: {user}, {password}, entry {place}: {other:?}: {screen}", grub.version),
        };
        let menu = ours::menu(&write("ours.cfg", "linux /k"));
        let lock = menu.level.default_entry().unwrap().lock.as_ref().unwrap();
        let keys: Vec<&Password> =
            lock.passwords.iter().filter_map(|place| menu.passwords.get(*place)).collect();
        let ours = passwords::check(&keys, user, password).is_some();
        if ours != theirs {
            wrong.push(format!("{user}, {password}, entry {place}: ours {ours}, GRUB's {theirs}"));
        }
    }
    assert!(wrong.is_empty(), "GRUB {}: {wrong:#?}", grub.version);
}
