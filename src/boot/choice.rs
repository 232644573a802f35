//! Which entry a person means by a word: its id, its title, its number in the list, or the beginning of either.

use super::nearest::nearest;
use crate::entry::Entry;

/// Why a word names no entry.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChoiceError {
    /// Nothing boots by itself, and nothing was named.
    #[error("no entry boots on its own here; name one of the list")]
    NoDefault,
    /// It names none.
    #[error("no entry `{0}` in the list")]
    Unknown(String),
    /// It names none, and one is called almost so.
    #[error("no entry `{0}`; is `{1}` meant?")]
    Near(String, String),
    /// It names several.
    #[error("`{0}` may be any of {1}; say which by its id")]
    Ambiguous(String, String),
}

/// The entries of a menu, in the order of their numbers, which begin with 1.
pub fn shown(entries: &[Entry]) -> impl Iterator<Item = (usize, &Entry)> {
    (1..).zip(entries.iter().filter(|entry| !entry.hidden))
}

/// The entry that `wanted` names, the default without it. An id counts before a title, that before a number, and that
/// before the beginning of an id or a title, in which the case of ASCII's letters does not matter.
///
/// # Errors
/// [`ChoiceError`] says what else might be meant.
pub fn choose<'a>(
    entries: &'a [Entry],
    default: Option<&str>,
    wanted: Option<&str>,
) -> Result<&'a Entry, ChoiceError> {
    let Some(word) = wanted else {
        let default = entries.iter().find(|entry| Some(entry.id.as_str()) == default);
        return default.ok_or(ChoiceError::NoDefault);
    };
    let number: Option<usize> = word.parse().ok();
    let begins = |text: &str| text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    let ways: [&dyn Fn(&Entry) -> bool; 4] = [
        &|entry| entry.id == word,
        &|entry| entry.title == word || path(entry) == word,
        &|entry| shown(entries).any(|(place, other)| Some(place) == number && other.id == entry.id),
        &|entry| !word.is_empty() && (begins(&entry.id) || begins(&entry.title) || begins(&path(entry))),
    ];
    for way in ways {
        let found: Vec<&Entry> = entries.iter().filter(|entry| way(entry)).collect();
        match found.as_slice() {
            [] => {}
            [only] => return Ok(only),
            several => {
                let ids: Vec<&str> = several.iter().map(|entry| entry.id.as_str()).collect();
                return Err(ChoiceError::Ambiguous(word.to_owned(), ids.join(", ")));
            }
        }
    }
    let names = entries.iter().flat_map(|entry| [entry.id.as_str(), entry.title.as_str()]);
    Err(match nearest(word, names).filter(|_| number.is_none()) {
        Some(near) => ChoiceError::Near(word.to_owned(), near.to_owned()),
        None => ChoiceError::Unknown(word.to_owned()),
    })
}

/// The titles that lead to an entry, joined as GRUB joins them.
fn path(entry: &Entry) -> String {
    let titles = entry.path_in_menu.iter().chain([&entry.title]);
    titles.map(String::as_str).collect::<Vec<_>>().join(">")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boot::samples::entry;

    fn entries() -> Vec<Entry> {
        let named = |id: &str, title: &str| Entry { title: title.into(), ..entry(id, "sda1") };
        vec![
            named("debian-6.1", "Debian GNU/Linux"),
            Entry { hidden: true, ..named("hidden", "Not shown") },
            Entry {
                path_in_menu: vec!["Advanced".into()],
                ..named("debian-5.10", "Debian, with Linux 5.10")
            },
            named("2", "Memory test"),
            named("arch", "Arch Linux"),
            named("arch-lts", "Arch Linux"),
        ]
    }

    #[test]
    fn a_word_names_an_entry_by_id_title_number_or_beginning() {
        let entries = entries();
        for (word, id) in [
            (None, "arch"),
            (Some("debian-5.10"), "debian-5.10"),
            (Some("Debian GNU/Linux"), "debian-6.1"),
            (Some("Advanced>Debian, with Linux 5.10"), "debian-5.10"),
            (Some("hidden"), "hidden"),
            // An id before a number: number 2 is debian-5.10.
            (Some("2"), "2"),
            (Some("1"), "debian-6.1"),
            (Some("3"), "2"),
            (Some("adv"), "debian-5.10"),
            (Some("arch"), "arch"),
            (Some("arch-"), "arch-lts"),
            (Some("mem"), "2"),
        ] {
            let found = choose(&entries, Some("arch"), word).map(|entry| entry.id.as_str());
            assert_eq!(found, Ok(id), "{word:?}");
        }
    }

    #[test]
    fn what_is_not_found_or_not_clear_is_said() {
        let entries = entries();
        for (default, word, message) in [
            (None, None, "no entry boots on its own here; name one of the list"),
            (None, Some("fedora"), "no entry `fedora` in the list"),
            (None, Some("debain-6.1"), "no entry `debain-6.1`; is `debian-6.1` meant?"),
            (None, Some("debian-"), "`debian-` may be any of debian-6.1, debian-5.10; say which by its id"),
            (None, Some("Arch Linux"), "`Arch Linux` may be any of arch, arch-lts; say which by its id"),
            (None, Some("9"), "no entry `9` in the list"),
            (None, Some(""), "no entry `` in the list"),
        ] {
            assert_eq!(choose(&entries, default, word).unwrap_err().to_string(), message);
        }
    }
}
