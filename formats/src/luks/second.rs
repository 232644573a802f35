//! The header of LUKS2: a binary part of 4 KiB, and JSON after it; both twice.
//!
//! The checksums are not looked at: a header whose JSON is damaged is passed over for its copy, and a key that comes out of a wrong
//! one fails its digest.

use base64ct::{Base64, Encoding};

use super::{
    Container, Derivation, Digest, HEADER_LIMIT, Hash, Keyslot, LuksError, MAGIC, SECTOR, Segment, bytes,
    cipher,
};
use crate::{
    bytes::{ReadAt, be16, be64, holds, slice},
    json::Value,
    text::decode,
};

/// Length of the binary part, in bytes.
const BINARY: u64 = 4096;

/// The second header begins with this, at one of these offsets.
const COPY_MAGIC: &[u8] = b"SKUL\xba\xbe";
const COPIES: [u64; 9] =
    [0x4000, 0x8000, 0x1_0000, 0x2_0000, 0x4_0000, 0x8_0000, 0x10_0000, 0x20_0000, 0x40_0000];

/// Keyslots of other types have no passphrase.
const KEYSLOT_TYPE: &str = "luks2";

pub(super) fn read(device: &dyn ReadAt, head: &[u8]) -> Result<Container, LuksError> {
    let mut failure = LuksError::None;
    if let Some(result) = header(device, head, MAGIC, 0) {
        match result {
            Err(LuksError::Damaged(what)) => failure = LuksError::Damaged(what),
            other => return other,
        }
    }
    for offset in COPIES {
        let head = bytes(device, offset, 512)?;
        if let Some(Ok(container)) = header(device, &head, COPY_MAGIC, offset) {
            return Ok(container);
        }
    }
    Err(failure)
}

/// `None` where there is none of this version.
fn header(
    device: &dyn ReadAt,
    head: &[u8],
    magic: &[u8],
    offset: u64,
) -> Option<Result<Container, LuksError>> {
    let is_one = holds(head, 0, magic) && be16(head, 6) == Some(2) && be64(head, 256) == Some(offset);
    is_one.then(|| {
        let length = be64(head, 8).and_then(|size| size.checked_sub(BINARY));
        let length =
            length.filter(|length| *length <= HEADER_LIMIT).and_then(|length| usize::try_from(length).ok());
        let length = length.ok_or(LuksError::Damaged("its length"))?;
        let text = bytes(device, offset.saturating_add(BINARY), length)?;
        let json = Value::parse(&text).ok_or(LuksError::Damaged("its JSON"))?;
        let uuid = slice(head, 168, 40).ok_or(LuksError::Damaged("it is cut short"))?;
        let uuid = decode(uuid.split(|byte| *byte == 0).next().unwrap_or_default());
        container(&json, uuid)
    })
}

fn container(json: &Value, uuid: String) -> Result<Container, LuksError> {
    let config = member(json, "config")?;
    let requirements = config.get("requirements").and_then(|all| all.get("mandatory"));
    if let Some(requirement) = requirements.map(Value::items).unwrap_or_default().first() {
        let name = requirement.text().unwrap_or_default();
        return Err(LuksError::Unknown(format!("the requirement {name}")));
    }
    let segments = member(json, "segments")?.members();
    let [(number, segment)] = segments else {
        return Err(LuksError::Unknown(format!("a container of {} segments", segments.len())));
    };
    if text(segment, "type")? != "crypt" || segment.get("integrity").is_some() {
        return Err(LuksError::Unknown("data that is authenticated".into()));
    }
    let length = match member(segment, "size")? {
        Value::Text(size) if size == "dynamic" => None,
        size => Some(size.number().ok_or(LuksError::Damaged("a size"))?),
    };
    let sector = number_of(segment, "sector_size")?;
    let segment = Segment {
        cipher: cipher(text(segment, "encryption")?)?,
        offset: number_of(segment, "offset")?,
        length,
        iv_offset: number_of(segment, "iv_tweak")?,
        sector,
    };
    let is_right = matches!(sector, 512 | 1024 | 2048 | 4096)
        && segment.offset.is_multiple_of(SECTOR)
        && segment.length.is_none_or(|length| length.is_multiple_of(sector));
    if !is_right {
        return Err(LuksError::Damaged("the place of its data"));
    }
    let digests = member(json, "digests")?.members();
    let names = |value: &Value, list: &str, name: &str| {
        value.get(list).map(Value::items).unwrap_or_default().iter().any(|item| item.text() == Some(name))
    };
    let (mut keyslots, mut failure) = (Vec::new(), None);
    for (name, keyslot) in member(json, "keyslots")?.members() {
        let digest = digests
            .iter()
            .map(|(_, digest)| digest)
            .find(|digest| names(digest, "keyslots", name) && names(digest, "segments", number));
        // 0 is for those that are tried only where somebody names them.
        let priority = keyslot.get("priority").and_then(Value::number).unwrap_or(1);
        let Some(digest) = digest.filter(|_| priority > 0 && text(keyslot, "type") == Ok(KEYSLOT_TYPE))
        else {
            continue;
        };
        match read_keyslot(name, keyslot, digest) {
            Ok(keyslot) => keyslots.push((priority, keyslot)),
            // Another one may open it.
            Err(error) => failure = Some(error),
        }
    }
    if let Some(failure) = failure.filter(|_| keyslots.is_empty()) {
        return Err(failure);
    }
    crate::sort::by_key(&mut keyslots, |(priority, _)| std::cmp::Reverse(*priority));
    let keyslots = keyslots.into_iter().map(|(_, keyslot)| keyslot).collect();
    Ok(Container { version: 2, uuid, segment, keyslots })
}

