//! The known word that a mistyped one is most likely meant to be.

use strsim::levenshtein;

/// Maximum length of a word that is compared, in bytes: the cost grows with the product of the lengths.
const LENGTH_LIMIT: usize = 256;

/// The candidate that the fewest typing errors turn into `word`, or one that begins with it; `None` where more than a third
/// of the word's letters (rounded up) would be wrong.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.is_empty() || word.len() > LENGTH_LIMIT {
        return None;
    }
    let most = word.chars().count().div_ceil(3);
    candidates
        .into_iter()
        .filter(|candidate| candidate.len() <= LENGTH_LIMIT)
        .map(|candidate| (levenshtein(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= most || candidate.starts_with(word))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
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
    fn an_endless_word_costs_nothing() {
        assert_eq!(nearest(&"a".repeat(1 << 20), ["a"]), None);
    }
}
