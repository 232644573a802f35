//! Loading by `kexec_load(2)`: segments put together here, entered through a few instructions, without any digest.
//!
//! kexec_file_load hashes all segments while loading, and the kernel's purgatory hashes them again before the jump, in plain
//! C: a quarter of a second on a fast machine, minutes on one whose caches are off by then. Nothing of that guards
//! against more than a bug, so here it is left out.

pub mod layout;
pub mod machine;
pub mod memory;
pub mod parameters;
pub mod plan;

use std::{fs::File, ops::Range, path::Path};

use layout::Kernel;
use machine::{Machine, MachineError};
use parameters::Parameters;
use plan::{Content, Plan};
use rustix::{
    io::Errno,
    rand::{GetRandomFlags, getrandom},
};

use crate::sys::{
    kexec::{self, Source},
    mapping::Mapping,
};

/// Bytes of randomness for the next kernel.
const SEED: usize = 32;

/// How the segments are to be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wishes {
    /// Physical memory that segments may use.
    pub limits: Range<u64>,
    /// Do not tell the next kernel of the EFI firmware.
    pub no_efi: bool,
}

impl Default for Wishes {
    fn default() -> Self {
        Self { limits: 0..u64::MAX, no_efi: false }
    }
}

/// Why segments could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum SegmentsError {
    /// The kernel's format.
    #[error(transparent)]
    Layout(#[from] layout::LayoutError),
    /// The command line is longer than the kernel takes.
    #[error("the command line has {0} characters, and the kernel takes at most {1}; shorten it")]
    CommandLine(usize, usize),
    /// The machine does not say enough of itself.
    #[error(transparent)]
    Machine(#[from] MachineError),
    /// No room.
    #[error(transparent)]
    Plan(#[from] plan::PlanError),
    /// A file cannot be mapped.
    #[error("cannot be read: {0}; check the disk")]
    Unreadable(Errno),
    /// The running kernel refused the segments.
    #[error("kexec_load: {0}")]
    Refused(Errno),
}

/// Loads a kernel, for the next jump, with an initrd (several are joined before) and a command line without its NUL.
///
/// # Errors
/// [`SegmentsError`] says why not; what was loaded before is still loaded.
pub fn load(
    kernel: &File,
    initrd: Option<&File>,
    cmdline: &[u8],
    wishes: &Wishes,
) -> Result<(), SegmentsError> {
    let Kernel { layout, head, cmdline_limit } = layout::read(kernel)?;
    if cmdline.len() > cmdline_limit {
        return Err(SegmentsError::CommandLine(cmdline.len(), cmdline_limit));
    }
    let machine = Machine::read(Path::new("/"))?;
    let kernel = Mapping::new(kernel).map_err(SegmentsError::Unreadable)?;
    let initrd = initrd.map(Mapping::new).transpose().map_err(SegmentsError::Unreadable)?;
    let size = initrd.as_ref().map_or(0, Mapping::length);
    let mut seed = [0; SEED];
    let filled = getrandom(&mut seed, GetRandomFlags::NONBLOCK).unwrap_or(0);
    let parameters = Parameters {
        kernel: &head,
        old: machine.zero_page.as_deref(),
        memory: &machine.memory,
        cmdline,
        initrd: (0, 0),
        efi: machine.efi.as_ref().filter(|_| !wishes.no_efi),
        rsdp: machine.rsdp,
        seed: seed.get(..filled).unwrap_or_default(),
    };
    let plan = plan::plan(&layout, &parameters, size as u64, &machine, &wishes.limits)?;
    submit(&plan, &kernel, initrd.as_ref()).map_err(SegmentsError::Refused)
}

fn submit(plan: &Plan, kernel: &Mapping, initrd: Option<&Mapping>) -> Result<(), Errno> {
    let segments: Vec<kexec::Segment> = plan
        .segments
        .iter()
        .map(|segment| {
            let source = match (&segment.content, initrd) {
                (Content::Kernel(bytes), _) => Source::Mapped(kernel, bytes.start, bytes.len()),
                (Content::Initrd, Some(initrd)) => Source::Mapped(initrd, 0, initrd.length()),
                (Content::Initrd, None) => Source::Bytes(&[]),
                (Content::Made(bytes), _) => Source::Bytes(bytes),
            };
            (source, segment.address, segment.size)
        })
        .collect();
    kexec::segments_load(plan.entry, &segments, false)
}
