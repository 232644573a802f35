//! Whether a typed password is the right one: as GRUB compares plain ones, and as RFC 8018 (PBKDF2) makes of it what
//! grub-mkpasswd-pbkdf2 writes; the machine's own by Argon2id (RFC 9106), written as a PHC string. A wrong name takes as long as a
//! wrong password, and neither tells how much of it is right.

use std::fmt;

use argon2::{Algorithm, Argon2, Params, Version};
use base64ct::{Base64Unpadded, Encoding};
use ctutils::CtEq;
use pbkdf2::pbkdf2_hmac;
use sha2::Sha512;

use crate::{
    entry::{Password, Secret},
    formats::text,
    ui::secret::LENGTH_LIMIT,
};

/// Maximum memory of the machine's own password, in KiB.
const MEMORY_LIMIT: u32 = 256 << 10;

/// Maximum memory times passes: some ten seconds of a slow processor.
const COST_LIMIT: u32 = 4 << 20;

/// Maximum bytes of its salt and of its hash.
const HASH_LIMIT: usize = 64;

/// The hash of the machine's own password.
#[derive(Clone, PartialEq, Eq)]
pub struct OwnPassword {
    /// KiB, passes, lanes.
    costs: (u32, u32, u32),
    salt: Vec<u8>,
    hash: Vec<u8>,
}

impl OwnPassword {
    /// Reads `$argon2id$v=19$m=…,t=…,p=…$SALT$HASH`; `None` where it is something else, or takes too much memory or time.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix("$argon2id$v=19$")?.split('$');
        let (costs, salt, hash) = (parts.next()?, parts.next()?, parts.next()?);
        let mut costs = costs.split(',');
        let mut cost = |name| costs.next()?.strip_prefix(name)?.parse().ok();
        let costs = (cost("m=")?, cost("t=")?, cost("p=")?);
        let bytes = |text: &str| {
            let mut space = [0; HASH_LIMIT];
            Base64Unpadded::decode(text, &mut space).ok().map(<[u8]>::to_vec)
        };
        let own = Self { costs, salt: bytes(salt)?, hash: bytes(hash)? };
        let is_cheap = costs.0 <= MEMORY_LIMIT && costs.0.checked_mul(costs.1)? <= COST_LIMIT;
        let is_hash = own.salt.len() >= 8 && own.hash.len() >= 16 && own.hasher().is_some();
        (is_cheap && is_hash && parts.next().is_none()).then_some(own)
    }

    /// The hash of a new password, with the costs that OWASP recommends.
    #[must_use]
    pub fn new(typed: &str, salt: [u8; 16]) -> Option<Self> {
        let costs = (Params::DEFAULT_M_COST, Params::DEFAULT_T_COST, Params::DEFAULT_P_COST);
        let mut own = Self { costs, salt: salt.to_vec(), hash: vec![0; Params::DEFAULT_OUTPUT_LEN] };
        own.hash = own.hash_of(typed)?;
        Some(own)
    }

    fn hasher(&self) -> Option<Argon2<'static>> {
        let (memory, passes, lanes) = self.costs;
        let params = Params::new(memory, passes, lanes, Some(self.hash.len())).ok()?;
        Some(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
    }

    fn hash_of(&self, typed: &str) -> Option<Vec<u8>> {
        let mut hash = vec![0; self.hash.len()];
        // It fails where the memory is not there.
        self.hasher()?.hash_password_into(typed.as_bytes(), &self.salt, &mut hash).ok()?;
        Some(hash)
    }

    fn is(&self, typed: &str) -> bool {
        self.hash_of(typed).is_some_and(|hash| hash.as_slice().ct_eq(self.hash.as_slice()).to_bool())
    }
}

impl fmt::Display for OwnPassword {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (memory, passes, lanes) = self.costs;
        let mut space = [[0; HASH_LIMIT * 2]; 2];
        let [salt, hash] = &mut space;
        let salt = Base64Unpadded::encode(&self.salt, salt).map_err(|_| fmt::Error)?;
        let hash = Base64Unpadded::encode(&self.hash, hash).map_err(|_| fmt::Error)?;
        write!(formatter, "$argon2id$v=19$m={memory},t={passes},p={lanes}${salt}${hash}")
    }
}

