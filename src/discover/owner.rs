//! Which loader owns a disk: the program that the firmware's boot options name on it, and whose program that is (UEFI
//! specification 2.10, 3.1.3; 3.5.1.1 for the name where an option gives none).

use std::env::consts::ARCH;

use super::{finder::Context, scan::kernel_versions, unified::UnifiedImage};
use crate::{
    entry::{Format, Volume},
    formats::{
        efi_boot::LoadOption,
        kernel_file::{HEAD_LENGTH, KernelFile, recognise},
        lookup::Lookup,
    },
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

/// Where firstlight's own program is, and beside it the copy of shim that starts it under Secure Boot.
const OWN: &str = "/efi/firstlight/";

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

/// A program that the firmware would start, and that is not firstlight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StartedProgram {
    /// Place of its boot option in the firmware's order.
    pub turn: usize,
    /// The volume that it is on.
    pub volume: usize,
    /// Its path.
    pub path: String,
    /// The format of the finder that reads its configuration; `None` where that is not known here.
    pub format: Option<Format>,
    /// It is a file.
    pub is_there: bool,
}

/// The programs on those volumes that the firmware would start, in its order; none without UEFI.
pub(super) fn programs(
    lookup: &dyn Lookup,
    context: &Context,
    is_meant: impl Fn(usize) -> bool,
) -> Vec<StartedProgram> {
    let options = context.boot_options.iter().enumerate();
    let programs = options.filter_map(|(turn, option)| {
        let (volume, path) = program(lookup, option).filter(|(volume, _)| is_meant(*volume))?;
        if is_firstlight(lookup, volume, &path) {
            return None;
        }
        let format = format(lookup, volume, &path);
        Some(StartedProgram { turn, volume, format, is_there: lookup.is_file(volume, &path), path })
    });
    programs.collect()
}

/// The loaders among these programs.
pub(super) fn owners(programs: &[StartedProgram]) -> Vec<Owner> {
    let owner =
        |it: &StartedProgram| Some(Owner { volume: it.volume, format: it.format?, program: it.path.clone() });
    programs.iter().filter_map(owner).collect()
}

/// Those of these programs that the firmware would start before any whose configuration is read here: another system's
/// loader. A volume that is not here has none.
pub(super) fn unknown_first(programs: &[StartedProgram]) -> impl Iterator<Item = &StartedProgram> {
    programs.iter().filter(|program| program.is_there).take_while(|program| program.format.is_none())
}

/// The volume and the path of the program that a boot option names.
pub(super) fn program(lookup: &dyn Lookup, option: &LoadOption) -> Option<(usize, String)> {
    let partition = option.partition.as_ref()?;
    let own = |volume: &Volume| volume.device.partition.as_ref()?.uuid.clone();
    let is_own = |volume| own(volume).is_some_and(|uuid| uuid.eq_ignore_ascii_case(partition));
    let volume = lookup.volumes().iter().position(is_own)?;
    let program = match &option.file {
        Some(file) => file.replace('\\', "/"),
        None => format!("/EFI/BOOT/BOOT{}.EFI", removable_name()),
    };
    Some((volume, if program.starts_with('/') { program } else { format!("/{program}") }))
}

/// Whether a program is firstlight, or shim that starts it: of what the firmware starts, the next one decides.
fn is_firstlight(lookup: &dyn Lookup, volume: usize, path: &str) -> bool {
    path.to_ascii_lowercase().starts_with(OWN) || UnifiedImage::at(lookup, volume, path).is_firstlight()
}

