//! Keys and what comes of them.

use super::*;

fn items(count: usize) -> Vec<MenuItem> {
    let item = |number| MenuItem { id: format!("e{number}"), default: number == 2, ..MenuItem::default() };
    (1..=count).map(item).collect()
}

fn selected(menu: &BootMenu) -> Option<&str> {
    menu.entries().selected().map(|item| item.id.as_str())
}

/// Presses keys: `^` and `v` for up and down, `!` for Enter, `<` for Backspace, others as they are.
fn press(keys: &str) -> (usize, Option<MenuChoice>) {
    let mut menu = BootMenu::default();
    menu.offer(items(15));
    let mut choice = None;
    for key in keys.chars() {
        choice = menu.press(match key {
            '^' => Key::Up,
            'v' => Key::Down,
            '!' => Key::Enter,
            '<' => Key::Backspace,
            'H' => Key::Home,
            'E' => Key::End,
            'D' => Key::PageDown,
            _ => Key::Character(key),
        });
    }
    (menu.entries().place() + 1, choice)
}

#[test]
fn keys_move_and_choose() {
    let boot = |id: &str| Some(MenuChoice::Boot(id.into()));
    let cases = [
        ("", (2, None)),
        ("!", (2, boot("e2"))),
        ("v!", (3, boot("e3"))),
        ("^^^", (1, None)),
        ("EE", (15, None)),
        ("ED^", (14, None)),
        ("HD", (11, None)),
        ("7!", (7, boot("e7"))),
        ("12!", (12, boot("e12"))),
        ("12<!", (1, boot("e1"))),
        // Another key ends the number.
        ("1x2!", (2, boot("e2"))),
        ("1v2!", (2, boot("e2"))),
        ("1ä2!", (2, boot("e2"))),
        // There is no row 19 or 0: nothing is chosen, and the selection stays where the last good digit put it.
        ("19!", (1, None)),
        ("0!", (2, None)),
        ("99999999!", (9, None)),
        ("r", (2, Some(MenuChoice::Rescue))),
        ("b", (2, Some(MenuChoice::Reboot))),
        ("t", (2, None)),
        ("p", (2, None)),
        ("pp", (2, Some(MenuChoice::PowerOff))),
        ("pb", (2, Some(MenuChoice::Reboot))),
        ("pf", (2, Some(MenuChoice::FirmwareSetup))),
        ("x", (2, None)),
    ];
    for (keys, expected) in cases {
        assert_eq!(press(keys), expected, "{keys}");
    }
}

#[test]
fn the_selection_follows_the_default_until_somebody_moves_it() {
    let mut menu = BootMenu::default();
    menu.offer(items(1));
    assert_eq!(selected(&menu), Some("e1"));
    menu.offer(items(3));
    assert_eq!(selected(&menu), Some("e2"));
    menu.press(Key::Down);
    let mut more = items(3);
    more.insert(0, MenuItem { id: "new".into(), ..MenuItem::default() });
    menu.offer(more);
    assert_eq!(selected(&menu), Some("e3"));
    menu.offer(vec![]);
    assert_eq!(selected(&menu), None);
    assert_eq!(menu.press(Key::Enter), None);
}

#[test]
fn the_mode_on_top_gets_a_key_first_and_what_it_leaves_goes_to_the_list() {
    let top = |menu: &BootMenu| menu.top().name();
    for close in [Key::Escape, Key::Character('d')] {
        let mut menu = BootMenu::default();
        menu.offer(items(3));
        assert_eq!(top(&menu), ModeName::List);
        menu.press(Key::Character('d'));
        menu.press(Key::Up);
        assert_eq!((top(&menu), selected(&menu)), (ModeName::Details, Some("e1")));
        menu.press(close);
        assert_eq!(top(&menu), ModeName::List);
        // There is nothing below the list.
        menu.press(Key::Escape);
        assert_eq!(top(&menu), ModeName::List);
    }
    let mut menu = BootMenu::default();
    menu.offer(items(3));
    menu.press(Key::Character('d'));
    assert_eq!(menu.press(Key::Enter), Some(MenuChoice::Boot("e2".into())));
    assert_eq!(menu.press(Key::Character('b')), Some(MenuChoice::Reboot));
}

#[test]
fn modes_are_left_in_the_order_in_which_they_were_opened() {
    let mut menu = BootMenu::default();
    menu.offer(items(3));
    for (key, expected) in [
        ('d', ModeName::Details),
        ('?', ModeName::Help),
        // The list below does not see what is no key of the mode on top.
        ('d', ModeName::Help),
        ('2', ModeName::Help),
        ('h', ModeName::Details),
        ('d', ModeName::List),
    ] {
        assert_eq!(menu.press(Key::Character(key)), None);
        assert_eq!(menu.top().name(), expected, "{key}");
    }
}

