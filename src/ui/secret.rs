//! A password while it is typed: nothing shows it, and its memory is wiped when it is dropped.

use std::fmt;

use zeroize::Zeroizing;

use super::keys::Key;

/// Maximum length, in bytes, as in GRUB.
pub const LENGTH_LIMIT: usize = 1023;

/// What has been typed. It is never moved to other memory while it grows, so no copy stays behind.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(Zeroizing<String>);

impl Default for SecretText {
    fn default() -> Self {
        Self(Zeroizing::new(String::with_capacity(LENGTH_LIMIT)))
    }
}

impl SecretText {
    /// Takes a key: a character, or one that erases the last character or all of them.
    pub fn take(&mut self, key: Key) {
        match key {
            Key::Character(character)
                if self.0.len().saturating_add(character.len_utf8()) <= LENGTH_LIMIT =>
            {
                self.0.push(character);
            }
            Key::Backspace => drop(self.0.pop()),
            Key::Control('u') => *self = Self::default(),
            _ => {}
        }
    }

    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl From<&str> for SecretText {
    fn from(text: &str) -> Self {
        let mut typed = Self::default();
        text.chars().for_each(|character| typed.take(Key::Character(character)));
        typed
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SecretText")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_type_and_erase_and_nothing_shows_it() {
        let mut typed = SecretText::from("aé");
        typed.take(Key::Backspace);
        typed.take(Key::Left);
        assert_eq!(typed.text(), "a");
        assert_eq!(format!("{typed:?}"), "SecretText");
        typed.take(Key::Control('u'));
        typed.take(Key::Backspace);
        assert_eq!(typed.text(), "");
        let long = SecretText::from("é".repeat(1000).as_str());
        assert_eq!((long.text().len(), long.0.capacity()), (1022, LENGTH_LIMIT));
    }
}
