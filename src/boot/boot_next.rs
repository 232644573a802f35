//! Starting an EFI program through the firmware: a boot option for it, `BootNext`, and a reset (UEFI specification 2.10, 3.1.3 load
//! options, 3.3 globally defined variables).

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use super::firmware::{GLOBAL, read};
use crate::{
    entry::{Entry, Kind, Volume},
    formats::efi_boot::{self, HardDrive},
    sys::files,
};

/// The attributes of what the firmware keeps: non-volatile, and seen by boot services and by the system.
const LASTING: [u8; 4] = [7, 0, 0, 0];

/// Maximum number of boot options that are looked at.
const OPTION_LIMIT: usize = 256;

/// The unit of the kernel's numbers about partitions, in bytes.
const KERNEL_SECTOR: u64 = 512;

/// Why the firmware does not start a program next.
#[derive(Debug, thiserror::Error)]
pub enum BootNextError {
    /// The firmware is no UEFI, or its variables cannot be seen.
    #[error(
        "only the firmware can start it, and this machine was not started by UEFI, or its variables cannot be read"
    )]
    NoUefi,
    /// A boot option cannot name where it lies.
    #[error(
        "{volume}: only the firmware can start it, and no boot option can name it; it must lie on a partition of a GPT"
    )]
    NoPartition {
        /// Name of the volume.
        volume: String,
    },
    /// All numbers are taken, or a text is too long.
    #[error(
        "there is no room for another boot option; delete one: efibootmgr --bootnum XXXX --delete-bootnum"
    )]
    NoRoom,
    /// The firmware refuses a variable.
    #[error(
        "the firmware's {name} cannot be written ({error}); choose the program in the firmware's own menu"
    )]
    Write {
        /// The variable.
        name: String,
        /// The kernel's reason.
        error: io::Error,
    },
}

/// Whether an entry is a program that the firmware can start, if it is a UEFI: a file for EFI, on a volume.
#[must_use]
pub fn is_for_firmware(entry: &Entry) -> bool {
    let is_program = |path: &str| {
        path.get(path.len().saturating_sub(4)..).is_some_and(|end| end.eq_ignore_ascii_case(".efi"))
    };
    let file = entry.kernel.as_ref().filter(|file| file.inside.is_none());
    entry.kind == Kind::Chainload && file.is_some_and(|file| is_program(&file.path))
}

/// Has the firmware start an entry's program at the next start, once. A boot option is made where there is none for it; it stays
/// out of the boot order.
///
/// # Errors
/// [`BootNextError`] says why that is not possible.
pub fn set(entry: &Entry, volume: &Volume, variables: &Path, sysfs: &Path) -> Result<(), BootNextError> {
    let names = fs::read_dir(variables).map_err(|_| BootNextError::NoUefi)?;
    let numbers: Vec<u16> = names.flatten().filter_map(|name| number(name.file_name().to_str()?)).collect();
    let no_partition = || BootNextError::NoPartition { volume: volume.device.name.clone() };
    let partition = partition(volume, sysfs).ok_or_else(no_partition)?;
    let path = entry.kernel.as_ref().map_or("", |file| file.path.as_str());
    let file = path.replace('/', "\\");
    // The program's own option has what it needs beside its file, as that of Windows does; words of the entry are its own.
    let words = (!entry.cmdline.is_empty()).then(|| {
        let units = entry.cmdline.encode_utf16().chain([0]);
        units.flat_map(u16::to_le_bytes).collect::<Vec<u8>>()
    });
    let is_it = |number: &&u16| {
        let option =
            read(variables, &efi_boot::variable(**number)).and_then(|value| efi_boot::load_option(&value));
        option.is_some_and(|option| {
            option.partition.as_ref() == Some(&partition.uuid)
                && words.as_ref().is_none_or(|words| option.data == *words)
                && option.file.is_some_and(|other| other.eq_ignore_ascii_case(&file))
        })
    };
    let known = numbers.iter().take(OPTION_LIMIT).find(is_it).copied();
    let number = match known {
        Some(number) => number,
        None => {
            let free = (0..u16::MAX).find(|number| !numbers.contains(number)).ok_or(BootNextError::NoRoom)?;
            let option =
                efi_boot::boot_option(&entry.title, &partition, &file).ok_or(BootNextError::NoRoom)?;
            let option = [option, words.unwrap_or_default()].concat();
            write_option(variables, &efi_boot::variable(free), &option)?;
            free
        }
    };
    write_option(variables, "BootNext", &number.to_le_bytes())
}

