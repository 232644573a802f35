//! Which entry `default` means: a number, an id or a title, and `>` between the levels of submenus.

use super::{flavour::Flavour, menu::Item, number};

/// The place of the entry that `default` means: the first if it means none.
#[must_use]
pub fn resolve(default: &str, items: &[Item], flavour: &Flavour) -> Option<usize> {
    let shown = || items.iter().enumerate().filter(|(_, item)| !item.hidden);
    let spec = first(default);
    let number = || {
        let number = number::leading(default)?;
        // What is no place in the menu means the first entry.
        Some(
            usize::try_from(number.value)
                .ok()
                .and_then(|number| shown().nth(number))
                .or_else(|| shown().next())?
                .0,
        )
    };
    let by =
        |matches: &dyn Fn(&Item) -> bool| shown().find(|(_, item)| matches(item)).map(|(index, _)| index);
    let found = if flavour.id_before_number {
        by(&|item| item.id == spec).or_else(|| by(&|item| item.title == spec)).or_else(number)
    } else {
        number().or_else(|| by(&|item| item.title == spec || item.id == spec))
    };
    found.or_else(|| shown().next().map(|(index, _)| index))
}

/// The first level of a default, with `>>` read as `>`.
fn first(default: &str) -> String {
    let end = split(default).unwrap_or(default.len());
    default.get(..end).unwrap_or_default().replace(">>", ">")
}

/// The levels behind the first.
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