/// A mode that another may write later: it takes every character.
#[derive(Debug, Default)]
struct Prompt {
    text: String,
}

impl Mode for Prompt {
    fn name(&self) -> ModeName {
        ModeName::Details
    }

    fn view(&self, _: &Entries, _: usize, _: usize) -> Picture {
        vec![self.text.clone()].into()
    }

    fn take(&mut self, command: Option<KeyCommand>, key: Key, _: &mut Entries) -> Step {
        match (command, key) {
            (Some(KeyCommand::Digit) | None, Key::Character(character)) => {
                self.text.push(character);
                Step::Done
            }
            _ => Step::Pass,
        }
    }
}

#[test]
fn a_further_mode_takes_text_and_leaves_the_other_keys_to_those_below() {
    let mut menu = BootMenu::default();
    menu.offer(items(3));
    menu.above.push(Box::new(Prompt::default()));
    for character in "3 äß統".chars() {
        menu.press(Key::Character(character));
    }
    assert_eq!((menu.view(20, 80).rows, selected(&menu)), (vec!["3 äß統".to_owned()], Some("e2")));
    menu.press(Key::Down);
    assert_eq!(selected(&menu), Some("e3"));
}

/// Entries at the top and in submenus: `a/b/title`, the default with `*` before it.
fn folded(titles: &[&str]) -> Vec<MenuItem> {
    let item = |title: &&str| {
        let mut submenus: Vec<String> = title.trim_start_matches('*').split('/').map(str::to_owned).collect();
        let own = submenus.pop().unwrap();
        MenuItem {
            id: own.clone(),
            submenus,
            title: own,
            default: title.starts_with('*'),
            ..MenuItem::default()
        }
    };
    titles.iter().map(item).collect()
}

/// The submenu that is open, its rows, and the selected one with `>` before it.
fn listed(menu: &BootMenu) -> String {
    let entries = menu.entries();
    let name = |(place, row): (usize, &Row)| {
        let name = match row {
            Row::Item(place) => entries.items()[*place].title.clone(),
            Row::Submenu { title, places, default } => {
                format!("{title}/{}{}", places.len(), if *default { "*" } else { "" })
            }
        };
        if place == entries.place() { format!(">{name}") } else { name }
    };
    let rows: Vec<String> = entries.rows().iter().enumerate().map(name).collect();
    format!("[{}] {}", entries.open_submenu().join("/"), rows.join(" "))
}

#[test]
fn submenus_are_rows_that_open_and_close() {
    let mut menu = BootMenu::default();
    menu.offer(folded(&["one", "m/two", "*m/n/three", "m/n/four", "five", "m/six"]));
    for (key, expected) in [
        (Key::Control('l'), "[] one >m/4* five"),
        (Key::Enter, "[m] two >n/2* six"),
        (Key::Right, "[m/n] >three four"),
        (Key::Down, "[m/n] three >four"),
        (Key::Left, "[m] two >n/2* six"),
        (Key::Up, "[m] >two n/2* six"),
        (Key::Escape, "[] one >m/4* five"),
        (Key::Escape, "[] one >m/4* five"),
        (Key::Character('3'), "[] one m/4* >five"),
        (Key::Character('2'), "[] one m/4* >five"),
    ] {
        let choice = menu.press(key);
        assert_eq!(listed(&menu), expected, "{key}");
        assert!(matches!(choice, None | Some(MenuChoice::Redraw)), "{choice:?}");
    }
}

#[test]
fn an_open_submenu_stays_open_when_entries_come_and_closes_when_its_own_go() {
    let mut menu = BootMenu::default();
    menu.offer(folded(&["*one", "m/two", "m/three"]));
    [Key::Down, Key::Enter, Key::Down].into_iter().for_each(|key| drop(menu.press(key)));
    assert_eq!(listed(&menu), "[m] two >three");
    menu.offer(folded(&["new", "*one", "m/newer", "m/two", "m/three"]));
    assert_eq!(listed(&menu), "[m] newer two >three");
    menu.offer(folded(&["*one", "other"]));
    assert_eq!(listed(&menu), "[] >one other");
}

#[test]
fn a_search_finds_entries_in_submenus_and_gives_the_place_back() {
    let mut menu = BootMenu::default();
    menu.offer(folded(&["*one", "m/two", "m/n/three", "four"]));
    menu.press(Key::Down);
    "/m thr".chars().for_each(|key| drop(menu.press(Key::Character(key))));
    assert_eq!(listed(&menu), "[m/n] >three");
    menu.press(Key::Escape);
    assert_eq!(listed(&menu), "[] one >m/2 four");
    "/thr".chars().for_each(|key| drop(menu.press(Key::Character(key))));
    menu.press(Key::Enter);
    assert_eq!(menu.press(Key::Enter), Some(MenuChoice::Boot("three".into())));
}

