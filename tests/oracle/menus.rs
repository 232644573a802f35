//! Random menus, and what boots on its own: `default` in all its forms, submenus, options anywhere among the arguments.

use std::fmt::Write as _;

use proptest::{collection::vec, option, prelude::*, sample::select};

/// An entry of a menu.
#[derive(Clone, Debug)]
pub struct Entry {
    title: &'static str,
    id: Option<&'static str>,
    before: Vec<&'static str>,
    after: Vec<&'static str>,
    /// The entries of a submenu, and the default that it sets for itself.
    submenu: Option<(Vec<Entry>, Option<String>)>,
}

/// A configuration with a menu.
#[derive(Clone, Debug)]
pub struct Menu {
    entries: Vec<Entry>,
    default: Option<String>,
}

const TITLES: [&str; 10] = ["a", "b", "First", "Linux 6.1", "2", "0x1", "5.10-foo", "a>b", "x > y", "über"];
const IDS: [&str; 7] = ["id", "a", "1", "gnulinux-simple", "a>b", "i d", "10"];
const BEFORE: [&str; 6] =
    ["--class linux", "--class=x --class y", "--hotkey=k", "--users ''", "--unrestricted", "$option"];
const AFTER: [&str; 5] = ["arg", "'two words'", "--class late", "\"\"", "--unrestricted"];

/// One level of a default.
fn level() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => (0_u32..5).prop_map(|number| number.to_string()),
        3 => select(&TITLES[..]).prop_map(|title| title.replace('>', ">>")),
        2 => select(&IDS[..]).prop_map(|id| id.replace('>', ">>")),
        1 => select(&["", " 1", "1 2", "-1", "99", "0x2", "08", "2foo", "nothing", "a>b", ">>", "x"][..])
            .prop_map(str::to_owned),
    ]
}

fn default() -> impl Strategy<Value = String> {
    vec(level(), 1..4).prop_map(|levels| levels.join(">"))
}

fn entry() -> impl Strategy<Value = Entry> {
    let plain = || {
        let words = (vec(select(&BEFORE[..]), 0..2), vec(select(&AFTER[..]), 0..2));
        (select(&TITLES[..]), option::of(select(&IDS[..])), words)
            .prop_map(|(title, id, (before, after))| Entry { title, id, before, after, submenu: None })
    };
    plain().prop_recursive(2, 12, 4, move |inner| {
        let submenu = (vec(inner, 1..4), option::weighted(0.3, default()));
        (plain(), submenu).prop_map(|(entry, submenu)| Entry { submenu: Some(submenu), ..entry })
    })
}

/// A configuration.
pub fn menu() -> impl Strategy<Value = Menu> {
    (vec(entry(), 1..5), option::weighted(0.9, default()))
        .prop_map(|(entries, default)| Menu { entries, default })
}

/// Writes a configuration. Every entry runs `go` with its own number and what it sees.
pub fn text(menu: &Menu) -> String {
    let mut text = String::from("option='--class o'\nset timeout=0\n");
    if let Some(default) = &menu.default {
        writeln!(text, "set default='{default}'").unwrap();
    }
    let mut count = 0;
    for entry in &menu.entries {
        write(&mut text, entry, &mut count);
    }
    text
}

fn write(text: &mut String, entry: &Entry, count: &mut usize) {
    *count += 1;
    let command = if entry.submenu.is_some() { "submenu" } else { "menuentry" };
    write!(text, "{command} {} '{}'", entry.before.join(" "), entry.title).unwrap();
    if let Some(id) = entry.id {
        write!(text, " --id '{id}'").unwrap();
    }
    writeln!(text, " {} {{", entry.after.join(" ")).unwrap();
    match &entry.submenu {
        Some((entries, default)) => {
            if let Some(default) = default {
                writeln!(text, "set default='{default}'").unwrap();
            }
            for entry in entries {
                write(text, entry, count);
            }
        }
        None => writeln!(text, "go {count} \"$chosen\" \"$default\" \"$#\" \"$@\"").unwrap(),
    }
    text.push_str("}\n");
}
