//! How distributions name kernels, initrds and microcode, and where they put them: tables, in order of preference.
//!
//! The names are those that grub-mkconfig (10_linux), ZFSBootMenu and kernel-install look for and that the
//! distributions' packages install.

/// Directories of kernels. `*` is any directory, `%` one whose name begins with a digit: kernel-install(8) puts
/// kernels into one for their version, below one for the entry token, which is a machine id, the name of a system or whatever
/// /etc/kernel/entry-token says.
pub(super) const PLACES: [&str; 9] = [
    "/boot",
    "/",
    "/boot/*/%",
    "/*/%",
    "/boot/efi/EFI/*",
    "/efi/EFI/*",
    "/EFI/*",
    "/EFI/*/*",
    "/usr/lib/modules/*",
];

/// Beginnings of kernels' names, before the version.
const KERNEL_PREFIXES: [&str; 8] =
    ["vmlinuz-", "vmlinux-", "kernel-", "Image-", "zImage-", "image-", "bzImage-", "linux-"];

/// Kernels without a version in their name.
const BARE_KERNELS: [&str; 6] = ["vmlinuz", "vmlinuz.old", "linux", "bzImage", "vmlinux", "Image"];

/// The ending of a kernel that the firmware can start: Gentoo's installkernel names them so.
pub(super) const EFI: &str = ".efi";

/// Endings of files that are named like kernels and are none.
const NO_KERNELS: [&str; 26] = [
    ".asc",
    ".bak",
    ".cfg",
    ".conf",
    ".deb",
    ".dpkg-bak",
    ".dpkg-new",
    ".dpkg-old",
    ".dpkg-tmp",
    ".efi.signed",
    ".hmac",
    ".img",
    ".iso",
    ".map",
    ".md5",
    ".rpm",
    ".rpmnew",
    ".rpmsave",
    ".sha256",
    ".sig",
    ".sign",
    ".tar",
    ".tar.gz",
    ".tar.xz",
    ".txt",
    ".zip",
];

/// Early initrds, in the order in which they come before the initrd.
pub(super) const MICROCODE: [&str; 6] =
    ["intel-uc.img", "intel-ucode.img", "amd-uc.img", "amd-ucode.img", "early_ucode.cpio", "microcode.cpio"];

/// Initrds named for a kernel, best first: `V` stands for its version, `A` for the version without `.old`.
const INITRDS: [&str; 19] = [
    "initrd.img-V",
    "initrd-V.img",
    "initrd.img-A.old",
    "initrd-A.img.old",
    "initrd-V.gz",
    "initrd-A.gz.old",
    "initrd-V",
    "initramfs-V.img",
    "initramfs-A.img.old",
    "initrd.img-A",
    "initrd-A.img",
    "initrd-A.gz",
    "initrd-A",
    "initramfs-A.img",
    "initramfs-genkernel-V",
    "initramfs-genkernel-A",
    "initramfs-genkernel-M-V",
    "initramfs-genkernel-M-A",
    "initramfs-V",
];

/// Names of initrds beside a kernel without a version.
const BARE_INITRDS: [&str; 4] = ["initrd.img", "initrd", "initramfs.img", "initramfs"];

/// Endings that compression may add to any of these names.
const COMPRESSIONS: [&str; 9] = ["", ".gz", ".bz2", ".xz", ".lzma", ".lz4", ".lzo", ".zstd", ".zst"];

/// The versions that a kernel's name may stand for, the likeliest first; `Some(vec![])` if it names none, `None` if it is
/// no kernel's name.
///
/// `vmlinuz-linux-lts` has an initrd named for `linux-lts` on one distribution and for `lts` on another.
pub(in crate::discover) fn kernel_versions(name: &str) -> Option<Vec<String>> {
    let name = name.strip_suffix(EFI).or_else(|| name.strip_suffix(".EFI")).unwrap_or(name);
    if BARE_KERNELS.contains(&name) {
        return Some(Vec::new());
    }
    let version = KERNEL_PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix))?;
    let lower = name.to_ascii_lowercase();
    // openSUSE keeps the kernel with its symbols, compressed, for who debugs a crash.
    let is_for_debugging =
        name.starts_with("vmlinux-") && COMPRESSIONS.iter().skip(1).any(|it| lower.ends_with(it));
    if version.is_empty() || is_for_debugging || NO_KERNELS.iter().any(|ending| lower.ends_with(ending)) {
        return None;
    }
    let mut versions = vec![version.to_owned()];
    // As grub-mkconfig has it: everything up to the last dash before the first digit is no part of the version.
    let letters = name.find(|c: char| c.is_ascii_digit()).unwrap_or(name.len());
    let start = name.get(..letters).and_then(|beginning| beginning.rfind('-'));
    let short = start.and_then(|dash| name.get(dash.saturating_add(1)..));
    versions.extend(short.filter(|short| !short.is_empty() && *short != version).map(str::to_owned));
    // What genkernel puts before the number holds one itself: the architecture.
    let number = number(version).filter(|number| !versions.iter().any(|known| known == number));
    versions.extend(number.map(str::to_owned));
    Some(versions)
}

