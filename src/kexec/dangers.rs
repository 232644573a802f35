//! Machines on which a jump into another kernel would end in a reset or a hang, and why (Linux:
//! arch/x86/kernel/kexec-bzimage64.c, Documentation/arch/x86/tdx.rst, arch/x86/coco/sev/core.c).

use std::{fs, path::Path};

/// The first kernel that can start another one in a TDX guest: it wakes the processors up again (ACPI MADT wake-up structure).
const TDX: (u32, u32) = (6, 11);

/// The first one that can do so in a SEV-SNP guest: it takes back the memory that it shares with the host (`snp_kexec_finish`).
const SNP: (u32, u32) = (6, 13);

/// Why the next kernel would not start, in sentences. `root` is `/`; with `nokaslr` the kernel is given that word where it must be.
#[must_use]
pub fn dangers(root: &Path, nokaslr: bool) -> Vec<String> {
    let text = |path: &str| fs::read_to_string(root.join(path)).unwrap_or_default();
    let efi = root.join("sys/firmware/efi");
    let mut dangers = Vec::new();
    if text("sys/firmware/efi/fw_platform_size").trim() == "32" {
        dangers.push("the firmware is a 32-bit UEFI: a 64-bit kernel loads no other one on it".to_owned());
    }
    if cfg!(target_arch = "x86_64") && !nokaslr && efi.is_dir() && !efi.join("runtime-map").is_dir() {
        dangers.push(
            "the running kernel cannot hand the firmware's memory map on (CONFIG_EFI_RUNTIME_MAP): the next one resets the machine \
             unless it is given the word nokaslr"
                .to_owned(),
        );
    }
    let cpu = text("proc/cpuinfo");
    let flags = cpu.lines().find(|line| line.starts_with("flags")).unwrap_or_default();
    let is_tdx = flags.split_whitespace().any(|flag| flag == "tdx_guest");
    // The processor's own flag is no sign: hosts have it, and guests may hide it. Only guests have the device.
    let is_snp = root.join("sys/bus/platform/devices/sev-guest").exists();
    let own = release(&text("proc/sys/kernel/osrelease"));
    for (is_guest, kind, first) in [(is_tdx, "TDX", TDX), (is_snp, "SEV-SNP", SNP)] {
        if is_guest && own.is_none_or(|own| own < first) {
            let (major, minor) = first;
            dangers.push(format!(
                "this is a {kind} guest, in which a kernel before {major}.{minor} cannot start another one"
            ));
        }
    }
    dangers
}

/// The first two numbers of a kernel's release.
fn release(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split(|character: char| !character.is_ascii_digit()).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn each_machine_has_its_own_dangers() {
        let map = ("sys/firmware/efi/runtime-map/0/type", "0");
        let tdx = ("proc/cpuinfo", "processor : 0\nflags\t\t: fpu tdx_guest lm\n");
        let snp = ("sys/bus/platform/devices/sev-guest/uevent", "");
        type Files<'a> = &'a [(&'a str, &'a str)];
        let cases: [(Files<'_>, &[&str]); 8] = [
            (&[], &[]),
            (&[map, ("sys/firmware/efi/fw_platform_size", "64\n")], &[]),
            (&[map, ("sys/firmware/efi/fw_platform_size", "32\n")], &["32-bit UEFI"]),
            (&[("sys/firmware/efi/fw_platform_size", "64\n")], &["nokaslr"]),
            (&[tdx, ("proc/sys/kernel/osrelease", "6.8.0-31-generic\n")], &["TDX"]),
            (&[tdx, ("proc/sys/kernel/osrelease", "6.12.1\n")], &[]),
            (
                &[snp, ("proc/sys/kernel/osrelease", "6.12.1\n")],
                &["SEV-SNP guest, in which a kernel before 6.13"],
            ),
            (&[snp, ("proc/sys/kernel/osrelease", "6.13.0\n")], &[]),
        ];
        for (files, expected) in cases {
            let root = TempDir::new().unwrap();
            for (path, content) in files {
                let path = root.path().join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, content).unwrap();
            }
            let found = dangers(root.path(), false);
            assert_eq!(found.len(), expected.len(), "{found:?}");
            assert!(found.iter().zip(expected).all(|(found, word)| found.contains(word)), "{found:?}");
            assert_eq!(
                dangers(root.path(), true).len(),
                expected.iter().filter(|word| **word != "nokaslr").count()
            );
        }
    }
}
