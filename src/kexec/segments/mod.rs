//! Loading by `kexec_load(2)`: segments put together here, entered through a few instructions, without any digest.
//!
//! kexec_file_load hashes all segments while loading, and the kernel's purgatory hashes them again before the jump, in plain
//! C: a quarter of a second on a fast machine, minutes on one whose caches are off by then. Nothing of that guards
//! against more than a bug, so here it is left out.

pub mod arm64;
#[cfg(all(feature = "multiboot", target_arch = "x86_64"))]
pub mod bios_area;
#[cfg(all(feature = "running-system", target_arch = "x86_64"))]
pub mod core_headers;
#[cfg(all(feature = "running-system", target_arch = "x86_64"))]
pub mod crash;
#[cfg(target_arch = "x86_64")]
pub mod layout;
pub mod machine;
pub mod memory;
#[cfg(all(feature = "multiboot", target_arch = "x86_64"))]
pub mod multiboot;
#[cfg(target_arch = "x86_64")]
pub mod parameters;
pub mod plan;
#[cfg(target_arch = "x86_64")]
pub mod x86;

use std::{fs::File, ops::Range, path::Path};

use machine::{Machine, MachineError};
use plan::{Content, Plan, PlanError};
use rustix::{
    io::Errno,
    rand::{GetRandomFlags, getrandom},
};

use super::{
    load::{ANYWHERE, LoadOptions},
    state::Slot,
};
use crate::{
    image::PreparedKernel,
    sys::{
        kexec::{self, Source},
        mapping::Mapping,
    },
};

/// Bytes of randomness for the next kernel.
const SEED: usize = 32;

/// The error for a part that does not fit, with the limits if there are any.
fn unplaced(error: PlanError, limits: &Range<u64>) -> SegmentsError {
    match error {
        PlanError::NoPlace { what, size } if *limits != ANYWHERE => {
            SegmentsError::Limits { what, size, limits: limits.clone() }
        }
        error => error.into(),
    }
}

