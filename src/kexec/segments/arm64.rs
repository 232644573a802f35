//! Where the parts of an arm64 kernel go (Linux, Documentation/arch/arm64/booting.rst): the Image at 2 MiB boundaries, the
//! device tree within one, the initrd in reach of the kernel.

use std::ops::Range;

use super::{
    Handover,
    machine::Machine,
    memory::{self, PAGE},
    plan::{Content, Plan, PlanError, Segment, Space},
};
use crate::{
    formats::{device_tree, kernel_file::raw_image::RawImage, sort},
    sys::trampoline,
};

/// The kernel's base is a multiple of it, and the device tree may not cross one.
const BOUNDARY: u64 = 2 << 20;
/// Pages have up to this size, which the running kernel wants segments to be multiples of.
const GRANULE: u64 = 64 << 10;
/// Initrd and kernel lie within so much memory that begins at a multiple of [`WINDOW_START`].
const WINDOW: u64 = 32 << 30;
const WINDOW_START: u64 = 1 << 30;
/// Fresh randomness for the next kernel's address space and for its generator: bytes of each seed.
const SEEDS: usize = 8;

/// Plans the segments of an Image of `length` bytes within `limits` of physical memory.
///
/// # Errors
/// [`PlanError`] names the part that does not fit, or that the device tree is damaged.
pub fn plan(
    image: &RawImage,
    length: usize,
    handover: &Handover<'_>,
    machine: &Machine,
    limits: &Range<u64>,
) -> Result<Plan, PlanError> {
    let mut space = Space { free: granules(&machine.free), limits: limits.clone() };
    // Before 3.17 an Image held neither its size nor, in the right order, its offset.
    let (offset, size) = match image.image_size {
        0 => (0x8_0000, length as u64),
        size => (image.text_offset, size.max(length as u64)),
    };
    let all = offset.saturating_add(size);
    let base = space.take_aligned("kernel", whole(all), BOUNDARY, 0)?;
    let kernel = base.saturating_add(offset);
    let mut segments =
        vec![Segment { content: Content::Kernel(0..length), address: kernel, size: whole_pages(size) }];

    let mut initrd = 0..0;
    if handover.initrd > 0 {
        let end = base.saturating_add(all).checked_next_multiple_of(WINDOW_START).unwrap_or(u64::MAX);
        let window = end.saturating_sub(WINDOW)..(kernel & !(WINDOW_START - 1)).saturating_add(WINDOW);
        let inside = limits.start.max(window.start)..limits.end.min(window.end);
        let outer = std::mem::replace(&mut space.limits, inside);
        let address = space.take_aligned("initrd", whole(handover.initrd), GRANULE, 0)?;
        space.limits = outer;
        initrd = address..address.saturating_add(handover.initrd);
        segments.push(Segment { content: Content::File(0), address, size: whole(handover.initrd) });
    }
    let tree = describe(handover, &initrd).ok_or(PlanError::DeviceTree)?;
    let size = whole(tree.len() as u64);
    // A multiple of its own size rounded up to a power of two, it crosses no boundary.
    let place = space.take_aligned("device tree", size, size.next_power_of_two(), 0)?;
    segments.push(Segment { content: Content::Made(tree), address: place, size });

    let code = trampoline::trampoline(kernel, place);
    let entry = space.take_aligned("trampoline", whole(code.len() as u64), GRANULE, 0)?;
    segments.push(Segment { size: whole(code.len() as u64), content: Content::Made(code), address: entry });
    sort::by_key(&mut segments, |segment| segment.address);
    Ok(Plan { entry, segments })
}

/// The device tree for the next kernel: `/chosen` says what is new, and nothing of what was true for this one only.
fn describe(handover: &Handover<'_>, initrd: &Range<u64>) -> Option<Vec<u8>> {
    let address = |place: u64| (!initrd.is_empty()).then(|| place.to_be_bytes().to_vec());
    let mut bootargs = handover.cmdline.to_vec();
    bootargs.push(0);
    let seed = |place: usize| {
        let start = place.saturating_mul(SEEDS);
        handover.seed.get(start..start.saturating_add(SEEDS)).map(<[u8]>::to_vec)
    };
    let changes = [
        ("bootargs", Some(bootargs)),
        ("linux,initrd-start", address(initrd.start)),
        ("linux,initrd-end", address(initrd.end)),
        ("kaslr-seed", seed(0)),
        ("rng-seed", seed(1)),
        ("linux,elfcorehdr", None),
        ("linux,usable-memory-range", None),
    ];
    device_tree::with_chosen(handover.device_tree.unwrap_or_default(), &changes)
}

fn granules(free: &[Range<u64>]) -> Vec<Range<u64>> {
    let inside = |range: &Range<u64>| {
        range.start.checked_next_multiple_of(GRANULE).unwrap_or(range.end)..range.end & !(GRANULE - 1)
    };
    memory::normalised(free.iter().map(inside).collect())
}

fn whole(size: u64) -> u64 {
    size.checked_next_multiple_of(GRANULE).unwrap_or(!(GRANULE - 1))
}

/// The kernel begins after its offset, which is a multiple of the smallest page only.
fn whole_pages(size: u64) -> u64 {
    size.checked_next_multiple_of(PAGE).unwrap_or(!(PAGE - 1))
}

