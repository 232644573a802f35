//! Facts about booting from the firmware: whether it is UEFI, its boot options in their order, and what it keeps for
//! systemd-boot.

use std::{fs::File, io::Read, path::Path};

use crate::{
    discover::finder::Context,
    formats::{
        bls,
        efi_boot::{self, LoadOption},
        limine, refind, smbios,
        syslinux::{self, words::Processor},
        text,
    },
    kexec::BeforeJump,
    sys::files,
};

/// The directory of UEFI variables (Linux Documentation/filesystems/efivarfs.rst).
pub const VARIABLES: &str = "/sys/firmware/efi/efivars";

/// The GUID of the variables that the UEFI specification defines.
pub(super) const GLOBAL: &str = "8be4df61-93ca-11d2-aa0d-00e098032b8c";

/// Maximum size of a boot option, in bytes.
const VARIABLE_LIMIT: usize = 64 << 10;

/// Maximum number of options of the boot order that are read.
const OPTION_LIMIT: usize = 64;

/// The file with the names of the machine in its device tree.
const COMPATIBLE: &str = "/sys/firmware/devicetree/base/compatible";

/// Names of this machine in its device tree, the most special first; empty without one.
fn compatible() -> Vec<String> {
    let names = std::fs::read(COMPATIBLE).unwrap_or_default();
    let names = names.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    names.map(text::decode).collect()
}

/// Whether this machine was started by UEFI.
#[must_use]
pub fn is_efi() -> bool {
    Path::new("/sys/firmware/efi").is_dir()
}

/// The facts that configurations ask for. `variables` is the directory of variables.
#[must_use]
pub fn context(variables: &Path) -> Context {
    // Variables from elsewhere are those of another machine.
    let is_own = variables == Path::new(VARIABLES);
    let table = if is_own { smbios_table() } else { Vec::new() };
    Context {
        efi: is_efi(),
        compatible: compatible(),
        secure_boot: read(variables, "SecureBoot").is_some_and(|value| value == [1]),
        oem_strings: smbios::oem_strings(&table),
        system_words: if is_own { words(&table) } else { Vec::new() },
        loader: bls::Variables {
            after_failure: (is_own && update_failed(ESRT.as_ref()))
                .then(|| efi_boot::variable_text(&read_of(variables, bls::AFTER_FAILURE, bls::VENDOR)?))
                .flatten(),
            ..bls::Variables::read(|name| efi_boot::variable_text(&read_of(variables, name, bls::VENDOR)?))
        },
        limine_remembered: read_of(variables, limine::REMEMBERED, limine::VENDOR)
            .map(|path| text::decode(path.split(|byte| *byte == 0).next().unwrap_or_default())),
        refind_previous: read_of(variables, refind::PREVIOUS, refind::VENDOR)
            .and_then(|title| efi_boot::variable_text(&title)),
        boot_options: boot_options(variables),
        ..Context::default()
    }
}

/// The table of the firmware's updates (kernel: Documentation/ABI/testing/sysfs-firmware-efi-esrt;
/// UEFI specification, EFI System Resource Table).
const ESRT: &str = "/sys/firmware/efi/esrt/entries";
/// Maximum number of its entries that are read.
const ESRT_LIMIT: usize = 64;
/// The type of the entry that is about the system's firmware itself.
const SYSTEM_FIRMWARE: u64 = 1;

/// Whether the last update of the system's firmware failed.
fn update_failed(entries: &Path) -> bool {
    let entries = (0..ESRT_LIMIT).map(|number| entries.join(format!("entry{number}")));
    let number = |entry: &Path, name| {
        std::fs::read_to_string(entry.join(name)).ok().and_then(|text| text.trim().parse::<u64>().ok())
    };
    let mut typed = entries.map_while(|entry| Some((number(&entry, "fw_type")?, entry)));
    let firmware = typed.find(|(kind, _)| *kind == SYSTEM_FIRMWARE);
    firmware.and_then(|(_, entry)| number(&entry, "last_attempt_status")).is_some_and(|status| status != 0)
}

/// The firmware's tables about the machine.
const SMBIOS: &str = "/sys/firmware/dmi/tables/DMI";
/// Maximum size of these tables, in bytes.
const SMBIOS_LIMIT: u64 = 1 << 20;

fn smbios_table() -> Vec<u8> {
    let mut content = Vec::new();
    // Without such tables there is nothing to read.
    let _ = File::open(SMBIOS).and_then(|file| file.take(SMBIOS_LIMIT).read_to_end(&mut content));
    content
}

/// The facts that SYSLINUX would know about the machine. It searches the tables where a BIOS has them.
fn words(table: &[u8]) -> Vec<String> {
    syslinux::words::words(if is_efi() { &[] } else { table }, processor())
}

#[cfg(target_arch = "x86_64")]
fn processor() -> Option<Processor> {
    use std::arch::x86_64::__cpuid;
    let (own, more) = (__cpuid(1), __cpuid(0x8000_0001));
    Some(Processor { signature: own.eax, features: [own.edx, own.ecx, more.edx, more.ecx] })
}

#[cfg(not(target_arch = "x86_64"))]
fn processor() -> Option<Processor> {
    None
}

/// The variables that count for one boot, which goes through the jump: they are removed right before it.
#[must_use]
pub fn one_shots(variables: &Path) -> Vec<BeforeJump> {
    let paths = bls::ONE_SHOT.iter().map(|name| (*name, variables.join(format!("{name}-{}", bls::VENDOR))));
    let present = paths.filter(|(_, path)| path.exists());
    present.map(|(name, path)| BeforeJump::RemoveVariable { name, path }).collect()
}

