//! What the menu looks like: from its state to rows of text, for a terminal of any size.

use super::{
    console::Size,
    menu::{Item, Menu},
    titles,
};

/// What is shown beside the entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// What happens next, on its own or at a key.
    pub next: String,
    /// What happened, oldest first.
    pub messages: Vec<String>,
    /// For each device why nothing on it boots; shown where there is no entry.
    pub explanation: Vec<(String, String)>,
}

/// What keys do, in no more than 79 characters.
const HELP: &str = "Arrows or number, Enter: boot  d: details  r: rescue  b: reboot  p: power off";

/// What to do where there is nothing to boot.
const ADVICE: [&str; 2] = [
    "Attach a disk with an installed system: it boots as soon as it is found.",
    "r: rescue console  b: reboot  p: power off",
];

/// Messages that are shown at most.
const MESSAGES: usize = 4;

/// A row is broken into no more than these.
const BROKEN: usize = 30;

/// The rows of the whole screen.
#[must_use]
pub fn picture(menu: &Menu, status: &Status, size: Size) -> Vec<String> {
    let mut rows = vec![format!("firstlight {}", env!("CARGO_PKG_VERSION")), String::new()];
    let mut below = vec![String::new()];
    if !status.next.is_empty() {
        below.push(status.next.clone());
    }
    let older = status.messages.len().saturating_sub(MESSAGES);
    let messages = status.messages.iter().skip(older);
    below.extend(messages.flat_map(|message| wrapped(message, size.columns, "")));
    let nothing = menu.items().is_empty();
    if nothing && !status.explanation.is_empty() {
        below.extend(ADVICE.map(str::to_owned));
    } else if !nothing {
        below.push(HELP.to_owned());
    }
    let room = size.rows.saturating_sub(rows.len()).saturating_sub(below.len());
    let middle = match menu.detailed() {
        Some(item) => details(item, size.columns),
        None if nothing => explanation(status, size.columns),
        None => list(menu, room, size.columns),
    };
    rows.extend(middle.into_iter().take(room));
    rows.extend(below);
    rows
}

/// A row's problem has this part of it at most where the title needs the rest.
const PROBLEM_PART: usize = 3;

/// As many entries around the selected one as there is room for.
fn list(menu: &Menu, room: usize, columns: usize) -> Vec<String> {
    let count = menu.items().len();
    let first = menu.selected().saturating_sub(room / 2).min(count.saturating_sub(room));
    let digits = count.to_string().len();
    // Before a title stand two marks, the number and two blanks; the last column stays free.
    let columns = columns.saturating_sub(digits.saturating_add(5));
    let limits = menu.items().iter().map(|item| {
        let problem = item.problem.as_ref().map_or(0, |problem| problem.chars().count().saturating_add(3));
        (item.title.as_str(), columns.saturating_sub(problem.min(columns / PROBLEM_PART)))
    });
    let titles = titles::fitting(&limits.collect::<Vec<_>>());
    let shown = menu.items().iter().zip(titles).enumerate().skip(first).take(room);
    let mut rows: Vec<String> = shown
        .map(|(place, (item, title))| {
            let pointer = if place == menu.selected() { '>' } else { ' ' };
            let default = if item.default { '*' } else { ' ' };
            let number = place.saturating_add(1);
            let problem = item.problem.as_ref().map_or_else(String::new, |problem| format!(" ({problem})"));
            format!("{pointer}{default}{number:>digits$}  {title}{problem}")
        })
        .collect();
    if !menu.typed().is_empty() {
        rows.truncate(room.saturating_sub(1));
        rows.push(format!("  {:>digits$}_", menu.typed()));
    }
    rows
}

fn details(item: &Item, columns: usize) -> Vec<String> {
    let mut rows = vec![item.title.clone(), String::new()];
    let width = item.details.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (name, value) in &item.details {
        let indent = " ".repeat(width.saturating_add(4));
        rows.extend(wrapped(&format!("  {name:width$}  {value}"), columns, &indent));
    }
    rows
}

fn explanation(status: &Status, columns: usize) -> Vec<String> {
    if status.explanation.is_empty() {
        return Vec::new();
    }
    let mut rows = vec!["Nothing to boot was found.".to_owned(), String::new()];
    for (device, reason) in &status.explanation {
        rows.extend(wrapped(&format!("  {device}: {reason}"), columns, "    "));
    }
    rows
}

