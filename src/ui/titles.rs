//! Titles that fit a row of the menu and distinguish the entries. A long title loses its middle, since most titles differ at
//! their end (the version, `(recovery mode)`). Where titles still look alike, the text before the difference goes.

use super::wrap::{measure, start, width};
use crate::formats::{sort, text::printable};

/// Replaces the text that is left out.
const GAP: &str = "... ";

/// Maximum number of rounds in which titles that look alike are shortened in another way: in each their common start is longer.
const ROUNDS: usize = 4;

/// A title after those of the submenus that lead to it.
#[must_use]
pub fn joined(submenus: &[String], title: &str) -> String {
    let titles: Vec<&str> = submenus.iter().map(String::as_str).chain([title]).collect();
    titles.join(" > ")
}

/// Shortens each title to the columns that it may take. Titles that differ are shown differently wherever there is room for a
/// number.
#[must_use]
pub fn fitting(titles: &[(&str, usize)]) -> Vec<String> {
    let whole: Vec<String> = titles.iter().map(|(title, _)| printable(title)).collect();
    let columns: Vec<usize> = titles.iter().map(|(_, columns)| *columns).collect();
    let mut shown: Vec<String> =
        whole.iter().zip(&columns).map(|(title, columns)| without_middle(title, *columns)).collect();
    for _ in 0..ROUNDS {
        let groups = alike(&whole, &shown);
        if groups.is_empty() {
            return shown;
        }
        for group in groups {
            let common = common_start(group.iter().filter_map(|place| whole.get(*place)));
            for place in group {
                let (Some(title), Some(columns), Some(row)) =
                    (whole.get(place), columns.get(place), shown.get_mut(place))
                else {
                    continue;
                };
                if row != title {
                    *row = from_difference(title, common, *columns);
                }
            }
        }
    }
    number(&whole, &columns, &mut shown);
    shown
}

/// The places of different titles that are shown the same.
fn alike(whole: &[String], shown: &[String]) -> Vec<Vec<usize>> {
    let differ = |group: &Vec<usize>| {
        let mut titles = group.iter().filter_map(|place| whole.get(*place));
        let first = titles.next();
        titles.any(|title| Some(title) != first)
    };
    let mut groups = groups(shown);
    groups.retain(differ);
    groups
}

/// The places of each text, in their order.
#[must_use]
pub fn groups(texts: &[String]) -> Vec<Vec<usize>> {
    let mut places: Vec<usize> = (0..texts.len()).collect();
    sort::by_key(&mut places, |place| texts.get(*place));
    places.chunk_by(|one, other| texts.get(*one) == texts.get(*other)).map(<[usize]>::to_vec).collect()
}

/// Numbers titles that differ in too many places to be shown: each gets its number at the end.
fn number(whole: &[String], columns: &[usize], shown: &mut [String]) {
    for group in alike(whole, shown) {
        let is_whole = |place: &usize| whole.get(*place) == shown.get(*place);
        // One stays as it is: a title that fits, where there is one.
        let (fit, cut): (Vec<usize>, Vec<usize>) = group.into_iter().partition(is_whole);
        for (count, place) in cut.into_iter().enumerate().skip(usize::from(fit.is_empty())) {
            let columns = columns.get(place).copied().unwrap_or(0);
            let numbered =
                (count.saturating_add(1)..).take(shown.len().saturating_add(1)).find_map(|number| {
                    let end = format!("~{number}");
                    let beginning = start(shown.get(place)?, columns.saturating_sub(end.len()));
                    let text = format!("{beginning}{end}");
                    (measure(&text) <= columns && !shown.contains(&text)).then_some(text)
                });
            if let (Some(text), Some(row)) = (numbered, shown.get_mut(place)) {
                *row = text;
            }
        }
    }
}

/// The title without its middle if it is too long. The end begins with a word where it can.
fn without_middle(title: &str, columns: usize) -> String {
    if measure(title) <= columns {
        return title.to_owned();
    }
    let room = columns.saturating_sub(GAP.len());
    let room_for_end = room.saturating_sub(columns / 3);
    let words = title.match_indices(' ').filter_map(|(at, _)| title.get(at.saturating_add(1)..));
    let end = words.into_iter().find(|end| measure(end) <= room_for_end && !end.is_empty());
    // A word that is longer than a third of that room is not left out for the sake of whole words.
    let end = end.filter(|end| measure(end) >= room_for_end / 3).unwrap_or_else(|| last(title, room_for_end));
    let beginning = start(title, room.saturating_sub(measure(end)));
    start(&format!("{}{GAP}{end}", beginning.trim_end()), columns).to_owned()
}

/// The title from the word on in which it begins to differ, with its very start where there is room for one.
fn from_difference(title: &str, common: usize, columns: usize) -> String {
    let at = title.char_indices().nth(common).map_or(title.len(), |(at, _)| at);
    let (before, _) = title.split_at_checked(at).unwrap_or((title, ""));
    let word = before.rfind(' ').map_or(0, |space| space.saturating_add(1));
    // In a long word without spaces, the difference itself.
    let from = if measure(before.get(word..).unwrap_or_default()) <= columns / 4 { word } else { at };
    let rest = title.get(from..).unwrap_or_default();
    let room = columns.saturating_sub(GAP.len());
    let beginning = start(title, room.saturating_sub(measure(rest))).trim_end();
    let shown = without_middle(rest, room);
    start(&format!("{beginning}{GAP}{shown}"), columns).to_owned()
}

