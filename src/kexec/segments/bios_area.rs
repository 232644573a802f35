//! The areas that a kernel for BIOS machines looks for in low memory, made where the firmware is UEFI, which has none: the
//! BIOS's data area, with the end of low memory, and an extended one with ACPI's root pointer in it (ACPI specification
//! 6.5, 5.2.5.1 and 5.2.5.3). Xen puts the code that starts processors below that end, and without one writes it where no
//! memory is.

use super::{
    memory::{MemoryRange, MemoryType, PAGE},
    plan::{Content, Segment},
};
use crate::sys::trampoline::Copied;

/// Where RAM ends for every BIOS.
const LOW_MEMORY: u64 = 640 << 10;
/// Of two bytes each: the extended area's address by 16, and KiB of low memory in front of it.
const EXTENDED_AREA: usize = 0x40e;
const LOW_SIZE: usize = 0x413;
/// The extended area begins with its size in KiB; the pointer is at a multiple of the first of these and has the length of the second.
const POINTER: u64 = 16;
const POINTER_SIZE: u32 = 36;

/// Both areas, of a page each: the first one of memory, and the last one of low memory, which `memory` says is reserved
/// from then on. And where the root pointer at `root` (0 if not known) is to be copied to: many kernels let no program
/// read it. `None` without low memory.
#[must_use]
pub fn make(memory: &mut Vec<MemoryRange>, root: u64) -> Option<([Segment; 2], Copied)> {
    let is_low = |range: &MemoryRange| range.kind == MemoryType::Ram && range.start < LOW_MEMORY;
    let place = memory.iter().rposition(is_low)?;
    let range = memory.get_mut(place)?;
    let rest = MemoryRange { start: range.end.min(LOW_MEMORY) & !(PAGE - 1), ..*range };
    let start = rest.start.checked_sub(PAGE).filter(|start| *start > range.start)?;
    range.end = start;
    memory.insert(place + 1, MemoryRange { start, end: rest.start, kind: MemoryType::Reserved });
    if rest.start < rest.end {
        memory.insert(place + 2, rest);
    }
    let below = |address: u64| u32::try_from(address).ok();
    let found = below(root.saturating_add(PAGE)).filter(|_| root > 0);
    let copied = found
        .and_then(|_| Some(Copied { from: below(root)?, to: below(start + POINTER)?, length: POINTER_SIZE }));
    let mut data = vec![0; LOW_SIZE + 2];
    for (at, value) in [(EXTENDED_AREA, start >> 4), (LOW_SIZE, start >> 10)] {
        data.splice(at..at + 2, u16::try_from(value).unwrap_or(u16::MAX).to_le_bytes());
    }
    let page = |address, bytes| Segment { content: Content::Made(bytes), address, size: PAGE };
    Some(([page(0, data), page(start, vec![4])], copied.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(start: u64, end: u64, kind: MemoryType) -> MemoryRange {
        MemoryRange { start, end, kind }
    }

    #[test]
    fn the_last_page_of_low_memory_becomes_the_extended_area() {
        use MemoryType::{Ram, Reserved};
        let above = range(1 << 20, 1 << 30, Ram);
        let cases = [
            // As OVMF has it, and as many a notebook.
            (
                vec![range(0, 0xa_0000, Ram)],
                vec![range(0, 0x9_f000, Ram), range(0x9_f000, 0xa_0000, Reserved)],
                0x9f00,
                636,
            ),
            (
                vec![
                    range(0, 0x5_8000, Ram),
                    range(0x5_8000, 0x5_9000, Reserved),
                    range(0x5_9000, 0x8_6800, Ram),
                ],
                vec![
                    range(0, 0x5_8000, Ram),
                    range(0x5_8000, 0x5_9000, Reserved),
                    range(0x5_9000, 0x8_5000, Ram),
                    range(0x8_5000, 0x8_6000, Reserved),
                    range(0x8_6000, 0x8_6800, Ram),
                ],
                0x8500,
                532,
            ),
        ];
        for (low, expected, segment, size) in cases {
            let mut memory = [low, vec![above]].concat();
            let ([data, extended], copied) = make(&mut memory, 0x3f77_e014).unwrap();
            assert_eq!(memory, [expected, vec![above]].concat());
            assert_eq!((data.address, data.size), (0, 4096));
            assert_eq!((extended.address, extended.size), (u64::from(segment) << 4, 4096));
            let (Content::Made(data), Content::Made(extended)) = (data.content, extended.content) else {
                panic!("made from nothing")
            };
            assert_eq!(data[0x40e..0x410], u16::to_le_bytes(segment));
            assert_eq!(data[0x413..0x415], u16::to_le_bytes(size));
            assert_eq!(extended, [4]);
            let to = (u32::from(segment) << 4) + 16;
            assert_eq!(copied, Copied { from: 0x3f77_e014, to, length: 36 });
        }
    }

    #[test]
    fn a_root_pointer_out_of_reach_is_not_copied() {
        for root in [0, u64::from(u32::MAX), 1 << 40] {
            let mut memory = vec![range(0, 0xa_0000, MemoryType::Ram)];
            assert_eq!(make(&mut memory, root).unwrap().1, Copied::default(), "{root:x}");
        }
    }

    #[test]
    fn without_low_memory_there_is_no_place() {
        for ranges in
            [vec![], vec![range(1 << 20, 1 << 30, MemoryType::Ram)], vec![range(0, 1, MemoryType::Ram)]]
        {
            let mut memory = ranges.clone();
            assert_eq!(make(&mut memory, 0), None);
            assert_eq!(memory, ranges);
        }
    }
}
