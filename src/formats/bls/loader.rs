//! loader.conf(5): when systemd-boot boots on its own, and what.

use super::fields::{Reading, fields};
use crate::formats::glob;

/// `timeout`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MenuTimeout {
    /// Seconds for which the menu is shown; with 0 it shows only while a key is held.
    Seconds(u32),
    /// `menu-hidden`: as 0.
    Hidden,
    /// `menu-disabled`: as 0, and no key brings it up.
    Disabled,
    /// `menu-force`: the menu waits for a person.
    Forced,
}

/// What loader.conf says of the choice; the rest concerns systemd-boot alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loader {
    /// `timeout`; without one systemd-boot boots at once.
    pub timeout: Option<MenuTimeout>,
    /// `default`: a pattern for the names of entries, in lower case, or `@saved`.
    pub default: Option<String>,
    /// `preferred`: as `default`, before it, for entries that have not failed.
    pub preferred: Option<String>,
}

impl Loader {
    /// Reads loader.conf. What makes no sense does not count, as with systemd-boot.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut loader = Self::default();
        for field in fields(text, Reading::SystemdBoot) {
            match field.key {
                "timeout" => loader.timeout = timeout(field.value).or(loader.timeout),
                "default" => loader.default = pattern(field.value).or(loader.default),
                "preferred" => loader.preferred = pattern(field.value).or(loader.preferred),
                _ => {}
            }
        }
        loader
    }

    /// Place of the first of these names (whole file names, in lower case) that `preferred` or else `default` means.
    #[must_use]
    pub fn default_of(&self, names: &[&str]) -> Option<usize> {
        [&self.preferred, &self.default]
            .into_iter()
            .flatten()
            .find_map(|pattern| names.iter().position(|name| glob::matches(pattern, name)))
    }

    /// Seconds until the default boots; `None` waits for a person.
    #[must_use]
    pub fn seconds(&self) -> Option<u32> {
        match self.timeout {
            None | Some(MenuTimeout::Hidden | MenuTimeout::Disabled) => Some(0),
            Some(MenuTimeout::Seconds(seconds)) => Some(seconds),
            Some(MenuTimeout::Forced) => None,
        }
    }
}

fn timeout(value: &str) -> Option<MenuTimeout> {
    match value {
        "menu-force" => Some(MenuTimeout::Forced),
        "menu-hidden" => Some(MenuTimeout::Hidden),
        "menu-disabled" => Some(MenuTimeout::Disabled),
        _ if value.starts_with('+') => None,
        number => number.parse().ok().map(MenuTimeout::Seconds),
    }
}

fn pattern(value: &str) -> Option<String> {
    let value = value.to_lowercase();
    (!value.starts_with('@') || value == "@saved").then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_patterns_are_read() {
        for (text, expected_timeout, expected_seconds, expected_default) in [
            ("", None, Some(0), None),
            ("timeout 5\ndefault arch-*.conf\n", Some(MenuTimeout::Seconds(5)), Some(5), Some(1)),
            ("timeout menu-force\n#default *\ndefault Debian.conf", Some(MenuTimeout::Forced), None, Some(0)),
            ("timeout menu-hidden\ndefault @saved", Some(MenuTimeout::Hidden), Some(0), None),
            (
                "timeout 5\ntimeout soon\ntimeout +1\ndefault nothing",
                Some(MenuTimeout::Seconds(5)),
                Some(5),
                None,
            ),
            ("default *\npreferred arch-lts.conf", None, Some(0), Some(2)),
            ("default @unknown", None, Some(0), None),
        ] {
            let loader = Loader::parse(text);
            assert_eq!(loader.timeout, expected_timeout, "{text}");
            assert_eq!(loader.seconds(), expected_seconds, "{text}");
            let names = ["debian.conf", "arch-6.1.conf", "arch-lts.conf"];
            assert_eq!(loader.default_of(&names), expected_default, "{text}");
        }
    }
}
