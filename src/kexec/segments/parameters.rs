//! The zero page (`struct boot_params`) and everything that it points to, as one block of memory for the next kernel
//! (Linux, Documentation/arch/x86/boot.rst and zero-page.rst). The offsets of fields are those of the kernel's own header files.
//!
//! Facts that come from the firmware (screen, ACPI, EFI, disk geometry) are copied from the zero page that the running kernel
//! itself was given.

use std::mem::offset_of;

use linux_raw_sys::bootparam::{
    E820_MAX_ENTRIES_ZEROPAGE, LOADED_HIGH, SETUP_E820_EXT, SETUP_EFI, SETUP_RNG_SEED, boot_e820_entry,
    boot_params, edid_info, efi_info, screen_info, setup_data,
};

use super::{
    machine::{Efi, EfiDescriptor},
    memory::MemoryRange,
};

/// Size of the zero page in bytes.
pub const ZERO_PAGE: usize = size_of::<boot_params>();
/// Where the command line is in the block.
const COMMAND_LINE: usize = ZERO_PAGE;
/// Size of a range of the memory map, in bytes.
const MAP_ENTRY: usize = size_of::<boot_e820_entry>();
/// Size in bytes of the ranges that fit into the zero page itself; the others go into `SETUP_E820_EXT`.
const MAP_SIZE: usize = E820_MAX_ENTRIES_ZEROPAGE as usize * MAP_ENTRY;
/// Size of an EFI memory descriptor (`efi_memory_desc_t`), in bytes, and its version.
const DESCRIPTOR_SIZE: u32 = 40;
const DESCRIPTOR_VERSION: u32 = 1;
/// Size of the data of `SETUP_EFI` (`struct efi_setup_data`, Linux arch/x86/include/asm/efi.h), in bytes.
const EFI_SETUP_DATA: usize = 96;
/// `type_of_loader` registered for kexec.
const LOADER_KEXEC: u8 = 0xd0;

/// Offset of a field in the zero page.
macro_rules! field {
    ($($path:tt)+) => { offset_of!(boot_params, $($path)+) };
}

/// Parts of the old zero page that stay true: offset and length.
static HANDED_ON: &[(usize, usize)] = &[
    (field!(screen_info), size_of::<screen_info>()),
    (field!(acpi_rsdp_addr), 8),
    (field!(edid_info), size_of::<edid_info>()),
    // Its memory map is replaced.
    (field!(efi_info), size_of::<efi_info>()),
    // Numbers of EDD entries and signatures.
    (field!(eddbuf_entries), 2),
    (field!(secure_boot), 1),
    (field!(edd_mbr_sig_buffer), field!(e820_table) - field!(edd_mbr_sig_buffer)),
    (field!(eddbuf), field!(_pad9) - field!(eddbuf)),
];

/// The contents of the block.
#[derive(Clone, Debug)]
pub struct Parameters<'a> {
    /// The kernel file from its first byte to the end of the setup header at least; empty for an ELF kernel.
    pub kernel: &'a [u8],
    /// The running kernel's zero page (/sys/kernel/boot_params/data).
    pub old: Option<&'a [u8]>,
    /// The memory map.
    pub memory: &'a [MemoryRange],
    /// Command line without its NUL.
    pub cmdline: &'a [u8],
    /// Physical address and size of the initrd; size 0 for none.
    pub initrd: (u64, u64),
    /// EFI runtime, where there is one that is to be kept.
    pub efi: Option<&'a Efi>,
    /// Address of the ACPI root pointer, where the old zero page has none.
    pub rsdp: u64,
    /// Random bytes for the next kernel's generator.
    pub seed: &'a [u8],
}

