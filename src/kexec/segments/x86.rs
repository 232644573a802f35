//! Where the parts of a Linux for x86 go: kernel, initrd, parameters and trampoline, each into free memory of its own (Linux,
//! Documentation/arch/x86/boot.rst).

use std::{mem::offset_of, ops::Range};

use linux_raw_sys::bootparam::boot_params;

use super::{
    layout::Layout,
    machine::Machine,
    memory::{self, PAGE},
    parameters::Parameters,
    plan::{Content, Plan, PlanError, Segment, Space, pages},
};
use crate::{formats::sort, sys::trampoline};

/// Below this the BIOS, the real-mode code of the next kernel and its trampoline for other processors live.
const LOWEST: u64 = 1 << 20;
/// Lowest address of an initrd, as the kernel's own loader has it.
const LOWEST_INITRD: u64 = 16 << 20;
/// Memory that a firmware kernel and firstlight use themselves, in bytes, or more.
const RUNNING: u64 = 64 << 20;
/// Where a kernel that is entered in 32-bit mode looks up where it was loaded to.
const CODE32_START: usize = offset_of!(boot_params, hdr.code32_start);

/// Plans the segments within `limits` of physical memory.
///
/// `parameters` comes without the initrd's address, which is found here; `initrd` is its size in bytes.
///
/// # Errors
/// [`PlanError`] names the part that does not fit.
pub fn plan(
    layout: &Layout,
    parameters: &Parameters,
    initrd: u64,
    machine: &Machine,
    limits: &Range<u64>,
) -> Result<Plan, PlanError> {
    let end = layout.protected.map_or(limits.end, |protected| protected.end.min(limits.end));
    let mut space = Space { free: machine.free.clone(), limits: limits.start.max(LOWEST)..end };
    let mut segments = Vec::new();

    let base = space.take_kernel(layout, parameters.cmdline)?;
    for part in &layout.parts {
        segments.push(Segment {
            content: Content::Kernel(part.bytes.clone()),
            address: base.saturating_add(part.offset),
            size: pages(part.size),
        });
    }
    let mut parameters = parameters.clone();
    if initrd > 0 {
        let address = space.take_initrd(initrd, is_tight(layout.size, initrd, &machine.free))?;
        parameters.initrd = (address, initrd);
        segments.push(Segment { content: Content::File(0), address, size: pages(initrd) });
    }
    // The block has the same length at any address; only the pointers in it change.
    let address = space.take("boot parameters", parameters.build(0).len() as u64, 0)?;
    let mut block = parameters.build(address);
    if layout.protected.is_some()
        && let Some(field) = block.get_mut(CODE32_START..CODE32_START + 4)
    {
        field.copy_from_slice(&low(base).to_le_bytes());
    }
    segments.push(Segment { address, size: pages(block.len() as u64), content: Content::Made(block) });

    let code = entry_code(layout, base.saturating_add(layout.entry), address);
    let entry = space.take("trampoline", code.len() as u64, 0)?;
    segments.push(Segment { address: entry, size: pages(code.len() as u64), content: Content::Made(code) });

    sort::by_key(&mut segments, |segment| segment.address);
    Ok(Plan { entry, segments })
}

/// An address below 4 GiB.
fn low(address: u64) -> u32 {
    u32::try_from(address).unwrap_or(u32::MAX)
}

/// The trampoline into a kernel for x86, with its parameters at the address `parameters`.
fn entry_code(layout: &Layout, entry: u64, parameters: u64) -> Vec<u8> {
    if layout.protected.is_some() {
        let registers = trampoline::Registers { esi: low(parameters), ..trampoline::Registers::default() };
        return trampoline::to_protected_mode(low(entry), registers, trampoline::Copied::default());
    }
    trampoline::trampoline(entry, parameters)
}

impl Space {
    /// The highest place for a kernel that can run anywhere; for another one the place that it was built for, or the
    /// highest where that is taken.
    ///
    /// A Linux that has just started hands out its lowest memory first, where most kernels are built for. It cannot use a
    /// page inside of a segment's place for that segment's copy, and looks through all such pages for each further one.
    fn take_kernel(&mut self, layout: &Layout, cmdline: &[u8]) -> Result<u64, PlanError> {
        let preferred = layout.preferred..layout.preferred.saturating_add(pages(layout.size));
        let inside = |outer: &Range<u64>| outer.start <= preferred.start && preferred.end <= outer.end;
        let keeps_its_place = !layout.relocatable || leaves_memory_out(cmdline);
        if keeps_its_place && inside(&self.limits) && self.free.iter().any(inside) {
            self.free = memory::subtract(&self.free, &preferred);
            return Ok(preferred.start);
        }
        if layout.protected.is_some_and(|protected| !protected.movable) {
            return Err(PlanError::NoPlace { what: "kernel at its own address", size: layout.size });
        }
        self.take_aligned("kernel", layout.size, layout.alignment, 0)
    }

