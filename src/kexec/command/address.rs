//! Addresses on `kexec`'s command line, as strtoul(3) with base 0 reads them.

use std::num::IntErrorKind;

/// Hexadecimal after 0x, octal after 0. An empty text is 0, a number that is too large is the largest, and a number after a
/// minus counts down from 0. `None` if the text is not a number to its end.
#[must_use]
pub fn parse(value: &str) -> Option<u64> {
    let text = value.trim_ascii_start();
    let (negative, text) = match text.strip_prefix('-') {
        Some(text) => (true, text),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None if text.starts_with('0') => (text, 8),
        None => (text, 10),
    };
    match u64::from_str_radix(digits, radix) {
        _ if digits.starts_with('+') => None,
        Ok(number) if negative => Some(number.wrapping_neg()),
        Ok(number) => Some(number),
        Err(error) if *error.kind() == IntErrorKind::PosOverflow => Some(u64::MAX),
        Err(_) => value.is_empty().then_some(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As strtoul(3) of glibc does.
    #[test]
    fn addresses_are_read_as_strtoul_does() {
        for (text, number) in [
            ("0x1000000", Some(0x100_0000)),
            ("4096", Some(4096)),
            ("010", Some(8)),
            ("0", Some(0)),
            ("", Some(0)),
            (" 12", Some(12)),
            ("+0XfF", Some(255)),
            ("-1", Some(u64::MAX)),
            ("0x1ffffffffffffffff", Some(u64::MAX)),
            ("0x", None),
            ("08", None),
            ("1G", None),
            ("0x1000zz", None),
            ("- 1", None),
            ("-+1", None),
            ("0x+1", None),
        ] {
            assert_eq!(parse(text), number, "{text}");
        }
    }
}
