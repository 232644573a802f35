//! Physical memory as the firmware and the kernel describe it, and where in it a segment may go.
//!
//! The firmware's map (/sys/firmware/memmap, the kernel's own copy of e820) becomes the next kernel's memory map. Where a
//! segment may go is said by /proc/iomem: only what is "System RAM" there too, and not taken by something reserved in
//! it, is free.

use crate::formats::sort;
use std::ops::Range;

/// Size of a page in bytes: segments are whole pages.
pub const PAGE: u64 = 4096;

/// Types of the x86 memory map (ACPI specification 6.5, table 15.6; Linux adds the last two).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub enum MemoryType {
    /// Usable.
    Ram = 1,
    /// Not to be touched.
    Reserved = 2,
    /// ACPI tables, usable once they are read.
    AcpiTables = 3,
    /// ACPI storage that survives sleep.
    AcpiStorage = 4,
    /// Broken.
    Unusable = 5,
    /// Persistent memory.
    Persistent = 7,
    /// Persistent memory as firmware before ACPI 6 named it.
    LegacyPersistent = 12,
    /// Memory that the firmware keeps for a special purpose (HBM, CXL).
    SoftReserved = 0xefff_ffff,
}

/// One range of the memory map: `start` inclusive, `end` exclusive, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryRange {
    /// First byte.
    pub start: u64,
    /// One past the last byte.
    pub end: u64,
    /// Its type.
    pub kind: MemoryType,
}

/// The kernel's names for the types, as /sys/firmware/memmap/N/type has them.
static NAMES: &[(&str, MemoryType)] = &[
    ("System RAM", MemoryType::Ram),
    ("Reserved", MemoryType::Reserved),
    ("reserved", MemoryType::Reserved),
    ("Unknown E820 type", MemoryType::Reserved),
    ("Device", MemoryType::Reserved),
    ("ACPI Tables", MemoryType::AcpiTables),
    ("ACPI Non-volatile Storage", MemoryType::AcpiStorage),
    ("Unusable memory", MemoryType::Unusable),
    ("Persistent Memory", MemoryType::Persistent),
    ("Persistent Memory (legacy)", MemoryType::LegacyPersistent),
    ("Soft Reserved", MemoryType::SoftReserved),
];

/// Reads one entry of /sys/firmware/memmap: its `start`, `end` (inclusive) and `type` files. An unknown type is
/// reserved: the next kernel must not use what this one does not understand.
#[must_use]
pub fn firmware_range(start: &str, end: &str, kind: &str) -> Option<MemoryRange> {
    let kind =
        NAMES.iter().find(|(name, _)| *name == kind.trim()).map_or(MemoryType::Reserved, |(_, kind)| *kind);
    let start = hexadecimal(start.trim().strip_prefix("0x")?)?;
    let end = hexadecimal(end.trim().strip_prefix("0x")?)?.checked_add(1)?;
    (start < end).then_some(MemoryRange { start, end, kind })
}

/// The parts of /proc/iomem that a segment may be put in: "System RAM" without anything reserved, and without the
/// memory kept for a crash kernel.
///
/// The running kernel's own code and data are free: nothing of it is left when the segments are moved to their places.
/// Only whole pages count, so that the zeros that the unprivileged are shown are nothing.
#[must_use]
pub fn free_ranges(iomem: &str) -> Vec<Range<u64>> {
    let mut free = Vec::new();
    let mut taken = Vec::new();
    for line in iomem.lines() {
        let Some((range, name)) = iomem_line(line) else { continue };
        let nested = line.starts_with(' ');
        match name {
            "System RAM" if !nested => free.push(range),
            "Kernel code" | "Kernel rodata" | "Kernel data" | "Kernel bss" => {}
            _ if nested => taken.push(range),
            _ => {}
        }
    }
    let free = taken.iter().fold(normalised(free), |free, hole| subtract(&free, hole));
    normalised(free.into_iter().map(whole_pages).collect())
}

fn whole_pages(range: Range<u64>) -> Range<u64> {
    range.start.saturating_add(PAGE - 1) & !(PAGE - 1)..range.end & !(PAGE - 1)
}

/// The ranges of /proc/iomem with this name, wherever they are nested.
#[must_use]
pub fn named_ranges(iomem: &str, wanted: &str) -> Vec<Range<u64>> {
    let named = iomem.lines().filter_map(iomem_line).filter(|(_, name)| *name == wanted);
    normalised(named.map(|(range, _)| range).collect())
}

/// Sorted, without empty ranges, overlapping and touching ones joined.
#[must_use]
pub fn normalised(mut ranges: Vec<Range<u64>>) -> Vec<Range<u64>> {
    ranges.retain(|range| range.start < range.end);
    sort::by_key(&mut ranges, |range| range.start);
    let mut joined: Vec<Range<u64>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match joined.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => joined.push(range),
        }
    }
    joined
}

/// The parts of the ranges outside of the hole.
#[must_use]
pub fn subtract(ranges: &[Range<u64>], hole: &Range<u64>) -> Vec<Range<u64>> {
    ranges
        .iter()
        .flat_map(|range| [range.start..range.end.min(hole.start), range.start.max(hole.end)..range.end])
        .filter(|range| range.start < range.end)
        .collect()
}

/// The highest place for `size` bytes at a multiple of `align` (a power of two), within `limits` and one free range.
#[must_use]
pub fn highest_place(free: &[Range<u64>], size: u64, align: u64, limits: &Range<u64>) -> Option<u64> {
    free.iter()
        .filter_map(|range| {
            let (low, high) = (range.start.max(limits.start), range.end.min(limits.end));
            let place = high.checked_sub(size)? & !align.checked_sub(1)?;
            (place >= low).then_some(place)
        })
        .max()
}