    /// The highest place; the lowest where memory is tight.
    fn take_initrd(&mut self, size: u64, is_tight: bool) -> Result<u64, PlanError> {
        let inside = self.limits.start.max(LOWEST_INITRD)..self.limits.end;
        let lowest = memory::lowest_place(&self.free, pages(size), PAGE, &inside).filter(|_| is_tight);
        let Some(place) = lowest else { return self.take("initrd", size, LOWEST_INITRD) };
        self.free = memory::subtract(&self.free, &(place..place.saturating_add(pages(size))));
        Ok(place)
    }
}

/// Whether places at the top would leave too little for the copies that wait for the jump, beside the running system and the
/// initrd's file in its cache. The lowest memory is in use then, by that file for the most part: as the initrd's place it costs
/// nothing.
fn is_tight(kernel: u64, initrd: u64, free: &[Range<u64>]) -> bool {
    let all = free.iter().fold(0_u64, |sum, range| sum.saturating_add(range.end.saturating_sub(range.start)));
    let both = kernel.saturating_add(initrd);
    both.saturating_mul(2).saturating_add(initrd).saturating_add(RUNNING) > all
}

/// Whether the next kernel is to use a part of the memory only (`mem=`, `memmap=`): it must not be loaded to the
/// rest, and only one with KASLR moves itself.
fn leaves_memory_out(cmdline: &[u8]) -> bool {
    let mut words = cmdline.split(u8::is_ascii_whitespace);
    words.any(|word| [&b"mem="[..], b"memmap="].iter().any(|key| word.starts_with(key)))
}

