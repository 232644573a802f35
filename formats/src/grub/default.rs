//! Which entry `default` means: a number, an id or a title, and `>` between the levels of submenus.

use super::{flavour::Flavour, menu::MenuItem, number};

/// The place of the entry that `default` means: the first if it means none.
#[must_use]
pub fn resolve(default: &str, items: &[MenuItem], flavour: &Flavour) -> Option<usize> {
    let spec = first(default);
    let number = || place(items, number::leading(default)?.value).or_else(|| place(items, 0));
    let found = if flavour.id_before_number {
        named(&spec, items, flavour).or_else(number)
    } else {
        // A word that is no place in the menu means the first entry, too.
        number().or_else(|| named(&spec, items, flavour))
    };
    found.or_else(|| place(items, 0))
}

/// The places of the entries that `fallback` lists, up to the first thing that means none.
#[must_use]
pub fn fallback(list: &str, items: &[MenuItem], flavour: &Flavour) -> Vec<usize> {
    let mut places = Vec::new();
    let mut rest = list.trim_start();
    while let Some(word) = rest.split_whitespace().next() {
        let by_name = flavour.id_before_number.then(|| named(word, items, flavour)).flatten();
        // Upstream's next word begins where the number ends, with or without a space.
        let number = number::leading(rest);
        let number =
            number.filter(|it| !flavour.id_before_number || it.rest.is_empty() || it.rest.starts_with(' '));
        let found = match (by_name, number) {
            (Some(found), _) => Some((found, rest.get(word.len()..).unwrap_or_default())),
            (None, Some(number)) => place(items, number.value).map(|found| (found, number.rest)),
            (None, None) => None,
        };
        let Some((found, after)) = found else { break };
        places.push(found);
        rest = after.trim_start();
    }
    places
}

/// The entry with this number, hidden ones not counted.
fn place(items: &[MenuItem], number: u64) -> Option<usize> {
    let mut shown = items.iter().enumerate().filter(|(_, item)| !item.hidden);
    Some(shown.nth(usize::try_from(number).ok()?)?.0)
}

/// The entry with this id or title; where ids count before numbers, they also count before titles.
fn named(name: &str, items: &[MenuItem], flavour: &Flavour) -> Option<usize> {
    let by =
        |matches: &dyn Fn(&MenuItem) -> bool| items.iter().position(|item| !item.hidden && matches(item));
    match flavour.id_before_number {
        true => by(&|item| item.id == name).or_else(|| by(&|item| item.title == name)),
        false => by(&|item| item.title == name || item.id == name),
    }
}

/// The first level of a default, with `>>` read as `>`.
fn first(default: &str) -> String {
    let end = split(default).unwrap_or(default.len());
    default.get(..end).unwrap_or_default().replace(">>", ">")
}

/// The levels after the first.
#[must_use]
pub fn behind_first(default: &str) -> Option<&str> {
    split(default).and_then(|at| default.get(at.saturating_add(1)..))
}

/// The place of the first single `>`.
fn split(default: &str) -> Option<usize> {
    let mut characters = default.char_indices().peekable();
    while let Some((index, c)) = characters.next() {
        if c == '>' && characters.next_if(|(_, next)| *next == '>').is_none() {
            return Some(index);
        }
    }
    None
}
