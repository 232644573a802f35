//! Shell patterns as fnmatch(3) without flags reads them: `*`, `?`, `[a-z]`, `[!…]`, and `\` before a plain character.

/// A longer pattern, in bytes, matches nothing: no name is that long, and each of thousands may be compared with it.
const PATTERN_LIMIT: usize = 512;

/// Whether the whole of `text` matches `pattern`. Works on bytes, in time bounded by the product of both lengths.
#[must_use]
pub fn matches(pattern: &str, text: &str) -> bool {
    matches_folded(pattern, text, |byte| byte)
}

/// As [`matches`], with bytes of the text and plain bytes of the pattern folded first, so that some count as equal.
pub(super) fn matches_folded(pattern: &str, text: &str, fold: fn(u8) -> u8) -> bool {
    if pattern.len() > PATTERN_LIMIT {
        return false;
    }
    let (mut pattern, mut text) = (pattern.as_bytes(), text.as_bytes());
    // Where to go on when a later part fails: after the last `*`, which then takes one byte more.
    let mut retry: Option<(&[u8], &[u8])> = None;
    // A bracket with no more than this after it has no end. It is looked for once, not at every byte of the text.
    let mut open = 0;
    loop {
        if let [b'*', rest @ ..] = pattern {
            pattern = rest;
            retry = Some((rest, text));
            continue;
        }
        let step = match text.split_first() {
            None if pattern.is_empty() => return true,
            None => None,
            Some((&byte, rest)) => one(pattern, fold(byte), fold, &mut open).map(|pattern| (pattern, rest)),
        };
        (pattern, text) = match (step, retry) {
            (Some(step), _) => step,
            (None, Some((after, [_, rest @ ..]))) => {
                retry = Some((after, rest));
                (after, rest)
            }
            (None, _) => return false,
        };
    }
}

/// The rest of the pattern after what matched one byte, if it did.
fn one<'a>(pattern: &'a [u8], byte: u8, fold: fn(u8) -> u8, open: &mut usize) -> Option<&'a [u8]> {
    let (first, rest) = pattern.split_first()?;
    match (first, rest) {
        (b'?', _) => Some(rest),
        (b'[', _) if rest.len() > *open => match set(rest, byte) {
            Some((found, rest)) => found.then_some(rest),
            // Without its end it is a plain bracket, as all after it are.
            None => {
                *open = rest.len();
                (byte == b'[').then_some(rest)
            }
        },
        (b'\\', [escaped, rest @ ..]) => (fold(*escaped) == byte).then_some(rest),
        (&plain, _) => (fold(plain) == byte).then_some(rest),
    }
}

/// Whether a bracketed set holds the byte, and the pattern after the set; `None` where the set does not end.
fn set(pattern: &[u8], byte: u8) -> Option<(bool, &[u8])> {
    let (negated, mut rest) = match pattern {
        [b'!' | b'^', rest @ ..] => (true, rest),
        _ => (false, pattern),
    };
    let mut found = false;
    let mut first = true;
    loop {
        rest = match rest {
            [b']', after @ ..] if !first => return Some((found != negated, after)),
            [low, b'-', high, after @ ..] if *high != b']' => {
                found |= (low..=high).contains(&&byte);
                after
            }
            [single, after @ ..] => {
                found |= *single == byte;
                after
            }
            [] => return None,
        };
        first = false;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn patterns_match_as_fnmatch_says() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("*", "", true),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "axxbyy", false),
            ("*.conf", "arch.conf", true),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[]x]", "]", true),
            ("[a-]", "-", true),
            ("[x", "[x", true),
            ("*[a]*[x[", "bab[x[", true),
            ("*[a][[", "[[a[[", true),
            ("*[!a]b[]", "abb[]", true),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("d[0-9A-F][0-9]?", "dF1q", true),
            ("pci:v00008086d*sv*", "pci:v00008086d00001234sv1", true),
            ("a", "aa", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn a_pattern_longer_than_any_name_matches_nothing() {
        assert!(matches(&"*".repeat(PATTERN_LIMIT), "a"));
        assert!(!matches(&"*".repeat(PATTERN_LIMIT + 1), "a"));
    }

    proptest! {
        #[test]
        fn any_pattern_ends(pattern: String, text: String) {
            let _ = matches(&pattern, &text);
            let escaped: String = text.chars().flat_map(|character| ['\\', character]).collect();
            let own = format!("*{escaped}*");
            prop_assert!(matches(&own, &text));
        }
    }
}
