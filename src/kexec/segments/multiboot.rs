//! Kernels that are started by multiboot, versions 1 and 2, with their modules: Xen with its first Linux (Multiboot
//! Specification 0.6.96, chapter 3; Multiboot2 Specification 2.0, chapter 3).
//!
//! Everything lies below 4 GiB; the kernel is entered in 32-bit protected mode without paging.

use std::{fs::File, mem::offset_of, ops::Range, os::unix::fs::FileExt};

use goblin::{
    container::{Container, Ctx},
    elf::{Elf, ProgramHeader, header::EI_CLASS, header::ELFCLASS64, program_header::PT_LOAD},
};
use linux_raw_sys::bootparam::boot_params;

use super::{
    layout::Part,
    machine::Machine,
    memory::{MemoryRange, MemoryType, PAGE, subtract},
    plan::{Content, FOUR_GIBIBYTES, Plan, PlanError, Segment, Space, pages},
};
use crate::{
    formats::{
        bytes::{le32, le64},
        kernel_file::multiboot,
        sort,
    },
    sys::{
        files,
        trampoline::{self, Copied, Registers},
    },
};

/// Length of the part of a file that may hold a header, in bytes (version 1: 8 KiB).
const HEAD: usize = 32 << 10;
/// Maximum number of segments of kexec_load: two are information and trampoline, the others kernel and modules.
const SEGMENTS: usize = 16;
/// Offset of the address of ACPI's root pointer in the zero page.
const RSDP: usize = offset_of!(boot_params, acpi_rsdp_addr);
/// Value of %eax at the kernel's entry, by version.
const MAGIC_1: u32 = 0x2bad_b002;
const MAGIC_2: u32 = 0x36d7_6289;

/// Why a file cannot be loaded by multiboot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MultibootError {
    #[error("it has no multiboot header; name a multiboot kernel, such as Xen's, or leave --module out")]
    NoHeader,
    /// Neither an ELF file nor addresses in the header.
    #[error("neither its header nor the file's format says where it is to be loaded; install it again")]
    Nowhere,
    /// Sizes do not fit together.
    #[error("its headers do not fit the file; install it again")]
    Damaged,
}

/// A multiboot kernel, as its headers describe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MultibootKernel {
    /// Version of the protocol.
    pub version: u8,
    /// Pieces of the file, each at the physical address that is its offset.
    pub parts: Vec<Part>,
    /// Physical address that it is entered at.
    pub entry: u64,
}

/// Reads the headers of a kernel file, those of one version of the protocol; 0 for the later one of those that it has.
///
/// # Errors
/// [`MultibootError`] says why it cannot be loaded so.
pub fn read(file: &File, version: u8) -> Result<MultibootKernel, MultibootError> {
    let length = file.metadata().map_err(|_| MultibootError::NoHeader)?.len();
    let head = files::read_at(file, 0, HEAD).map_err(|_| MultibootError::NoHeader)?;
    let header = multiboot::parse_version(&head, version).ok_or(MultibootError::NoHeader)?;
    let (addresses, entry) = match header.version {
        1 => addresses_1(&head, header.offset),
        _ => addresses_2(&head, header.offset),
    };
    let (parts, own_entry) = match addresses {
        Some(addresses) => (vec![placed(&addresses, header.offset, length)?], None),
        None => elf(&head, length)?,
    };
    let entry = entry.or(own_entry).ok_or(MultibootError::Nowhere)?;
    Ok(MultibootKernel { version: header.version, parts, entry })
}

/// Where a header says that the file is to be loaded: its own address, then start, end of the data (0: of the file) and end
/// of the cleared memory.
type Addresses = [u32; 4];

/// Bit 16 of the flags: the header itself has the addresses, and the entry.
fn addresses_1(head: &[u8], at: usize) -> (Option<Addresses>, Option<u64>) {
    let field = |place: usize| le32(head, at.saturating_add(place));
    if field(4).unwrap_or(0) & 1 << 16 == 0 {
        return (None, None);
    }
    let all = || Some([field(12)?, field(16)?, field(20)?, field(24)?]);
    (all(), field(28).map(u64::from))
}

