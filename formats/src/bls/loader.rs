//! loader.conf(5): when systemd-boot boots on its own, and what.

use super::{
    Variables,
    fields::{Reading, fields},
    pattern::matches,
};

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

/// The settings of loader.conf for the menu; the rest concerns systemd-boot's own screen and keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoaderConf {
    /// `timeout`; without one systemd-boot boots at once.
    pub timeout: Option<MenuTimeout>,
    /// `default`: a pattern for the names of entries, in lower case, or `@saved`.
    pub default: Option<String>,
    /// `preferred`: as `default`, before it, for entries that have not failed.
    pub preferred: Option<String>,
    /// `auto-entries no`: other systems' loaders are not looked for.
    pub no_automatic_entries: bool,
}

/// The word for what was booted last.
const SAVED: &str = "@saved";

impl LoaderConf {
    /// Reads loader.conf. What makes no sense does not count, as with systemd-boot.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut loader = Self::default();
        for field in fields(text, Reading::SystemdBoot) {
            match field.key {
                "timeout" => loader.timeout = MenuTimeout::parse(field.value).or(loader.timeout),
                "default" => loader.default = pattern(field.value).or(loader.default),
                "preferred" => loader.preferred = pattern(field.value).or(loader.preferred),
                "auto-entries" => match field.value.to_ascii_lowercase().as_str() {
                    "0" | "no" | "n" | "false" | "f" | "off" => loader.no_automatic_entries = true,
                    "1" | "yes" | "y" | "true" | "t" | "on" => loader.no_automatic_entries = false,
                    _ => {}
                },
                _ => {}
            }
        }
        loader
    }

    /// Place of the entry that boots on its own, among these names (whole file names without counters, in lower case) and
    /// whether they have failed too often: what the firmware keeps comes before what is written here.
    #[must_use]
    pub fn choice(&self, variables: &Variables, names: &[(&str, bool)]) -> Option<usize> {
        let find = |pattern: Option<&str>, with_failed: bool| {
            let pattern = pattern?.to_ascii_lowercase();
            let pattern =
                if pattern == SAVED { variables.saved.as_ref()?.to_ascii_lowercase() } else { pattern };
            names.iter().position(|(name, failed)| (with_failed || !failed) && matches(&pattern, name))
        };
        let candidates = [
            (&variables.after_failure, true),
            (&variables.one_shot, true),
            (&variables.preferred, false),
            (&self.preferred, false),
            (&variables.default, true),
            (&self.default, true),
        ];
        candidates.into_iter().find_map(|(pattern, with_failed)| find(pattern.as_deref(), with_failed))
    }

    /// Seconds until the default boots; `None` waits for a person.
    #[must_use]
    pub fn seconds(&self, variables: &Variables) -> Option<u32> {
        let kept = [&variables.timeout_one_shot, &variables.timeout];
        let kept = kept.into_iter().flatten().find_map(|value| MenuTimeout::parse(value));
        match kept.or(self.timeout) {
            None | Some(MenuTimeout::Hidden | MenuTimeout::Disabled) => Some(0),
            Some(MenuTimeout::Seconds(seconds)) => Some(seconds),
            Some(MenuTimeout::Forced) => None,
        }
    }
}

impl MenuTimeout {
    /// Reads a word; `None` if it makes no sense.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        match value {
            "menu-force" => Some(Self::Forced),
            "menu-hidden" => Some(Self::Hidden),
            "menu-disabled" => Some(Self::Disabled),
            _ if value.starts_with('+') => None,
            number => number.parse().ok().map(Self::Seconds),
        }
    }
}

fn pattern(value: &str) -> Option<String> {
    let value = value.to_ascii_lowercase();
    (!value.starts_with('@') || value == SAVED).then_some(value)
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
            let loader = LoaderConf::parse(text);
            assert_eq!(loader.timeout, expected_timeout, "{text}");
            assert_eq!(loader.seconds(&Variables::default()), expected_seconds, "{text}");
            let names = [("debian.conf", false), ("arch-6.1.conf", false), ("arch-lts.conf", false)];
            assert_eq!(loader.choice(&Variables::default(), &names), expected_default, "{text}");
        }
    }

    #[test]
    fn what_the_firmware_keeps_comes_first() {
        let text = |text: &str| Some(text.to_owned());
        let none = Variables::default;
        let names = [("a.conf", false), ("b.conf", false), ("c.conf", true)];
        for (conf, variables, expected, seconds) in [
            (
                "default a*",
                Variables { after_failure: text("b*"), one_shot: text("C.conf"), ..none() },
                Some(1),
                Some(0),
            ),
            (
                "default a*",
                Variables { after_failure: text("gone"), one_shot: text("C.conf"), ..none() },
                Some(2),
                Some(0),
            ),
            ("default a*", Variables { default: text("b.conf"), ..none() }, Some(1), Some(0)),
            (
                "default a*",
                Variables { one_shot: text("C.conf"), default: text("b*"), ..none() },
                Some(2),
                Some(0),
            ),
            ("default @saved", Variables { saved: text("B.conf"), ..none() }, Some(1), Some(0)),
            ("default @saved", none(), None, Some(0)),
            (
                "default a*",
                Variables { default: text("@saved"), saved: text("gone"), ..none() },
                Some(0),
                Some(0),
            ),
            ("preferred c*\ndefault b*", none(), Some(1), Some(0)),
            ("timeout 9", Variables { timeout: text("4"), ..none() }, None, Some(4)),
            (
                "timeout 9",
                Variables { timeout_one_shot: text("menu-force"), timeout: text("4"), ..none() },
                None,
                None,
            ),
            ("timeout 9", Variables { timeout: text("soon"), ..none() }, None, Some(9)),
        ] {
            let loader = LoaderConf::parse(conf);
            assert_eq!(loader.choice(&variables, &names), expected, "{conf} {variables:?}");
            assert_eq!(loader.seconds(&variables), seconds, "{conf} {variables:?}");
        }
    }

    #[test]
    fn automatic_entries_can_be_turned_off() {
        for (text, expected) in [
            ("", false),
            ("auto-entries No", true),
            ("auto-entries 0\nauto-entries maybe", true),
            ("auto-entries off\nauto-entries on", false),
        ] {
            assert_eq!(LoaderConf::parse(text).no_automatic_entries, expected, "{text}");
        }
    }
}