/// The number of a boot option, by the name of its file.
fn number(file: &str) -> Option<u16> {
    let digits = file.strip_prefix("Boot")?.strip_suffix(GLOBAL)?.strip_suffix('-')?;
    let is_number = digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    u16::from_str_radix(digits, 16).ok().filter(|_| is_number)
}

fn partition(volume: &Volume, sysfs: &Path) -> Option<HardDrive> {
    let device = &volume.device;
    let of = device.partition.as_ref()?;
    let class = sysfs.join("class/block");
    let value = |path: PathBuf| fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    let block = value(class.join(&device.disk).join("queue/logical_block_size"))?;
    let own = class.join(&device.name);
    let sectors = |name: &str| value(own.join(name))?.checked_mul(KERNEL_SECTOR)?.checked_div(block);
    Some(HardDrive {
        number: of.number,
        start: sectors("start")?,
        size: sectors("size")?,
        uuid: of.uuid.clone()?,
    })
}

fn write_option(variables: &Path, name: &str, value: &[u8]) -> Result<(), BootNextError> {
    write(variables, name, value).map_err(|error| BootNextError::Write { name: name.to_owned(), error })
}

/// Writes a variable of the UEFI specification, which stays.
///
/// # Errors
/// The kernel's reason.
pub(super) fn write(variables: &Path, name: &str, value: &[u8]) -> io::Result<()> {
    write_variable(&variables.join(format!("{name}-{GLOBAL}")), &[&LASTING, value].concat())
}