/// Tags of type 2 (addresses) and 3 (entry), in a list that ends with type 0.
fn addresses_2(head: &[u8], at: usize) -> (Option<Addresses>, Option<u64>) {
    let field = |place: usize| le32(head, place);
    let (mut addresses, mut entry) = (None, None);
    let end = at.saturating_add(field(at.saturating_add(8)).unwrap_or(0) as usize);
    let mut tag = at.saturating_add(16);
    while tag < end {
        let (Some(kind), Some(size)) = (field(tag), field(tag.saturating_add(4))) else { break };
        let value = |number: usize| field(tag.saturating_add(8).saturating_add(number.saturating_mul(4)));
        match kind & 0xffff {
            0 => break,
            2 => addresses = (|| Some([value(0)?, value(1)?, value(2)?, value(3)?]))(),
            3 => entry = value(0).map(u64::from),
            _ => {}
        }
        // Tags begin at multiples of eight, and have eight bytes at least.
        tag = tag.saturating_add((size.max(8) as usize).next_multiple_of(8));
    }
    (addresses, entry)
}

fn placed(addresses: &Addresses, header: usize, length: u64) -> Result<Part, MultibootError> {
    let [own, start, end, cleared] = addresses.map(u64::from);
    let before = own.checked_sub(start).ok_or(MultibootError::Damaged)?;
    let offset = (header as u64).checked_sub(before).ok_or(MultibootError::Damaged)?;
    let stop = if end == 0 { length } else { offset.saturating_add(end.saturating_sub(start)) };
    let size = stop.saturating_sub(offset).max(cleared.saturating_sub(start));
    part(offset, stop, start, size, length)
}

fn part(offset: u64, stop: u64, address: u64, size: u64, length: u64) -> Result<Part, MultibootError> {
    // Segments are whole pages; in all kernels the bytes before the first one in its page belong to the file.
    let lead = address % PAGE;
    let (offset, address, size) = match offset.checked_sub(lead) {
        Some(offset) if lead > 0 => (offset, address.saturating_sub(lead), size.saturating_add(lead)),
        _ => (offset, address, size),
    };
    if address % PAGE != 0 || stop > length || offset > stop || address.saturating_add(size) > FOUR_GIBIBYTES
    {
        return Err(MultibootError::Damaged);
    }
    let bytes = |place: u64| usize::try_from(place).map_err(|_| MultibootError::Damaged);
    Ok(Part { bytes: bytes(offset)?..bytes(stop)?, offset: address, size })
}

fn elf(head: &[u8], length: u64) -> Result<(Vec<Part>, Option<u64>), MultibootError> {
    let header = Elf::parse_header(head).map_err(|_| MultibootError::Nowhere)?;
    let wide = header.e_ident.get(EI_CLASS) == Some(&ELFCLASS64);
    let container = if wide { Container::Big } else { Container::Little };
    let order = header.endianness().map_err(|_| MultibootError::Damaged)?;
    let place = usize::try_from(header.e_phoff).map_err(|_| MultibootError::Damaged)?;
    let count = usize::from(header.e_phnum).min(SEGMENTS);
    let headers = ProgramHeader::parse(head, place, count, Ctx::new(container, order))
        .map_err(|_| MultibootError::Damaged)?;
    let loads = headers.iter().filter(|load| load.p_type == PT_LOAD && load.p_memsz > 0);
    let parts: Vec<Part> = loads
        .map(|load| {
            let stop = load.p_offset.checked_add(load.p_filesz).ok_or(MultibootError::Damaged)?;
            part(load.p_offset, stop, load.p_paddr, load.p_memsz.max(load.p_filesz), length)
        })
        .collect::<Result<_, _>>()?;
    // A 64-bit kernel's entry is a virtual address where its segments have other ones than physical.
    let entry = headers
        .iter()
        .find(|load| (load.p_vaddr..load.p_vaddr.saturating_add(load.p_memsz)).contains(&header.e_entry))
        .map_or(header.e_entry, |load| header.e_entry.wrapping_sub(load.p_vaddr).wrapping_add(load.p_paddr));
    match parts.is_empty() {
        true => Err(MultibootError::Nowhere),
        false => Ok((parts, Some(entry))),
    }
}

