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
    menu::{BootMenu, MenuItem},
    picture::{Status, picture},
    screen::Screen,
};
use nix::pty::{Winsize, openpty};
use rustix::{
    fs::{OFlags, fcntl_setfl},
    termios::{OptionalActions, tcgetattr, tcsetattr},
};
use serde_json::Value;

/// The title of each entry after those of its submenus, for each directory of the corpus.
fn menus() -> Vec<(String, Vec<String>)> {
    let corpus = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let directories = fs::read_dir(corpus).unwrap().map(|entry| entry.unwrap().path());
    let title = |entry: &Value| {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let mut parts: Vec<String> =
            entry["path_in_menu"].as_array().into_iter().flatten().map(text).collect();
        parts.push(text(&entry["title"]));
        parts.join(" > ")
    };
    let menu = |directory: PathBuf| {
        let json: Value = serde_json::from_slice(&fs::read(directory.join("expected.json")).ok()?).unwrap();
        let titles = json["entries"].as_array().unwrap().iter().map(title).collect();
        Some((directory.file_name().unwrap().to_string_lossy().into_owned(), titles))
    };
    directories.filter_map(menu).collect()
}

fn menu(titles: &[String]) -> BootMenu {
    let mut menu = BootMenu::default();
    let item = |title: &String| MenuItem { id: title.clone(), title: title.clone(), ..MenuItem::default() };
    menu.offer(titles.iter().map(item).collect());
    menu
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
    for (name, titles) in menus {
        for columns in [80, 40] {
            let rows = shown(&menu(&titles), columns, 4096);
            // Version, empty row; marks and number before the title.
            let texts = rows
                .iter()
                .skip(2)
                .take(titles.len())
                .map(|row| row[2..].trim_start().split_once("  ").unwrap().1);
            let mut seen: BTreeMap<String, &String> = BTreeMap::new();
            for (text, title) in texts.zip(&titles) {
                let other = seen.insert(text.to_owned(), title);
                assert!(other.is_none_or(|other| other == title), "{name}, {columns} columns: {text}");
            }
            assert!(rows.iter().all(|row| row.chars().count() < columns.into()), "{name}: {rows:#?}");
        }
    }
}

#[test]
fn debians_recovery_entry_looks_different_from_the_normal_one() {
    let (_, titles) = menus().into_iter().find(|(name, _)| name == "debian-12").unwrap();
    assert!(titles.iter().any(|title| title.ends_with("(recovery mode)")), "{titles:#?}");
    for columns in [80, 40] {
        let rows = shown(&menu(&titles), columns, 24);
        for (title, row) in titles.iter().zip(rows.iter().skip(2)) {
            assert_eq!(row.ends_with("(recovery mode)"), title.ends_with("(recovery mode)"), "{row}");
        }
    }
}
