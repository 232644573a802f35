//! The order of the UAPI group's version format specification (UAPI.10), as systemd-boot sorts.

use std::cmp::Ordering;

use super::{compare_numbers, split_while};

/// Compares two versions or file names: `122.1 < 123~rc1-1 < 123 < 123-a < 123-1 < 123^post1 < 123.1-1 < 123a-1 < 124-1`.
#[must_use]
pub fn uapi(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    loop {
        a = skip_separators(a);
        b = skip_separators(b);
        // The tilde comes before the end of the other version, every other separator after it.
        match separator(&mut a, &mut b, b'~') {
            Ordering::Equal => {}
            unequal => return unequal,
        }
        if a.is_empty() || b.is_empty() {
            return a.len().min(1).cmp(&b.len().min(1));
        }
        for mark in [b'-', b'^', b'.'] {
            match separator(&mut a, &mut b, mark) {
                Ordering::Equal => {}
                unequal => return unequal,
            }
        }
        let is_digit = |bytes: &[u8]| bytes.first().is_some_and(u8::is_ascii_digit);
        let order;
        if is_digit(a) || is_digit(b) {
            let (digits_a, rest_a) = split_while(a, u8::is_ascii_digit);
            let (digits_b, rest_b) = split_while(b, u8::is_ascii_digit);
            order = (!digits_a.is_empty())
                .cmp(&!digits_b.is_empty())
                .then_with(|| compare_numbers(digits_a, digits_b));
            (a, b) = (rest_a, rest_b);
        } else {
            let (letters_a, rest_a) = split_while(a, u8::is_ascii_alphabetic);
            let (letters_b, rest_b) = split_while(b, u8::is_ascii_alphabetic);
            order = letters_a.cmp(letters_b);
            (a, b) = (rest_a, rest_b);
        }
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// Cuts off what the format does not know.
fn skip_separators(bytes: &[u8]) -> &[u8] {
    split_while(bytes, |byte| !byte.is_ascii_alphanumeric() && !b"~-^.".contains(byte)).1
}

/// A version that goes on with the mark is older than one that does not; cuts it off where both do.
fn separator(a: &mut &[u8], b: &mut &[u8], mark: u8) -> Ordering {
    match (a.strip_prefix(&[mark]), b.strip_prefix(&[mark])) {
        (Some(rest_a), Some(rest_b)) => {
            (*a, *b) = (rest_a, rest_b);
            Ordering::Equal
        }
        (rest_a, rest_b) => rest_a.is_none().cmp(&rest_b.is_none()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of the specification and of systemd's own tests, oldest first.
    const ASCENDING: &[&[&str]] = &[
        &[
            "122.1",
            "123~rc1-1",
            "123",
            "123-a",
            "123-a.1",
            "123-1",
            "123-1.1",
            "123^post1",
            "123.a-1",
            "123.1-1",
            "123a-1",
            "124-1",
        ],
        &["~1", "", "1", "1.1", "2"],
        &["5.10", "5.15", "6.1.0-9-amd64", "6.1.0-10-amd64"],
        &["linux-5.4.0-9.conf", "linux-5.4.0-10.conf"],
        &["A", "Z", "a", "aa", "z", "1"],
        &["1.0~rc2", "1.0~rc10", "1.0", "1.0.1"],
    ];

    #[test]
    fn versions_stand_in_the_order_of_the_specification() {
        for versions in ASCENDING {
            for (at_a, a) in versions.iter().enumerate() {
                for (at_b, b) in versions.iter().enumerate() {
                    assert_eq!(uapi(a, b), at_a.cmp(&at_b), "{a} {b}");
                }
            }
        }
    }

    #[test]
    fn what_the_format_does_not_know_does_not_count() {
        for (a, b) in [("1.2_3", "1.23"), ("00123", "123"), ("1/2", "1:2"), ("ü1", "1")] {
            assert_eq!(uapi(a, b), if a == "1.2_3" { Ordering::Less } else { Ordering::Equal }, "{a} {b}");
        }
    }
}