impl Parameters<'_> {
    /// The block for the physical address `base`, the zero page first.
    #[must_use]
    pub fn build(&self, base: u64) -> Vec<u8> {
        let mut block = vec![0; ZERO_PAGE];
        self.hand_on(&mut block);
        self.header(&mut block);
        self.place(&mut block, base);
        block.extend_from_slice(self.cmdline);
        block.push(0);
        let mut chain = Chain { last: None };
        self.memory_map(&mut block, base, &mut chain);
        self.efi(&mut block, base, &mut chain);
        if !self.seed.is_empty() {
            chain.push(&mut block, base, SETUP_RNG_SEED, self.seed);
        }
        block
    }

    fn hand_on(&self, block: &mut [u8]) {
        for (offset, length) in HANDED_ON {
            let end = offset.saturating_add(*length);
            let old = self.old.and_then(|old| old.get(*offset..end));
            if let (Some(to), Some(from)) = (block.get_mut(*offset..end), old) {
                to.copy_from_slice(from);
            }
        }
        if number(block, field!(acpi_rsdp_addr)) == 0 {
            put(block, field!(acpi_rsdp_addr), &self.rsdp.to_le_bytes());
        }
    }

    /// The kernel's own setup header, up to where it says that it ends: the displacement of the jump at its beginning counts
    /// from what follows the jump.
    fn header(&self, block: &mut [u8]) {
        const HEADER: usize = field!(hdr);
        const DISPLACEMENT: usize = field!(hdr.jump) + 1;
        let length = self.kernel.get(DISPLACEMENT);
        let end = length.map_or(0, |length| field!(hdr.header).saturating_add(usize::from(*length)));
        if let Some(header) = self.kernel.get(HEADER..end) {
            put(block, HEADER, header);
        } else {
            // An ELF kernel has no header. It looks at the magic, the protocol and whether it was loaded high.
            put(block, field!(hdr.boot_flag), &0xaa55_u16.to_le_bytes());
            put(block, field!(hdr.header), b"HdrS");
            put(block, field!(hdr.version), &0x020f_u16.to_le_bytes());
            put(block, field!(hdr.loadflags), &[LOADED_HIGH as u8]);
        }
        put(block, field!(hdr.type_of_loader), &[LOADER_KEXEC]);
        // Pointers of the loader that the kernel file was built with are no pointers here.
        put(block, field!(hdr.setup_data), &0_u64.to_le_bytes());
        let platform = field!(hdr.hardware_subarch)..field!(hdr.payload_offset);
        if let Some(old) = self.old.and_then(|old| old.get(platform.clone())) {
            put(block, platform.start, old);
        }
    }

    fn place(&self, block: &mut [u8], base: u64) {
        let (initrd, size) = self.initrd;
        let cmdline = base.saturating_add(COMMAND_LINE as u64);
        for (low, high, value) in [
            (field!(hdr.ramdisk_image), field!(ext_ramdisk_image), initrd),
            (field!(hdr.ramdisk_size), field!(ext_ramdisk_size), size),
            (field!(hdr.cmd_line_ptr), field!(ext_cmd_line_ptr), cmdline),
        ] {
            let bytes = value.to_le_bytes();
            let (lower, upper) = bytes.split_at(4);
            put(block, low, lower);
            put(block, high, upper);
        }
    }

    fn memory_map(&self, block: &mut Vec<u8>, base: u64, chain: &mut Chain) {
        let entries: Vec<u8> = self.memory.iter().flat_map(map_entry).collect();
        let (inside, beyond) = entries.split_at(entries.len().min(MAP_SIZE));
        put(block, field!(e820_table), inside);
        put(block, field!(e820_entries), &[u8::try_from(inside.len() / MAP_ENTRY).unwrap_or(0)]);
        if !beyond.is_empty() {
            chain.push(block, base, SETUP_E820_EXT, beyond);
        }
        // KiB of RAM above 1 MiB up to the first hole, for what still asks as a BIOS would.
        let above = self.memory.iter().find(|range| range.start <= 0x10_0000 && range.end > 0x10_0000);
        let kibibytes = above.map_or(0, |range| (range.end.saturating_sub(0x10_0000)) >> 10);
        put(block, field!(alt_mem_k), &u32::try_from(kibibytes).unwrap_or(u32::MAX).to_le_bytes());
    }

    fn efi(&self, block: &mut Vec<u8>, base: u64, chain: &mut Chain) {
        let Some(efi) = self.efi else {
            put(block, field!(efi_info), &[0; size_of::<efi_info>()]);
            return;
        };
        let mut data = Vec::with_capacity(EFI_SETUP_DATA);
        for value in [efi.vendor, 0, efi.tables, efi.smbios] {
            data.extend_from_slice(&value.to_le_bytes());
        }
        data.resize(EFI_SETUP_DATA, 0);
        chain.push(block, base, SETUP_EFI, &data);
        align(block);
        let map = base.saturating_add(block.len() as u64);
        let before = block.len();
        block.extend(efi.map.iter().flat_map(descriptor));
        let size = u32::try_from(block.len().saturating_sub(before)).unwrap_or(0);
        let address = map.to_le_bytes();
        let (lower, upper) = address.split_at(4);
        put(block, field!(efi_info.efi_memdesc_size), &DESCRIPTOR_SIZE.to_le_bytes());
        put(block, field!(efi_info.efi_memdesc_version), &DESCRIPTOR_VERSION.to_le_bytes());
        put(block, field!(efi_info.efi_memmap), lower);
        put(block, field!(efi_info.efi_memmap_size), &size.to_le_bytes());
        put(block, field!(efi_info.efi_memmap_hi), upper);
    }
}

