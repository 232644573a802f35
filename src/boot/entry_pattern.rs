//! Patterns that name entries in the settings: an id or a title, where `*`, `?` and `[…]` stand for others as in a shell.

use crate::{entry::Entry, formats::glob};

/// Whether the pattern names the entry. Of copies of one disk it may mean any: their ids differ by the name of their volume at the
/// end.
#[must_use]
pub fn names(pattern: &str, entry: &Entry) -> bool {
    let own = entry.id.strip_suffix(&entry.source.volume.name).and_then(|id| id.strip_suffix('@'));
    let is_it = |name: &str| name == pattern || glob::matches(pattern, name);
    is_it(&entry.id) || is_it(&entry.title) || own.is_some_and(is_it)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boot::samples::entry;

    #[test]
    fn an_entry_is_named_by_its_id_or_its_title() {
        let debian = Entry { title: "Debian [test] 12".into(), ..entry("debian-6.1@sda2", "sda2") };
        for (pattern, expected) in [
            ("debian-6.1@sda2", true),
            ("debian-6.1", true),
            ("debian-*", true),
            ("debian-?.1", true),
            ("Debian [test] 12", true),
            ("Debian*", true),
            ("*", true),
            ("debian", false),
            ("Debian [test] 13", false),
            ("", false),
        ] {
            assert_eq!(names(pattern, &debian), expected, "{pattern}");
        }
    }
}
