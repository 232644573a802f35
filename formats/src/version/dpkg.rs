//! Debian's order of versions (deb-version(7)).

use std::cmp::Ordering;

use super::{compare_numbers, split_while};

/// Compares two versions as `dpkg --compare-versions`: epoch, upstream version, revision.
#[must_use]
pub fn dpkg(a: &str, b: &str) -> Ordering {
    let (epoch_a, rest_a) = a.split_once(':').unwrap_or(("", a));
    let (epoch_b, rest_b) = b.split_once(':').unwrap_or(("", b));
    let (version_a, revision_a) = rest_a.rsplit_once('-').unwrap_or((rest_a, ""));
    let (version_b, revision_b) = rest_b.rsplit_once('-').unwrap_or((rest_b, ""));
    compare_numbers(epoch_a.as_bytes(), epoch_b.as_bytes())
        .then_with(|| alternating(version_a, version_b, weight))
        .then_with(|| alternating(revision_a, revision_b, weight))
}

/// Letters before other characters, the tilde before the end.
fn weight(byte: Option<u8>) -> i32 {
    match byte {
        None => 0,
        Some(b'~') => -1,
        Some(byte) if byte.is_ascii_digit() => 0,
        Some(byte) if byte.is_ascii_alphabetic() => byte.into(),
        Some(byte) => i32::from(byte).saturating_add(256),
    }
}

/// Compares what is no digit character by character, then digits as a number, in turn to the end.
pub(super) fn alternating(a: &str, b: &str, weight: fn(Option<u8>) -> i32) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    while !a.is_empty() || !b.is_empty() {
        loop {
            let (first_a, first_b) = (a.first().copied(), b.first().copied());
            let is_text = |byte: Option<u8>| byte.is_some_and(|byte| !byte.is_ascii_digit());
            if !is_text(first_a) && !is_text(first_b) {
                break;
            }
            match weight(first_a).cmp(&weight(first_b)) {
                Ordering::Equal => {
                    a = a.get(1..).unwrap_or_default();
                    b = b.get(1..).unwrap_or_default();
                }
                unequal => return unequal,
            }
        }
        let (digits_a, rest_a) = split_while(a, u8::is_ascii_digit);
        let (digits_b, rest_b) = split_while(b, u8::is_ascii_digit);
        match compare_numbers(digits_a, digits_b) {
            Ordering::Equal => (a, b) = (rest_a, rest_b),
            unequal => return unequal,
        }
    }
    Ordering::Equal
}
