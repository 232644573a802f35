//! rpm's order of versions as GRUB's `blscfg` of Fedora and Red Hat carries it, and its use on the names of entry files.

use std::cmp::Ordering;

use super::{compare_numbers, split_while};

/// Compares two versions segment by segment: a number is newer than letters, a tilde older than the end, and what comes
/// after a plus newer than the end alone.
#[must_use]
pub fn rpm(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    if a == b {
        return Ordering::Equal;
    }
    'segments: loop {
        let is_separator = |byte: &u8| !byte.is_ascii_alphanumeric() && !b"~+".contains(byte);
        a = split_while(a, is_separator).1;
        b = split_while(b, is_separator).1;
        for (mark, is_older_than_end) in [(b'~', true), (b'+', false)] {
            match (a.strip_prefix(&[mark]), b.strip_prefix(&[mark])) {
                (None, None) => continue,
                (Some(rest_a), Some(rest_b)) => {
                    (a, b) = (rest_a, rest_b);
                    continue 'segments;
                }
                (Some(_), None) if b.is_empty() && !is_older_than_end => return Ordering::Greater,
                (None, Some(_)) if a.is_empty() && !is_older_than_end => return Ordering::Less,
                (Some(_), None) => return Ordering::Less,
                (None, Some(_)) => return Ordering::Greater,
            }
        }
        let Some(first) = a.first().filter(|_| !b.is_empty()) else {
            return a.len().min(1).cmp(&b.len().min(1));
        };
        let is_number = first.is_ascii_digit();
        let in_segment = if is_number { u8::is_ascii_digit } else { u8::is_ascii_alphabetic };
        let (segment_a, rest_a) = split_while(a, in_segment);
        let (segment_b, rest_b) = split_while(b, in_segment);
        let order = match (is_number, segment_b.is_empty()) {
            (true, true) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (true, false) => compare_numbers(segment_a, segment_b),
            (false, false) => segment_a.cmp(segment_b),
        };
        if order != Ordering::Equal {
            return order;
        }
        (a, b) = (rest_a, rest_b);
    }
}

/// Compares the names of entry files (without `.conf`) as name, version and release, which the last two dashes part.
#[must_use]
pub fn entry_file(a: &str, b: &str) -> Ordering {
    let (a, b) = (parts(a), parts(b));
    a.iter().zip(b).map(|(a, b)| rpm(a, b)).find(|&order| order != Ordering::Equal).unwrap_or(Ordering::Equal)
}

/// With one dash there is a name and a version, with none a name alone.
fn parts(name: &str) -> [&str; 3] {
    let mut parts = name.rsplitn(3, '-');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(release), Some(version), Some(name)) => [name, version, release],
        (Some(version), Some(name), None) => [name, version, ""],
        _ => [name, "", ""],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_stand_in_the_order_of_rpm() {
        use Ordering::{Equal, Greater, Less};
        // From rpm's own test suite (rpmvercmp).
        for (a, b, expected) in [
            ("1.0", "1.0", Equal),
            ("1.0", "2.0", Less),
            ("2.0.1a", "2.0.1", Greater),
            ("5.5p1", "5.5p10", Less),
            ("10xyz", "10.1xyz", Less),
            ("xyz10", "xyz10.1", Less),
            ("xyz.4", "8", Less),
            ("8", "xyz.4", Greater),
            ("5.5p2", "5.6p1", Less),
            ("6.0.rc1", "6.0", Greater),
            ("10b2", "10a1", Greater),
            ("1.0aa", "1.0a", Greater),
            ("10.0001", "10.0039", Less),
            ("4.999.9", "5.0", Less),
            ("20101121", "20101122", Less),
            ("2_0", "2.0", Equal),
            ("1.0~rc1", "1.0", Less),
            ("1.0~rc1~git123", "1.0~rc1", Less),
            ("1.0+rt", "1.0", Greater),
            ("1.0+rt", "1.0.1", Less),
        ] {
            assert_eq!(rpm(a, b), expected, "{a} {b}");
        }
    }

    #[test]
    fn entry_files_sort_by_version_and_rescue_entries_last() {
        let machine = "0123456789abcdef0123456789abcdef";
        let mut names = [
            format!("{machine}-0-rescue"),
            format!("{machine}-5.14.0-9.el9.x86_64"),
            format!("{machine}-5.14.0-70.el9.x86_64"),
            format!("{machine}-5.14.0-70.el9.x86_64+rt"),
        ];
        names.sort_by(|a, b| entry_file(b, a));
        let expected = ["5.14.0-70.el9.x86_64+rt", "5.14.0-70.el9.x86_64", "5.14.0-9.el9.x86_64", "0-rescue"];
        assert_eq!(names, expected.map(|version| format!("{machine}-{version}")));
    }
}
