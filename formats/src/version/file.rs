//! The order of file names with versions in them (GNU coreutils manual, "Version sort ordering"): `sort -V`.

use std::cmp::Ordering;

use super::dpkg::alternating;

/// Compares two file names: hidden ones first, then without their suffixes (`.img`, `.tar.gz`), then with them.
#[must_use]
pub fn file(a: &str, b: &str) -> Ordering {
    // Empty, ".", "..", other hidden names, all others.
    let class = |name: &str| match name {
        "" => 0,
        "." => 1,
        ".." => 2,
        name if name.starts_with('.') => 3,
        _ => 4,
    };
    class(a)
        .cmp(&class(b))
        .then_with(|| alternating(without_suffix(a), without_suffix(b), weight))
        .then_with(|| alternating(a, b, weight))
}

/// The tilde before the end, the end before letters, letters before other characters.
fn weight(byte: Option<u8>) -> i32 {
    match byte {
        None => -1,
        Some(b'~') => -2,
        Some(byte) if byte.is_ascii_digit() => 0,
        Some(byte) if byte.is_ascii_alphabetic() => byte.into(),
        Some(byte) => i32::from(byte).saturating_add(256),
    }
}

/// Cuts off the suffixes at the end, each a dot, a letter or tilde, then letters, digits and tildes. The first character
/// is no part of one.
fn without_suffix(name: &str) -> &str {
    let mut rest = name;
    while let Some((before, suffix)) = rest.rsplit_once('.') {
        let is_letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'~';
        let starts = suffix.bytes().next().is_some_and(is_letter);
        if before.is_empty()
            || !starts
            || !suffix.bytes().all(|byte| is_letter(byte) || byte.is_ascii_digit())
        {
            break;
        }
        rest = before;
    }
    rest
}
