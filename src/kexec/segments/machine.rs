//! The machine as the running kernel shows it, read for the next kernel.
//!
//! /sys/firmware/memmap (Linux, Documentation/ABI/testing/sysfs-firmware-memmap), /proc/iomem,
//! /sys/kernel/boot_params/data, /sys/firmware/efi.

use crate::formats::sort;
use std::{
    fs, io,
    ops::Range,
    path::{Path, PathBuf},
};

use super::memory::{self, MemoryRange, MemoryType};

/// Maximum number of ranges in a memory map; the others are left out.
const RANGES_LIMIT: usize = 2048;
/// Maximum size of a file that is read here, in bytes.
const FILE_LIMIT: u64 = 1 << 20;

/// The machine, as it is described to the next kernel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Machine {
    /// The memory map, in ascending order.
    pub memory: Vec<MemoryRange>,
    /// Where segments may go.
    pub free: Vec<Range<u64>>,
    /// The running kernel's zero page.
    pub zero_page: Option<Vec<u8>>,
    /// The EFI runtime, where the next kernel can use it.
    pub efi: Option<Efi>,
    /// Address of the ACPI root pointer, 0 if it is unknown.
    pub rsdp: u64,
    /// The device tree, on machines that have one.
    pub device_tree: Option<Vec<u8>>,
}

/// One descriptor of the EFI runtime's memory, as the next kernel must map it: `SetVirtualAddressMap` works only once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EfiDescriptor {
    /// EFI memory type.
    pub kind: u32,
    /// Physical address.
    pub physical: u64,
    /// Virtual address that the runtime was moved to.
    pub virtual_address: u64,
    /// Length in pages of 4 KiB.
    pub pages: u64,
    /// Attribute bits.
    pub attribute: u64,
}

/// The EFI runtime, as the next kernel needs it (/sys/firmware/efi).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Efi {
    /// Physical address of the firmware vendor's name.
    pub vendor: u64,
    /// Physical address of the configuration tables.
    pub tables: u64,
    /// Physical address of the SMBIOS entry point, 0 for none.
    pub smbios: u64,
    /// The runtime's memory.
    pub map: Vec<EfiDescriptor>,
}

/// Why the machine cannot be described.
#[derive(Debug, thiserror::Error)]
pub enum MachineError {
    /// No memory map.
    #[error(
        "the memory map cannot be read ({0}: {1}); kexec_load needs a kernel with CONFIG_FIRMWARE_MEMMAP"
    )]
    Map(PathBuf, #[source] io::Error),
    /// /proc/iomem hides its addresses.
    #[error("/proc/iomem names no usable memory; it shows addresses to root (CAP_SYS_ADMIN) only")]
    Hidden,
}

impl Machine {
    /// Reads the running machine; `root` is `/` except in tests.
    ///
    /// # Errors
    /// [`MachineError`] if there is no memory map.
    pub fn read(root: &Path) -> Result<Self, MachineError> {
        let iomem_path = root.join("proc/iomem");
        let iomem = text(&iomem_path).map_err(|error| MachineError::Map(iomem_path, error))?;
        let free = memory::free_ranges(&iomem);
        if free.is_empty() {
            return Err(MachineError::Hidden);
        }
        let device_tree = bytes(&root.join("sys/firmware/fdt")).ok();
        // Where a device tree describes the machine, there is no other map.
        let map = root.join("sys/firmware/memmap");
        let described = device_tree.is_some() && !map.is_dir();
        let mut ranges = if described { ram(&free) } else { firmware_map(&map)? };
        sort::by_key(&mut ranges, |range| range.start);
        let efi = root.join("sys/firmware/efi");
        Ok(Self {
            free: inside_ram(&free, &ranges),
            memory: ranges,
            zero_page: bytes(&root.join("sys/kernel/boot_params/data"))
                .ok()
                .filter(|page| page.len() == 4096),
            rsdp: root_pointer(&efi),
            efi: efi_runtime(&efi),
            device_tree,
        })
    }
}

/// Ranges of RAM as a memory map has them.
pub(super) fn ram(free: &[Range<u64>]) -> Vec<MemoryRange> {
    free.iter()
        .map(|range| MemoryRange { start: range.start, end: range.end, kind: MemoryType::Ram })
        .collect()
}

fn firmware_map(directory: &Path) -> Result<Vec<MemoryRange>, MachineError> {
    let mut ranges = Vec::new();
    let entries = fs::read_dir(directory).map_err(|error| MachineError::Map(directory.to_owned(), error))?;
    for entry in entries.flatten().take(RANGES_LIMIT) {
        let field = |name: &str| text(&entry.path().join(name)).unwrap_or_default();
        ranges.extend(memory::firmware_range(&field("start"), &field("end"), &field("type")));
    }
    Ok(ranges)
}

/// Memory that is RAM by both maps.
fn inside_ram(free: &[Range<u64>], map: &[MemoryRange]) -> Vec<Range<u64>> {
    let ram = map.iter().filter(|range| range.kind == MemoryType::Ram).map(|range| range.start..range.end);
    memory::normalised(ram.collect())
        .iter()
        .flat_map(|ram| free.iter().map(|free| free.start.max(ram.start)..free.end.min(ram.end)))
        .filter(|range| range.start < range.end)
        .collect()
}