/// The texts for the kernel itself. They come without a NUL.
#[derive(Clone, Copy, Debug)]
pub struct KernelTexts<'a> {
    /// Its command line.
    pub cmdline: &'a [u8],
    /// All texts begin with a file's name, as version 1 asks for and as GRUB does not do since it is GRUB 2.
    pub named: bool,
}

impl KernelTexts<'_> {
    /// The loader's name. Xen takes the first word of a text for a file's name unless GRUB 2 gave it.
    fn loader(&self) -> &'static [u8] {
        if self.named { b"firstlight" } else { b"firstlight (as GRUB 2)" }
    }
}

/// Copies ACPI's root pointer out of memory (ACPI specification 6.5, 5.2.5.3), where its address is known and the
/// running kernel lets it be read. On a BIOS machine kernels find it by themselves.
#[must_use]
pub fn root_pointer(machine: &Machine) -> Option<Vec<u8>> {
    let old = machine.zero_page.as_deref().and_then(|page| le64(page, RSDP)).filter(|address| *address > 0);
    let address = old.unwrap_or(machine.rsdp);
    let mut table = vec![0; 36];
    if address == 0 || File::open("/dev/mem").ok()?.read_exact_at(&mut table, address).is_err() {
        return None;
    }
    // Before version 2 it ends with the address of the RSDT.
    if table.get(15) == Some(&0) {
        table.truncate(20);
    }
    table.starts_with(b"RSD PTR ").then_some(table)
}

/// How the kernel finds ACPI's tables.
#[derive(Debug, Default)]
pub struct Acpi<'a> {
    /// A copy of the root pointer, for version 2.
    pub root: Option<&'a [u8]>,
    /// The copy that is made at the jump.
    pub copied: Copied,
}

/// Plans the segments, with a length in bytes and a text for each module.
///
/// # Errors
/// [`PlanError`] names the part that does not fit.
pub fn plan(
    image: &MultibootKernel,
    texts: &KernelTexts<'_>,
    modules: &[(u64, &[u8])],
    acpi: &Acpi<'_>,
    machine: &Machine,
    limits: &Range<u64>,
) -> Result<Plan, PlanError> {
    let limits = limits.start..limits.end.min(FOUR_GIBIBYTES);
    let mut space = Space { free: machine.free.clone(), limits: limits.start.max(1 << 20)..limits.end };
    let mut segments = Vec::new();
    for part in &image.parts {
        let wanted = part.offset..part.offset.saturating_add(pages(part.size));
        if !space.free.iter().any(|free| free.start <= wanted.start && wanted.end <= free.end) {
            return Err(PlanError::NoPlace { what: "multiboot kernel at its own address", size: part.size });
        }
        space.free = subtract(&space.free, &wanted);
        let content = Content::Kernel(part.bytes.clone());
        segments.push(Segment { content, address: wanted.start, size: pages(part.size) });
    }
    let mut placed = Vec::new();
    for (number, (length, text)) in modules.iter().enumerate() {
        let address = space.take("module", *length, 0)?;
        segments.push(Segment { content: Content::File(number), address, size: pages(*length) });
        placed.push(PlacedModule { range: address..address.saturating_add(*length), text });
    }
    let build = |base| match image.version {
        1 => information_1(base, texts, &placed, machine),
        _ => information_2(texts, &placed, acpi.root, machine),
    };
    // It has the same length at any address.
    let address = space.take("multiboot information", build(0).len() as u64, 0)?;
    let block = build(address);
    segments.push(Segment { address, size: pages(block.len() as u64), content: Content::Made(block) });
    let magic = if image.version == 1 { MAGIC_1 } else { MAGIC_2 };
    let registers = Registers { eax: magic, ebx: low(address), esi: 0 };
    let code = trampoline::to_protected_mode(low(image.entry), registers, acpi.copied);
    let entry = space.take("trampoline", code.len() as u64, 0)?;
    segments.push(Segment { address: entry, size: pages(code.len() as u64), content: Content::Made(code) });
    sort::by_key(&mut segments, |segment| segment.address);
    Ok(Plan { entry, segments })
}

