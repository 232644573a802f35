//! The whole screen as rows of text, for a terminal of any size: the menu, what happens next and what has happened.

use super::{console::Size, menu::BootMenu, screen::Picture, wrap::wrapped};

/// The information around the entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// The next event, on its own or at a key.
    pub next: String,
    /// Messages, oldest first.
    pub messages: Vec<String>,
    /// Devices, each with the reason why nothing on it boots; shown where there is no entry.
    pub explanation: Vec<(String, String)>,
}

/// Advice where there is nothing to boot.
const ADVICE: &str = "Attach a disk with an installed system: it boots as soon as it is found.";

/// Maximum number of messages on the screen.
const MESSAGES: usize = 4;

/// The share of the screen, as its divisor, that hints of keys may take.
const HELP_PART: usize = 6;

/// The whole screen.
#[must_use]
pub fn picture(menu: &BootMenu, status: &Status, size: Size) -> Picture {
    let mut rows = vec![format!("firstlight {}", env!("CARGO_PKG_VERSION")), String::new()];
    let mut below = vec![String::new()];
    if !status.next.is_empty() {
        below.push(status.next.clone());
    }
    let older = status.messages.len().saturating_sub(MESSAGES);
    let messages = status.messages.iter().skip(older);
    below.extend(messages.flat_map(|message| wrapped(message, size.columns, "")));
    let nothing = menu.entries().rows().is_empty();
    if nothing && !status.explanation.is_empty() {
        below.push(ADVICE.to_owned());
    }
    if !nothing || !status.explanation.is_empty() {
        // On a narrow terminal the hints take many rows; the entries need them more.
        below.extend(menu.help(size.columns).into_iter().take((size.rows / HELP_PART).max(1)));
    }
    let room = size.rows.saturating_sub(rows.len()).saturating_sub(below.len());
    let mode = menu.view(room, size.columns);
    let is_inside = |cursor: &(usize, usize)| cursor.0 < room;
    let cursor = mode.cursor.filter(is_inside).map(|(row, column)| (rows.len().saturating_add(row), column));
    let middle = if mode.rows.is_empty() { explanation(status, size.columns, room) } else { mode.rows };
    rows.extend(middle.into_iter().take(room));
    rows.extend(below);
    Picture { rows, cursor }
}