/// Why segments could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum SegmentsError {
    /// The kernel's format.
    #[cfg(target_arch = "x86_64")]
    #[error(transparent)]
    Layout(#[from] layout::LayoutError),
    /// The kernel's format.
    #[cfg(not(target_arch = "x86_64"))]
    #[error(
        "it is no arm64 Image; name the Image (an ELF vmlinux does not do), or let kexec_file_load take it (-s)"
    )]
    NoImage,
    /// A multiboot kernel.
    #[cfg(all(feature = "multiboot", target_arch = "x86_64"))]
    #[error(transparent)]
    Multiboot(#[from] multiboot::MultibootError),
    /// A crash kernel.
    #[cfg(all(feature = "running-system", target_arch = "x86_64"))]
    #[error(transparent)]
    Crash(#[from] crash::CrashError),
    /// The command line is longer than the kernel takes.
    #[error("the command line has {0} characters, and the kernel takes at most {1}; shorten it")]
    CommandLine(usize, usize),
    /// The machine does not say enough of itself.
    #[error(transparent)]
    Machine(#[from] MachineError),
    /// No room.
    #[error(transparent)]
    Plan(#[from] plan::PlanError),
    /// No room between the limits that were asked for.
    #[error(
        "no free memory for the {what} ({} KiB in one piece) between --mem-min={:#x} and --mem-max={:#x}; widen them",
        size >> 10, limits.start, limits.end
    )]
    Limits {
        /// Which part.
        what: &'static str,
        /// Its size in bytes.
        size: u64,
        limits: Range<u64>,
    },
    /// A file cannot be mapped.
    #[error("cannot be read: {0}; check the disk")]
    Unreadable(Errno),
    /// The running kernel refused the segments.
    #[error("kexec_load: {0}")]
    Refused(Errno),
}

/// Loads Linux with one initrd (several are joined before) and a command line without its NUL: for the next jump, or to be
/// started when this kernel panics (x86_64).
///
/// # Errors
/// [`SegmentsError`] says why not; what was loaded before is still loaded.
pub fn load(
    prepared: &PreparedKernel,
    initrd: Option<&File>,
    cmdline: &[u8],
    options: &LoadOptions,
) -> Result<(), SegmentsError> {
    let layout = LinuxLayout::of(prepared)?;
    let mut machine = Machine::read(Path::new("/"))?;
    let headers = match options.slot {
        Slot::Boot => None,
        Slot::Crash => Some(crash_headers(&mut machine)?),
    };
    let words = headers.iter().flat_map(|(_, word)| word.bytes());
    let cmdline = &cmdline.iter().copied().chain(words).collect::<Vec<u8>>();
    let limit = layout.cmdline_limit();
    if cmdline.len() > limit {
        return Err(SegmentsError::CommandLine(cmdline.len(), limit));
    }
    let kernel = Mapping::new(&prepared.kernel.file).map_err(SegmentsError::Unreadable)?;
    let initrd = initrd.map(Mapping::new).transpose().map_err(SegmentsError::Unreadable)?;
    let mut seed = [0; SEED];
    let filled = getrandom(&mut seed, GetRandomFlags::NONBLOCK).unwrap_or(0);
    let handover = Handover {
        cmdline,
        initrd: initrd.as_ref().map_or(0, Mapping::length) as u64,
        device_tree: prepared.devicetree.as_deref(),
        seed: seed.get(..filled).unwrap_or_default(),
    };
    let plan = layout.plan(kernel.length(), &handover, &machine, options);
    let mut plan = plan.map_err(|error| unplaced(error, &options.limits))?;
    plan.segments.extend(headers.map(|(segment, _)| segment));
    submit(&plan, &kernel, initrd.as_slice(), options.slot).map_err(SegmentsError::Refused)
}

/// The data that is handed to Linux.
#[derive(Clone, Copy, Debug)]
pub struct Handover<'a> {
    /// Command line without its NUL.
    pub cmdline: &'a [u8],
    /// Size of the initrd in bytes, 0 for none.
    pub initrd: u64,
    /// The device tree, in place of the machine's own.
    pub device_tree: Option<&'a [u8]>,
    /// Random bytes.
    pub seed: &'a [u8],
}

/// How the kernel wants to lie in memory.
#[cfg(target_arch = "x86_64")]
struct LinuxLayout(layout::KernelLayout);

#[cfg(target_arch = "x86_64")]
impl LinuxLayout {
    fn of(kernel: &PreparedKernel) -> Result<Self, SegmentsError> {
        Ok(Self(layout::read(&kernel.kernel.file, kernel.format.as_ref())?))
    }

    fn cmdline_limit(&self) -> usize {
        self.0.cmdline_limit
    }

    fn plan(
        &self,
        _: usize,
        handover: &Handover<'_>,
        machine: &Machine,
        options: &LoadOptions,
    ) -> Result<Plan, PlanError> {
        let parameters = parameters::Parameters {
            kernel: &self.0.head,
            old: machine.zero_page.as_deref(),
            memory: &machine.memory,
            cmdline: handover.cmdline,
            initrd: (0, 0),
            efi: machine.efi.as_ref().filter(|_| !options.no_efi),
            rsdp: machine.rsdp,
            seed: handover.seed,
        };
        x86::plan(&self.0.layout, &parameters, handover.initrd, machine, &options.limits)
    }
}

/// How the kernel wants to lie in memory.
#[cfg(not(target_arch = "x86_64"))]
struct LinuxLayout(crate::formats::kernel_file::raw_image::RawImage);

#[cfg(not(target_arch = "x86_64"))]
impl LinuxLayout {
    fn of(kernel: &PreparedKernel) -> Result<Self, SegmentsError> {
        match &kernel.format {
            Some(crate::formats::kernel_file::KernelFile::Image(image)) => Ok(Self(image.clone())),
            _ => Err(SegmentsError::NoImage),
        }
    }

