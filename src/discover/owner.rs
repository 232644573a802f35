//! Which loader owns a disk: the program that the firmware's boot options name on it, and whose program that is (UEFI
//! specification 2.10, 3.1.3; 3.5.1.1 for the name where an option gives none).

use std::env::consts::ARCH;

use super::finder::Context;
use crate::{
    entry::{Format, Volume},
    formats::lookup::Lookup,
};

/// Programs by the beginnings of their names, in lower case, and the finder of what they read.
const PROGRAMS: [(&str, Format); 7] = [
    ("shim", Format::Grub),
    ("grub", Format::Grub),
    ("systemd-boot", Format::Bls),
    ("limine", Format::Limine),
    ("refind", Format::Refind),
    ("syslinux", Format::Syslinux),
    ("elilo", Format::Elilo),
];

/// Where unified kernel images are that the firmware may start without any loader.
const IMAGES: &str = "/efi/linux/";

/// A loader that the firmware starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    /// The volume that its program is on.
    pub volume: usize,
    /// The format of the finder that reads its configuration.
    pub format: Format,
    /// The program's path.
    pub program: String,
}

impl Owner {
    /// Whether a file lies beside the program.
    pub fn is_beside(&self, volume: usize, path: &str) -> bool {
        let directory =
            |path: &str| path.rsplit_once('/').map(|(directory, _)| directory.to_ascii_lowercase());
        volume == self.volume && directory(path) == directory(&self.program)
    }

    /// Whether it is this very program.
    pub fn is(&self, path: &str) -> bool {
        self.program.eq_ignore_ascii_case(path)
    }
}

/// The loaders that the firmware would start, in its order; none without UEFI.
pub(super) fn owners(lookup: &dyn Lookup, context: &Context) -> Vec<Owner> {
    let one = |option: &crate::formats::efi_boot::LoadOption| {
        let partition = option.partition.as_ref()?;
        let own = |volume: &Volume| volume.device.partition.as_ref()?.uuid.clone();
        let is_own = |volume| own(volume).is_some_and(|uuid| uuid.eq_ignore_ascii_case(partition));
        let volume = lookup.volumes().iter().position(is_own)?;
        let program = match &option.file {
            Some(file) => file.replace('\\', "/"),
            None => format!("/EFI/BOOT/BOOT{}.EFI", removable_name()),
        };
        let format = format(lookup, volume, &program)?;
        Some(Owner { volume, format, program })
    };
    context.boot_options.iter().filter_map(one).collect()
}

/// The name of the program that the firmware starts from a medium that no boot option names.
fn removable_name() -> &'static str {
    match ARCH {
        "aarch64" => "AA64",
        "riscv64" => "RISCV64",
        _ => "X64",
    }
}

/// Whose program it is: by its own name, or, where it bears the one that every loader takes, by what lies beside it.
fn format(lookup: &dyn Lookup, volume: usize, program: &str) -> Option<Format> {
    if program.to_ascii_lowercase().starts_with(IMAGES) {
        return lookup.is_file(volume, program).then_some(Format::Bls);
    }
    let (directory, name) = program.rsplit_once('/')?;
    let name = name.to_ascii_lowercase();
    let by_name =
        |name: &str| PROGRAMS.iter().find(|(start, _)| name.starts_with(start)).map(|(_, format)| *format);
    by_name(&name).or_else(|| {
        let is_removable = name.eq_ignore_ascii_case(&format!("boot{}.efi", removable_name()));
        let beside = [directory, "/EFI/systemd", "/EFI/limine"].into_iter().filter(|_| is_removable);
        let names = beside.flat_map(|directory| lookup.list(volume, directory));
        names.filter_map(|entry| by_name(&entry.name.to_ascii_lowercase())).next()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        discover::testing::{tree, volume, volumes},
        entry::FilesystemKind,
        formats::efi_boot::LoadOption,
    };

    #[test]
    fn the_firmwares_options_tell_whose_programs_they_start() {
        let esp = tree(&[
            ("EFI/fedora/shimx64.efi", ""),
            ("EFI/systemd/systemd-bootx64.efi", ""),
            ("EFI/BOOT/BOOTX64.EFI", ""),
            ("EFI/BOOT/BOOTAA64.EFI", ""),
            ("EFI/Linux/arch.efi", ""),
        ]);
        let stick = tree(&[("EFI/BOOT/BOOTX64.EFI", ""), ("EFI/BOOT/grubx64.efi", "")]);
        let disks =
            [(&esp, volume("sda1", FilesystemKind::Vfat)), (&stick, volume("sdb1", FilesystemKind::Vfat))];
        let lookup = volumes(&disks);
        let boot = format!("/EFI/BOOT/BOOT{}.EFI", removable_name());
        let cases = [
            (
                "PART-sda1",
                Some("\\EFI\\fedora\\shimx64.efi"),
                Some((0, Format::Grub, "/EFI/fedora/shimx64.efi")),
            ),
            ("part-sda1", Some("\\EFI\\Linux\\arch.efi"), Some((0, Format::Bls, "/EFI/Linux/arch.efi"))),
            (
                "part-sda1",
                Some("\\EFI\\refind\\refind_x64.efi"),
                Some((0, Format::Refind, "/EFI/refind/refind_x64.efi")),
            ),
            ("part-sda1", Some("\\EFI\\Linux\\gone.efi"), None),
            ("part-sda1", None, Some((0, Format::Bls, boot.as_str()))),
            ("part-sdb1", None, Some((1, Format::Grub, boot.as_str()))),
            ("part-sda1", Some("\\EFI\\Microsoft\\Boot\\bootmgfw.efi"), None),
            ("part-sdc1", Some("\\EFI\\fedora\\shimx64.efi"), None),
        ];
        for (partition, file, expected) in cases {
            let option = LoadOption {
                partition: Some(partition.into()),
                file: file.map(Into::into),
                ..LoadOption::default()
            };
            let context = Context { boot_options: vec![option], ..Context::default() };
            let expected =
                expected.map(|(volume, format, program)| Owner { volume, format, program: program.into() });
            assert_eq!(
                owners(&lookup, &context),
                expected.into_iter().collect::<Vec<_>>(),
                "{partition} {file:?}"
            );
        }
    }
}
