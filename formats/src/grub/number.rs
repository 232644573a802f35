//! Numbers as GRUB reads them: C's `strtoul`, except that a leading zero means octal only before an octal digit.

/// A number at the beginning of a text, and what follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number<'a> {
    /// Its value; the largest there is when it does not fit.
    pub value: u64,
    /// The rest of the text.
    pub rest: &'a str,
    /// It does not fit.
    pub overflow: bool,
}

/// Reads a number of base 10, 16 (`0x`) or 8 (`0`); `None` if there is no digit.
#[must_use]
pub fn leading(text: &str) -> Option<Number<'_>> {
    let text = skip_blanks(text);
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        // “0x” without a digit after it is the number 0 and the rest “x”.
        return with_base(digits, 16).or_else(|| with_base(text, 10));
    }
    let octal = text.strip_prefix('0').is_some_and(|rest| rest.starts_with(|c| matches!(c, '0'..='7')));
    with_base(text, if octal { 8 } else { 10 })
}

/// Reads a number of base 10; `None` if there is no digit.
#[must_use]
pub fn decimal(text: &str) -> Option<Number<'_>> {
    with_base(skip_blanks(text), 10)
}

/// A signed number as `[` compares them; what is no number counts as 0.
#[must_use]
pub fn signed(text: &str) -> i64 {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let value = leading(digits).map_or(0, |number| number.value).cast_signed();
    if negative { value.wrapping_neg() } else { value }
}

fn skip_blanks(text: &str) -> &str {
    text.trim_start_matches(|c| matches!(c, ' ' | '\t'..='\r'))
}

fn with_base(text: &str, base: u32) -> Option<Number<'_>> {
    let length = text.chars().take_while(|c| c.is_digit(base)).count();
    let (digits, rest) = text.split_at_checked(length)?;
    if digits.is_empty() {
        return None;
    }
    let value = u64::from_str_radix(digits, base);
    Some(Number { value: value.clone().unwrap_or(u64::MAX), rest, overflow: value.is_err() })
}

#[cfg(test)]
mod tests {
    use super::*;

    // As grub-emu 2.06 answers.
    #[test]
    fn the_base_shows_in_the_prefix() {
        let cases = [
            ("8", Some((8, ""))),
            ("08", Some((8, ""))),
            ("010", Some((8, ""))),
            ("018", Some((1, "8"))),
            ("0x10", Some((16, ""))),
            ("5.10-foo", Some((5, ".10-foo"))),
            (" 1", Some((1, ""))),
            ("x", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(leading(text).map(|number| (number.value, number.rest)), expected, "{text}");
        }
    }

    #[test]
    fn signs_are_for_comparisons() {
        assert_eq!([signed("-3"), signed("-0"), signed("a"), signed("3a")], [-3, 0, 0, 3]);
    }
}