fn read_keyslot(name: &str, keyslot: &Value, digest: &Value) -> Result<Keyslot, LuksError> {
    let (area, split, kdf) = (member(keyslot, "area")?, member(keyslot, "af")?, member(keyslot, "kdf")?);
    let salt = base64(text(kdf, "salt")?)?;
    let derivation = match text(kdf, "type")? {
        "pbkdf2" => Derivation::Pbkdf2 {
            hash: Hash::named(text(kdf, "hash")?)?,
            iterations: small(kdf, "iterations")?,
            salt,
        },
        name @ ("argon2i" | "argon2id") => Derivation::Argon2 {
            is_id: name == "argon2id",
            passes: small(kdf, "time")?,
            memory: small(kdf, "memory")?,
            lanes: small(kdf, "cpus")?,
            salt,
        },
        other => return Err(LuksError::Unknown(format!("the key derivation {other}"))),
    };
    if (text(area, "type")?, text(split, "type")?, text(digest, "type")?) != ("raw", "luks1", "pbkdf2") {
        return Err(LuksError::Unknown("a keyslot of another type".into()));
    }
    let keyslot = Keyslot {
        number: name.parse().map_err(|_| LuksError::Damaged("a keyslot's number"))?,
        derivation,
        area_key: small(area, "key_size")? as usize,
        cipher: cipher(text(area, "encryption")?)?,
        offset: number_of(area, "offset")?,
        key: small(keyslot, "key_size")? as usize,
        stripes: small(split, "stripes")? as usize,
        hash: Hash::named(text(split, "hash")?)?,
        digest: Digest {
            hash: Hash::named(text(digest, "hash")?)?,
            iterations: small(digest, "iterations")?,
            salt: base64(text(digest, "salt")?)?,
            value: base64(text(digest, "digest")?)?,
        },
    };
    keyslot.checked()
}

fn member<'a>(value: &'a Value, name: &str) -> Result<&'a Value, LuksError> {
    value.get(name).ok_or(LuksError::Damaged("its JSON lacks something"))
}

fn text<'a>(value: &'a Value, name: &str) -> Result<&'a str, LuksError> {
    member(value, name)?.text().ok_or(LuksError::Damaged("its JSON has another type"))
}

fn number_of(value: &Value, name: &str) -> Result<u64, LuksError> {
    member(value, name)?.number().ok_or(LuksError::Damaged("its JSON has another type"))
}

fn small(value: &Value, name: &str) -> Result<u32, LuksError> {
    u32::try_from(number_of(value, name)?).map_err(|_| LuksError::Damaged("a number"))
}

/// Base64 (RFC 4648, 4).
fn base64(text: &str) -> Result<Vec<u8>, LuksError> {
    let mut space = [0; 256];
    let bytes = Base64::decode(text, &mut space).map_err(|_| LuksError::Damaged("its base64"))?;
    Ok(bytes.to_vec())
}
