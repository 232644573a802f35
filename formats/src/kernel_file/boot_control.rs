//! Android's slots: which of the two systems on a disk is started (AOSP: bootable/recovery/bootloader_message, struct
//! bootloader_control, in the partition `misc`; and Qualcomm's attribute bits of the GPT, bootable/bootloader/lk).

use crc::{CRC_32_ISO_HDLC, Crc};

use crate::bytes::{holds, le32, slice};

/// Offset of the record in the partition, and its length, in bytes.
const OFFSET: usize = 2048;
const LENGTH: usize = 32;
const SLOT_LIMIT: usize = 4;

/// The state of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Its system is the one that is wanted, where the loader keeps that beside the priority.
    pub active: bool,
    /// The highest one is tried first.
    pub priority: u8,
    /// It has started well once.
    pub successful: bool,
    /// How often it is still tried while it has not.
    pub tries: u8,
    /// It is damaged.
    pub broken: bool,
}

impl Slot {
    /// One of which nothing is known.
    pub const GOOD: Self = Self { active: false, priority: 0, successful: true, tries: 0, broken: false };
    /// One that is not tried.
    pub const BROKEN: Self = Self { broken: true, ..Self::GOOD };

    /// Whether the loader tries it.
    #[must_use]
    pub fn is_tried(self) -> bool {
        !self.broken && (self.successful || self.tries > 0)
    }

    /// Slots are tried in the order of this, the greatest first.
    #[must_use]
    pub fn rank(self) -> impl Ord {
        (self.is_tried(), self.active, self.priority, self.successful, self.tries)
    }

    /// A slot as Qualcomm's loader knows it, by the attributes of its partition; `None` where it has set none.
    #[must_use]
    pub fn of_attributes(attributes: u64) -> Option<Self> {
        let bits = |at: u32, mask: u64| u8::try_from((attributes >> at) & mask).unwrap_or_default();
        (bits(48, 255) != 0).then(|| Self {
            active: bits(50, 1) == 1,
            priority: bits(48, 3),
            successful: bits(54, 1) == 1,
            tries: bits(51, 7),
            broken: bits(55, 1) == 1,
        })
    }
}

/// The slots `a`, `b` … by the record; `None` if there is none.
#[must_use]
pub fn parse(head: &[u8]) -> Option<Vec<Slot>> {
    let record = slice(head, OFFSET, LENGTH)?;
    let (summed, sum) = record.split_at_checked(28)?;
    if !holds(record, 4, b"BCAB") || Crc::<u32>::new(&CRC_32_ISO_HDLC).checksum(summed) != le32(sum, 0)? {
        return None;
    }
    let count = usize::from(record.get(9)? & 7).min(SLOT_LIMIT);
    let slot = |bytes: &[u8]| {
        let [state, more] = *bytes.first_chunk()?;
        let (priority, tries) = (state & 15, state >> 4 & 7);
        Some(Slot { active: false, priority, successful: state >> 7 == 1, tries, broken: more & 1 == 1 })
    };
    Some(slice(record, 12, 8)?.chunks_exact(2).take(count).filter_map(slot).collect())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The first bytes of `misc`, with the record's two bytes of each slot.
    pub(crate) fn misc(slots: &[[u8; 2]]) -> Vec<u8> {
        let mut head = vec![0; OFFSET];
        let mut record = [&b"a\0\0\0BCAB\x01"[..], &[slots.len() as u8, 0, 0], slots.as_flattened()].concat();
        record.resize(28, 0);
        record.extend(Crc::<u32>::new(&CRC_32_ISO_HDLC).checksum(&record).to_le_bytes());
        head.extend(record);
        head
    }

    #[test]
    fn the_record_tells_each_slot() {
        // Priority 15, 7 tries; priority 14, 1 try, successful; corrupted.
        let found = parse(&misc(&[[0x7f, 0], [0x9e, 0], [0x9f, 1]])).unwrap();
        let slot =
            |priority, successful, tries, broken| Slot { active: false, priority, successful, tries, broken };
        assert_eq!(found, [slot(15, false, 7, false), slot(14, true, 1, false), slot(15, true, 1, true)]);
        assert_eq!(found.iter().map(|slot| slot.is_tried()).collect::<Vec<_>>(), [true, true, false]);
        let mut damaged = misc(&[[0x7f, 0]]);
        damaged[OFFSET + 12] = 0x7e;
        assert_eq!(parse(&damaged), None, "the check sum is wrong");
        assert_eq!(parse(&misc(&[])[..OFFSET + 31]), None);
        assert_eq!(parse(&[0; 4096]), None);
    }

    #[test]
    fn attributes_tell_a_slot_on_other_boards() {
        assert_eq!(Slot::of_attributes(0), None);
        // Qualcomm's tools write this for the slot in use, and for the other one: AB_SLOT_ACTIVE_VAL is 0x3f.
        let active = Slot { active: true, priority: 3, successful: true, tries: 7, broken: false };
        assert_eq!(Slot::of_attributes(0x007f << 48), Some(active));
        let other = Slot { active: false, priority: 2, successful: false, tries: 0, broken: true };
        assert_eq!(Slot::of_attributes(0x0082 << 48), Some(other));
        assert!(active.rank() > other.rank());
        assert!(!other.is_tried());
    }
}
