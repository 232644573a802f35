//! The header of LUKS1: all fields at fixed places, numbers big-endian.

use super::{Container, Derivation, Digest, Hash, Keyslot, LuksError, SECTOR, Segment, cipher};
use crate::{
    bytes::{be32, slice},
    text::decode,
};

/// A keyslot that is in use.
const ACTIVE: u32 = 0x00ac_71f3;

/// Where the eight keyslots begin, and how long each is.
const KEYSLOTS: (usize, usize) = (208, 48);

pub(super) fn read(head: &[u8]) -> Result<Container, LuksError> {
    let number = |at| be32(head, at).ok_or(LuksError::Damaged("it is cut short"));
    let field = |at, length| slice(head, at, length).ok_or(LuksError::Damaged("it is cut short"));
    let text = |at, length| {
        let bytes = field(at, length)?;
        Ok(decode(bytes.split(|byte| *byte == 0).next().unwrap_or_default()))
    };
    let (name, mode, hash): (String, String, String) = (text(8, 32)?, text(40, 32)?, text(72, 32)?);
    let hash = Hash::named(&hash)?;
    let cipher = cipher(&format!("{name}-{mode}"))?;
    let key = number(108)? as usize;
    let digest = Digest {
        hash,
        iterations: number(164)?,
        salt: field(132, 32)?.to_vec(),
        value: field(112, 20)?.to_vec(),
    };
    let mut keyslots = Vec::new();
    for place in 0..8_usize {
        let at = KEYSLOTS.0.saturating_add(place.saturating_mul(KEYSLOTS.1));
        if number(at)? != ACTIVE {
            continue;
        }
        let derivation = Derivation::Pbkdf2 {
            hash,
            iterations: number(at.saturating_add(4))?,
            salt: field(at.saturating_add(8), 32)?.to_vec(),
        };
        let keyslot = Keyslot {
            number: place as u64,
            derivation,
            area_key: key,
            cipher: cipher.clone(),
            offset: u64::from(number(at.saturating_add(40))?).saturating_mul(SECTOR),
            key,
            stripes: number(at.saturating_add(44))? as usize,
            hash,
            digest: digest.clone(),
        };
        keyslots.push(keyslot.checked()?);
    }
    let segment = Segment {
        cipher,
        offset: u64::from(number(104)?).saturating_mul(SECTOR),
        length: None,
        iv_offset: 0,
        sector: SECTOR,
    };
    Ok(Container { version: 1, uuid: text(168, 40)?, segment, keyslots })
}
