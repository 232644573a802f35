//! Whether a typed password is the right one: as GRUB compares plain ones, and as RFC 8018 (PBKDF2) makes of it what
//! grub-mkpasswd-pbkdf2 writes. A wrong name takes as long as a wrong password, and neither tells how much of it is right.

use ctutils::CtEq;
use pbkdf2::pbkdf2_hmac;
use sha2::Sha512;

use crate::{
    entry::{Password, Secret},
    formats::text,
};

/// Maximum length of a password, in bytes, as in GRUB; what a configuration has beyond it does not count.
pub const LENGTH_LIMIT: usize = 1023;

/// The place of the password that is the typed one. `user` is empty where no name is asked for.
#[must_use]
pub fn check(passwords: &[&Password], user: &str, typed: &str) -> Option<usize> {
    let name = |password: &Password| password.user.clone().unwrap_or_default();
    let rounds = |user: &str| {
        let own = passwords.iter().filter(|password| name(password) == user);
        own.map(|password| rounds(&password.secret)).fold(0, u32::saturating_add)
    };
    let most = passwords.iter().map(|password| rounds(&name(password))).max().unwrap_or(0);
    let own = passwords.iter().enumerate().filter(|(_, password)| name(password) == user);
    let mut found = None;
    for (place, password) in own {
        if is_right(&password.secret, typed) {
            found = Some(place);
        }
    }
    // What the password that takes longest takes more.
    let spare = most.saturating_sub(rounds(user));
    if spare > 0 {
        pbkdf2_hmac::<Sha512>(typed.as_bytes(), &[], spare, &mut [0; 1]);
    }
    found
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

/// A text in the same space whatever its length.
fn filled(text: &[u8]) -> [u8; LENGTH_LIMIT] {
    let mut space = [0; LENGTH_LIMIT];
    space.iter_mut().zip(text).for_each(|(byte, own)| *byte = *own);
    space
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

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

    #[test]
    fn a_wrong_name_takes_as_long_as_a_wrong_password() {
        let all = [password("eve", hashed(200_000)), password("root", Secret::Plain("x".into()))];
        let all: Vec<&Password> = all.iter().collect();
        let time = |user| {
            let begin = Instant::now();
            assert_eq!(check(&all, user, "wrong"), None);
            begin.elapsed()
        };
        let times = ["eve", "root", "nobody"].map(time);
        let (least, most) = (times.iter().min().unwrap(), times.iter().max().unwrap());
        assert!(*least * 3 > *most, "{times:?}");
    }
}
