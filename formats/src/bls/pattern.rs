//! The patterns of systemd-boot for the names of entries (systemd, src/boot/efi-string.c, `efi_fnmatch`): `*`, `?`, `[a-z]`, and
//! `\\` before a plain character, inside brackets too. No bracket means what it does not hold, and one without its end, as a
//! backslash before nothing, matches nothing.

/// A longer pattern, in UTF-16 units, matches nothing: no name is that long.
const PATTERN_LIMIT: usize = 512;

const BACKSLASH: u16 = b'\\' as u16;
const OPEN: u16 = b'[' as u16;
const CLOSE: u16 = b']' as u16;
const DASH: u16 = b'-' as u16;
const ANY: u16 = b'?' as u16;
const STAR: u16 = b'*' as u16;

/// Whether the whole of `text` matches `pattern`, in time bounded by the product of both lengths.
#[must_use]
pub fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<u16>, Vec<u16>) =
        (pattern.encode_utf16().collect(), text.encode_utf16().collect());
    if pattern.len() > PATTERN_LIMIT {
        return false;
    }
    let (mut pattern, mut text) = (pattern.as_slice(), text.as_slice());
    // Where to go on when a later part fails: after the last `*`, which then takes one unit more.
    let mut retry: Option<(&[u16], &[u16])> = None;
    loop {
        if let [STAR, rest @ ..] = pattern {
            pattern = rest;
            retry = Some((rest, text));
            continue;
        }
        let step = match text.split_first() {
            None if pattern.is_empty() => return true,
            None => None,
            Some((unit, rest)) => one(pattern, *unit).map(|pattern| (pattern, rest)),
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

/// The rest of the pattern after what matched one unit, if it did.
fn one(pattern: &[u16], unit: u16) -> Option<&[u16]> {
    let (first, rest) = pattern.split_first()?;
    match *first {
        ANY => Some(rest),
        OPEN => set(rest, unit),
        BACKSLASH => rest.split_first().filter(|(escaped, _)| **escaped == unit).map(|(_, rest)| rest),
        plain => (plain == unit).then_some(rest),
    }
}

/// The pattern after a set that holds the unit.
fn set(mut pattern: &[u16], unit: u16) -> Option<&[u16]> {
    let mut found = false;
    // What a `-` would begin a range with; ranges are not chained.
    let mut low: Option<u16> = None;
    let mut is_first = true;
    loop {
        let (&own, mut rest) = pattern.split_first()?;
        match (own, low) {
            (CLOSE, _) if !is_first => return found.then_some(rest),
            (DASH, Some(from)) if rest.first() != Some(&CLOSE) => {
                rest = rest.strip_prefix(&[BACKSLASH]).unwrap_or(rest);
                let (&to, after) = rest.split_first()?;
                found |= (from..=to).contains(&unit);
                (low, rest) = (None, after);
            }
            (BACKSLASH, _) => {
                let (&escaped, after) = rest.split_first()?;
                found |= escaped == unit;
                (low, rest) = (Some(escaped), after);
            }
            _ => {
                found |= own == unit;
                low = Some(own);
            }
        }
        (pattern, is_first) = (rest, false);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The first ones are those of systemd's own test (src/boot/test-efi-string.c, `TEST(efi_fnmatch)`) by their kind.
    #[test]
    fn patterns_match_as_systemd_boot_says() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("a", "", false),
            ("\\a", "a", true),
            ("\\", "\\", false),
            ("a\\", "a", false),
            ("?", "ä", true),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "axxbyy", false),
            ("arch-*.conf", "arch-6.1.conf", true),
            ("[a-c]x", "bx", true),
            ("[]x]", "]", true),
            ("[a-]", "-", true),
            ("[-a]", "-", true),
            ("[a\\-c]", "b", false),
            ("[a\\-c]", "-", true),
            ("[\\]]", "]", true),
            ("[a\\]b]", "b", true),
            ("[\\a-c]", "b", true),
            ("[a-\\c]", "b", true),
            ("[a-c-f]", "d", false),
            ("[a-c-f]", "-", true),
            ("[!a]", "!", true),
            ("[!a]", "b", false),
            ("[x", "[x", false),
            ("[a\\", "a", false),
            ("*[a]*[x]", "bab[x", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
        assert!(!matches(&"*".repeat(PATTERN_LIMIT + 1), "a"));
    }

    proptest! {
        #[test]
        fn any_pattern_ends(pattern: String, text: String, name in "[a-c*?!\\[\\]\\\\-]{0,40}") {
            let _ = matches(&pattern, &text);
            let escaped: String = name.chars().flat_map(|character| ['\\', character]).collect();
            let own = format!("*{escaped}*");
            prop_assert!(matches(&own, &name));
        }
    }
}