/// The reasons for which there is room; the devices beyond them are counted.
fn explanation(status: &Status, columns: usize, room: usize) -> Vec<String> {
    if status.explanation.is_empty() {
        return Vec::new();
    }
    let mut rows = vec!["Nothing to boot was found.".to_owned(), String::new()];
    for (place, (device, reason)) in status.explanation.iter().enumerate() {
        let more = wrapped(&format!("  {device}: {reason}"), columns, "    ");
        let left = status.explanation.len().saturating_sub(place);
        // The last device needs no row for a count after it.
        let count_rows = usize::from(left > 1);
        if rows.len().saturating_add(more.len()).saturating_add(count_rows) > room {
            rows.push(format!("  and {left} more"));
            break;
        }
        rows.extend(more);
    }
    rows
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ui::{
        keys::Key,
        menu::{BootParts, MenuItem},
    };

    const CMDLINE: &str =
        "BOOT_IMAGE=/boot/vmlinuz-6.1.0-56-amd64 root=UUID=9f0a4f6c-07a5-4a4a-8b5b-5d5dbb1ae6d1 ro quiet";

    const SERIAL: Size = Size { columns: 80, rows: 24 };

    fn debian() -> BootMenu {
        let item =
            |id: &str, title: &str| MenuItem { id: id.into(), title: title.into(), ..MenuItem::default() };
        let advanced = |id: &str, title: &str| MenuItem {
            submenus: vec!["Advanced options for Debian GNU/Linux".into()],
            ..item(id, title)
        };
        let mut menu = BootMenu::default();
        menu.offer(vec![
            MenuItem {
                default: true,
                details: vec![
                    ("written in", "sda2 /boot/grub/grub.cfg, line 132".into()),
                    ("kernel", "sda2 /boot/vmlinuz-6.1.0-56-amd64".into()),
                    ("initrd", "sda2 /boot/initrd.img-6.1.0-56-amd64".into()),
                    ("command line", CMDLINE.into()),
                ],
                parts: Some(BootParts {
                    kernel: "sda2:/boot/vmlinuz-6.1.0-56-amd64".into(),
                    initrds: vec!["sda2:/boot/initrd.img-6.1.0-56-amd64".into()],
                    cmdline: CMDLINE.into(),
                }),
                ..item("simple", "Debian GNU/Linux")
            },
            advanced("advanced", "Debian GNU/Linux, with Linux 6.1.0-56-amd64"),
            advanced("recovery", "Debian GNU/Linux, with Linux 6.1.0-56-amd64 (recovery mode)"),
            MenuItem {
                problem: Some("the kernel is missing".into()),
                ..item("old", "Debian with Linux 6.1.0-41")
            },
        ]);
        menu
    }

    #[test]
    fn the_countdown_shows_what_boots_and_how_to_stop_it() {
        let status = Status {
            next: "Debian GNU/Linux boots in 5 s. Any key stops the countdown.".into(),
            ..Status::default()
        };
        assert_eq!(picture(&debian(), &status, SERIAL).rows, golden(include_str!("golden/countdown.txt")));
    }

    #[test]
    fn failures_are_below_the_list_and_typed_digits_in_it() {
        let mut menu = debian();
        menu.press(Key::Character('2'));
        let message = "kexec: sda2 /boot/vmlinuz-6.1.0-56-amd64: refused (EKEYREJECTED): the kernel is not signed by a \
                       key of this machine; boot a signed kernel or turn lockdown off";
        let status = Status { messages: vec![message.into()], ..Status::default() };
        assert_eq!(picture(&menu, &status, SERIAL).rows, golden(include_str!("golden/failure.txt")));
    }

    #[test]
    fn details_say_where_an_entry_came_from_and_what_it_will_do() {
        let mut menu = debian();
        menu.press(Key::Character('d'));
        assert_eq!(
            picture(&menu, &Status::default(), SERIAL).rows,
            golden(include_str!("golden/details.txt"))
        );
    }

    #[test]
    fn every_key_is_explained_on_a_screen_of_the_usual_size() {
        let mut menu = debian();
        menu.press(Key::Character('?'));
        assert_eq!(picture(&menu, &Status::default(), SERIAL).rows, golden(include_str!("golden/keys.txt")));
        // Where there is no entry, too.
        let mut menu = BootMenu::default();
        menu.press(Key::Character('?'));
        assert!(
            picture(&menu, &Status::default(), SERIAL)
                .rows
                .contains(&"  r                Opens the rescue console.".into())
        );
    }

    #[test]
    fn where_nothing_boots_each_device_says_why() {
        let explanation = vec![
            ("sda1".into(), "vfat, no boot configuration, no kernel in / or /boot".into()),
            ("sda2".into(), "crypto_LUKS: encrypted".into()),
        ];
        let status = Status { explanation, ..Status::default() };
        assert_eq!(
            picture(&BootMenu::default(), &status, SERIAL).rows,
            golden(include_str!("golden/nothing.txt"))
        );
    }

    #[test]
    fn the_devices_for_which_there_is_no_room_are_counted() {
        let reason = "no file system that is known";
        let explanation = (1..=42).map(|number| (format!("sda{number}"), reason.to_owned())).collect();
        let status = Status { explanation, ..Status::default() };
        let rows = picture(&BootMenu::default(), &status, SERIAL).rows;
        let shown = rows.iter().filter(|row| row.ends_with(reason)).count();
        assert!(shown >= 14, "{rows:#?}");
        assert!(rows.contains(&format!("  and {} more", 42 - shown)), "{rows:#?}");
        assert!(rows.len() <= SERIAL.rows);
    }

    #[test]
    fn a_long_list_scrolls_with_the_selection() {
        let mut menu = BootMenu::default();
        let items = (1..=100).map(|number| MenuItem {
            id: number.to_string(),
            title: format!("entry {number}"),
            ..MenuItem::default()
        });
        menu.offer(items.collect());
        for (keys, first, last) in [
            ("1", "entry 1", "81 more below"),
            ("50", "40 more above", "42 more below"),
            ("100", "81 more above", "entry 100"),
        ] {
            keys.chars().for_each(|digit| {
                menu.press(Key::Character(digit));
            });
            menu.press(Key::Escape);
            let rows = menu.view(20, 80).rows;
            let text =
                |row: &String| row.trim_start_matches("  ... ").rsplit("  ").next().unwrap().to_owned();
            let ends = [rows.first().unwrap(), rows.last().unwrap()].map(text);
            assert_eq!((ends, rows.len()), ([first, last].map(str::to_owned), 20), "{rows:?}");
            assert!(rows.iter().any(|row| row.starts_with('>')), "{rows:?}");
        }
    }

    /// Types into what an entry's key opens, and gives the rows and the cursor.
    fn typed(keys: &str) -> Picture {
        let mut menu = debian();
        keys.chars().for_each(|key| {
            menu.press(Key::Character(key));
        });
        picture(&menu, &Status::default(), SERIAL)
    }

    #[test]
    fn what_is_typed_is_on_the_screen_with_the_cursor_after_it() {
        for (keys, expected, row) in [
            ("eqx", include_str!("golden/editor.txt"), "ro quietqx"),
            ("/with", include_str!("golden/search.txt"), "Search: with"),
        ] {
            let Picture { rows, cursor } = typed(keys);
            assert_eq!(rows, golden(expected), "{keys}");
            let (at, column) = cursor.unwrap();
            assert!(rows[at].ends_with(row) && rows[at].len() == column, "{keys}: {cursor:?}");
        }
    }

    #[test]
    fn a_submenu_opens_in_the_place_of_the_list_and_closes_again() {
        let mut menu = debian();
        let shown = |menu: &BootMenu| picture(menu, &Status::default(), SERIAL).rows;
        let above = shown(&menu);
        for key in [Key::Down, Key::Character('d')] {
            menu.press(key);
        }
        assert_eq!(shown(&menu), golden(include_str!("golden/submenu-details.txt")));
        for key in [Key::Escape, Key::Enter, Key::Down] {
            assert_eq!(menu.press(key), None);
        }
        assert_eq!(shown(&menu), golden(include_str!("golden/submenu.txt")));
        for key in [Key::Left, Key::Escape, Key::Up] {
            menu.press(key);
        }
        assert_eq!(shown(&menu), above);
    }

    fn golden(text: &str) -> Vec<String> {
        text.lines().map(|line| line.replace("VERSION", env!("CARGO_PKG_VERSION"))).collect()
    }

    proptest! {
        #[test]
        fn the_picture_fits_every_terminal(columns in 0..200_usize, rows in 6..60_usize, count in 0..50_usize, message in ".{0,300}") {
            let mut menu = BootMenu::default();
            menu.offer(vec![MenuItem { title: message.clone(), ..MenuItem::default() }; count]);
            let picture = picture(&menu, &Status { next: message, ..Status::default() }, Size { columns, rows });
            prop_assert!(picture.rows.len() <= rows);
        }
    }
}
