//! Which entry Limine selects by itself: the one that the firmware's variables name, by a path of titles or by the
//! identifier that systemd knows it by, or the one that `default_entry` names, by a path or by a number (Limine, CONFIG.md
//! and the order in its menu).

use crate::name_table::NameNumbers;

/// A request for an entry.
#[derive(Clone, Copy)]
pub(super) enum Request<'a> {
    /// `default_entry`: what names nothing means the first one.
    Default(&'a str),
    /// A path.
    Path(&'a str),
    /// An identifier of the Boot Loader Interface, or a path.
    Identifier(&'a str),
}

/// The rows on the screen, and the entries that can be named; entries by their places among the choices.
#[derive(Default)]
pub(super) struct Shown {
    /// The rows, `None` for a directory.
    pub rows: Vec<Option<usize>>,
    /// The entries with their paths, those in directories that are closed too.
    pub entries: Vec<(usize, String)>,
}

impl Shown {
    /// The entry that is selected; `None` if it is a directory, or nothing.
    pub fn selected(&self, requests: [Option<Request<'_>>; 4]) -> Option<usize> {
        let named = requests.into_iter().flatten().find_map(|request| self.named(request));
        named.unwrap_or_else(|| self.rows.first().copied().flatten())
    }

    fn named(&self, request: Request<'_>) -> Option<Option<usize>> {
        match request {
            Request::Default(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => {
                let number: usize = text.parse().unwrap_or_default();
                self.rows.get(number.saturating_sub(1)).copied()
            }
            Request::Default(path) | Request::Path(path) => self.at(path).map(Some),
            Request::Identifier(text) => self.identified(text).or_else(|| self.at(text)).map(Some),
        }
    }

    fn at(&self, path: &str) -> Option<usize> {
        let path = normal(path);
        self.entries.iter().find(|(_, own)| *own == path).map(|(entry, _)| *entry)
    }

    /// An identifier is the path in the characters that systemd allows; of equal ones the later have numbers from 2.
    fn identified(&self, text: &str) -> Option<usize> {
        let mut times = NameNumbers::default();
        let found = self.entries.iter().find(|(_, path)| {
            let allowed = |byte: u8| match byte {
                b'/' => '.',
                b'+' | b'_' | b'.' | b'@' => char::from(byte),
                byte if byte.is_ascii_alphanumeric() => char::from(byte),
                _ => '-',
            };
            let identifier: String = path.bytes().map(allowed).collect();
            let (same, rest) = match text.strip_prefix(&identifier) {
                Some(rest) => (true, rest),
                None => (false, ""),
            };
            match times.count(identifier) {
                _ if !same => false,
                0 => rest.is_empty(),
                before => rest == format!("-{}", before.saturating_add(1)),
            }
        });
        found.map(|(entry, _)| *entry)
    }
}

/// Adds a step to a path: a title, and how many of that title come before it.
pub(super) fn push_step(path: &mut String, title: &str, before: usize) {
    if !path.is_empty() {
        path.push('/');
    }
    for c in title.chars() {
        if matches!(c, '\\' | '/' | '#') {
            path.push('\\');
        }
        path.push(c);
    }
    if before > 0 {
        path.push('#');
        path.push_str(&before.to_string());
    }
}

/// A path as [`push_step`] writes it: `OSes/Arch Linux#0` is `OSes/Arch Linux`.
fn normal(path: &str) -> String {
    let mut normal = String::new();
    let mut rest = path;
    while !rest.is_empty() {
        let (mut title, mut before) = (String::new(), 0);
        let mut characters = rest.chars();
        while let Some(c) = characters.next() {
            match c {
                '/' => break,
                '\\' => title.push(characters.next().unwrap_or('\\')),
                '#' => match number(characters.as_str()) {
                    Some((number, after)) => {
                        before = number;
                        characters = after.chars();
                    }
                    None => title.push('#'),
                },
                c => title.push(c),
            }
        }
        push_step(&mut normal, &title, before);
        rest = characters.as_str();
    }
    normal
}

/// The number that ends a step, and what follows it.
fn number(text: &str) -> Option<(usize, &str)> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, after) = text.split_at_checked(digits)?;
    let is_end = after.is_empty() || after.starts_with('/');
    number.parse().ok().filter(|_| is_end).map(|number| (number, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_compared_in_one_form() {
        for (path, expected) in [
            ("Arch", "Arch"),
            ("OSes/Arch Linux#0", "OSes/Arch Linux"),
            ("OSes#1/Arch#2", "OSes#1/Arch#2"),
            ("C\\#/a\\/b/c\\\\", "C\\#/a\\/b/c\\\\"),
            ("C#/a#b/#7x", "C\\#/a\\#b/\\#7x"),
            ("a/", "a"),
            ("", ""),
        ] {
            assert_eq!(normal(path), expected);
        }
    }
}