/// The linked list of `setup_data`.
struct Chain {
    /// Offset of the last one's header.
    last: Option<usize>,
}

impl Chain {
    fn push(&mut self, block: &mut Vec<u8>, base: u64, kind: u32, data: &[u8]) {
        align(block);
        let here = block.len();
        let pointer = base.saturating_add(here as u64).to_le_bytes();
        // The first pointer is in the header, the next ones at the beginning of the element before.
        put(block, self.last.unwrap_or(field!(hdr.setup_data)), &pointer);
        block.resize(here.saturating_add(offset_of!(setup_data, data)), 0);
        let length = u32::try_from(data.len()).unwrap_or(0);
        put(block, here.saturating_add(offset_of!(setup_data, type_)), &kind.to_le_bytes());
        put(block, here.saturating_add(offset_of!(setup_data, len)), &length.to_le_bytes());
        block.extend_from_slice(data);
        self.last = Some(here);
    }
}

fn map_entry(range: &MemoryRange) -> Vec<u8> {
    let size = range.end.saturating_sub(range.start);
    [&range.start.to_le_bytes()[..], &size.to_le_bytes()[..], &(range.kind as u32).to_le_bytes()[..]].concat()
}

/// `efi_memory_desc_t`.
fn descriptor(descriptor: &EfiDescriptor) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(DESCRIPTOR_SIZE as usize);
    bytes.extend_from_slice(&u64::from(descriptor.kind).to_le_bytes());
    for value in [descriptor.physical, descriptor.virtual_address, descriptor.pages, descriptor.attribute] {
        bytes.extend_from_slice(&value.to_le_bytes());
    }
    bytes
}

fn align(block: &mut Vec<u8>) {
    block.resize(block.len().next_multiple_of(16), 0);
}

fn put(block: &mut [u8], offset: usize, bytes: &[u8]) {
    if let Some(place) = block.get_mut(offset..offset.saturating_add(bytes.len())) {
        place.copy_from_slice(bytes);
    }
}