/// UUIDs of the partitions that the firmware would boot from, in its order.
#[must_use]
pub fn partitions(context: &Context) -> Vec<String> {
    context.boot_options.iter().filter_map(|option| option.partition.clone()).collect()
}

/// The options that the firmware tries on its own, in its order; none without UEFI.
fn boot_options(variables: &Path) -> Vec<LoadOption> {
    let order = read(variables, "BootOrder").unwrap_or_default();
    efi_boot::order(&order)
        .into_iter()
        .take(OPTION_LIMIT)
        .filter_map(|number| {
            let option = efi_boot::load_option(&read(variables, &efi_boot::variable(number))?)?;
            Some(LoadOption { number, ..option })
        })
        .filter(|option| option.active)
        .collect()
}

/// The value of a variable: the file without the four bytes of attributes at its beginning.
pub(super) fn read(variables: &Path, name: &str) -> Option<Vec<u8>> {
    read_of(variables, name, GLOBAL)
}

fn read_of(variables: &Path, name: &str, vendor: &str) -> Option<Vec<u8>> {
    let file = files::open_regular(&variables.join(format!("{name}-{vendor}"))).ok()?;
    let mut content = Vec::new();
    let limit = u64::try_from(VARIABLE_LIMIT).ok()?;
    file.take(limit).read_to_end(&mut content).ok()?;
    content.get(4..).map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A boot option whose path holds one GPT partition node with sixteen equal bytes for its GUID.
    fn option(attributes: u8, byte: u8) -> Vec<u8> {
        let mut node = vec![4, 1, 42, 0];
        node.extend([0; 20]);
        node.extend([byte; 16]);
        node.extend([2, 2]);
        // File attributes, then option attributes, path length, an empty description.
        let mut file = vec![7, 0, 0, 0, attributes, 0, 0, 0, 42, 0, 0, 0];
        file.extend(node);
        file
    }

    #[test]
    fn the_active_options_are_followed_in_their_order() {
        let directory = std::env::temp_dir().join(format!("firstlight-efivars-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let write = |name: &str, content: &[u8]| {
            std::fs::write(directory.join(format!("{name}-{GLOBAL}")), content).unwrap();
        };
        write("BootOrder", &[7, 0, 0, 0, 2, 0, 9, 0, 1, 0, 0, 0]);
        write("Boot0000", &option(1, 0x11));
        write("Boot0001", &option(0, 0x22));
        write("Boot0002", &option(1, 0x33));
        let order = partitions(&context(&directory));
        std::fs::remove_dir_all(&directory).unwrap();
        assert_eq!(order, ["33333333-3333-3333-3333-333333333333", "11111111-1111-1111-1111-111111111111"]);
    }

    #[test]
    fn a_failed_update_of_the_systems_firmware_is_recognised() {
        for (entries, expected) in [
            (&[][..], false),
            (&[(1, "0\n")][..], false),
            (&[(1, "3\n")], true),
            (&[(2, "3\n"), (1, "0\n")], false),
            (&[(2, "0\n"), (1, "1\n"), (1, "0\n")], true),
            (&[(1, "")], false),
        ] {
            let directory = tempfile::tempdir().unwrap();
            for (number, (kind, status)) in entries.iter().enumerate() {
                let entry = directory.path().join(format!("entry{number}"));
                std::fs::create_dir(&entry).unwrap();
                std::fs::write(entry.join("fw_type"), format!("{kind}\n")).unwrap();
                std::fs::write(entry.join("last_attempt_status"), status).unwrap();
            }
            assert_eq!(update_failed(directory.path()), expected, "{entries:?}");
        }
    }

    #[test]
    fn loaders_variables_are_texts_and_those_for_one_boot_are_known() {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, vendor: &str, content: &[u8]| {
            let content = [&[7, 0, 0, 0], content].concat();
            std::fs::write(directory.path().join(format!("{name}-{vendor}")), content).unwrap();
        };
        write("SecureBoot", GLOBAL, &[1]);
        write("LoaderEntryOneShot", bls::VENDOR, b"a\0.\0c\0o\0n\0f\0\0\0");
        write("LoaderEntryDefault", bls::VENDOR, b"@\0s\0\0\0");
        write("LoaderConfigTimeout", bls::VENDOR, b"\0\0");
        write(limine::REMEMBERED, limine::VENDOR, b"OSes/Arch\0");
        write(refind::PREVIOUS, refind::VENDOR, b"B\0o\0o\0t\0\0\0");
        let loader = bls::Variables {
            one_shot: Some("a.conf".into()),
            default: Some("@s".into()),
            ..Default::default()
        };
        let read = context(directory.path());
        assert_eq!((read.secure_boot, &read.loader), (true, &loader));
        let own = (read.limine_remembered.as_deref(), read.refind_previous.as_deref());
        assert_eq!(own, (Some("OSes/Arch"), Some("Boot")));
        let path = directory.path().join(format!("LoaderEntryOneShot-{}", bls::VENDOR));
        assert_eq!(
            one_shots(directory.path()),
            [BeforeJump::RemoveVariable { name: "LoaderEntryOneShot", path }]
        );
    }

    #[test]
    fn without_uefi_there_is_no_order() {
        assert_eq!(context(Path::new("/nonexistent")), Context { efi: is_efi(), ..Context::default() });
    }
}