/// Writes a variable, its attributes first, in one write(2) as efivarfs wants it. One that is there is protected against being
/// changed by mistake.
///
/// # Errors
/// The kernel's reason.
pub fn write_variable(path: &Path, content: &[u8]) -> io::Result<()> {
    if let Ok(file) = File::open(path) {
        files::take_guard(&file)?;
    }
    File::options().write(true).create(true).truncate(false).open(path)?.write_all(content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        boot::samples::{reference, volume},
        entry::{Device, FileReference, Partition, PartitionTable, Source, Transport},
    };

    const UUID: &str = "4f68bce3-e8cd-4db1-96e7-fbcaf984b709";

    fn windows() -> (Entry, Volume) {
        let esp = volume("nvme0n1p1", Transport::Nvme);
        let partition = Partition {
            number: 1,
            table: PartitionTable::Gpt,
            uuid: Some(UUID.into()),
            label: None,
            type_id: None,
            attributes: 0,
        };
        let device = Device { partition: Some(partition), disk: "nvme0n1".into(), ..esp.device };
        let file = FileReference::new(reference("nvme0n1p1"), "/EFI/Microsoft/Boot/bootmgfw.efi".into());
        let entry = Entry {
            title: "Windows".into(),
            kind: Kind::Chainload,
            kernel: Some(file),
            ..Entry::new("auto-windows", Source::default())
        };
        (entry, Volume { device, ..esp })
    }

    fn machine() -> tempfile::TempDir {
        let machine = tempfile::tempdir().unwrap();
        let block = machine.path().join("class/block");
        for (name, value) in [
            ("nvme0n1/queue/logical_block_size", "4096"),
            ("nvme0n1p1/start", "2048"),
            ("nvme0n1p1/size", "8192"),
        ] {
            fs::create_dir_all(block.join(name).parent().unwrap()).unwrap();
            fs::write(block.join(name), format!("{value}\n")).unwrap();
        }
        fs::create_dir(machine.path().join("efivars")).unwrap();
        machine
    }

    #[test]
    fn a_program_without_a_boot_option_gets_one_and_is_next() {
        let (machine, (entry, volume)) = (machine(), windows());
        let variables = machine.path().join("efivars");
        let file = |name: &str| variables.join(format!("{name}-{GLOBAL}"));
        fs::write(file("Boot0000"), [&LASTING[..], b"no option"].concat()).unwrap();
        for _ in 0..2 {
            set(&entry, &volume, &variables, machine.path()).unwrap();
            assert_eq!(fs::read(file("BootNext")).unwrap(), [7, 0, 0, 0, 1, 0]);
        }
        let option = efi_boot::load_option(&read(&variables, "Boot0001").unwrap()).unwrap();
        assert_eq!(
            (option.active, option.description.as_str(), option.partition.as_deref(), option.file.as_deref()),
            (true, "Windows", Some(UUID), Some("\\EFI\\Microsoft\\Boot\\bootmgfw.efi"))
        );
        // In sectors of the disk, which are of 4 KiB here.
        let hard_drive = HardDrive { number: 1, start: 256, size: 1024, uuid: UUID.into() };
        let expected = efi_boot::boot_option("Windows", &hard_drive, "\\EFI\\Microsoft\\Boot\\bootmgfw.efi");
        assert_eq!(read(&variables, "Boot0001"), expected);
        assert!(!file("Boot0002").exists() && !file("BootOrder").exists());
    }

    #[test]
    fn a_program_that_the_firmware_knows_is_next_by_its_own_option() {
        let (machine, (entry, volume)) = (machine(), windows());
        let variables = machine.path().join("efivars");
        let file = |name: &str| variables.join(format!("{name}-{GLOBAL}"));
        let hard_drive = HardDrive { number: 1, start: 1, size: 1, uuid: UUID.into() };
        let option =
            efi_boot::boot_option("Own name", &hard_drive, "\\efi\\microsoft\\boot\\BOOTMGFW.EFI").unwrap();
        fs::write(file("Boot00A1"), [&LASTING[..], &option, b"WINDOWS\0\x01\0\0\0"].concat()).unwrap();
        set(&entry, &volume, &variables, machine.path()).unwrap();
        assert_eq!(fs::read(file("BootNext")).unwrap(), [7, 0, 0, 0, 0xa1, 0]);
        assert!(!file("Boot0000").exists());
        // With words of its own it is another option.
        let shell = Entry { cmdline: "a ä".into(), ..entry };
        for _ in 0..2 {
            set(&shell, &volume, &variables, machine.path()).unwrap();
            assert_eq!(fs::read(file("BootNext")).unwrap(), [7, 0, 0, 0, 0, 0]);
        }
        let option = efi_boot::load_option(&read(&variables, "Boot0000").unwrap()).unwrap();
        assert_eq!(option.data, b"a\0 \0\xe4\0\0\0");
    }

    #[test]
    fn what_no_option_can_name_is_said() {
        let (machine, (entry, mut volume)) = (machine(), windows());
        let variables = machine.path().join("efivars");
        let none = set(&entry, &volume, &machine.path().join("none"), machine.path());
        assert!(matches!(none, Err(BootNextError::NoUefi)));
        volume.device.partition = None;
        let none = set(&entry, &volume, &variables, machine.path());
        assert!(matches!(none, Err(BootNextError::NoPartition { volume }) if volume == "nvme0n1p1"));
        assert!(is_for_firmware(&entry));
        for other in [Entry { kind: Kind::Linux, ..entry.clone() }, Entry { kernel: None, ..entry }] {
            assert!(!is_for_firmware(&other));
        }
    }
}