fn number(block: &[u8], offset: usize) -> u64 {
    block
        .get(offset..offset.saturating_add(8))
        .and_then(|bytes| bytes.try_into().ok())
        .map_or(0, u64::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::{super::memory::MemoryType, *};

    const BASE: u64 = 0x1_2345_6000;

    fn ram(start: u64, end: u64) -> MemoryRange {
        MemoryRange { start, end, kind: MemoryType::Ram }
    }

    fn at<const N: usize>(block: &[u8], offset: usize) -> [u8; N] {
        block[offset..offset + N].try_into().unwrap()
    }

    fn u32_at(block: &[u8], offset: usize) -> u32 {
        u32::from_le_bytes(at(block, offset))
    }

    fn u64_at(block: &[u8], offset: usize) -> u64 {
        u64::from_le_bytes(at(block, offset))
    }

    /// The `setup_data` list: type and data of each.
    fn chain(block: &[u8]) -> Vec<(u32, Vec<u8>)> {
        let mut found = Vec::new();
        let mut pointer = u64_at(block, 0x250);
        while pointer != 0 {
            let offset = usize::try_from(pointer - BASE).unwrap();
            let length = usize::try_from(u32_at(block, offset + 12)).unwrap();
            found.push((u32_at(block, offset + 8), block[offset + 16..offset + 16 + length].to_vec()));
            pointer = u64_at(block, offset);
        }
        found
    }

    fn kernel() -> Vec<u8> {
        let mut kernel = vec![0_u8; 1024];
        kernel[0x1fe..0x200].copy_from_slice(&[0x55, 0xaa]);
        kernel[0x201] = 0x6a;
        kernel[0x202..0x206].copy_from_slice(b"HdrS");
        kernel[0x211] = 1;
        kernel[0x250] = 0xff;
        kernel[0x26b] = 7;
        kernel[0x26c] = 9;
        kernel
    }

    fn parameters<'a>(kernel: &'a [u8], memory: &'a [MemoryRange]) -> Parameters<'a> {
        Parameters {
            kernel,
            old: None,
            memory,
            cmdline: b"quiet",
            initrd: (0, 0),
            efi: None,
            rsdp: 0,
            seed: &[],
        }
    }

    #[test]
    fn the_header_is_the_kernels_own_up_to_its_end() {
        let block = parameters(&kernel(), &[]).build(BASE);
        assert_eq!(&block[0x202..0x206], b"HdrS");
        assert_eq!((block[0x210], block[0x211], block[0x26b], block[0x26c]), (0xd0, 1, 7, 0));
        assert_eq!(u64_at(&block, 0x250), 0, "a pointer in the file is none here");
    }

    #[test]
    fn addresses_above_four_gibibytes_use_the_upper_halves() {
        let kernel = kernel();
        let block =
            Parameters { initrd: (0x2_0000_1000, 0x1_0000_0005), ..parameters(&kernel, &[]) }.build(BASE);
        assert_eq!([u32_at(&block, 0x218), u32_at(&block, 0xc0)], [0x1000, 2]);
        assert_eq!([u32_at(&block, 0x21c), u32_at(&block, 0xc4)], [5, 1]);
        assert_eq!([u32_at(&block, 0x228), u32_at(&block, 0xc8)], [0x2345_7000, 1]);
        assert_eq!(&block[0x1000..0x1006], b"quiet\0");
    }

    #[test]
    fn firmware_facts_are_handed_on_and_stale_pointers_are_not() {
        let old: Vec<u8> = (0..4096_u32).map(|byte| (byte % 251) as u8 | 1).collect();
        let kernel = kernel();
        let block = Parameters { old: Some(&old), ..parameters(&kernel, &[]) }.build(BASE);
        assert_eq!(block[..0x40], old[..0x40]);
        assert_eq!(block[0x70..0x78], old[0x70..0x78]);
        assert_eq!(block[0x1ec], old[0x1ec]);
        assert_eq!(block[0x23c..0x248], old[0x23c..0x248]);
        assert_eq!(block[0xd00..0xeec], old[0xd00..0xeec]);
        assert_eq!(block[0x1c0..0x1e0], [0; 0x20], "no EFI was asked for");
        assert_eq!(block[0x1ef], 0, "the sentinel says that unknown fields are clear");
        assert_eq!(u64_at(&block, 0x250), 0);
    }

    #[test]
    fn a_long_memory_map_goes_on_after_the_zero_page() {
        let memory: Vec<MemoryRange> =
            (0..130).map(|n| ram(n * 0x20_0000, n * 0x20_0000 + 0x10_0000)).collect();
        let block = parameters(&kernel(), &memory).build(BASE);
        assert_eq!(block[0x1e8], 128);
        assert_eq!(
            at::<20>(&block, 0x2d0 + 20),
            *[&0x20_0000_u64.to_le_bytes()[..], &0x10_0000_u64.to_le_bytes(), &1_u32.to_le_bytes()].concat()
        );
        let expected = [128_u64, 129]
            .iter()
            .flat_map(|n| {
                [&(n * 0x20_0000).to_le_bytes()[..], &0x10_0000_u64.to_le_bytes(), &1_u32.to_le_bytes()]
                    .concat()
            })
            .collect();
        assert_eq!(chain(&block), [(SETUP_E820_EXT, expected)]);
    }

    #[test]
    fn memory_above_one_mebibyte_is_counted_to_the_first_hole() {
        let block = parameters(&kernel(), &[ram(0, 0x9_fc00), ram(0x10_0000, 0x4000_0000)]).build(BASE);
        assert_eq!(u32_at(&block, 0x1e0), (0x4000_0000 - 0x10_0000) / 1024);
    }

    #[test]
    fn the_efi_runtime_is_described_for_its_second_kernel() {
        let efi = Efi {
            vendor: 0x1111,
            tables: 0x2222,
            smbios: 0x3333,
            map: vec![
                EfiDescriptor {
                    kind: 5,
                    physical: 0x7000,
                    virtual_address: 0xffff_fffe,
                    pages: 3,
                    attribute: 0xf
                };
                2
            ],
        };
        let mut old = vec![0; 4096];
        old[0x1c0..0x1c4].copy_from_slice(b"EL64");
        old[0x1c4] = 0x99;
        let kernel = kernel();
        let block = Parameters { old: Some(&old), efi: Some(&efi), ..parameters(&kernel, &[]) }.build(BASE);
        assert_eq!((&block[0x1c0..0x1c4], block[0x1c4]), (&b"EL64"[..], 0x99));
        assert_eq!([u32_at(&block, 0x1c8), u32_at(&block, 0x1cc), u32_at(&block, 0x1d4)], [40, 1, 80]);
        let map = u64::from(u32_at(&block, 0x1d0)) | u64::from(u32_at(&block, 0x1dc)) << 32;
        let map = usize::try_from(map - BASE).unwrap();
        assert_eq!(block[map..map + 40], block[map + 40..map + 80]);
        assert_eq!((u32_at(&block, map), u64_at(&block, map + 8), u64_at(&block, map + 24)), (5, 0x7000, 3));
        let [(kind, data)] = chain(&block).try_into().unwrap();
        assert_eq!((kind, data.len()), (SETUP_EFI, 96));
        assert_eq!([u64_at(&data, 0), u64_at(&data, 16), u64_at(&data, 24)], [0x1111, 0x2222, 0x3333]);
    }

    #[test]
    fn the_seed_is_in_the_chain() {
        let kernel = kernel();
        let block = Parameters { seed: &[7; 32], ..parameters(&kernel, &[]) }.build(BASE);
        assert_eq!(chain(&block), [(SETUP_RNG_SEED, vec![7; 32])]);
    }

    #[test]
    fn an_elf_kernel_gets_the_least_that_it_looks_for() {
        let block = parameters(&[], &[]).build(BASE);
        assert_eq!((&block[0x202..0x206], block[0x210], block[0x211]), (&b"HdrS"[..], 0xd0, 1));
    }
}
