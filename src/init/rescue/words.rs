//! A typed line as words: '…' and "…" quote, and a backslash takes the next character as it is, as in a POSIX shell. Nothing else
//! has a meaning: no variable, no pattern, no pipe.

/// A typed line, read up to its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    /// The words that are complete.
    pub(super) words: Vec<String>,
    /// The word that the line ends in, with the byte that it begins at.
    pub(super) last: Option<(usize, String)>,
    /// What the last word still lacks at its end.
    open: Option<char>,
}

impl Line {
    pub(super) fn read(line: &str) -> Self {
        let mut read = Self::default();
        let mut characters = line.char_indices();
        while let Some((place, character)) = characters.next() {
            if character.is_whitespace() && read.open.is_none() {
                read.words.extend(read.last.take().map(|(_, word)| word));
                continue;
            }
            let (_, word) = read.last.get_or_insert((place, String::new()));
            match (read.open, character) {
                (Some(quote), _) if quote == character => read.open = None,
                (None, '\'' | '"') => read.open = Some(character),
                (None | Some('"'), '\\') => match characters.next() {
                    // Between double quotes it is special only before what is special there.
                    Some((_, next)) if read.open.is_some() && !matches!(next, '"' | '\\') => {
                        word.extend(['\\', next]);
                    }
                    Some((_, next)) => word.push(next),
                    None => read.open = Some('\\'),
                },
                _ => word.push(character),
            }
        }
        read
    }

    /// All words.
    pub(super) fn finish(mut self) -> Result<Vec<String>, String> {
        match self.open {
            Some('\\') => Err("the line ends with a backslash; type the character that it is for".to_owned()),
            Some(quote) => Err(format!("the quote {quote} has no end; type another {quote}")),
            None => {
                self.words.extend(self.last.map(|(_, word)| word));
                Ok(self.words)
            }
        }
    }
}

/// The word as it has to be typed.
pub(super) fn quoted(word: &str) -> String {
    let mut typed = String::with_capacity(word.len());
    for character in word.chars() {
        if character.is_whitespace() || matches!(character, '\'' | '"' | '\\') {
            typed.push('\\');
        }
        typed.push(character);
    }
    typed
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    /// The words as /bin/sh sees them; `None` where it complains.
    fn of_sh(line: &str) -> Option<Vec<String>> {
        let script = format!("printf '%s\\n' {line} ''");
        let output = Command::new("/bin/sh").args(["-fc", &script]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let mut words = text.lines().map(str::to_owned).collect::<Vec<_>>();
        words.pop();
        output.status.success().then_some(words)
    }

    #[test]
    fn quotes_mean_what_they_mean_to_sh() {
        for line in [
            "ls -l /mnt",
            "  cp   a\tb ",
            "'a b' \"c d\" e\\ f",
            "a'b'\"c\"d",
            "'a\\b' \"a\\b\" a\\\\b",
            "\"a\\\"b\" 'a\"b' \"a'b\"",
            "'' \"\" x",
            "größe 'ä ö'",
            "'open",
            "\"open",
            "\"open\\\"",
        ] {
            assert_eq!(Line::read(line).finish().ok(), of_sh(line), "{line}");
        }
        assert!(Line::read("end\\").finish().is_err());
        assert_eq!(Line::read("").finish(), Ok(vec![]));
    }

    #[test]
    fn the_last_word_is_known_with_its_place() {
        for (line, words, last) in [
            ("", &[][..], None),
            ("ls", &[], Some((0, "ls"))),
            ("ls ", &["ls"], None),
            ("ls 'My F", &["ls"], Some((3, "My F"))),
            ("ls a\\ b", &["ls"], Some((3, "a b"))),
        ] {
            let read = Line::read(line);
            let last = last.map(|(place, word): (usize, &str)| (place, word.to_owned()));
            assert_eq!(
                (&read.words[..], read.last),
                (&words.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>()[..], last)
            );
        }
    }

    proptest! {
        #[test]
        fn a_quoted_word_is_read_as_itself(words in proptest::collection::vec("[^\0]{1,8}", 0..4)) {
            let line: Vec<String> = words.iter().map(|word| quoted(word)).collect();
            prop_assert_eq!(Line::read(&line.join(" ")).finish(), Ok(words));
        }

        #[test]
        fn any_line_is_read(line: String) {
            let _ = Line::read(&line).finish();
        }
    }
}
