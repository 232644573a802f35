//! Firmware images of UEFI machines: what is in them, and how a file in them is replaced or taken out while everything else
//! stays where it is, byte for byte (UEFI Platform Initialization specification 1.8, volume 3, "Firmware Storage").
//!
//! An image holds firmware volumes, a volume holds files, a file holds sections, and a section may hold, compressed, a volume
//! again. Code in flash runs where it lies, so nothing that is not named moves: a file that is taken out becomes padding, one
//! that is larger than its predecessor goes into the volume's free space.

mod compress;
mod edit;
mod file;
mod guid;
mod inspect;
mod payload;
mod section;
mod unneeded;
mod volume;

pub use edit::{Changes, Edited, Replacement, edit};
pub use flash_payload::Kind;
pub use guid::Guid;
pub use inspect::{FlashItem, inspect};
pub use payload::{Payload, put};
pub use unneeded::{tpm, unneeded};
pub use volume::{grow, with_area};

/// Volumes lie in each other no deeper than this.
const DEPTH_LIMIT: u32 = 8;

/// Why a firmware image is not read or not changed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum FlashError {
    /// There is no volume in it.
    #[error("no firmware volume is in it: this is no image of a UEFI firmware, or its layout is not known")]
    NoVolume,
    /// A volume's header and its content do not fit each other.
    #[error("the firmware volume at {offset:#x} is damaged: {reason}")]
    Volume {
        /// Where it begins, in bytes from the beginning of what it is in.
        offset: usize,
        /// What is wrong.
        reason: &'static str,
    },
    /// A section's content cannot be decompressed or compressed.
    #[error("LZMA: {0}")]
    Lzma(String),
    /// Nothing has this name.
    #[error("no file “{0}” is in it; `initramfs flash inspect` lists what is")]
    NoFile(String),
    /// Several files have this name.
    #[error("{count} files are called “{name}”; name one by its GUID")]
    Ambiguous {
        /// The name.
        name: String,
        /// How many files have it.
        count: usize,
    },
    /// There is no room.
    #[error("{name} needs {needed} bytes, and there is room for {room}: {} bytes are missing", needed.saturating_sub(*room))]
    NoRoom {
        /// What was to be put in.
        name: String,
        /// How many bytes it needs.
        needed: usize,
        /// How many there are.
        room: usize,
    },
    /// A part of the payload area is damaged.
    #[error("the part of the payload area at {offset:#x} is damaged: {damage}; make the image again")]
    Part {
        /// Where it begins.
        offset: usize,
        /// What is wrong.
        damage: flash_payload::Damage,
    },
    /// The flash has regions that the image's volumes do not tell of.
    #[error(
        "this image has Intel's flash descriptor: what is outside of its volumes belongs to other parts of the machine, and is no \
         payload area"
    )]
    Descriptor,
    /// A file would be larger than its header can say.
    #[error("{0}: a file of this volume has at most 16 MiB")]
    TooLarge(String),
}