/// Breaks a row between words so that it fits into the terminal; what continues a row is indented.
fn wrapped(row: &str, columns: usize, indent: &str) -> Vec<String> {
    let width = columns.saturating_sub(1).max(indent.len().saturating_add(1));
    let mut rows = Vec::new();
    let mut rest = row.to_owned();
    while rest.chars().count() > width && rows.len() < BROKEN {
        let end = rest.char_indices().nth(width).map_or(rest.len(), |(end, _)| end);
        let text_begins = rest.len().saturating_sub(rest.trim_start().len());
        let blank = rest.get(..end.saturating_add(1)).and_then(|head| head.rfind(' '));
        let end = blank.filter(|blank| *blank > text_begins).unwrap_or(end);
        let (head, tail) = rest.split_at_checked(end).unwrap_or((&rest, ""));
        let tail = format!("{indent}{}", tail.trim_start());
        rows.push(head.to_owned());
        rest = tail;
    }
    rows.push(rest);
    rows
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ui::keys::Key;

    const SERIAL: Size = Size { columns: 80, rows: 24 };

    fn debian() -> Menu {
        let item = |id: &str, title: &str| Item { id: id.into(), title: title.into(), ..Item::default() };
        let mut menu = Menu::default();
        menu.offer(vec![
            Item {
                default: true,
                details: vec![
                    ("written in", "sda2 /boot/grub/grub.cfg, line 132".into()),
                    ("kernel", "sda2 /boot/vmlinuz-6.1.0-56-amd64".into()),
                    ("initrd", "sda2 /boot/initrd.img-6.1.0-56-amd64".into()),
                    (
                        "command line",
                        "BOOT_IMAGE=/boot/vmlinuz-6.1.0-56-amd64 root=UUID=9f0a4f6c-07a5-4a4a-8b5b-5d5dbb1ae6d1 ro quiet"
                            .into(),
                    ),
                ],
                ..item("simple", "Debian GNU/Linux")
            },
            item("advanced", "Advanced options for Debian GNU/Linux > Debian GNU/Linux, with Linux 6.1.0-56-amd64"),
            Item { problem: Some("the kernel is missing".into()), ..item("old", "Debian with Linux 6.1.0-41") },
        ]);
        menu
    }

    #[test]
    fn the_countdown_shows_what_boots_and_how_to_stop_it() {
        let status = Status {
            next: "Debian GNU/Linux boots in 5 s. Any key stops the countdown.".into(),
            ..Status::default()
        };
        assert_eq!(picture(&debian(), &status, SERIAL), golden(include_str!("golden/countdown.txt")));
    }

    #[test]
    fn failures_stand_below_the_list_and_typed_digits_in_it() {
        let mut menu = debian();
        menu.press(Key::Character('2'));
        let message = "kexec: sda2 /boot/vmlinuz-6.1.0-56-amd64: refused (EKEYREJECTED): the kernel is not signed by a \
                       key of this machine; boot a signed kernel or turn lockdown off";
        let status = Status { messages: vec![message.into()], ..Status::default() };
        assert_eq!(picture(&menu, &status, SERIAL), golden(include_str!("golden/failure.txt")));
    }

    #[test]
    fn details_say_where_an_entry_came_from_and_what_it_will_do() {
        let mut menu = debian();
        menu.press(Key::Character('d'));
        assert_eq!(picture(&menu, &Status::default(), SERIAL), golden(include_str!("golden/details.txt")));
    }

    #[test]
    fn where_nothing_boots_each_device_says_why() {
        let explanation = vec![
            ("sda1".into(), "vfat, no boot configuration, no kernel in / or /boot".into()),
            ("sda2".into(), "crypto_LUKS: encrypted".into()),
        ];
        let status = Status { explanation, ..Status::default() };
        assert_eq!(picture(&Menu::default(), &status, SERIAL), golden(include_str!("golden/nothing.txt")));
    }

    #[test]
    fn a_long_list_scrolls_with_the_selection() {
        let mut menu = Menu::default();
        let items = (1..=100).map(|number| Item {
            id: number.to_string(),
            title: format!("entry {number}"),
            ..Item::default()
        });
        menu.offer(items.collect());
        for (keys, first, last) in
            [("1", "entry 1", "entry 19"), ("50", "entry 40", "entry 59"), ("100", "entry 81", "entry 100")]
        {
            keys.chars().for_each(|digit| {
                menu.press(Key::Character(digit));
            });
            menu.press(Key::Escape);
            let rows = list(&menu, 20, 80);
            assert!(rows[0].ends_with(first) || first == "entry 1", "{rows:?}");
            assert!(rows.iter().any(|row| row.ends_with(last)), "{rows:?}");
            assert_eq!(rows.len(), 20);
        }
    }

    fn golden(text: &str) -> Vec<String> {
        text.lines().map(|line| line.replace("VERSION", env!("CARGO_PKG_VERSION"))).collect()
    }

    proptest! {
        #[test]
        fn the_picture_fits_every_terminal(columns in 0..200_usize, rows in 6..60_usize, count in 0..50_usize, message in ".{0,300}") {
            let mut menu = Menu::default();
            menu.offer(vec![Item { title: message.clone(), ..Item::default() }; count]);
            let picture = picture(&menu, &Status { next: message, ..Status::default() }, Size { columns, rows });
            prop_assert!(picture.len() <= rows);
        }

        #[test]
        fn wrapping_loses_no_word(words in prop::collection::vec("[a-z]{1,20}", 0..30)) {
            let row = words.join(" ");
            let rows = wrapped(&row, 60, "    ");
            let kept: Vec<&str> = rows.iter().flat_map(|row| row.split_whitespace()).collect();
            prop_assert_eq!(kept, words);
        }
    }
}