/// The runtime with its map; without a map the next kernel cannot use it.
fn efi_runtime(directory: &Path) -> Option<Efi> {
    let field = |name: &str| hexadecimal(&text(&directory.join(name)).ok()?);
    let mut map = Vec::new();
    // The entries are numbered from 0 without gaps.
    for number in 0..RANGES_LIMIT {
        let entry = directory.join("runtime-map").join(number.to_string());
        let value = |name: &str| hexadecimal(&text(&entry.join(name)).ok()?);
        let Some(physical) = value("phys_addr") else { break };
        map.push(EfiDescriptor {
            kind: u32::try_from(value("type")?).ok()?,
            physical,
            virtual_address: value("virt_addr")?,
            pages: value("num_pages")?,
            attribute: value("attribute")?,
        });
    }
    (!map.is_empty()).then(|| Efi {
        vendor: field("fw_vendor").unwrap_or(0),
        tables: field("config_table").unwrap_or(0),
        smbios: table_address(directory, "SMBIOS=").unwrap_or(0),
        map,
    })
}

/// Address of the ACPI root pointer by the directory /sys/firmware/efi; 0 if it is unknown.
#[must_use]
pub fn root_pointer(efi: &Path) -> u64 {
    table_address(efi, "ACPI20=").or_else(|| table_address(efi, "ACPI=")).unwrap_or(0)
}

/// A table's address from the `NAME=0x…` lines of /sys/firmware/efi/systab.
fn table_address(efi: &Path, name: &str) -> Option<u64> {
    text(&efi.join("systab")).ok()?.lines().find_map(|line| hexadecimal(line.strip_prefix(name)?))
}

/// A number as sysfs prints it: with 0x, or decimal.
fn hexadecimal(text: &str) -> Option<u64> {
    let text = text.trim();
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// A file of the kernel's, of a sane size.
pub(super) fn text(path: &Path) -> io::Result<String> {
    String::from_utf8(bytes(path)?).map_err(io::Error::other)
}

fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    io::Read::read_to_end(&mut io::Read::take(fs::File::open(path)?, FILE_LIMIT), &mut content)?;
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, files: &[(&str, &str)]) {
        for (path, content) in files {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
    }

    struct Tree(PathBuf);

    impl Tree {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("firstlight-machine-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Tree {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_bios_machine_is_read_whole() {
        let tree = Tree::new("bios");
        write(
            &tree.0,
            &[
                (
                    "proc/iomem",
                    "00001000-0009ffff : System RAM\n00100000-3fffffff : System RAM\n  10000000-13ffffff : Crash kernel\n",
                ),
                ("sys/firmware/memmap/1/start", "0x100000\n"),
                ("sys/firmware/memmap/1/end", "0x2fffffff\n"),
                ("sys/firmware/memmap/1/type", "System RAM\n"),
                ("sys/firmware/memmap/0/start", "0x0\n"),
                ("sys/firmware/memmap/0/end", "0x9ffff\n"),
                ("sys/firmware/memmap/0/type", "System RAM\n"),
                ("sys/kernel/boot_params/data", &"z".repeat(4096)),
            ],
        );
        let range = |start, end| MemoryRange { start, end, kind: MemoryType::Ram };
        assert_eq!(
            Machine::read(&tree.0).unwrap(),
            Machine {
                memory: vec![range(0, 0xa_0000), range(0x10_0000, 0x3000_0000)],
                free: vec![0x1000..0xa_0000, 0x10_0000..0x1000_0000, 0x1400_0000..0x3000_0000],
                zero_page: Some(vec![b'z'; 4096]),
                efi: None,
                rsdp: 0,
                device_tree: None,
            }
        );
    }

    #[test]
    fn an_efi_runtime_without_its_map_is_left_out() {
        let tree = Tree::new("efi");
        let base = [
            ("sys/firmware/efi/fw_vendor", "0x7ff9\n"),
            ("sys/firmware/efi/config_table", "0x7ffa\n"),
            ("sys/firmware/efi/systab", "ACPI20=0x7fb7\nACPI=0x1\nSMBIOS=0x7f5e\n"),
        ];
        write(&tree.0, &base);
        let efi = tree.0.join("sys/firmware/efi");
        assert_eq!((efi_runtime(&efi), root_pointer(&efi)), (None, 0x7fb7));
        for (name, value) in [
            ("type", "0x5"),
            ("phys_addr", "0x7e000"),
            ("virt_addr", "0xfffffffeffe00000"),
            ("num_pages", "0x10"),
            ("attribute", "0x800000000000000f"),
        ] {
            write(&tree.0, &[(&format!("sys/firmware/efi/runtime-map/0/{name}"), value)]);
        }
        let map = vec![EfiDescriptor {
            kind: 5,
            physical: 0x7_e000,
            virtual_address: 0xffff_fffe_ffe0_0000,
            pages: 16,
            attribute: 0x8000_0000_0000_000f,
        }];
        assert_eq!(efi_runtime(&efi), Some(Efi { vendor: 0x7ff9, tables: 0x7ffa, smbios: 0x7f5e, map }));
    }

    #[test]
    fn a_machine_without_a_map_says_what_is_missing() {
        let tree = Tree::new("none");
        write(&tree.0, &[("proc/iomem", "00001000-0009ffff : System RAM\n")]);
        let error = Machine::read(&tree.0).unwrap_err().to_string();
        assert!(error.contains("sys/firmware/memmap") && error.contains("CONFIG_FIRMWARE_MEMMAP"), "{error}");
        write(&tree.0, &[("proc/iomem", "00000000-00000000 : System RAM\n")]);
        assert!(matches!(Machine::read(&tree.0), Err(MachineError::Hidden)));
    }
}
