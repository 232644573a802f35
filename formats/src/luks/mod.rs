//! LUKS containers (cryptsetup's "LUKS1 On-Disk Format Specification" 1.2.3 and "LUKS2 On-Disk Format Specification" 1.1.1): how a
//! passphrase becomes the key, and what the key opens.

mod first;
mod second;

use crate::bytes::{ReadAt, be16, holds};

/// The first header of either version.
const MAGIC: &[u8] = b"LUKS\xba\xbe";

/// Maximum length of what is read of a header, in bytes: LUKS2 has no longer ones.
const HEADER_LIMIT: u64 = 4 << 20;

/// Maximum length of a key, in bytes: as hexadecimal digits it has to fit into a table of device mapper.
const KEY_LIMIT: u64 = 256;

/// Maximum length of a key that is split, in bytes: 4,000 times a key of 128.
const SPLIT_LIMIT: u64 = 1 << 20;

/// Bytes of a sector, by which device mapper and IVs count.
pub const SECTOR: u64 = 512;

/// A container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// 1 or 2.
    pub version: u16,
    /// Its UUID.
    pub uuid: String,
    /// What is encrypted.
    pub segment: Segment,
    /// The ways to its key, those first that are preferred.
    pub keyslots: Vec<Keyslot>,
}

/// The encrypted data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The cipher as device mapper takes it: `aes-xts-plain64`.
    pub cipher: String,
    /// Where it begins, in bytes from the beginning of the device.
    pub offset: u64,
    /// Its length in bytes; `None` for up to the end of the device.
    pub length: Option<u64>,
    /// What is added to the number of each sector for its IV.
    pub iv_offset: u64,
    /// Bytes of its sectors.
    pub sector: u64,
}

/// A way from a passphrase to the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keyslot {
    /// Its number.
    pub number: u64,
    /// Makes the key of the area out of a passphrase.
    pub derivation: Derivation,
    /// Bytes of that key.
    pub area_key: usize,
    /// The cipher of the area.
    pub cipher: String,
    /// Where the area begins, in bytes from the beginning of the device.
    pub offset: u64,
    /// Bytes of the container's key, which is split over so many stripes in the area.
    pub key: usize,
    /// Number of stripes.
    pub stripes: usize,
    /// The hash that joins them.
    pub hash: Hash,
    /// Knows whether it is the container's key.
    pub digest: Digest,
}

/// Hashes that are known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// The default of LUKS1 before 2017.
    Sha1,
    /// The default since then.
    Sha256,
    /// Another choice.
    Sha512,
}

/// What makes a key out of a passphrase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Derivation {
    /// RFC 8018.
    Pbkdf2 {
        /// Its hash.
        hash: Hash,
        /// How often it is applied.
        iterations: u32,
        /// What is mixed in.
        salt: Vec<u8>,
    },
    /// RFC 9106.
    Argon2 {
        /// The variant Argon2id, or else Argon2i.
        is_id: bool,
        /// Passes.
        passes: u32,
        /// Memory in KiB.
        memory: u32,
        /// Lanes.
        lanes: u32,
        /// What is mixed in.
        salt: Vec<u8>,
    },
}

/// The digest of a key, by PBKDF2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest {
    /// Its hash.
    pub hash: Hash,
    /// How often it is applied.
    pub iterations: u32,
    /// What is mixed in.
    pub salt: Vec<u8>,
    /// What comes out.
    pub value: Vec<u8>,
}

/// Why a container cannot be opened here, whoever knows a passphrase.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LuksError {
    /// There is no header.
    #[error("no LUKS container")]
    None,
    /// The header is damaged.
    #[error("its header is damaged ({0}): `cryptsetup repair` or a copy of the header helps")]
    Damaged(&'static str),
    /// It wants something that is not known here.
    #[error("{0} is not known here: open it with a cryptsetup")]
    Unknown(String),
    /// No keyslot is in use.
    #[error("no keyslot with a passphrase is in use: nothing opens it")]
    NoKeyslot,
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Read(String),
}

impl Container {
    /// Reads the header of a device.
    ///
    /// # Errors
    /// [`LuksError`].
    pub fn read(device: &dyn ReadAt) -> Result<Self, LuksError> {
        let head = bytes(device, 0, 4096)?;
        let container = match (holds(&head, 0, MAGIC), be16(&head, 6)) {
            (true, Some(1)) => first::read(&head)?,
            // Where the first header is lost, its copy is found.
            _ => second::read(device, &head)?,
        };
        if container.keyslots.is_empty() { Err(LuksError::NoKeyslot) } else { Ok(container) }
    }
}

impl Keyslot {
    /// Bytes of the area, which is read in whole sectors.
    #[must_use]
    pub fn area(&self) -> usize {
        self.key.saturating_mul(self.stripes).next_multiple_of(SECTOR as usize)
    }

    /// Refuses what would take too much memory.
    fn checked(self) -> Result<Self, LuksError> {
        let split = (self.key as u64).saturating_mul(self.stripes as u64);
        let is_key = |length: usize| length > 0 && length as u64 <= KEY_LIMIT;
        let is_right = is_key(self.key) && is_key(self.area_key) && self.stripes > 0 && split <= SPLIT_LIMIT;
        let is_digest = (1..=64).contains(&self.digest.value.len()) && self.digest.iterations > 0;
        if is_right && is_digest { Ok(self) } else { Err(LuksError::Damaged("the size of a key")) }
    }
}

impl Hash {
    /// The hash with this name of the kernel's.
    fn named(name: &str) -> Result<Self, LuksError> {
        match name {
            "sha1" => Ok(Self::Sha1),
            "sha256" => Ok(Self::Sha256),
            "sha512" => Ok(Self::Sha512),
            _ => Err(LuksError::Unknown(format!("the hash {name}"))),
        }
    }
}

/// A cipher's name goes to the kernel as a word among others.
fn cipher(name: &str) -> Result<String, LuksError> {
    let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_:(),.".contains(&byte);
    let is_name = (1..=64).contains(&name.len()) && name.bytes().all(is_of_name);
    if is_name { Ok(name.to_owned()) } else { Err(LuksError::Damaged("a cipher's name")) }
}

fn bytes(device: &dyn ReadAt, offset: u64, length: usize) -> Result<Vec<u8>, LuksError> {
    let mut bytes = vec![0; length];
    let read = device.read_at(offset, &mut bytes).map_err(|error| LuksError::Read(error.to_string()))?;
    bytes.truncate(read);
    Ok(bytes)
}