/// A module in memory.
struct PlacedModule<'a> {
    range: Range<u64>,
    text: &'a [u8],
}

/// Addresses here are below 4 GiB.
fn low(address: u64) -> u32 {
    u32::try_from(address).unwrap_or(u32::MAX)
}

/// KiB below 640 KiB, and above 1 MiB up to the first hole.
fn sizes(machine: &Machine) -> [u32; 2] {
    let size = |start: u64| {
        let here =
            |range: &&MemoryRange| range.kind == MemoryType::Ram && (range.start..range.end).contains(&start);
        machine.memory.iter().find(here).map_or(0, |range| low((range.end - start) >> 10))
    };
    [size(0).min(640), size(1 << 20)]
}

/// The types of both specifications: those of the ACPI specification up to 5, everything else is reserved.
fn kind(range: &MemoryRange) -> u32 {
    match range.kind {
        MemoryType::Ram | MemoryType::AcpiTables | MemoryType::AcpiStorage | MemoryType::Unusable => {
            range.kind as u32
        }
        _ => MemoryType::Reserved as u32,
    }
}

fn put(block: &mut Vec<u8>, fields: &[u32]) {
    block.extend(fields.iter().flat_map(|field| field.to_le_bytes()));
}

/// Version 1: a structure of 116 bytes, and after it the data that it points to.
fn information_1(base: u64, texts: &KernelTexts<'_>, modules: &[PlacedModule], machine: &Machine) -> Vec<u8> {
    const SIZE: usize = 116;
    const ENTRY: u32 = 20;
    let mut after = Vec::new();
    let here = |after: &Vec<u8>| low(base.saturating_add((SIZE + after.len()) as u64));
    let map = here(&after);
    for range in &machine.memory {
        put(&mut after, &[ENTRY]);
        after.extend([range.start, range.end - range.start].iter().flat_map(|field| field.to_le_bytes()));
        put(&mut after, &[kind(range)]);
    }
    let map_size = low(after.len() as u64);
    let mut addresses = Vec::new();
    for text in modules.iter().map(|module| module.text).chain([texts.cmdline]) {
        addresses.push(here(&after));
        after.extend(text.iter().chain(&[0]));
    }
    let command = addresses.pop().unwrap_or(0);
    let name = here(&after);
    after.extend(texts.loader().iter().chain(&[0]));
    after.resize(after.len().next_multiple_of(4), 0);
    let list = here(&after);
    for (module, text) in modules.iter().zip(addresses) {
        put(&mut after, &[low(module.range.start), low(module.range.end), text, 0]);
    }
    let [lower, upper] = sizes(machine);
    // Memory sizes, command line, modules, memory map, the loader's name.
    let flags = 1 | 1 << 2 | 1 << 3 | 1 << 6 | 1 << 9;
    let mut block = Vec::with_capacity(SIZE + after.len());
    put(&mut block, &[flags, lower, upper, 0, command, low(modules.len() as u64), list]);
    put(&mut block, &[0, 0, 0, 0, map_size, map, 0, 0, 0, name]);
    block.resize(SIZE, 0);
    block.extend(after);
    block
}

