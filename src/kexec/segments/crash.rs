//! A crash kernel's view of the machine: it lives in the memory that was kept for it (`crashkernel=`), and finds the headers
//! that describe the rest (Linux, Documentation/admin-guide/kdump/kdump.rst).
//!
//! Below 1 MiB both kernels may write: since Linux 5.5 the one that has a crash kernel leaves that memory alone, so that
//! nothing of it has to be saved.

use crate::formats::sort;
use std::{fs, io::Read, ops::Range, path::Path};

use goblin::elf::{Elf, ProgramHeader, header::EM_X86_64, program_header::PT_LOAD};

use super::{
    core_headers::Crashed,
    machine::{self, Machine},
    memory::{self, MemoryRange, MemoryType, PAGE},
    plan::{Content, Segment, pages},
};

/// Where the memory ends that every kernel needs to start its other processors.
const LOW: u64 = 1 << 20;
/// Kernels are mapped from here on (Linux, Documentation/arch/x86/x86_64/mm.rst).
const KERNEL_MAP: u64 = 0xffff_ffff_8000_0000;
/// Where physical memory is mapped, unless its place is random.
const DIRECT_MAP: u64 = 0xffff_8880_0000_0000;
/// Length of the part of /proc/kcore that holds its headers, in bytes.
const CORE_HEADERS: u64 = 64 << 10;
/// Maximum number of processors of a kernel.
const PROCESSORS_LIMIT: usize = 8192;

/// Why no crash kernel can be prepared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CrashError {
    /// Nothing is reserved.
    #[error("no memory is kept for a crash kernel; start this one with crashkernel=256M on its command line")]
    NoMemory,
    /// The kernel does not say where it leaves its notes.
    #[error(
        "the running kernel does not describe itself for a crash kernel (/sys/kernel/vmcoreinfo); it may lack CONFIG_CRASH_DUMP"
    )]
    NoNotes,
}

/// Makes `machine` what a crash kernel is to know of it, and gives the segment with the headers of all that is not its own.
/// `root` is `/` except in tests.
///
/// # Errors
/// [`CrashError`] says what the running kernel lacks.
pub fn prepare(machine: &mut Machine, root: &Path) -> Result<Segment, CrashError> {
    let text = |path: &str| machine::text(&root.join(path)).unwrap_or_default();
    let iomem = text("proc/iomem");
    // A second one, below 4 GiB, is for devices that reach no higher.
    let kept = memory::named_ranges(&iomem, "Crash kernel");
    let own =
        kept.iter().max_by_key(|range| range.end.saturating_sub(range.start)).ok_or(CrashError::NoMemory)?;
    let notes = notes(root).ok_or(CrashError::NoNotes)?;
    let (kernel, direct_map) = mappings(root, &iomem);
    let others = kept.iter().chain([&(0..LOW)]);
    let ram =
        others.fold(memory::named_ranges(&iomem, "System RAM"), |ram, hole| memory::subtract(&ram, hole));
    let headers = Crashed { machine: EM_X86_64, ram, notes, kernel, direct_map }.headers();

    let size = pages(headers.len() as u64);
    let address = own.end.saturating_sub(size) & !(PAGE - 1);
    let mut usable = memory::subtract(&kept, &(address..address.saturating_add(size)));
    machine.free = memory::subtract(std::slice::from_ref(own), &(address..u64::MAX));
    let (ram, mut rest): (Vec<MemoryRange>, Vec<MemoryRange>) =
        machine.memory.iter().partition(|range| range.kind == MemoryType::Ram);
    usable.extend(ram.iter().map(|range| range.start..range.end.min(LOW)));
    rest.extend(machine::ram(&memory::normalised(usable)));
    sort::by_key(&mut rest, |range| range.start);
    machine.memory = rest;
    Ok(Segment { content: Content::Made(headers), address, size })
}

/// The word that leads a crash kernel to the headers at this address, as kexec-tools writes it.
#[must_use]
pub fn word(headers: &Segment) -> String {
    format!("elfcorehdr={}K", headers.address >> 10)
}

/// Where each processor leaves its registers, and what the kernel says of itself.
fn notes(root: &Path) -> Option<Vec<Range<u64>>> {
    let number = |text: &str| u64::from_str_radix(text.trim().trim_start_matches("0x"), 16).ok();
    let text = |path: &Path| machine::text(path).ok();
    let processors = root.join("sys/devices/system/cpu");
    let mut notes: Vec<(usize, Range<u64>)> = Vec::new();
    for entry in fs::read_dir(&processors).ok()?.flatten() {
        let name = entry.file_name();
        let processor = name.to_str().and_then(|name| name.strip_prefix("cpu")?.parse::<usize>().ok());
        let Some(processor) = processor.filter(|processor| *processor < PROCESSORS_LIMIT) else { continue };
        let place = number(&text(&entry.path().join("crash_notes"))?)?;
        let size: u64 = text(&entry.path().join("crash_notes_size"))?.trim().parse().ok()?;
        notes.push((processor, place..place.checked_add(size)?));
    }
    sort::by_key(&mut notes, |(processor, _)| *processor);
    let words = text(&root.join("sys/kernel/vmcoreinfo"))?;
    let (place, size) = words.trim().split_once(' ')?;
    let (place, size) = (number(place)?, number(size)?);
    let own = place..place.checked_add(size)?;
    Some(notes.into_iter().map(|(_, place)| place).chain([own]).collect())
}