impl fmt::Debug for OwnPassword {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("OwnPassword")
    }
}

/// What opens something: a password of the boot loader's configuration, or the machine's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    pub passwords: Vec<Password>,
    /// The machine's own, which has no name.
    pub own: Option<OwnPassword>,
}

/// What comes of a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Wrong,
    /// This password of the configuration was typed.
    Password(Password),
    /// The machine's own was.
    Own,
}

impl Question {
    /// Whether a name is asked for.
    #[must_use]
    pub fn asks_user(&self) -> bool {
        self.passwords.iter().any(|password| password.user.is_some())
    }

    /// What comes of a name, which is empty where none was asked for or typed, and a password. It takes its time.
    #[must_use]
    pub fn answer(&self, user: &str, typed: &str) -> Answer {
        let passwords: Vec<&Password> = self.passwords.iter().collect();
        let found = check(&passwords, user, typed).and_then(|place| passwords.get(place).copied());
        let is_own = self.own.as_ref().filter(|_| user.is_empty()).is_some_and(|own| own.is(typed));
        match found {
            _ if is_own => Answer::Own,
            Some(password) => Answer::Password(password.clone()),
            None => Answer::Wrong,
        }
    }
}

/// The place of the password that is the typed one. `user` is empty where no name is asked for.
#[must_use]
pub fn check(passwords: &[&Password], user: &str, typed: &str) -> Option<usize> {
    let own = passwords.iter().enumerate().filter(|(_, password)| name(password) == user);
    let mut found = None;
    for (place, password) in own {
        if is_right(&password.secret, typed) {
            found = Some(place);
        }
    }
    let spare = spare_rounds(passwords, user);
    if spare > 0 {
        pbkdf2_hmac::<Sha512>(typed.as_bytes(), &[], spare, &mut [0; 1]);
    }
    found
}

/// The name that is typed before it.
fn name(password: &Password) -> &str {
    password.user.as_deref().unwrap_or_default()
}

/// The rounds that the passwords which take longest take more than those of this name.
fn spare_rounds(passwords: &[&Password], user: &str) -> u32 {
    let of_user = |user: &str| {
        let own = passwords.iter().filter(|password| name(password) == user);
        own.map(|password| rounds(&password.secret)).fold(0, u32::saturating_add)
    };
    let most = passwords.iter().map(|password| of_user(name(password))).max().unwrap_or(0);
    most.saturating_sub(of_user(user))
}

fn is_right(secret: &Secret, typed: &str) -> bool {
    match secret {
        Secret::Plain(plain) => {
            let equal = filled(&text::encode(plain)).ct_eq(&filled(typed.as_bytes()));
            equal.to_bool()
        }
        Secret::Pbkdf2 { rounds, salt, hash } => {
            let mut own = vec![0; hash.len()];
            pbkdf2_hmac::<Sha512>(typed.as_bytes(), salt, *rounds, &mut own);
            own.as_slice().ct_eq(hash.as_slice()).to_bool()
        }
    }
}

/// Rounds of PBKDF2, those of all blocks together.
fn rounds(secret: &Secret) -> u32 {
    match secret {
        Secret::Plain(_) => 0,
        Secret::Pbkdf2 { rounds, hash, .. } => {
            rounds.saturating_mul(u32::try_from(hash.len().div_ceil(64)).unwrap_or(u32::MAX))
        }
    }
}

