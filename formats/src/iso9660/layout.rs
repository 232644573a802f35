//! The part of a disk that an ISO 9660 image takes, and the images in it that firmware starts (El Torito 1.0, "Boot Catalog"):
//! on a stick, a partition may lie right over one of those.

use super::{DESCRIPTORS, END, FIRST_DESCRIPTOR, PRIMARY, SECTOR, piece};
use crate::bytes::{ReadAt, holds, le16, le32};

/// Type of a descriptor that leads to what firmware starts.
const BOOT_RECORD: u8 = 0;

/// Length of a record of the catalogue, in bytes.
const RECORD: usize = 32;

/// A record of the catalogue that firmware may start.
const BOOTABLE: u8 = 0x88;

/// The place of an image and of its parts on a disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// Size in bytes, by its own descriptor.
    pub size: u64,
    /// Where the images begin that firmware starts, in bytes from the beginning of the disk.
    pub boot_images: Vec<u64>,
}

impl Layout {
    /// Reads it; `None` if this is no such image.
    #[must_use]
    pub fn read(source: &dyn ReadAt) -> Option<Self> {
        let (mut size, mut catalogue) = (None, None);
        for number in 0..DESCRIPTORS {
            let offset = number.checked_mul(SECTOR)?.checked_add(FIRST_DESCRIPTOR)?;
            let Some(descriptor) = piece(source, offset, SECTOR).filter(|it| holds(it, 1, b"CD001")) else {
                break;
            };
            match *descriptor.first()? {
                END => break,
                PRIMARY if size.is_none() => {
                    let blocks = u64::from(le32(&descriptor, 80)?);
                    size = blocks.checked_mul(le16(&descriptor, 128)?.into());
                }
                BOOT_RECORD if holds(&descriptor, 7, b"EL TORITO SPECIFICATION") => {
                    catalogue = le32(&descriptor, 0x47);
                }
                _ => {}
            }
        }
        let catalogue =
            catalogue.and_then(|sector| piece(source, u64::from(sector).checked_mul(SECTOR)?, SECTOR));
        let catalogue = catalogue.filter(|catalogue| catalogue.first() == Some(&1)).unwrap_or_default();
        let records = catalogue.chunks_exact(RECORD).filter(|record| record.first() == Some(&BOOTABLE));
        let boot_images =
            records.filter_map(|record| u64::from(le32(record, 8)?).checked_mul(SECTOR)).collect();
        Some(Self { size: size?, boot_images })
    }
}