#[cfg(test)]
#[expect(clippy::single_range_in_vec_init, reason = "memory with one free range is meant")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::kexec::segments::{
        layout::{Part, Protected},
        plan::FOUR_GIBIBYTES,
    };

    const ANYWHERE: Range<u64> = 0..u64::MAX;

    fn layout() -> Layout {
        Layout {
            parts: vec![Part { bytes: 0x4000..0x80_0000, offset: 0, size: 0x3f0_0000 }],
            size: 0x3f0_0000,
            alignment: 0x20_0000,
            preferred: 0x100_0000,
            relocatable: true,
            entry: 0x200,
            protected: None,
        }
    }

    fn machine(free: &[Range<u64>]) -> Machine {
        Machine { free: free.to_vec(), ..Machine::default() }
    }

    fn parameters() -> Parameters<'static> {
        Parameters {
            kernel: &[],
            old: None,
            memory: &[],
            cmdline: b"quiet",
            initrd: (0, 0),
            efi: None,
            rsdp: 0,
            seed: &[],
        }
    }

    fn addresses(plan: &Plan) -> Vec<(u64, u64)> {
        plan.segments.iter().map(|segment| (segment.address, segment.size)).collect()
    }

    #[test]
    fn a_relocatable_kernel_goes_to_the_top() {
        let plan = plan(
            &layout(),
            &parameters(),
            5000,
            &machine(&[0x1000..0x9_f000, 0x10_0000..0x4000_0000]),
            &ANYWHERE,
        );
        let plan = plan.unwrap();
        assert_eq!(
            addresses(&plan),
            [(0x3c00_0000, 0x3f0_0000), (0x3fff_b000, 0x1000), (0x3fff_c000, 0x2000), (0x3fff_e000, 0x2000)]
        );
        assert_eq!(plan.entry, 0x3fff_b000);
        let Content::Made(block) = &plan.segments[2].content else { panic!("the parameters are made here") };
        assert_eq!(
            block[0x218..0x220],
            [0x00, 0xe0, 0xff, 0x3f, 0x88, 0x13, 0, 0],
            "initrd address and size"
        );
        let Content::Made(code) = &plan.segments[1].content else { panic!("the trampoline is made here") };
        assert!(code.windows(8).any(|bytes| bytes == 0x3c00_0200_u64.to_le_bytes()), "the kernel's entry");
        assert!(code.windows(8).any(|bytes| bytes == 0x3fff_c000_u64.to_le_bytes()), "the zero page");
    }

    /// The base of the kernel with this layout and command line, in so much free memory above 1 MiB.
    fn base(layout: &Layout, cmdline: &[u8], free: &[Range<u64>]) -> u64 {
        let parameters = Parameters { cmdline, ..parameters() };
        let plan = plan(layout, &parameters, 5000, &machine(free), &ANYWHERE).unwrap();
        let kernel = plan.segments.iter().find(|segment| matches!(segment.content, Content::Kernel(_)));
        kernel.unwrap().address
    }

    #[test]
    fn a_kernel_keeps_its_place_where_it_may_not_move_or_may_not_use_the_top() {
        let fixed = Layout { relocatable: false, ..layout() };
        let free = &[0x10_0000..0x4000_0000];
        for (layout, cmdline, expected) in [
            (&layout(), &b"quiet"[..], 0x3c00_0000),
            (&layout(), b"quiet item=1 memtest=2", 0x3c00_0000),
            (&layout(), b"quiet mem=512M", 0x100_0000),
            (&layout(), b"memmap=512M@0", 0x100_0000),
            (&fixed, b"quiet", 0x100_0000),
        ] {
            assert_eq!(base(layout, cmdline, free), expected, "{layout:?} {cmdline:?}");
        }
        // Where that is taken, its place is a multiple of its alignment.
        assert_eq!(base(&fixed, b"quiet", &[0x110_0000..0x1000_0000]), 0xc00_0000);
    }

    #[test]
    fn an_initrd_goes_to_the_bottom_where_memory_is_tight() {
        // MiB of memory and of the initrd, and whether three times the initrd and twice the kernel fit in it.
        for (memory, initrd, is_low) in
            [(256, 20, false), (256, 40, true), (512, 100, false), (1024, 400, true), (2048, 400, false)]
        {
            let free = [0x10_0000..memory << 20];
            let plan = plan(&layout(), &parameters(), initrd << 20, &machine(&free), &ANYWHERE).unwrap();
            let place = plan.segments.iter().find(|segment| segment.content == Content::File(0)).unwrap();
            assert_eq!(place.address == LOWEST_INITRD, is_low, "{memory} {initrd}: {:#x}", place.address);
            assert!(is_low || place.address > (memory << 20) - (initrd << 20) - (80 << 20));
        }
    }

    #[test]
    fn memory_above_4_gibibytes_is_for_what_does_not_fit_below() {
        let ram = &[0x10_0000..0x8000_0000, 0x1_0000_0000..0x2_8000_0000];
        let below = base(&layout(), b"quiet", ram);
        assert!((0x7000_0000..0x8000_0000).contains(&below), "{below:#x}");
        let above = base(&layout(), b"quiet", &[0x10_0000..0x200_0000, 0x1_0000_0000..0x2_8000_0000]);
        assert!(above > FOUR_GIBIBYTES, "{above:#x}");
    }

    #[test]
    fn a_32_bit_kernel_lies_low_and_finds_its_parameters_in_protected_mode() {
        let protected = Some(Protected { end: 0x3800_0000, movable: false });
        let layout = Layout { preferred: 0x10_0000, relocatable: false, entry: 0, protected, ..layout() };
        let ram = [0x1000..0x9_f000, 0x10_0000..0xc000_0000, 0x1_0000_0000..0x2_0000_0000];
        let plan = plan(&layout, &parameters(), 5000, &machine(&ram), &ANYWHERE).unwrap();
        assert_eq!(
            addresses(&plan),
            [(0x10_0000, 0x3f0_0000), (0x37ff_b000, 0x1000), (0x37ff_c000, 0x2000), (0x37ff_e000, 0x2000)]
        );
        let Content::Made(code) = &plan.segments[1].content else { panic!("the trampoline is made here") };
        let values: Vec<u8> =
            [0x10_0000_u32, 0, 0, 0, 0, 0, 0x37ff_c000].into_iter().flat_map(u32::to_le_bytes).collect();
        assert!(code.windows(28).any(|bytes| bytes == values), "entry, and the zero page in %esi");
        let Content::Made(block) = &plan.segments[2].content else { panic!("the parameters are made here") };
        assert_eq!(block[0x214..0x218], 0x10_0000_u32.to_le_bytes(), "where it is");
        let taken = machine(&[0x20_0000..0xc000_0000]);
        let error = super::plan(&layout, &parameters(), 0, &taken, &ANYWHERE);
        let what = "kernel at its own address";
        assert_eq!(error, Err(PlanError::NoPlace { what, size: 0x3f0_0000 }));
    }

    #[test]
    fn memory_limits_hold_for_every_segment() {
        let limits = 0x800_0000..0x1000_0000;
        let plan =
            plan(&layout(), &parameters(), 5000, &machine(&[0x10_0000..0x4000_0000]), &limits).unwrap();
        assert!(
            addresses(&plan)
                .iter()
                .all(|(address, size)| *address >= limits.start && address + size <= limits.end)
        );
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let error =
            plan(&layout(), &parameters(), 0x4000_0000, &machine(&[0x10_0000..0x800_0000]), &ANYWHERE);
        assert_eq!(error, Err(PlanError::NoPlace { what: "initrd", size: 0x4000_0000 }));
    }

    proptest! {
        #[test]
        fn segments_are_whole_pages_in_free_memory_and_never_overlap(
            gaps in prop::collection::vec((0u64..0x4000, 0u64..0x2_0000), 1..10),
            initrd in 0u64..0x800_0000
        ) {
            let free: Vec<Range<u64>> = memory::normalised(
                gaps.iter().map(|(start, pages)| start * 0x10_0000..start * 0x10_0000 + pages * PAGE).collect());
            if let Ok(plan) = plan(&layout(), &parameters(), initrd, &machine(&free), &ANYWHERE) {
                let segments = addresses(&plan);
                prop_assert!(segments.windows(2).all(|pair| pair[0].0 + pair[0].1 <= pair[1].0));
                for (address, size) in segments {
                    prop_assert!(address % PAGE == 0 && size % PAGE == 0 && address >= LOWEST);
                    prop_assert!(free.iter().any(|range| range.start <= address && address + size <= range.end));
                }
            }
        }
    }
}