#[cfg(test)]
#[expect(clippy::single_range_in_vec_init, reason = "memory with one free range is meant")]
mod tests {
    use super::*;
    use crate::formats::kernel_file::raw_image;

    /// `printf '/dts-v1/; / { chosen { bootargs = "old"; kaslr-seed = <1 2>; }; };' | dtc -O dtb`, with dtc 1.6.1.
    fn tree() -> Vec<u8> {
        let words: [u32; 36] = [
            0xd00d_feed,
            144,
            56,
            124,
            40,
            17,
            16,
            0,
            20,
            68,
            0,
            0,
            0,
            0,
            1,
            0,
            1,
            0x6368_6f73,
            0x656e_0000,
            3,
            4,
            0,
            0x6f6c_6400,
            3,
            8,
            9,
            1,
            2,
            2,
            2,
            9,
            0x626f_6f74,
            0x6172_6773,
            0x006b_6173,
            0x6c72_2d73,
            0x6565_6400,
        ];
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        bytes[..144].to_vec()
    }

    /// Image of Debian's linux-image-6.1.0-18-arm64: its header's fields, and a size in memory of 33 MiB.
    fn image(size: u64) -> RawImage {
        let mut head = vec![0; 64];
        head[..2].copy_from_slice(b"MZ");
        head[16..24].copy_from_slice(&size.to_le_bytes());
        head[24] = 0xa;
        head[56..60].copy_from_slice(b"ARM\x64");
        raw_image::parse(&head).unwrap()
    }

    fn planned(free: &[Range<u64>], initrd: u64, limits: Range<u64>) -> Result<Plan, PlanError> {
        let machine = Machine { free: free.to_vec(), ..Machine::default() };
        let tree = tree();
        let handover =
            Handover { device_tree: Some(&tree), cmdline: b"root=/dev/vda1", initrd, seed: &[7; 32] };
        plan(&image(0x210_0000), 0x200_0000, &handover, &machine, &limits)
    }

    #[test]
    fn the_parts_lie_where_the_boot_protocol_wants_them() {
        let plan = planned(&[0x4000_0000..0xc000_0000], 0x12_3456, 0..u64::MAX).unwrap();
        let of = |wanted: &dyn Fn(&Content) -> bool| {
            plan.segments.iter().find(|segment| wanted(&segment.content)).unwrap().clone()
        };
        let kernel = of(&|content| matches!(content, Content::Kernel(_)));
        assert_eq!((kernel.address, kernel.size), (0xbde0_0000, 0x210_0000));
        assert_eq!(kernel.content, Content::Kernel(0..0x200_0000));
        let initrd = of(&|content| *content == Content::File(0));
        assert_eq!((initrd.address, initrd.size), (0xbdcd_0000, 0x13_0000));
    }

    #[test]
    fn the_device_tree_says_what_is_new_and_nothing_else() {
        let plan = planned(&[0x4000_0000..0xc000_0000], 0x1000, 0..u64::MAX).unwrap();
        let made = |is_code: bool| {
            plan.segments.iter().find_map(|segment| match &segment.content {
                Content::Made(bytes) if (segment.address == plan.entry) == is_code => {
                    Some((segment.address, bytes.clone()))
                }
                _ => None,
            })
        };
        let ((place, tree), (_, code)) = (made(false).unwrap(), made(true).unwrap());
        for address in [0xbde0_0000_u64, place] {
            assert!(code.windows(8).any(|bytes| bytes == address.to_le_bytes()), "{address:#x}");
        }
        let holds = |wanted: &[u8]| tree.windows(wanted.len()).any(|bytes| bytes == wanted);
        assert!(holds(b"root=/dev/vda1\0") && !holds(b"old\0"));
        assert!(holds(b"linux,initrd-start\0") && holds(b"rng-seed\0") && holds(&[7; 8]));
        assert!(!holds(b"linux,elfcorehdr") && !holds(&[0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 2]));
    }

    #[test]
    fn the_initrd_stays_in_reach_of_the_kernel() {
        // The kernel fits at the top only, from where the memory at the bottom is too far.
        let low = 0x4000_0000..0x4180_0000;
        let error =
            planned(&[low.clone(), 0x20_0000_0000..0x20_0220_0000], 0x100_0000, 0..u64::MAX).unwrap_err();
        assert_eq!(error, PlanError::NoPlace { what: "initrd", size: 0x100_0000 });
        assert!(planned(&[low, 0x7_0000_0000..0x7_0220_0000], 0x100_0000, 0..u64::MAX).is_ok());
    }

    #[test]
    fn what_does_not_fit_and_a_damaged_tree_are_said() {
        let error = planned(&[0x4000_0000..0x4100_0000], 0, 0..u64::MAX).unwrap_err();
        assert_eq!(error, PlanError::NoPlace { what: "kernel", size: 0x210_0000 });
        let machine = Machine { free: vec![0x4000_0000..0x8000_0000], ..Machine::default() };
        let handover = Handover { device_tree: Some(b""), cmdline: b"", initrd: 0, seed: &[] };
        let error = plan(&image(0x210_0000), 0x200_0000, &handover, &machine, &(0..u64::MAX)).unwrap_err();
        assert_eq!(error, PlanError::DeviceTree);
    }
}
