//! How old something is, in the unit that a person would take.

const DAY: u64 = 86_400;

/// Units from the largest, each with the age in seconds from which it is taken.
const UNITS: [(&str, u64, u64); 5] = [
    ("year", 365 * DAY, 2 * 365 * DAY),
    ("month", 30 * DAY, 60 * DAY),
    ("day", DAY, 2 * DAY),
    ("hour", 3600, 2 * 3600),
    ("minute", 60, 0),
];

/// The time from `then` to `now`, both in seconds since 1970, as in `12 days`; nothing where one is not known, or the clock is wrong.
#[must_use]
pub fn age(then: u64, now: u64) -> Option<String> {
    let seconds = now.checked_sub(then).filter(|_| then > 0)?;
    let (name, unit, _) = UNITS.iter().find(|(.., from)| seconds >= *from)?;
    let count = seconds.checked_div(*unit)?;
    Some(format!("{count} {name}{}", if count == 1 { "" } else { "s" }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_in_the_unit_that_a_person_would_take() {
        let now = 1_700_000_000;
        for (seconds, expected) in [
            (0, "0 minutes"),
            (119, "1 minute"),
            (2 * 3600 - 1, "119 minutes"),
            (2 * 3600, "2 hours"),
            (2 * DAY - 1, "47 hours"),
            (59 * DAY, "59 days"),
            (60 * DAY, "2 months"),
            (729 * DAY, "24 months"),
            (730 * DAY, "2 years"),
        ] {
            assert_eq!(age(now - seconds, now).as_deref(), Some(expected));
        }
        // A machine without a battery begins in 1970.
        assert_eq!((age(now, now - 1), age(0, now)), (None, None));
    }
}
