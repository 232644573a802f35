//! LUKS containers, opened with a passphrase ([`crate::formats::luks`], [`key`]): the kernel's dm-crypt does all ciphers
//! (Documentation/admin-guide/device-mapper/dm-crypt.rst). Nothing is written to the container by that.

mod key;

use std::{
    fs::{self, File},
    io::{self, Read},
    os::{fd::AsFd, unix::fs::symlink},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{fstat, major, minor, stat},
    io::Errno,
};
use zeroize::Zeroizing;

use self::key::Key;
use super::{mapping::Mapping, partition_scan, probe::Blocks, snapshot::available_memory};
use crate::{
    formats::luks::{Container, Derivation, Keyslot, LuksError, SECTOR},
    sys::{
        block_device::{set_read_only, set_writable},
        files,
    },
};

/// Where programs look for devices of device mapper by their names.
const NAMES: &str = "/dev/mapper";

/// Why a container stays locked.
#[derive(Debug, thiserror::Error)]
pub enum UnlockError {
    /// Its header.
    #[error(transparent)]
    Luks(#[from] LuksError),
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Read(#[from] io::Error),
    /// The kernel has no device mapper.
    #[error("the kernel has no device mapper ({0}): put the module dm-crypt into the image")]
    NoDeviceMapper(Errno),
    /// There is a device of that name.
    #[error("a device of the name {0} is there already")]
    Taken(String),
    /// dm-crypt refuses.
    #[error("the kernel does not decrypt {cipher} ({error}): put dm-crypt and its ciphers into the image")]
    NoCipher {
        /// What it was asked for.
        cipher: String,
        /// Its reason.
        error: Errno,
    },
    /// Argon2 wants more than there is.
    #[error(
        "its passphrase takes {wanted} MiB of memory, and {available} MiB are left: give the machine more"
    )]
    Memory {
        /// In MiB.
        wanted: u64,
        /// In MiB.
        available: u64,
    },
}

/// A locked container.
#[derive(Debug)]
pub struct Locked {
    device: File,
    /// Bytes of the device.
    size: u64,
    container: Container,
}

impl Locked {
    /// Reads the header of the device with this node, of `size` bytes.
    ///
    /// # Errors
    /// [`UnlockError`].
    pub fn read(node: &Path, size: u64) -> Result<Self, UnlockError> {
        let device = files::open_at_once(node)?;
        let container = Container::read(&Blocks { file: &device, size })?;
        Ok(Self { device, size, container })
    }

    /// Its UUID.
    #[must_use]
    pub fn uuid(&self) -> &str {
        &self.container.uuid
    }

    /// Opens it under a name, and gives the node of the device that shows what is in it; `None` where the passphrase is none of its
    /// own. Each keyslot takes the time that its owner wanted it to take; `begin` is told its number before.
    ///
    /// # Errors
    /// [`UnlockError`].
    pub fn unlock(
        &self,
        passphrase: &str,
        name: &str,
        mut begin: impl FnMut(u64),
    ) -> Result<Option<PathBuf>, UnlockError> {
        for keyslot in &self.container.keyslots {
            begin(keyslot.number);
            if let Some(key) = self.key(keyslot, passphrase)? {
                return self.open(&key, name).map(Some);
            }
        }
        Ok(None)
    }

    fn key(&self, keyslot: &Keyslot, passphrase: &str) -> Result<Option<Key>, UnlockError> {
        if let Derivation::Argon2 { memory, .. } = keyslot.derivation {
            let (wanted, available) = (u64::from(memory) >> 10, available_memory() >> 20);
            // Some is left for all else.
            if wanted.saturating_add(64) > available {
                return Err(UnlockError::Memory { wanted, available });
            }
        }
        let Some(area_key) = key::of_area(keyslot, passphrase.as_bytes()) else {
            return Err(LuksError::Damaged("a keyslot's costs").into());
        };
        let name = format!("firstlight-{}-keyslot", std::process::id());
        let area = Mapping::create(&name, &name).map_err(UnlockError::NoDeviceMapper)?;
        let table = self.table(&keyslot.cipher, &area_key, 0, keyslot.offset)?;
        self.start(&area, keyslot.area() as u64, &keyslot.cipher, &table, true)?;
        let mut split = Zeroizing::new(vec![0; keyslot.area()]);
        File::open(area.node())?.read_exact(&mut split)?;
        Ok(key::joined(keyslot, &split))
    }

    fn open(&self, key: &Key, name: &str) -> Result<PathBuf, UnlockError> {
        let segment = &self.container.segment;
        let rest = self.size.saturating_sub(segment.offset);
        let length = segment.length.unwrap_or(rest - rest % segment.sector.max(1));
        if length == 0 || length > rest {
            return Err(LuksError::Damaged("the device is smaller than its data").into());
        }
        let mut table = self.table(&segment.cipher, key, segment.iv_offset, segment.offset)?;
        if segment.sector != SECTOR {
            table.push_str(&format!(" 1 sector_size:{}", segment.sector));
        }
        // As cryptsetup writes it: others recognise it, the election among them.
        let id = self.container.uuid.replace('-', "");
        let id = format!("CRYPT-LUKS{}-{id}-{name}", self.container.version);
        let mapping = Mapping::create(name, &id).map_err(|error| match error {
            Errno::BUSY => UnlockError::Taken(name.to_owned()),
            error => UnlockError::NoDeviceMapper(error),
        })?;
        // What is in it is held read-only instead, as any other device is, until somebody mounts it writable.
        let is_read_only = set_writable(self.device.as_fd()).is_err();
        if let Err(error) = self.start(&mapping, length, &segment.cipher, &table, is_read_only) {
            if let Err(error) = set_read_only(self.device.as_fd()) {
                log::info!("the kernel does not hold a container read-only again ({error})");
            }
            return Err(error);
        }
        set_read_only(File::open(mapping.node())?.as_fd()).map_err(io::Error::from)?;
        let number = stat(mapping.node()).map_err(io::Error::from)?.st_rdev;
        partition_scan::permit(&format!("{}:{}", major(number), minor(number)));
        let node = mapping.keep();
        let link = Path::new(NAMES).join(name);
        let linked = fs::create_dir_all(NAMES).and_then(|()| symlink(&node, &link));
        if let Err(error) = linked {
            log::info!("{}: {error}", link.display());
        }
        Ok(node)
    }

    /// The words of dm-crypt: a secret.
    fn table(&self, cipher: &str, key: &Key, iv: u64, offset: u64) -> Result<Zeroizing<String>, UnlockError> {
        let device = fstat(&self.device).map_err(io::Error::from)?.st_rdev;
        // No copy of it stays behind while it grows.
        let mut table = Zeroizing::new(String::with_capacity(1024));
        table.push_str(cipher);
        table.push(' ');
        for byte in key.iter() {
            for digit in [byte >> 4, byte & 15] {
                table.extend(char::from_digit(digit.into(), 16));
            }
        }
        table.push_str(&format!(" {iv} {}:{} {}", major(device), minor(device), offset / SECTOR));
        Ok(table)
    }

    fn start(
        &self,
        mapping: &Mapping,
        length: u64,
        cipher: &str,
        table: &str,
        is_read_only: bool,
    ) -> Result<(), UnlockError> {
        let started = mapping.mapped().start(length / SECTOR, "crypt", table, is_read_only);
        started.map_err(|error| UnlockError::NoCipher { cipher: cipher.to_owned(), error })
    }
}