/// Where the kernel maps itself and all memory by /proc/kcore, for debuggers.
fn mappings(root: &Path, iomem: &str) -> (Option<(u64, Range<u64>)>, u64) {
    let headers = core_headers(root).unwrap_or_default();
    let loads = || headers.iter().filter(|header| header.p_type == PT_LOAD && header.p_paddr != u64::MAX);
    let code = memory::named_ranges(iomem, "Kernel code");
    let is_kernel = |header: &&ProgramHeader| {
        header.p_vaddr >= KERNEL_MAP && code.first().is_some_and(|code| code.start == header.p_paddr)
    };
    let kernel = loads()
        .find(is_kernel)
        .map(|header| (header.p_vaddr, header.p_paddr..header.p_paddr.saturating_add(header.p_memsz)));
    let direct = loads()
        .filter(|header| header.p_vaddr < KERNEL_MAP)
        .find_map(|header| header.p_vaddr.checked_sub(header.p_paddr));
    (kernel, direct.unwrap_or(DIRECT_MAP))
}

fn core_headers(root: &Path) -> Option<Vec<ProgramHeader>> {
    let mut head = Vec::new();
    fs::File::open(root.join("proc/kcore")).ok()?.take(CORE_HEADERS).read_to_end(&mut head).ok()?;
    let header = Elf::parse_header(&head).ok()?;
    let context = goblin::container::Ctx::new(goblin::container::Container::Big, header.endianness().ok()?);
    let offset = usize::try_from(header.e_phoff).ok()?;
    ProgramHeader::parse(&head, offset, usize::from(header.e_phnum), context).ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::DirBuilderExt;

    use super::*;

    fn write(root: &Path, files: &[(&str, &str)]) {
        for (path, content) in files {
            let path = root.join(path);
            fs::DirBuilder::new().recursive(true).mode(0o755).create(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
    }

    /// A machine with 1 GiB and two reservations, of which the first is the small one.
    const FILES: &[(&str, &str)] = &[
        (
            "proc/iomem",
            "00001000-0009fbff : System RAM\n00100000-3ffdefff : System RAM\n  01000000-01e02587 : Kernel code\n  \
             10000000-10ffffff : Crash kernel\n  2b000000-36ffffff : Crash kernel\n3ffdf000-3fffffff : Reserved\n",
        ),
        ("sys/devices/system/cpu/cpu0/crash_notes", "3fc05000\n"),
        ("sys/devices/system/cpu/cpu0/crash_notes_size", "368\n"),
        ("sys/devices/system/cpu/cpu10/crash_notes", "3fd05000\n"),
        ("sys/devices/system/cpu/cpu10/crash_notes_size", "368\n"),
        ("sys/devices/system/cpu/cpu2/crash_notes", "3fc85000\n"),
        ("sys/devices/system/cpu/cpu2/crash_notes_size", "368\n"),
        ("sys/devices/system/cpu/cpufreq/policy", ""),
        ("sys/kernel/vmcoreinfo", "0x0000000004e01000 1024\n"),
    ];

    fn machine() -> Machine {
        let range = |start, end, kind| MemoryRange { start, end, kind };
        Machine {
            memory: vec![
                range(0, 0x9_fc00, MemoryType::Ram),
                range(0xf_0000, 0x10_0000, MemoryType::Reserved),
                range(0x10_0000, 0x3ffd_f000, MemoryType::Ram),
                range(0x3ffd_f000, 0x4000_0000, MemoryType::AcpiTables),
            ],
            ..Machine::default()
        }
    }

    #[test]
    fn a_crash_kernel_sees_its_own_memory_and_headers_of_the_rest() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), FILES);
        let mut machine = machine();
        let segment = prepare(&mut machine, root.path()).unwrap();
        let (start, end) = (0x2b00_0000, 0x3700_0000);
        assert_eq!((segment.address, segment.size), (end - 0x1000, 0x1000));
        assert_eq!(machine.free, vec![start..end - 0x1000; 1]);
        let range = |start, end, kind| MemoryRange { start, end, kind };
        assert_eq!(
            machine.memory,
            [
                range(0, 0x9_fc00, MemoryType::Ram),
                range(0xf_0000, 0x10_0000, MemoryType::Reserved),
                range(0x1000_0000, 0x1100_0000, MemoryType::Ram),
                range(start, end - 0x1000, MemoryType::Ram),
                range(0x3ffd_f000, 0x4000_0000, MemoryType::AcpiTables),
            ]
        );
        assert_eq!(word(&segment), format!("elfcorehdr={}K", (end - 0x1000) / 1024));
        let Content::Made(bytes) = segment.content else { panic!("the headers are made here") };
        let elf = Elf::parse(&bytes).unwrap();
        let places: Vec<_> = elf.program_headers.iter().map(|it| (it.p_paddr, it.p_memsz)).collect();
        assert_eq!(
            places,
            [
                (0x3fc0_5000, 368),
                (0x3fc8_5000, 368),
                (0x3fd0_5000, 368),
                (0x4e0_1000, 0x1024),
                (0x10_0000, 0xff0_0000),
                (0x1100_0000, 0x1a00_0000),
                (0x3700_0000, 0x8fd_f000),
            ]
        );
        assert_eq!(elf.program_headers[4].p_vaddr, 0xffff_8880_0010_0000);
    }

    #[test]
    fn what_the_running_kernel_lacks_is_said() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), &[("proc/iomem", "00001000-0009fbff : System RAM\n")]);
        assert_eq!(prepare(&mut machine(), root.path()), Err(CrashError::NoMemory));
        write(root.path(), &[("proc/iomem", "  10000000-10ffffff : Crash kernel\n")]);
        assert_eq!(prepare(&mut machine(), root.path()), Err(CrashError::NoNotes));
    }
}
