//! The menu: which row is chosen, and what a key does to it. What it looks like is [`super::picture`]'s.

use super::keys::Key;

/// So many digits name a row; more are no number of one.
const DIGITS: usize = 4;

/// How far Page Up and Page Down go, in rows.
const PAGE: usize = 10;

/// One row: an entry that can be chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Item {
    /// The entry's id.
    pub id: String,
    /// Its title, with those of the submenus that lead to it.
    pub title: String,
    /// It boots on its own.
    pub default: bool,
    /// Why it cannot boot or has not booted.
    pub problem: Option<String>,
    /// What it is and what it will do, for those who ask: names and values.
    pub details: Vec<(&'static str, String)>,
}

/// What a person wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Boot the entry with this id.
    Boot(String),
    /// Open the rescue console.
    Rescue,
    /// Restart the machine.
    Reboot,
    /// Switch the machine off.
    PowerOff,
    /// Draw everything anew.
    Redraw,
}

/// The state of the menu.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Menu {
    items: Vec<Item>,
    selected: usize,
    moved: bool,
    typed: String,
    details: bool,
}

impl Menu {
    /// Takes new rows. The selection stays on its entry; as long as nobody has moved it, it is on the default.
    pub fn offer(&mut self, items: Vec<Item>) {
        let id = self.items.get(self.selected).map(|item| item.id.clone());
        let default = || items.iter().position(|item| item.default);
        let place =
            if self.moved { items.iter().position(|item| Some(&item.id) == id.as_ref()) } else { None };
        self.selected = place.or_else(default).unwrap_or(0);
        self.items = items;
    }

    /// The rows.
    #[must_use]
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// Place of the selected row.
    #[must_use]
    pub fn selected(&self) -> usize {
        self.selected
    }

    /// Digits that were typed and not yet acknowledged.
    #[must_use]
    pub fn typed(&self) -> &str {
        &self.typed
    }

    /// The row whose details are shown.
    #[must_use]
    pub fn detailed(&self) -> Option<&Item> {
        if self.details { self.items.get(self.selected) } else { None }
    }

    /// What a key asks for, if it asks for something outside of the menu.
    pub fn press(&mut self, key: Key) -> Option<Choice> {
        let typed = std::mem::take(&mut self.typed);
        match key {
            Key::Enter => {
                if !typed.is_empty() && !self.select_number(&typed) {
                    return None;
                }
                self.moved = true;
                return self.items.get(self.selected).map(|item| Choice::Boot(item.id.clone()));
            }
            Key::Character(digit @ '0'..='9') => {
                self.typed = typed;
                if self.typed.len() < DIGITS {
                    self.typed.push(digit);
                }
                let digits = self.typed.clone();
                self.select_number(&digits);
            }
            Key::Backspace => {
                self.typed = typed.get(..typed.len().saturating_sub(1)).unwrap_or("").to_owned();
            }
            Key::Up | Key::Character('k') | Key::Control('p') => self.select(self.selected.saturating_sub(1)),
            Key::Down | Key::Character('j') | Key::Control('n') => {
                self.select(self.selected.saturating_add(1));
            }
            Key::PageUp => self.select(self.selected.saturating_sub(PAGE)),
            Key::PageDown => self.select(self.selected.saturating_add(PAGE)),
            Key::Home => self.select(0),
            Key::End => self.select(usize::MAX),
            Key::Character('d') => self.details = !self.details,
            Key::Escape => self.details = false,
            Key::Character('r') => return Some(Choice::Rescue),
            Key::Character('b') => return Some(Choice::Reboot),
            Key::Character('p') => return Some(Choice::PowerOff),
            Key::Control('l') => return Some(Choice::Redraw),
            Key::Character(_) | Key::Control(_) => {}
        }
        None
    }

    fn select(&mut self, place: usize) {
        self.selected = place.min(self.items.len().saturating_sub(1));
        self.moved = true;
    }

    /// Rows are counted from 1.
    fn select_number(&mut self, digits: &str) -> bool {
        let place = digits.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        let place = place.filter(|place| *place < self.items.len());
        place.into_iter().for_each(|place| self.select(place));
        place.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(count: usize) -> Vec<Item> {
        let item = |number| Item { id: format!("e{number}"), default: number == 2, ..Item::default() };
        (1..=count).map(item).collect()
    }

    /// Presses keys: `^` and `v` for up and down, `!` for Enter, `<` for Backspace, others as they are.
    fn press(keys: &str) -> (usize, Option<Choice>) {
        let mut menu = Menu::default();
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
        (menu.selected() + 1, choice)
    }

    #[test]
    fn keys_move_and_choose() {
        let boot = |id: &str| Some(Choice::Boot(id.into()));
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
            // There is no row 19 or 0: nothing is chosen, and the selection stays where the last good digit put it.
            ("19!", (1, None)),
            ("0!", (2, None)),
            ("99999999!", (9, None)),
            ("r", (2, Some(Choice::Rescue))),
            ("b", (2, Some(Choice::Reboot))),
            ("p", (2, Some(Choice::PowerOff))),
            ("x", (2, None)),
        ];
        for (keys, expected) in cases {
            assert_eq!(press(keys), expected, "{keys}");
        }
    }

    #[test]
    fn the_selection_follows_the_default_until_somebody_moves_it() {
        let mut menu = Menu::default();
        menu.offer(items(1));
        assert_eq!(menu.selected(), 0);
        menu.offer(items(3));
        assert_eq!(menu.selected(), 1);
        menu.press(Key::Down);
        let mut more = items(3);
        more.insert(0, Item { id: "new".into(), ..Item::default() });
        menu.offer(more);
        assert_eq!(menu.items()[menu.selected()].id, "e3");
        menu.offer(vec![]);
        assert_eq!((menu.selected(), menu.press(Key::Enter)), (0, None));
    }

    #[test]
    fn details_come_and_go() {
        let mut menu = Menu::default();
        menu.offer(items(2));
        assert_eq!(menu.detailed(), None);
        menu.press(Key::Character('d'));
        assert_eq!(menu.detailed().map(|item| item.id.as_str()), Some("e2"));
        menu.press(Key::Up);
        assert_eq!(menu.detailed().map(|item| item.id.as_str()), Some("e1"));
        menu.press(Key::Escape);
        assert_eq!(menu.detailed(), None);
    }
}