/// Number of characters that all of them begin with.
fn common_start<'a>(titles: impl Iterator<Item = &'a String>) -> usize {
    let mut titles = titles.peekable();
    let Some(first) = titles.peek().map(|title| (*title).clone()) else { return 0 };
    titles
        .map(|title| title.chars().zip(first.chars()).take_while(|(one, other)| one == other).count())
        // The first one is compared with itself.
        .skip(1)
        .min()
        .unwrap_or(0)
}

/// The longest end of a text that fits into so many columns.
fn last(text: &str, columns: usize) -> &str {
    let mut left = columns;
    let begin = text.char_indices().rev().find(|(_, character)| {
        let fits = width(*character) <= left;
        left = left.saturating_sub(width(*character));
        !fits
    });
    begin.and_then(|(at, character)| text.get(at.saturating_add(character.len_utf8())..)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn shown(titles: &[&str], columns: usize) -> Vec<String> {
        fitting(&titles.iter().map(|title| (*title, columns)).collect::<Vec<_>>())
    }

    const DEBIAN: [&str; 5] = [
        "Debian GNU/Linux",
        "Advanced options for Debian GNU/Linux > Debian GNU/Linux, with Linux 6.1.0-56-amd64",
        "Advanced options for Debian GNU/Linux > Debian GNU/Linux, with Linux 6.1.0-56-amd64 (recovery mode)",
        "Advanced options for Debian GNU/Linux > Debian GNU/Linux, with Linux 6.1.0-41-amd64",
        "Advanced options for Debian GNU/Linux > Debian GNU/Linux, with Linux 6.1.0-41-amd64 (recovery mode)",
    ];

    #[test]
    fn debians_entries_can_be_distinguished() {
        assert_eq!(
            shown(&DEBIAN, 74),
            [
                "Debian GNU/Linux",
                "Advanced options for Debi... > Debian GNU/Linux, with Linux 6.1.0-56-amd64",
                "Advanced options for Debian G... with Linux 6.1.0-56-amd64 (recovery mode)",
                "Advanced options for Debi... > Debian GNU/Linux, with Linux 6.1.0-41-amd64",
                "Advanced options for Debian G... with Linux 6.1.0-41-amd64 (recovery mode)",
            ]
        );
        assert_eq!(
            shown(&DEBIAN, 34),
            [
                "Debian GNU/Linux",
                "Advanced options... 6.1.0-56-amd64",
                "... 6.1.0-56-amd64 (recovery mode)",
                "Advanced options... 6.1.0-41-amd64",
                "... 6.1.0-41-amd64 (recovery mode)",
            ]
        );
    }

    #[test]
    fn a_difference_in_the_middle_is_kept() {
        let titles = [
            "Ubuntu, with Linux 6.8.0-31-generic (on /dev/mapper/vg-root, snapshot of yesterday evening)",
            "Ubuntu, with Linux 6.8.0-35-generic (on /dev/mapper/vg-root, snapshot of yesterday evening)",
        ];
        for rows in [shown(&titles, 40), shown(&titles, 60)] {
            assert!(rows[0].contains("6.8.0-31") && rows[1].contains("6.8.0-35"), "{rows:#?}");
        }
    }

    #[test]
    fn wide_characters_take_two_columns() {
        let titles = ["統一されたカーネルイメージの起動項目 一", "統一されたカーネルイメージの起動項目 二"];
        let rows = shown(&titles, 20);
        assert!(rows.iter().all(|row| measure(row) <= 20), "{rows:?}");
        assert_ne!(rows[0], rows[1]);
    }

    #[test]
    fn control_characters_are_replaced() {
        assert_eq!(shown(&["a\x1b[2Jb"], 20), ["a?[2Jb"]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn titles_that_differ_are_shown_differently(
            titles in prop::collection::btree_set("[ab]{0,3}( [ab7…統]{1,12}){0,12}", 1..40),
            columns in 12..100_usize,
        ) {
            let titles: Vec<&str> = titles.iter().map(String::as_str).collect();
            let rows = shown(&titles, columns);
            for (row, title) in rows.iter().zip(&titles) {
                prop_assert!(measure(row) <= columns, "{row}");
                prop_assert!(measure(title) > columns || row == title, "a title that fits stays whole");
            }
            prop_assert_eq!(rows.iter().collect::<BTreeSet<_>>().len(), titles.len(), "{:#?}", rows);
        }

        #[test]
        fn any_text_fits_any_width(titles in prop::collection::vec(".{0,60}", 0..10), columns in 0..40_usize) {
            let titles: Vec<&str> = titles.iter().map(String::as_str).collect();
            prop_assert!(shown(&titles, columns).iter().all(|row| measure(row) <= columns));
        }
    }
}
