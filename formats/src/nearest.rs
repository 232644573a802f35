//! The known word that a mistyped one is most likely meant to be.

/// Finds the candidate that the fewest typing errors (Levenshtein distance) turn into `word`; `None` where none is near:
/// more than a third of the word's letters (rounded up) wrong.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Compared by letter, and long words not at all: the cost grows with the product of the lengths.
    let word: Vec<char> = word.chars().take(65).collect();
    if word.is_empty() || word.len() > 64 {
        return None;
    }
    let most = word.len().div_ceil(3);
    candidates
        .into_iter()
        .map(|candidate| (distance(&word, candidate), candidate))
        .filter(|(distance, candidate)| {
            *distance <= most || candidate.starts_with(&word.iter().collect::<String>())
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Insertions, deletions and replacements that turn `word` into `candidate`.
fn distance(word: &[char], candidate: &str) -> usize {
    // One row of the table of distances between all beginnings of the two words.
    let mut row: Vec<usize> = (0..=word.len()).collect();
    for (line, letter) in candidate.chars().enumerate() {
        let mut diagonal = line;
        let mut left = line.saturating_add(1);
        let mut next = vec![left];
        for (own, above) in word.iter().zip(row.iter().skip(1)) {
            let replaced = diagonal.saturating_add(usize::from(*own != letter));
            left = replaced.min(left.saturating_add(1)).min(above.saturating_add(1));
            diagonal = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_word_finds_its_neighbour() {
        let words = ["root", "volume", "explain", "json"];
        for (typed, meant) in [
            ("rot", Some("root")),
            ("volumes", Some("volume")),
            ("explian", Some("explain")),
            ("jsno", Some("json")),
            ("exp", Some("explain")),
            ("quux", None),
            ("", None),
        ] {
            assert_eq!(nearest(typed, words), meant, "{typed}");
        }
    }

    #[test]
    fn distances_are_levenshteins() {
        for (one, other, expected) in [
            ("kitten", "sitting", 3),
            ("", "abc", 3),
            ("abc", "", 3),
            ("flaw", "lawn", 2),
            ("same", "same", 0),
        ] {
            assert_eq!(distance(&one.chars().collect::<Vec<_>>(), other), expected, "{one} {other}");
        }
    }

    #[test]
    fn an_endless_word_costs_nothing() {
        assert_eq!(nearest(&"a".repeat(1 << 20), ["a"]), None);
    }
}