/// A text in the same space whatever its length. What a configuration has beyond it does not count, as in GRUB.
fn filled(text: &[u8]) -> [u8; LENGTH_LIMIT] {
    let mut space = [0; LENGTH_LIMIT];
    space.iter_mut().zip(text).for_each(|(byte, own)| *byte = *own);
    space
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(user: &str, secret: Secret) -> Password {
        Password { user: Some(user.to_owned()).filter(|user| !user.is_empty()), secret }
    }

    /// With the first bytes of the hash of `secret` and `salt` after one round, by Python's hashlib.
    fn hashed(rounds: u32) -> Secret {
        Secret::pbkdf2(rounds, b"salt".to_vec(), vec![0x96, 0x09, 0x54]).unwrap()
    }

    #[test]
    fn the_right_password_of_the_right_name_is_found() {
        let long = "x".repeat(2000);
        let all = [
            password("root", Secret::Plain("plain é".into())),
            password("eve", hashed(1)),
            password("", Secret::Plain("nameless".into())),
            password("", Secret::Plain("master".into())),
            password("long", Secret::Plain(long.clone())),
        ];
        let all: Vec<&Password> = all.iter().collect();
        for (user, typed, expected) in [
            ("root", "plain é", Some(0)),
            ("root", "plain", None),
            ("root", "plain é ", None),
            ("root", "", None),
            ("eve", "secret", Some(1)),
            ("eve", "plain é", None),
            ("root", "secret", None),
            ("nobody", "secret", None),
            ("", "nameless", Some(2)),
            ("", "master", Some(3)),
            ("", "plain é", None),
            ("long", &long[..1023], Some(4)),
            ("long", &long[..1022], None),
        ] {
            assert_eq!(check(&all, user, typed), expected, "{user} {typed}");
        }
        assert_eq!(check(&[], "root", ""), None);
    }

    /// The hash of `password` in the tests of the reference implementation (phc-winner-argon2, src/test.c).
    const OWN: &str = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";

    #[test]
    fn the_machines_own_password_is_given_without_a_name() {
        let own = OwnPassword::parse(OWN);
        assert_eq!(own.as_ref().map(ToString::to_string).as_deref(), Some(OWN));
        let root = password("root", Secret::Plain("secret".into()));
        let question = Question { passwords: vec![root.clone()], own };
        assert!(question.asks_user());
        for (user, typed, expected) in [
            ("", "password", Answer::Own),
            ("", "passwor", Answer::Wrong),
            ("", "secret", Answer::Wrong),
            ("root", "secret", Answer::Password(root)),
            ("nobody", "secret", Answer::Wrong),
        ] {
            assert_eq!(question.answer(user, typed), expected, "{user} {typed}");
        }
        let new = OwnPassword::new("x", [7; 16]).unwrap();
        assert_eq!(OwnPassword::parse(&new.to_string()), Some(new.clone()));
        assert!(new.is("x") && !new.is("y"));
    }

    #[test]
    fn a_hash_of_another_kind_or_of_too_high_costs_is_none() {
        for (part, other) in [
            ("", ""),
            ("argon2id", "argon2i"),
            ("v=19", "v=16"),
            ("m=256", "m=7"),
            ("m=256", "m=262145"),
            ("m=256,t=2", "m=262144,t=17"),
            ("t=2", "t=4294967295"),
            ("p=1", "p=0"),
            ("p=1", "p=16777215"),
            ("c29tZXNhbHQ", "c29tZ"),
            ("c29tZXNhbHQ", "!!!!!!!!!!!"),
            ("m=256,", ""),
            ("$c29tZXNhbHQ", ""),
        ] {
            let text = if part.is_empty() { format!("{OWN}$x") } else { OWN.replace(part, other) };
            assert_eq!(OwnPassword::parse(&text), None, "{text}");
        }
        assert!(OwnPassword::parse(&OWN.replace("m=256,t=2", "m=262144,t=16")).is_some());
    }

    #[test]
    fn a_wrong_name_takes_as_many_rounds_as_a_wrong_password() {
        let twice = Secret::pbkdf2(10, vec![], vec![0; 65]).unwrap();
        let all = [
            password("eve", hashed(1000)),
            password("root", Secret::Plain("x".into())),
            password("bob", twice),
        ];
        let all: Vec<&Password> = all.iter().collect();
        for (user, spare) in [("eve", 0), ("root", 1000), ("nobody", 1000), ("", 1000), ("bob", 980)] {
            assert_eq!(spare_rounds(&all, user), spare, "{user}");
        }
        assert_eq!(spare_rounds(&[], "root"), 0);
    }
}