/// Whether a program is Linux itself, by its content: a kernel with an EFI stub, or an image that holds one or leads to one; not
/// firstlight.
pub(super) fn is_kernel(lookup: &dyn Lookup, volume: usize, path: &str) -> bool {
    let size = lookup.status(volume, path, true).map_or(0, |status| status.size);
    let head = lookup.read_at(volume, path, 0, HEAD_LENGTH).unwrap_or_default();
    match recognise(&head, size) {
        Some(KernelFile::Bzimage(kernel)) => kernel.efi_stub,
        Some(KernelFile::Uki(_)) => !is_firstlight(lookup, volume, path),
        Some(KernelFile::Image(_) | KernelFile::EfiZboot(_)) => true,
        Some(_) => false,
        // What is in no format that is known is believed by its name, as with every other loader.
        None => {
            lookup.is_file(volume, path)
                && kernel_versions(path.rsplit('/').next().unwrap_or_default()).is_some()
        }
    }
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
    let by_content = || is_kernel(lookup, volume, program).then_some(Format::BootOption);
    by_name(&name).or_else(by_content).or_else(|| {
        let is_removable = name.eq_ignore_ascii_case(&format!("boot{}.efi", removable_name()));
        let beside = [directory, "/EFI/systemd", "/EFI/limine"].into_iter().filter(|_| is_removable);
        let names = beside.flat_map(|directory| lookup.list(volume, directory));
        names.filter_map(|entry| by_name(&entry.name.to_ascii_lowercase())).next()
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::{
        discover::{
            discover,
            testing::{tree, volume, volumes},
        },
        entry::FilesystemKind,
        formats::testing::pe::image,
    };

    /// Its own entry comes first in the firmware's order once it is installed; the loader before it still owns the disk.
    #[test]
    fn firstlight_owns_no_disk_and_is_nothing_to_boot() {
        let esp = tree(&[("EFI/debian/shimx64.efi", ""), ("EFI/firstlight/b/shimx64.efi", "")]);
        let own = image(&[(b".osrel\0\0", "ID=firstlight\nNAME=x\n"), (b".linux\0\0", "kernel")]);
        for path in ["EFI/Linux", "EFI/firstlight"] {
            fs::create_dir_all(esp.path().join(path)).unwrap();
            fs::write(esp.path().join(path).join("firstlight.efi"), &own).unwrap();
        }
        let lookup = volumes(&[(&esp, volume("sda1", FilesystemKind::Vfat))]);
        let option = |file: &str| LoadOption {
            partition: Some("part-sda1".into()),
            file: Some(file.into()),
            ..LoadOption::default()
        };
        let boot_options = vec![
            option("\\EFI\\firstlight\\b\\shimx64.efi"),
            option("\\EFI\\firstlight\\firstlight.efi"),
            option("\\EFI\\Linux\\firstlight.efi"),
            option("\\EFI\\debian\\shimx64.efi"),
        ];
        let context = Context { efi: true, boot_options, ..Context::default() };
        let debian = Owner { volume: 0, format: Format::Grub, program: "/EFI/debian/shimx64.efi".into() };
        let programs = programs(&lookup, &context, |_| true);
        assert_eq!(owners(&programs), [debian]);
        assert_eq!(unknown_first(&programs).count(), 0);
        let found = discover(&lookup, &context);
        let problems: Vec<_> = found.entries.iter().map(|entry| entry.problem.as_deref()).collect();
        assert_eq!(problems, [Some("it is firstlight itself, which would find the same entries again")]);
    }

    #[test]
    fn what_the_firmware_starts_before_all_that_is_known_is_told() {
        let esp = tree(&[
            ("EFI/Microsoft/Boot/bootmgfw.efi", ""),
            ("EFI/debian/shimx64.efi", ""),
            ("EFI/x/x.efi", ""),
        ]);
        let lookup = volumes(&[(&esp, volume("sda1", FilesystemKind::Vfat))]);
        let option = |file: &str| LoadOption {
            partition: Some("part-sda1".into()),
            file: Some(file.into()),
            ..LoadOption::default()
        };
        let (windows, debian) = ("\\EFI\\Microsoft\\Boot\\bootmgfw.efi", "\\EFI\\debian\\shimx64.efi");
        for (files, expected) in [
            (&[windows, debian][..], &["/EFI/Microsoft/Boot/bootmgfw.efi"][..]),
            (&[debian, windows], &[]),
            (&["\\EFI\\x\\x.efi", windows, debian], &["/EFI/x/x.efi", "/EFI/Microsoft/Boot/bootmgfw.efi"]),
            (&["\\gone.efi", debian], &[]),
        ] {
            let boot_options = files.iter().map(|file| option(file)).collect();
            let context = Context { boot_options, ..Context::default() };
            let programs = programs(&lookup, &context, |_| true);
            let first: Vec<_> = unknown_first(&programs).map(|program| program.path.as_str()).collect();
            assert_eq!(first, expected, "{files:?}");
            assert_eq!(programs.len(), files.len());
        }
    }

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
                owners(&programs(&lookup, &context, |_| true)),
                expected.into_iter().collect::<Vec<_>>(),
                "{partition} {file:?}"
            );
        }
    }
}
