//! Which entries GRUB asks a password for, where `superusers` is set in one of its ways: each entry in turn is the default.

use std::fs;

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
            let screen = grub.output(directory.path(), &[], Some(QUESTION));
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
            if entry.locked != theirs {
                wrong.push(format!("{head:?}, entry {place}: ours {}, GRUB's {theirs}", entry.locked));
            }
        }
    }
    assert!(wrong.is_empty(), "GRUB {}: {wrong:#?}", grub.version);
    // Neither answer is the only one.
    assert!(seen.0 > 0 && seen.1 > 0, "{seen:?}");
}
