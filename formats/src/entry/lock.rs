//! What a boot loader has locked, and the passwords that open it. Neither is ever printed.

use std::fmt;

use serde::{Serialize, Serializer};

/// Maximum cost of a PBKDF2 password, in rounds for each block of its hash: a configuration must not hold the machine for ever.
/// `grub-mkpasswd-pbkdf2` takes 10,000; five million are some ten seconds of a slow processor.
pub const ROUND_LIMIT: u64 = 5_000_000;

/// Bytes of one block of SHA-512's output.
const BLOCK: usize = 64;

/// A password that a configuration sets.
#[derive(Clone, PartialEq, Eq)]
pub struct Password {
    /// The name that is typed before it, where the loader asks for one.
    pub user: Option<String>,
    /// How it is checked.
    pub secret: Secret,
}

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Password").field("user", &self.user).finish_non_exhaustive()
    }
}

/// What a typed password is compared with.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// Itself, in the text form of [`crate::text`].
    Plain(String),
    /// PBKDF2 with HMAC-SHA-512.
    Pbkdf2 {
        /// Rounds.
        rounds: u32,
        /// Salt.
        salt: Vec<u8>,
        /// The result.
        hash: Vec<u8>,
    },
}

impl Secret {
    /// PBKDF2 of these numbers; `None` where it could not be checked or would take too long.
    #[must_use]
    pub fn pbkdf2(rounds: u32, salt: Vec<u8>, hash: Vec<u8>) -> Option<Self> {
        let blocks = hash.len().div_ceil(BLOCK) as u64;
        let cost = blocks.saturating_mul(rounds.into());
        (1..=ROUND_LIMIT).contains(&cost).then_some(Self::Pbkdf2 { rounds, salt, hash })
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret")
    }
}

/// A lock, by the passwords each of which opens it. In JSON it is `true`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lock {
    /// Their places in the list of all passwords; none: nothing opens it.
    pub passwords: Vec<usize>,
}

impl Lock {
    /// The lock that a password without a name opens, which joins the list of all; nothing opens it where it cannot be checked.
    #[must_use]
    pub fn with_secret(secret: Option<Secret>, passwords: &mut Vec<Password>) -> Self {
        let password = secret.map(|secret| Password { user: None, secret });
        // One for all choices comes with each.
        if let Some(password) = password.clone().filter(|password| passwords.last() != Some(password)) {
            passwords.push(password);
        }
        Self { passwords: password.and(passwords.len().checked_sub(1)).into_iter().collect() }
    }

    /// The lock where its list, of so many passwords, comes after so many others in a longer one.
    #[must_use]
    pub fn moved(&self, count: usize, by: usize) -> Self {
        let own = self.passwords.iter().filter(|place| **place < count);
        Self { passwords: own.map(|place| place.saturating_add(by)).collect() }
    }

    /// What stands before something that both lock: one person has to open both.
    #[must_use]
    pub fn with(mut self, other: &Self) -> Self {
        self.passwords.retain(|place| other.passwords.contains(place));
        self
    }
}

impl Serialize for Lock {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bool(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_that_is_none_or_takes_too_long_is_no_secret() {
        for (rounds, length, is_one) in [
            (10_000, 64, true),
            (0, 64, false),
            (10_000, 0, false),
            (5_000_000, 64, true),
            (5_000_001, 64, false),
            (u32::MAX, 1, false),
            (1_000_000, 320, true),
            (1_000_000, 321, false),
        ] {
            let secret = Secret::pbkdf2(rounds, vec![], vec![0; length]);
            assert_eq!(secret.is_some(), is_one, "{rounds} {length}");
        }
    }

    #[test]
    fn passwords_are_not_printed() {
        let password = Password { user: Some("root".into()), secret: Secret::Plain("hidden".into()) };
        assert_eq!(format!("{password:?}"), "Password { user: Some(\"root\"), .. }");
    }
}
