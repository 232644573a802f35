//! The parts of the next kernel and free memory for each: what the plans for all kinds of kernels have in common.

use std::ops::Range;

use super::memory::{self, PAGE};

/// Early code of old kernels maps the first 4 GiB only.
pub(super) const FOUR_GIBIBYTES: u64 = 1 << 32;

/// The content of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Bytes of the kernel file.
    Kernel(Range<usize>),
    /// A whole file beside the kernel: the initrd, number 0, or a module.
    File(usize),
    /// Bytes made here.
    Made(Vec<u8>),
}

/// One segment of `kexec_load`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    pub content: Content,
    /// Physical address, a multiple of the page size.
    pub address: u64,
    /// Size in memory, a multiple of the page size.
    pub size: u64,
}

/// The arguments of `kexec_load`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Where the processor goes first: the trampoline.
    pub entry: u64,
    /// In ascending order of their addresses.
    pub segments: Vec<Segment>,
}

/// Why there is no plan.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// No gap is large enough.
    #[error("no free memory for the {what} ({} KiB in one piece); free some, or give the machine more", size >> 10)]
    NoPlace {
        /// Which part.
        what: &'static str,
        /// Its size in bytes.
        size: u64,
    },
    /// The device tree that describes the machine.
    #[error("the device tree is damaged; give a good one (--dtb), or let kexec_file_load do it (-s)")]
    DeviceTree,
}

/// Memory that is still free.
pub(super) struct Space {
    pub free: Vec<Range<u64>>,
    pub limits: Range<u64>,
}

impl Space {
    /// As [`Self::take_aligned`], for whole pages.
    #[cfg(target_arch = "x86_64")]
    pub(super) fn take(&mut self, what: &'static str, size: u64, lowest: u64) -> Result<u64, PlanError> {
        self.take_aligned(what, size, PAGE, lowest)
    }

    /// The highest place below 4 GiB, or above if there is none.
    pub(super) fn take_aligned(
        &mut self,
        what: &'static str,
        size: u64,
        align: u64,
        lowest: u64,
    ) -> Result<u64, PlanError> {
        let low = self.limits.start.max(lowest);
        let place = [self.limits.end.min(FOUR_GIBIBYTES), self.limits.end]
            .into_iter()
            .find_map(|end| memory::highest_place(&self.free, pages(size), align.max(PAGE), &(low..end)))
            .ok_or(PlanError::NoPlace { what, size })?;
        self.free = memory::subtract(&self.free, &(place..place.saturating_add(pages(size))));
        Ok(place)
    }
}

/// The size in whole pages, in bytes.
pub(super) fn pages(size: u64) -> u64 {
    size.checked_next_multiple_of(PAGE).unwrap_or(!(PAGE - 1))
}