/// Version 2: tags one after the other, each at a multiple of eight.
fn information_2(
    texts: &KernelTexts<'_>,
    modules: &[PlacedModule],
    root_pointer: Option<&[u8]>,
    machine: &Machine,
) -> Vec<u8> {
    let mut block = vec![0; 8];
    let mut tag = |kind: u32, content: &[u8]| {
        put(&mut block, &[kind, low(content.len() as u64 + 8)]);
        block.extend_from_slice(content);
        block.resize(block.len().next_multiple_of(8), 0);
    };
    let text = |text: &[u8]| text.iter().chain(&[0]).copied().collect::<Vec<u8>>();
    tag(1, &text(texts.cmdline));
    tag(2, &text(texts.loader()));
    for module in modules {
        let mut content = Vec::new();
        put(&mut content, &[low(module.range.start), low(module.range.end)]);
        content.extend(text(module.text));
        tag(3, &content);
    }
    let mut content = Vec::new();
    put(&mut content, &sizes(machine));
    tag(4, &content);
    let mut content = Vec::new();
    put(&mut content, &[24, 0]);
    for range in &machine.memory {
        content.extend([range.start, range.end - range.start].iter().flat_map(|field| field.to_le_bytes()));
        put(&mut content, &[kind(range), 0]);
    }
    tag(6, &content);
    // A copy of ACPI's root pointer, where the kernel would not find it by itself: the old one has 20 bytes.
    if let Some(root) = root_pointer {
        tag(if root.len() > 20 { 15 } else { 14 }, root);
    }
    tag(0, &[]);
    let size = low(block.len() as u64);
    for (place, byte) in block.iter_mut().zip(size.to_le_bytes()) {
        *place = byte;
    }
    block
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::testing::file;

    fn words(bytes: &mut [u8], at: usize, values: &[u32]) {
        for (number, value) in values.iter().enumerate() {
            bytes[at + 4 * number..][..4].copy_from_slice(&value.to_le_bytes());
        }
    }

    /// An ELF file of 32 bits with one segment: offset, physical address, size in file and memory; then the entry.
    fn elf(load: [u32; 4], entry: u32, header: &[u32]) -> Vec<u8> {
        let mut bytes = vec![0; 0x3000];
        bytes[..7].copy_from_slice(b"\x7fELF\x01\x01\x01");
        bytes[16..20].copy_from_slice(&[2, 0, 3, 0]);
        words(&mut bytes, 20, &[1, entry, 52]);
        bytes[40..46].copy_from_slice(&[52, 0, 32, 0, 1, 0]);
        let [offset, address, in_file, in_memory] = load;
        words(&mut bytes, 52, &[1, offset, address, address, in_file, in_memory, 7, 0x1000]);
        words(&mut bytes, 0x1000, header);
        bytes
    }

    fn header_1(flags: u32) -> [u32; 3] {
        [0x1bad_b002, flags, 0_u32.wrapping_sub(0x1bad_b002).wrapping_sub(flags)]
    }

    #[test]
    fn kernels_say_in_their_format_or_their_header_where_they_lie() {
        let part = |bytes: Range<usize>, offset, size| vec![Part { bytes, offset, size }];
        let by_elf = elf([0x1000, 0x20_0000, 0x1800, 0x9000], 0x20_0040, &header_1(3));
        let image =
            MultibootKernel { version: 1, parts: part(0x1000..0x2800, 0x20_0000, 0x9000), entry: 0x20_0040 };
        assert_eq!(read(&file(&by_elf), 0), Ok(image));
        // Its header is at 0x101000; the data from there on, 4 KiB; cleared up to 0x108000; entered at 0x101020.
        let mut kludge = header_1(1 << 16).to_vec();
        kludge.extend([0x10_1000, 0x10_1000, 0x10_2000, 0x10_8000, 0x10_1020]);
        let image =
            MultibootKernel { version: 1, parts: part(0x1000..0x2000, 0x10_1000, 0x7000), entry: 0x10_1020 };
        assert_eq!(read(&file(&elf([0; 4], 0, &kludge)), 0), Ok(image));
        let mut second =
            vec![0xe852_50d6, 0, 40, 0_u32.wrapping_sub(0xe852_50d6 + 40), 3, 12, 0x20_0080, 0, 0, 8];
        let image =
            MultibootKernel { version: 2, parts: part(0x1000..0x2800, 0x20_0000, 0x9000), entry: 0x20_0080 };
        assert_eq!(read(&file(&elf([0x1000, 0x20_0000, 0x1800, 0x9000], 0x20_0040, &second)), 0), Ok(image));
        second.truncate(3);
        assert_eq!(read(&file(&elf([0; 4], 0, &second)), 0), Err(MultibootError::NoHeader));
    }

    #[test]
    fn headers_that_do_not_fit_the_file_are_damage() {
        for load in [
            [0x1000, 0x20_0000, 0x9000, 0x9000],
            [0x1000, 0xffff_f000, 16, 0x2000],
            [0x1000, 0x20_0010, 16, 16],
        ] {
            let found = read(&file(&elf(load, 0, &header_1(0))), 0);
            let fits = load == [0x1000, 0x20_0010, 16, 16];
            assert_eq!(found.is_ok(), fits, "{load:x?}: {found:?}");
        }
        let kludge = [&header_1(1 << 16)[..], &[0x1000, 0x10_0000, 0, 0, 0]].concat();
        assert_eq!(read(&file(&elf([0; 4], 0, &kludge)), 0), Err(MultibootError::Damaged));
        assert_eq!(read(&file(&elf([0; 4], 0, &header_1(0))), 0), Err(MultibootError::Nowhere));
        assert_eq!(read(&file(b""), 0), Err(MultibootError::NoHeader));
    }

    fn machine() -> Machine {
        let range = |start, end, kind| MemoryRange { start, end, kind };
        Machine {
            memory: vec![
                range(0, 0x9_fc00, MemoryType::Ram),
                range(0xf_0000, 0x10_0000, MemoryType::Reserved),
                range(0x10_0000, 0x4000_0000, MemoryType::Ram),
                range(0x4000_0000, 0x4001_0000, MemoryType::SoftReserved),
            ],
            free: vec![0x1000..0x9_f000, 0x10_0000..0x4000_0000],
            ..Machine::default()
        }
    }

    const MODULES: &[(u64, &[u8])] = &[(0x1234, b"vmlinuz root=/dev/sda1"), (5, b"initrd")];

    /// The plan for a kernel of this version, and its information block with the block's address.
    fn planned(version: u8) -> (Plan, Vec<u8>, u64) {
        let parts = vec![Part { bytes: 0x1000..0x2800, offset: 0x20_0000, size: 0x9000 }];
        let image = MultibootKernel { version, parts, entry: 0x20_0040 };
        let texts = KernelTexts { cmdline: b"xen dom0_mem=1G", named: true };
        let acpi = Acpi { root: Some(&[7; 36]), copied: Copied::default() };
        let plan = plan(&image, &texts, MODULES, &acpi, &machine(), &(0..u64::MAX)).unwrap();
        let made = plan.segments.iter().find_map(|segment| match &segment.content {
            Content::Made(bytes) if segment.address != plan.entry => Some((bytes.clone(), segment.address)),
            _ => None,
        });
        let (block, address) = made.unwrap();
        (plan, block, address)
    }

    #[test]
    fn kernel_modules_information_and_trampoline_get_memory_of_their_own() {
        let (plan, _, _) = planned(1);
        let places: Vec<(u64, u64)> = plan.segments.iter().map(|it| (it.address, it.size)).collect();
        assert_eq!(
            places,
            [
                (0x20_0000, 0x9000),
                (0x3fff_b000, 0x1000),
                (0x3fff_c000, 0x1000),
                (0x3fff_d000, 0x1000),
                (0x3fff_e000, 0x2000)
            ]
        );
        assert_eq!((plan.entry, &plan.segments[4].content), (0x3fff_b000, &Content::File(0)));
    }

    #[test]
    fn version_1_is_a_structure_with_pointers() {
        let (_, block, base) = planned(1);
        let field = |at: usize| le32(&block, at).unwrap();
        let text = |at: u32| {
            let place = usize::try_from(u64::from(at) - base).unwrap();
            String::from_utf8_lossy(block[place..].split(|&byte| byte == 0).next().unwrap()).into_owned()
        };
        assert_eq!([field(0), field(4), field(8)], [0x24d, 639, (0x4000_0000 - 0x10_0000) >> 10]);
        assert_eq!((text(field(16)).as_str(), text(field(64)).as_str()), ("xen dom0_mem=1G", "firstlight"));
        assert_eq!(field(20), 2);
        let list = usize::try_from(u64::from(field(24)) - base).unwrap();
        assert_eq!([field(list), field(list + 4), field(list + 12)], [0x3fff_e000, 0x3fff_f234, 0]);
        assert_eq!(text(field(list + 8)), "vmlinuz root=/dev/sda1");
        assert_eq!([field(list + 16), field(list + 20)], [0x3fff_d000, 0x3fff_d005]);
        assert_eq!(text(field(list + 24)), "initrd");
        let map = usize::try_from(u64::from(field(48)) - base).unwrap();
        assert_eq!(field(44), 4 * 24);
        let third = [20, 0x10_0000, 0, 0x3ff0_0000, 0, 1];
        assert_eq!([48, 52, 56, 60, 64, 68].map(|at| field(map + at)), third);
        assert_eq!(field(map + 72 + 20), 2, "what later kernels know is reserved");
    }

    #[test]
    fn version_2_is_a_list_of_tags() {
        let (_, block, _) = planned(2);
        assert_eq!(le32(&block, 0), Some(block.len() as u32));
        let mut tags = Vec::new();
        let mut at = 8;
        while at < block.len() {
            let (kind, size) = (le32(&block, at).unwrap(), le32(&block, at + 4).unwrap() as usize);
            tags.push((kind, block[at + 8..at + size].to_vec()));
            at += size.next_multiple_of(8);
        }
        let kinds: Vec<u32> = tags.iter().map(|(kind, _)| *kind).collect();
        assert_eq!(kinds, [1, 2, 3, 3, 4, 6, 15, 0]);
        assert_eq!(tags[0].1, b"xen dom0_mem=1G\0");
        let module =
            [&[0, 0xe0, 0xff, 0x3f, 0x34, 0xf2, 0xff, 0x3f][..], b"vmlinuz root=/dev/sda1\0"].concat();
        assert_eq!(tags[2].1, module);
        assert_eq!((le32(&tags[4].1, 0), le32(&tags[4].1, 4)), (Some(639), Some(0xf_fc00)));
        assert_eq!((le32(&tags[5].1, 0), tags[5].1.len()), (Some(24), 8 + 4 * 24));
        assert_eq!((le64(&tags[5].1, 8 + 48), le32(&tags[5].1, 8 + 48 + 16)), (Some(0x10_0000), Some(1)));
        assert_eq!(tags[6].1, [7; 36]);
    }

    #[test]
    fn a_kernel_whose_own_place_is_taken_is_refused() {
        let parts = vec![Part { bytes: 0..16, offset: 0x20_0000, size: 0x9000 }];
        let image = MultibootKernel { version: 1, parts, entry: 0 };
        let texts = KernelTexts { cmdline: b"", named: true };
        #[expect(clippy::single_range_in_vec_init, reason = "memory with one free range is meant")]
        let machine = Machine { free: vec![0x20_1000..0x4000_0000], ..Machine::default() };
        let error = plan(&image, &texts, &[], &Acpi::default(), &machine, &(0..u64::MAX)).unwrap_err();
        assert!(matches!(error, PlanError::NoPlace { size: 0x9000, .. }));
    }
}