#[test]
fn a_hotkey_boots_its_entry_unless_the_menu_has_the_key_itself() {
    let with_key = |id: &str, key| MenuItem { id: id.into(), hotkey: Key::named(key), ..MenuItem::default() };
    let mut below = with_key("below", "x");
    below.submenus = vec!["m".into()];
    let hidden = MenuItem { hidden: true, ..with_key("hidden", "h") };
    let unseen = MenuItem { hidden: true, ..with_key("unseen", "u") };
    let items = vec![
        with_key("plain", ""),
        with_key("rescue", "r"),
        with_key("live", "L"),
        with_key("test", "f5"),
        hidden,
        below,
        unseen,
    ];
    for (key, expected) in [
        (Key::Character('L'), Some(MenuChoice::Boot("live".into()))),
        (Key::Function(5), Some(MenuChoice::Boot("test".into()))),
        (Key::Character('x'), Some(MenuChoice::Boot("below".into()))),
        (Key::Character('u'), Some(MenuChoice::Boot("unseen".into()))),
        (Key::Character('r'), Some(MenuChoice::Rescue)),
        // It opens the help.
        (Key::Character('h'), None),
        (Key::Character('z'), None),
    ] {
        let mut menu = BootMenu::default();
        menu.offer(items.clone());
        assert_eq!(menu.press(key), expected, "{key}");
    }
}

#[test]
fn entries_of_several_systems_are_below_headings_that_are_no_rows() {
    let item = |title: &str, group: &str| MenuItem {
        id: title.into(),
        title: title.into(),
        group: group.into(),
        ..MenuItem::default()
    };
    let mut menu = BootMenu::default();
    menu.offer(vec![
        item("one", "sda2, root"),
        item("two", "sda2, root"),
        item("three", "sdb1, a longer name"),
    ]);
    menu.press(Key::Character('3'));
    menu.press(Key::Escape);
    for (room, columns, expected) in [
        (9, 20, vec!["sda2, root", "  1  one", "  2  two", "sdb1, a longer name", "> 3  three"]),
        // The headings are no entries that would be counted.
        (5, 40, vec!["sda2, root", "  1  one", "  2  two", "sdb1, a longer name", "> 3  three"]),
        // There is no room for headings.
        (4, 40, vec!["  1  one", "  2  two", "> 3  three"]),
    ] {
        assert_eq!(menu.view(room, columns).rows, expected, "{room} rows of {columns} columns");
    }
    // One system needs no heading.
    menu.offer(vec![item("one", "sda2, root"), item("two", "sda2, root")]);
    assert_eq!(menu.view(9, 40).rows, ["> 1  one", "  2  two"]);
}

#[test]
fn version_and_age_are_at_the_end_of_a_row_that_has_room_and_does_not_say_it() {
    let item = |title: &str, version: &str| MenuItem {
        id: title.into(),
        title: title.into(),
        version: version.into(),
        ..MenuItem::default()
    };
    let mut menu = BootMenu::default();
    menu.offer(vec![
        item("Debian", "6.1.0-56"),
        item("Linux 6.1.0-56", "6.1.0-56"),
        item("統", "6"),
        item("Arch", ""),
    ]);
    for (columns, expected) in [
        (
            28,
            [
                "> 1  Debian        6.1.0-56",
                "  2  Linux 6.1.0-56",
                "  3  統                   6",
                "  4  Arch",
            ],
        ),
        (22, ["> 1  Debian  6.1.0-56", "  2  Linux 6.1.0-56", "  3  統             6", "  4  Arch"]),
        (21, ["> 1  Debian", "  2  Linux 6.1.0-56", "  3  統            6", "  4  Arch"]),
    ] {
        assert_eq!(menu.view(9, columns).rows, expected, "{columns} columns");
    }
    let item = |title: &str, age: &str| MenuItem { age: age.into(), ..item(title, "6.1.0-56") };
    menu.offer(vec![item("Debian", "12 days"), item("Linux 6.1.0-56", "100 minutes"), item("Arch", "")]);
    for (columns, expected) in [
        (
            40,
            [
                "> 1  Debian       6.1.0-56      12 days",
                "  2  Linux 6.1.0-56         100 minutes",
                "  3  Arch                      6.1.0-56",
            ],
        ),
        (
            34,
            [
                "> 1  Debian              6.1.0-56",
                "  2  Linux 6.1.0-56   100 minutes",
                "  3  Arch                6.1.0-56",
            ],
        ),
    ] {
        let expected = expected.map(str::to_owned);
        assert_eq!(menu.view(9, columns).rows, expected, "{columns} columns");
    }
}