    fn cmdline_limit(&self) -> usize {
        usize::MAX
    }

    fn plan(
        &self,
        length: usize,
        handover: &Handover<'_>,
        machine: &Machine,
        options: &LoadOptions,
    ) -> Result<Plan, PlanError> {
        let device_tree = handover.device_tree.or(machine.device_tree.as_deref());
        let handover = Handover { device_tree, ..*handover };
        arm64::plan(&self.0, length, &handover, machine, &options.limits)
    }
}

/// A crash kernel's extra segment: the headers of the memory to look at, and the words that lead it to them.
#[cfg(all(feature = "running-system", target_arch = "x86_64"))]
fn crash_headers(machine: &mut Machine) -> Result<(plan::Segment, String), SegmentsError> {
    let segment = crash::prepare(machine, Path::new("/"))?;
    let word = crash::word(&segment);
    Ok((segment, format!(" {word}")))
}

/// The kernel itself makes the headers elsewhere, and an image has no use for them.
#[cfg(not(all(feature = "running-system", target_arch = "x86_64")))]
fn crash_headers(_: &mut Machine) -> Result<(plan::Segment, String), SegmentsError> {
    Err(SegmentsError::Refused(Errno::NOSYS))
}

/// Loads a kernel by this version of multiboot (0 for the later one of those that it knows), with its modules: the file and
/// the words of each.
///
/// # Errors
/// [`SegmentsError`] says why not; what was loaded before is still loaded.
#[cfg(all(feature = "multiboot", target_arch = "x86_64"))]
pub fn load_multiboot(
    kernel: &File,
    version: u8,
    modules: &[(&File, &[u8])],
    texts: &multiboot::KernelTexts<'_>,
    limits: &Range<u64>,
) -> Result<(), SegmentsError> {
    let image = multiboot::read(kernel, version)?;
    let mut machine = Machine::read(Path::new("/"))?;
    let kernel = Mapping::new(kernel).map_err(SegmentsError::Unreadable)?;
    let mapped = |(file, _): &(&File, &[u8])| Mapping::new(file).map_err(SegmentsError::Unreadable);
    let files: Vec<Mapping> = modules.iter().map(mapped).collect::<Result<_, _>>()?;
    let lengths = files.iter().map(|file| file.length() as u64);
    let modules: Vec<_> = lengths.zip(modules).map(|(length, &(_, words))| (length, words)).collect();
    let root_pointer = multiboot::root_pointer(&machine);
    let area = Path::new("/sys/firmware/efi").is_dir();
    let area = area.then(|| bios_area::make(&mut machine.memory, machine.rsdp)).flatten();
    let (area, copied) = area.unzip();
    let acpi = multiboot::Acpi { root: root_pointer.as_deref(), copied: copied.unwrap_or_default() };
    let plan = multiboot::plan(&image, texts, &modules, &acpi, &machine, limits);
    let mut plan = plan.map_err(|error| unplaced(error, limits))?;
    plan.segments.extend(area.into_iter().flatten());
    crate::formats::sort::by_key(&mut plan.segments, |segment| segment.address);
    submit(&plan, &kernel, &files, Slot::Boot).map_err(SegmentsError::Refused)
}

fn submit(plan: &Plan, kernel: &Mapping, files: &[Mapping], slot: Slot) -> Result<(), Errno> {
    let segments: Vec<kexec::Segment> = plan
        .segments
        .iter()
        .map(|segment| {
            let source = match &segment.content {
                Content::Kernel(bytes) => Source::Mapped(kernel, bytes.start, bytes.len()),
                Content::File(number) => match files.get(*number) {
                    Some(file) => Source::Mapped(file, 0, file.length()),
                    None => Source::Bytes(&[]),
                },
                Content::Made(bytes) => Source::Bytes(bytes),
            };
            (source, segment.address, segment.size)
        })
        .collect();
    kexec::segments_load(plan.entry, &segments, slot == Slot::Crash)
}