/// The version as `uname -r` has it in what a file is named for: from the first part that begins with a digit; `None` where there
/// is none, as in `linux-lts`.
pub(super) fn number(version: &str) -> Option<&str> {
    let mut rest = version;
    loop {
        if rest.starts_with(|c: char| c.is_ascii_digit()) {
            return Some(rest);
        }
        (_, rest) = rest.split_once('-')?;
    }
}

/// Names that the initrd of a kernel may have, best first; `machine` is the architecture as genkernel writes it.
pub(super) fn initrd_names(versions: &[String], machine: &str) -> Vec<String> {
    let mut names = Vec::new();
    for compression in COMPRESSIONS {
        for version in versions {
            let plain = version.strip_suffix(".old").unwrap_or(version);
            for pattern in INITRDS {
                names.push(format!("{}{compression}", fill(pattern, version, plain, machine)));
            }
        }
    }
    names
}

/// Names that the initrd of a kernel without a version may have, best first.
pub(super) fn bare_initrd_names(kernel: &str) -> Vec<String> {
    let old = if kernel.ends_with(".old") { ".old" } else { "" };
    let compressed = COMPRESSIONS
        .iter()
        .flat_map(|compression| BARE_INITRDS.iter().map(move |name| format!("{name}{compression}{old}")));
    compressed.collect()
}

fn fill(pattern: &str, version: &str, plain: &str, machine: &str) -> String {
    let mut name = String::with_capacity(pattern.len() + version.len() + machine.len());
    for character in pattern.chars() {
        match character {
            'V' => name.push_str(version),
            'A' => name.push_str(plain),
            'M' => name.push_str(machine),
            other => name.push(other),
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_are_recognised_by_their_names() {
        // The second versions are what `sed -e "s,^[^0-9]*-,,g"` prints, as grub-mkconfig has it.
        for (name, versions) in [
            ("vmlinuz-6.1.0-18-amd64", Some(vec!["6.1.0-18-amd64"])),
            ("vmlinuz-linux", Some(vec!["linux"])),
            ("vmlinuz-linux-lts", Some(vec!["linux-lts", "lts"])),
            ("vmlinuz-generic-5.15.19", Some(vec!["generic-5.15.19", "5.15.19"])),
            ("kernel-genkernel-x86_64-6.6", Some(vec!["genkernel-x86_64-6.6", "x86_64-6.6", "6.6"])),
            ("vmlinuz-6.6.32-gentoo-dist.efi", Some(vec!["6.6.32-gentoo-dist"])),
            ("LINUX-6.6.EFI", None),
            ("linux-6.6.EFI", Some(vec!["6.6"])),
            ("vmlinuz-6.1.old", Some(vec!["6.1.old"])),
            ("vmlinuz", Some(vec![])),
            ("linux", Some(vec![])),
            ("Image-6.4-default", Some(vec!["6.4-default"])),
            ("vmlinuz-", None),
            ("vmlinuz-6.1.dpkg-new", None),
            ("vmlinuz-6.1.SIG", None),
            ("linux-6.6.tar.xz", None),
            ("memtest86+.bin", None),
            ("initrd.img-6.1", None),
            ("config-6.1", None),
        ] {
            let expected: Option<Vec<String>> =
                versions.map(|all| all.into_iter().map(String::from).collect());
            assert_eq!(kernel_versions(name), expected, "{name}");
        }
    }

    #[test]
    fn the_version_begins_with_its_number() {
        for (name, version) in [
            ("6.6.30-gentoo-dist", Some("6.6.30-gentoo-dist")),
            ("genkernel-x86_64-5.15.1-gentoo", Some("5.15.1-gentoo")),
            ("generic-5.15.19", Some("5.15.19")),
            ("0-rescue-0123", Some("0-rescue-0123")),
            ("linux-lts", None),
            ("", None),
        ] {
            assert_eq!(number(name), version, "{name}");
        }
    }

    #[test]
    fn the_better_name_comes_first() {
        let names = initrd_names(&["6.1".into()], "x86_64");
        let place = |name: &str| names.iter().position(|known| known == name);
        for (better, worse) in [
            ("initrd.img-6.1", "initrd-6.1.img"),
            ("initrd-6.1", "initramfs-6.1.img"),
            ("initramfs-6.1.img", "initramfs-genkernel-x86_64-6.1"),
            ("initramfs-6.1", "initrd.img-6.1.gz"),
        ] {
            assert!(place(better).unwrap() < place(worse).unwrap(), "{better} {worse}");
        }
    }

    #[test]
    fn an_old_kernel_finds_its_old_initrd_first() {
        let names = initrd_names(&["6.1.old".into()], "x86_64");
        let first =
            names.iter().find(|name| ["initrd.img-6.1.old", "initrd.img-6.1"].contains(&name.as_str()));
        assert_eq!(first.map(String::as_str), Some("initrd.img-6.1.old"));
        assert!(names.contains(&"initramfs-6.1.img.old".to_owned()));
        assert_eq!(bare_initrd_names("vmlinuz.old").first().map(String::as_str), Some("initrd.img.old"));
    }
}
