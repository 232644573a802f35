//! The image types of `--type`, as kexec-tools calls them on x86_64 and arm64.

use crate::formats::kernel_file::{KernelFile, elf::Elf};

/// Name, and the files that are of this type.
type Type = (&'static str, fn(&KernelFile) -> bool);

/// In the order in which a file is given a name.
static TYPES: &[Type] = &[
    ("multiboot2-x86", is_multiboot),
    ("elf-x86_64", |file| is_elf(file, "x86_64")),
    ("multiboot-x86", is_multiboot),
    ("elf-x86", |file| is_elf(file, "i386")),
    ("bzImage64", |file| matches!(file, KernelFile::Bzimage(kernel) if kernel.kexec)),
    ("bzImage", |file| matches!(file, KernelFile::Bzimage(_))),
    ("vmlinux", |file| is_elf(file, std::env::consts::ARCH)),
    ("Image", |file| matches!(file, KernelFile::Image(_))),
    ("uImage", |file| matches!(file, KernelFile::Uimage(_))),
    ("vmlinuz", |file| matches!(file, KernelFile::EfiZboot(_))),
    ("uki", |file| matches!(file, KernelFile::Uki(_))),
];

/// The names that `--type` takes.
pub fn names() -> impl Iterator<Item = &'static str> {
    TYPES.iter().map(|(name, _)| *name)
}

/// Whether the file is of this type.
#[must_use]
pub fn is(name: &str, file: &KernelFile) -> bool {
    TYPES.iter().any(|(other, matches)| *other == name && matches(file))
}

/// The name of the file's type.
#[must_use]
pub fn of(file: &KernelFile) -> Option<&'static str> {
    TYPES.iter().find(|(_, matches)| matches(file)).map(|(name, _)| *name)
}

fn is_multiboot(file: &KernelFile) -> bool {
    matches!(file, KernelFile::Multiboot(_) | KernelFile::Elf(Elf { multiboot: Some(_), .. }))
}

fn is_elf(file: &KernelFile, machine: &str) -> bool {
    matches!(file, KernelFile::Elf(Elf { architecture, multiboot: None, .. }) if architecture == machine)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elf(architecture: &str, version: Option<u8>) -> KernelFile {
        use crate::formats::kernel_file::multiboot::Header;
        KernelFile::Elf(Elf {
            architecture: architecture.to_owned(),
            bits: 64,
            entry: 0,
            multiboot: version.map(|version| Header { version, offset: 0 }),
            is_program: false,
        })
    }

    /// As the probes of kexec-tools have it (kexec/arch/x86_64, `kexec -t`).
    #[test]
    fn a_file_is_of_its_own_types_only() {
        for (file, name, others) in [
            (elf("x86_64", None), "elf-x86_64", &["multiboot-x86", "bzImage", "elf-x86"][..]),
            (elf("i386", None), "elf-x86", &["elf-x86_64", "multiboot2-x86"]),
            (elf("x86_64", Some(2)), "multiboot2-x86", &["elf-x86_64", "bzImage64"]),
        ] {
            assert_eq!(of(&file), Some(name));
            assert!(is(name, &file));
            assert!(!others.iter().any(|other| is(other, &file)), "{name}");
        }
        assert!(is("multiboot-x86", &elf("i386", Some(2))), "a kernel may have both headers");
    }
}
