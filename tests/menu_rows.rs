//! The menu of every configuration in the corpus on terminals of 80 and of 40 columns: entries with different titles are
//! different rows.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Read,
    os::fd::OwnedFd,
    path::PathBuf,
};

use firstlight::ui::{
    console::Consoles,
    keys::Key,
    menu::{BootMenu, MenuItem, Row},
    picture::{Status, picture},
    screen::Screen,
};
use nix::pty::{Winsize, openpty};
use rustix::{
    fs::{OFlags, fcntl_setfl},
    termios::{OptionalActions, tcgetattr, tcsetattr},
};
use serde_json::Value;

/// The menu of each directory of the corpus.
fn menus() -> Vec<(String, Vec<MenuItem>)> {
    let corpus = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let directories = fs::read_dir(corpus).unwrap().map(|entry| entry.unwrap().path());
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let item = |entry: &Value| MenuItem {
        id: text(&entry["id"]),
        submenus: entry["path_in_menu"].as_array().into_iter().flatten().map(text).collect(),
        title: text(&entry["title"]),
        ..MenuItem::default()
    };
    let menu = |directory: PathBuf| {
        let json: Value = serde_json::from_slice(&fs::read(directory.join("expected.json")).ok()?).unwrap();
        let items = json["entries"].as_array().unwrap().iter().map(item).collect();
        Some((directory.file_name().unwrap().to_string_lossy().into_owned(), items))
    };
    directories.filter_map(menu).collect()
}

fn menu(items: &[MenuItem]) -> BootMenu {
    let mut menu = BootMenu::default();
    menu.offer(items.to_vec());
    menu
}

/// The titles of the rows that the menu has now, and what they show on a terminal so wide.
fn titles_and_texts(menu: &BootMenu, columns: u16) -> Vec<(String, String)> {
    let rows = shown(menu, columns, 4096);
    assert!(rows.iter().all(|row| row.chars().count() < columns.into()), "{rows:#?}");
    let entries = menu.entries();
    let title = |row: &Row| match row {
        Row::Item(place) => entries.items()[*place].title.clone(),
        Row::Submenu { title, .. } => format!("{title} >"),
    };
    // Version, empty row, the title of the submenu; marks and number before the title.
    let above = 2 + usize::from(!entries.open_submenu().is_empty());
    let texts =
        rows.iter().skip(above).map(|row| row[2..].trim_start().split_once("  ").unwrap().1.to_owned());
    entries.rows().iter().map(title).zip(texts).collect()
}

/// Has `check` look at the menu and at each of its submenus.
fn in_each_submenu(menu: &mut BootMenu, check: &mut dyn FnMut(&BootMenu)) {
    check(menu);
    for place in 0..menu.entries().rows().len() {
        if matches!(menu.entries().rows()[place], Row::Submenu { .. }) {
            menu.press(Key::Home);
            (0..place).for_each(|_| drop(menu.press(Key::Down)));
            assert_eq!(menu.press(Key::Enter), None);
            in_each_submenu(menu, check);
            menu.press(Key::Left);
        }
    }
}

/// The rows on a terminal of this size.
fn shown(menu: &BootMenu, columns: u16, rows: u16) -> Vec<String> {
    let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    let pair = openpty(Some(&size), None).unwrap();
    let mut raw = tcgetattr(&pair.slave).unwrap();
    raw.make_raw();
    tcsetattr(&pair.slave, OptionalActions::Now, &raw).unwrap();
    let slave: OwnedFd = pair.slave;
    fcntl_setfl(&slave, OFlags::NONBLOCK).unwrap();
    let consoles = Consoles::over(vec![slave]);
    let reader = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // The end of a terminal is an error.
        let _ = File::from(pair.master).read_to_end(&mut bytes);
        String::from_utf8(bytes).unwrap()
    });
    Screen::default().show(&consoles, |size| picture(menu, &Status::default(), size));
    drop(consoles);
    let text = reader.join().unwrap();
    text.trim_start_matches("\x1b[H\x1b[J").split('\n').map(str::to_owned).collect()
}

#[test]
fn different_entries_are_different_rows() {
    let menus = menus();
    assert!(menus.len() > 40, "the corpus is there");
    for (name, items) in menus {
        for columns in [80, 40] {
            let mut count = 0;
            in_each_submenu(&mut menu(&items), &mut |menu| {
                let mut seen: BTreeMap<String, String> = BTreeMap::new();
                for (title, text) in titles_and_texts(menu, columns) {
                    count += usize::from(!title.ends_with(" >"));
                    let other = seen.insert(text.clone(), title.clone());
                    assert!(other.is_none_or(|other| other == title), "{name}, {columns} columns: {text}");
                }
            });
            assert_eq!(count, items.len(), "{name}: every entry is a row of one of the menus");
        }
    }
}

#[test]
fn debians_recovery_entry_looks_different_from_the_normal_one() {
    let (_, items) = menus().into_iter().find(|(name, _)| name == "debian-12").unwrap();
    for columns in [80, 40] {
        let mut recovery = 0;
        in_each_submenu(&mut menu(&items), &mut |menu| {
            for (title, text) in titles_and_texts(menu, columns) {
                let is_recovery = title.ends_with("(recovery mode)");
                assert_eq!(text.ends_with("(recovery mode)"), is_recovery, "{text}");
                recovery += usize::from(is_recovery);
            }
        });
        assert!(recovery > 0);
    }
}
