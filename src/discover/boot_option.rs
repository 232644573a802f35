//! Boot options of the firmware that start a kernel themselves, as `efibootmgr --loader /vmlinuz --unicode 'root=…'` writes them:
//! the kernel has an EFI stub, and what the option gives it is its command line (kernel: Documentation/admin-guide/efi-stub.rst).

use super::{
    finder::{Context, Finder, Findings, Note, NoteAction},
    owner::{is_kernel, program},
    unified::UnifiedImage,
};
use crate::{
    entry::{Entry, FileReference, Format, Kind, Source},
    formats::{efi_boot::variable, lookup::Lookup, refind::initrds},
};

/// Finds the kernels that the firmware's boot options name on a volume.
pub(super) struct BootOption;

impl Finder for BootOption {
    fn format(&self) -> Format {
        Format::BootOption
    }

    fn find(&self, lookup: &dyn Lookup, volume: usize, context: &Context) -> Option<Findings> {
        let mut findings = Findings::default();
        let own = lookup.volume_reference(volume);
        for option in &context.boot_options {
            let Some((_, path)) = program(lookup, option).filter(|(place, _)| *place == volume) else {
                continue;
            };
            if !is_kernel(lookup, volume, &path) {
                continue;
            }
            let name = variable(option.number);
            let command_line = option.command_line();
            let source = Source {
                format: Format::BootOption,
                volume: own.clone(),
                path: path.clone(),
                inside: None,
                line: None,
            };
            let mut entry = Entry {
                title: Some(&option.description).filter(|title| !title.is_empty()).unwrap_or(&name).clone(),
                kind: Kind::Linux,
                kernel: Some(FileReference::new(own.clone(), path.clone())),
                cmdline: command_line.clone().unwrap_or_default(),
                ..Entry::new(&name, source)
            };
            if command_line.is_none() {
                let problem =
                    "its command line is not in UTF-16, as the kernel reads it (efibootmgr --unicode)";
                entry.problem = Some(problem.into());
            }
            let image = UnifiedImage::at(lookup, volume, &path);
            if !image.complete(context, &mut entry, &mut findings.warnings) {
                // The stub loads each initrd that its command line names, in their order.
                let paths = initrds(&entry.cmdline);
                entry.initrds = paths.map(|path| FileReference::new(own.clone(), path)).collect();
                let missing = entry.initrds.iter().find(|file| !lookup.is_file(volume, &file.path));
                let missing = missing.map(|file| format!("there is no {}", file.path));
                entry.problem = entry.problem.take().or(missing);
            }
            findings.notes.push(Note {
                action: NoteAction::Used,
                volume: own.clone(),
                path,
                message: format!("the firmware starts this kernel itself ({name})"),
            });
            findings.entries.push(entry);
        }
        // The firmware tries them in its order, each at once.
        let mut tried = findings.entries.iter().map(|entry| entry.id.clone());
        (findings.default, findings.timeout) = (tried.next(), Some(0));
        findings.fallback = tried.collect();
        (!findings.entries.is_empty()).then_some(findings)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::{
        discover::testing::{tree, volume, volumes},
        entry::FilesystemKind,
        formats::{
            efi_boot::LoadOption,
            testing::pe::{image, kernel, program},
        },
    };

    fn option(number: u16, file: &str, words: &[u8]) -> LoadOption {
        LoadOption {
            active: true,
            description: format!("Option {number}"),
            partition: Some("PART-SDA1".into()),
            file: Some(file.into()),
            data: words.to_vec(),
            number,
        }
    }

    fn utf16(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn a_kernel_that_the_firmware_starts_has_the_command_line_of_its_option() {
        let unknown = [("EFI/x/vmlinuz-6.1.efi", ""), ("EFI/x/other.efi", "")];
        let esp = tree(&[&[("initrd.img", ""), ("ucode.img", "")], &unknown[..]].concat());
        for (path, content) in [
            ("vmlinuz-linux", kernel()),
            ("EFI/x/grubx64.efi", program(&[])),
            ("EFI/x/image.efi", image(&[(b".linux\0\0", "kernel"), (b".cmdline", "own")])),
        ] {
            fs::write(esp.path().join(path), content).unwrap();
        }
        let open = volumes(&[(&esp, volume("sda1", FilesystemKind::Vfat))]);
        let words = "root=PARTUUID=2  rw initrd=\\ucode.img initrd=\\initrd.img";
        let boot_options = vec![
            option(3, "\\EFI\\x\\grubx64.efi", b""),
            option(0, "\\vmlinuz-linux", &utf16(words)),
            option(0x1a, "\\vmlinuz-linux", b"root=/dev/sda2"),
            option(2, "\\EFI\\x\\image.efi", b""),
            option(4, "\\gone", b""),
            LoadOption { partition: Some("other".into()), ..option(5, "\\vmlinuz-linux", b"") },
            option(6, "\\vmlinuz-linux", &utf16("initrd=\\gone.img")),
            // Of a format that is not known: by its name.
            option(8, "\\EFI\\x\\vmlinuz-6.1.efi", &utf16("quiet")),
            option(9, "\\EFI\\x\\other.efi", &utf16("quiet")),
        ];
        let context = Context { efi: true, boot_options, ..Context::default() };
        let found = BootOption.find(&open, 0, &context).unwrap();
        let shown: Vec<_> = found
            .entries
            .iter()
            .map(|it| {
                let initrds: Vec<&str> = it.initrds.iter().map(|file| file.path.as_str()).collect();
                (it.id.as_str(), it.kind, it.cmdline.as_str(), initrds.join(" "), it.problem.as_deref())
            })
            .collect();
        let text = "its command line is not in UTF-16, as the kernel reads it (efibootmgr --unicode)";
        let expected = [
            ("Boot0000", Kind::Linux, words, "/ucode.img /initrd.img".to_owned(), None),
            ("Boot001A", Kind::Linux, "", String::new(), Some(text)),
            ("Boot0002", Kind::Uki, "own", String::new(), None),
            (
                "Boot0006",
                Kind::Linux,
                "initrd=\\gone.img",
                "/gone.img".to_owned(),
                Some("there is no /gone.img"),
            ),
            ("Boot0008", Kind::Linux, "quiet", String::new(), None),
        ];
        assert_eq!(shown, expected);
        assert_eq!(found.entries[0].title, "Option 0");
        assert_eq!((found.default.as_deref(), found.timeout), (Some("Boot0000"), Some(0)));
        assert_eq!(found.fallback, ["Boot001A", "Boot0002", "Boot0006", "Boot0008"]);
        assert_eq!(BootOption.find(&open, 0, &Context::default()), None);
    }
}
