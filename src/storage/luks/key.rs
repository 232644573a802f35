//! From a passphrase to the key of a LUKS container (cryptsetup's LUKS2 On-Disk Format Specification 1.1.1, chapter 3): derived keys by
//! PBKDF2 (RFC 8018) and Argon2 (RFC 9106), and the anti-forensic splitting of TKS1, undone.

use argon2::{Algorithm, Argon2, Params, Version};
use ctutils::CtEq;
use pbkdf2::pbkdf2_hmac;
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use zeroize::Zeroizing;

use crate::formats::luks::{Derivation, Digest, Hash, Keyslot};

/// A key, whose memory is wiped when it is dropped.
pub(super) type Key = Zeroizing<Vec<u8>>;

/// The key of a keyslot's area; `None` where its numbers are refused, or the memory is not there.
pub(super) fn of_area(keyslot: &Keyslot, passphrase: &[u8]) -> Option<Key> {
    let mut key = Zeroizing::new(vec![0; keyslot.area_key]);
    match &keyslot.derivation {
        Derivation::Pbkdf2 { hash, iterations, salt } => {
            pbkdf2(*hash, passphrase, salt, *iterations, &mut key);
        }
        Derivation::Argon2 { is_id, passes, memory, lanes, salt } => {
            let algorithm = if *is_id { Algorithm::Argon2id } else { Algorithm::Argon2i };
            let params = Params::new(*memory, *passes, *lanes, Some(key.len())).ok()?;
            let hasher = Argon2::new(algorithm, Version::V0x13, params);
            hasher.hash_password_into(passphrase, salt, &mut key).ok()?;
        }
    }
    Some(key)
}

/// The key that is split over the stripes of an area, if it is the container's.
pub(super) fn joined(keyslot: &Keyslot, split: &[u8]) -> Option<Key> {
    let mut key: Key = Zeroizing::new(vec![0; keyslot.key]);
    for (number, stripe) in (1..=keyslot.stripes).zip(split.chunks_exact(keyslot.key.max(1))) {
        key.iter_mut().zip(stripe).for_each(|(byte, other)| *byte ^= other);
        // The last one is not mixed again.
        if number < keyslot.stripes {
            match keyslot.hash {
                Hash::Sha1 => diffuse::<Sha1>(&mut key),
                Hash::Sha256 => diffuse::<Sha256>(&mut key),
                Hash::Sha512 => diffuse::<Sha512>(&mut key),
            }
        }
    }
    is_key(&keyslot.digest, &key).then_some(key)
}

/// Each piece as long as the hash becomes the hash of its number and itself.
fn diffuse<H: sha2::Digest>(key: &mut [u8]) {
    for (number, piece) in (0_u32..).zip(key.chunks_mut(<H as sha2::Digest>::output_size())) {
        let hash = H::new().chain_update(number.to_be_bytes()).chain_update(&*piece).finalize();
        piece.iter_mut().zip(hash).for_each(|(byte, hashed)| *byte = hashed);
    }
}

fn is_key(digest: &Digest, key: &[u8]) -> bool {
    let mut value = vec![0; digest.value.len()];
    pbkdf2(digest.hash, key, &digest.salt, digest.iterations, &mut value);
    value.as_slice().ct_eq(digest.value.as_slice()).to_bool()
}

fn pbkdf2(hash: Hash, secret: &[u8], salt: &[u8], iterations: u32, out: &mut [u8]) {
    match hash {
        Hash::Sha1 => pbkdf2_hmac::<Sha1>(secret, salt, iterations, out),
        Hash::Sha256 => pbkdf2_hmac::<Sha256>(secret, salt, iterations, out),
        Hash::Sha512 => pbkdf2_hmac::<Sha512>(secret, salt, iterations, out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unhex(text: &str) -> Vec<u8> {
        let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
        (0..text.len()).step_by(2).map(byte).collect()
    }

    /// The values are Python's: hashlib's hashes and PBKDF2, put together as the specification says. Argon2 is compared with
    /// cryptsetup's in a guest.
    #[test]
    fn a_split_key_is_joined_and_known_and_a_passphrase_makes_a_key() {
        for (hash, stripes, key, digest, derived) in [
            (
                Hash::Sha1,
                3,
                "db83dad568b74f5cf32d4d718863ba7cc81a24e638d4fe3e17a31d8872142fe0",
                "4620ad9aff2712513fb856450ff6db17c818ab82",
                "fa7bab9eff3a06a5271ccfb9b6d8728d0c7a334d748b03071eefdf53ea75c374",
            ),
            (
                Hash::Sha256,
                5,
                "7a90ce1f1ac93f587d0279b5e0a703d06d22c5d9797e93b2603865b6353ed873\
                 df966a9d7bc5289d2d1c6ae3c1046800b638c1eb9cb0d5d1cde468992d2e770e",
                "837621a2da85d5292cb94f7d5af67c4a13bb7417",
                "a8df899f3c4f204d967e0ad63c092987c10055ebb017b3d9d28add218d4f7aad",
            ),
            (
                Hash::Sha512,
                2,
                "8871932efc162e2a371112948b8932b952d745e1d063b7e6d9d6dc01a73d916a",
                "7f681e0fef650659e38b58ebe5b120516783ef67",
                "f76f72381b75f0deb1c339334a8c8974366cadbc6bf46460f978363de8d210db",
            ),
        ] {
            let (key, salt) = (unhex(key), b"salt".to_vec());
            let digest = Digest { hash, iterations: 3, salt: salt.clone(), value: unhex(digest) };
            let keyslot = Keyslot {
                number: 0,
                derivation: Derivation::Pbkdf2 { hash, iterations: 1000, salt },
                area_key: 32,
                cipher: "aes-xts-plain64".into(),
                offset: 0,
                key: key.len(),
                stripes,
                hash,
                digest,
            };
            let mut split: Vec<u8> = (0..key.len() * stripes).map(|at| (at * 7 % 251) as u8).collect();
            assert_eq!(joined(&keyslot, &split).map(|key| key.to_vec()), Some(key));
            assert_eq!(of_area(&keyslot, b"secret").unwrap().to_vec(), unhex(derived));
            split[0] ^= 1;
            assert_eq!(joined(&keyslot, &split), None);
        }
    }
}