/// The lowest place for `size` bytes at a multiple of `align` (a power of two), within `limits` and one of the free ranges,
/// which ascend.
#[must_use]
pub fn lowest_place(free: &[Range<u64>], size: u64, align: u64, limits: &Range<u64>) -> Option<u64> {
    free.iter().find_map(|range| {
        let place = range.start.max(limits.start).checked_next_multiple_of(align)?;
        (place.checked_add(size)? <= range.end.min(limits.end)).then_some(place)
    })
}

fn iomem_line(line: &str) -> Option<(Range<u64>, &str)> {
    let (addresses, name) = line.trim_start().split_once(" : ")?;
    let (start, end) = addresses.split_once('-')?;
    Some((hexadecimal(start)?..hexadecimal(end)?.checked_add(1)?, name))
}

fn hexadecimal(digits: &str) -> Option<u64> {
    u64::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// /proc/iomem of a QEMU q35 guest with 1 GiB and crashkernel=64M, shortened.
    const IOMEM: &str = "\
00000000-00000fff : Reserved
00001000-0009fbff : System RAM
0009fc00-0009ffff : Reserved
000f0000-000fffff : Reserved
  000f0000-000fffff : System ROM
00100000-3ffdefff : System RAM
  01000000-01e02587 : Kernel code
  02000000-02a24fff : Kernel rodata
  2b000000-2effffff : Crash kernel
  3e000000-3e000fff : Reserved
3ffdf000-3fffffff : Reserved
b0000000-bfffffff : PCI MMCONFIG 0000 [bus 00-ff]
";

    #[test]
    fn free_memory_leaves_out_what_is_reserved_inside_ram() {
        assert_eq!(
            free_ranges(IOMEM),
            [0x1000..0x9_f000, 0x10_0000..0x2b00_0000, 0x2f00_0000..0x3e00_0000, 0x3e00_1000..0x3ffd_f000]
        );
        assert_eq!(named_ranges(IOMEM, "Crash kernel"), vec![0x2b00_0000..0x2f00_0000; 1]);
    }

    #[test]
    fn addresses_hidden_from_the_unprivileged_leave_no_free_memory() {
        let hidden = "00000000-00000000 : System RAM\n  00000000-00000000 : Kernel code\n";
        assert_eq!(highest_place(&free_ranges(hidden), 4096, 4096, &(0..u64::MAX)), None);
    }

    #[test]
    fn firmware_types_are_known_by_their_names() {
        for (name, kind) in [
            ("System RAM\n", MemoryType::Ram),
            ("ACPI Tables\n", MemoryType::AcpiTables),
            ("Soft Reserved\n", MemoryType::SoftReserved),
            ("from a later kernel\n", MemoryType::Reserved),
        ] {
            let range = firmware_range("0x100000\n", "0x3fffffff\n", name);
            assert_eq!(range, Some(MemoryRange { start: 0x10_0000, end: 0x4000_0000, kind }));
        }
        assert_eq!(firmware_range("0x2", "0x1", "System RAM"), None);
        assert_eq!(firmware_range("0x0", "0xffffffffffffffff", "System RAM"), None);
    }

    #[test]
    fn the_highest_place_is_aligned_and_inside() {
        let free = [0x1000..0x9_f000, 0x10_0000..0x123_4000];
        assert_eq!(highest_place(&free, 0x1000, 0x20_0000, &(0..u64::MAX)), Some(0x120_0000));
        assert_eq!(highest_place(&free, 0x3000, 0x1000, &(0..0x10_0000)), Some(0x9_c000));
        assert_eq!(highest_place(&free, 0x200_0000, 0x1000, &(0..u64::MAX)), None);
    }

    fn ranges() -> impl Strategy<Value = Vec<Range<u64>>> {
        prop::collection::vec((0u64..200, 0u64..40).prop_map(|(start, size)| start..start + size), 0..12)
    }

    fn contains(ranges: &[Range<u64>], point: u64) -> bool {
        ranges.iter().any(|range| range.contains(&point))
    }

    proptest! {
        #[test]
        fn joining_loses_and_adds_nothing(given in ranges()) {
            let joined = normalised(given.clone());
            prop_assert!(joined.windows(2).all(|pair| pair[0].end < pair[1].start));
            for point in 0..250 {
                prop_assert_eq!(contains(&joined, point), contains(&given, point));
            }
        }

        #[test]
        fn a_hole_takes_out_itself_and_nothing_else(given in ranges(), start in 0u64..200, size in 0u64..50) {
            let (given, hole) = (normalised(given), start..start + size);
            let left = subtract(&given, &hole);
            prop_assert!(left.windows(2).all(|pair| pair[0].end <= pair[1].start));
            for point in 0..260 {
                prop_assert_eq!(contains(&left, point), contains(&given, point) && !hole.contains(&point));
            }
        }

        #[test]
        fn a_place_lies_in_one_free_range_and_none_is_higher_or_lower(
            given in ranges(), size in 1u64..30, shift in 0u32..4, low in 0u64..100, span in 0u64..200
        ) {
            let (free, align, limits) = (normalised(given), 1u64 << shift, low..low + span);
            let fits = |place: u64| {
                place >= limits.start && place + size <= limits.end
                    && free.iter().any(|range| range.start <= place && place + size <= range.end)
            };
            let mut places = (0..400).filter(|place| place % align == 0 && fits(*place));
            prop_assert_eq!(lowest_place(&free, size, align, &limits), places.next());
            let expected = places.next_back().or(lowest_place(&free, size, align, &limits));
            prop_assert_eq!(highest_place(&free, size, align, &limits), expected);
        }
    }
}
