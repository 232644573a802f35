//! SYSLINUX, EXTLINUX and ISOLINUX, and U-Boot where it reads their configuration: where it is, and its entries.

use super::{
    finder::{Context, Deed, Finder, Findings, Note},
    place::Place,
};
use crate::{
    entry::{Entry, Format, Kind},
    formats::{
        cmdline,
        lookup::Lookup,
        syslinux::{self, Dialect, Label, Program},
    },
};

/// Where configurations stand; the first one counts.
const PLACES: [&str; 16] = [
    "/boot/extlinux/extlinux.conf",
    "/extlinux/extlinux.conf",
    "/boot/extlinux.conf",
    "/extlinux.conf",
    "/boot/syslinux/extlinux.conf",
    "/boot/syslinux/syslinux.cfg",
    "/syslinux/syslinux.cfg",
    "/syslinux.cfg",
    "/EFI/syslinux/syslinux.cfg",
    "/EFI/BOOT/syslinux.cfg",
    "/boot/isolinux/isolinux.cfg",
    "/isolinux/isolinux.cfg",
    "/boot/x86_64/loader/isolinux.cfg",
    "/boot/i386/loader/isolinux.cfg",
    "/boot/aarch64/loader/isolinux.cfg",
    "/isolinux.cfg",
];

/// What the Syslinux Project's installers put beside the configuration, and U-Boot does not.
const LOADERS: [&str; 4] = ["ldlinux.sys", "ldlinux.c32", "isolinux.bin", "ldlinux.e64"];

/// Finds configurations of the syslinux family.
pub(super) struct Syslinux;

impl Finder for Syslinux {
    fn format(&self) -> Format {
        Format::Syslinux
    }

    fn find(&self, lookup: &dyn Lookup, volume: usize, _: &Context) -> Option<Findings> {
        let path = PLACES.into_iter().find(|path| lookup.is_file(volume, path))?;
        let place = Place::of(lookup, volume, path)?;
        Some(find(&place, path))
    }
}

fn find(place: &Place<'_>, path: &str) -> Findings {
    let mut findings = Findings::default();
    let content = match place.read(path) {
        Ok(content) => content,
        Err(message) => {
            findings.warnings.push(place.warning(path, None, format!("{message}: its entries are lost")));
            return findings;
        }
    };
    let is_installed = LOADERS.iter().any(|name| place.is_file(name));
    let dialect =
        if path.ends_with("extlinux.conf") && !is_installed { Dialect::Uboot } else { Dialect::Syslinux };
    let configuration = syslinux::read(path, &content, dialect, &mut |name| place.read(name));
    for (file, line, message) in configuration.lost {
        let message = format!("{message}: the file's entries are lost");
        findings.warnings.push(place.warning(&file, Some(line), message));
    }
    if configuration.labels.iter().any(|label| label.has_system_words) {
        findings.notes.push(Note {
            deed: Deed::PassedOver,
            volume: place.device.to_owned(),
            path: path.to_owned(),
            message: "words about the machine (SYSAPPEND) are not put on the command line".into(),
        });
    }
    findings.entries = configuration.labels.iter().map(|label| entry(place, label, dialect)).collect();
    let chosen = findings.entries.iter().find(|entry| Some(&entry.id) == configuration.default.as_ref());
    let chosen = chosen.filter(|entry| entry.problem.is_none());
    let chosen = chosen.or_else(|| findings.entries.iter().find(|entry| entry.problem.is_none()));
    findings.default = chosen.map(|entry| entry.id.clone());
    findings.timeout = configuration.timeout;
    findings
}

fn entry(place: &Place<'_>, label: &Label, dialect: Dialect) -> Entry {
    let mut append = label.append.clone();
    let mut initrds = label.initrds.clone();
    if dialect == Dialect::Syslinux {
        if !initrds.is_empty() {
            append = format!("{append} initrd={}", initrds.join(","));
        }
        // The first of the final command line is loaded.
        let first = cmdline::words(&append).find(|word| word.name == "initrd").and_then(|word| word.value);
        initrds = first.unwrap_or_default().split(',').map(str::to_owned).collect();
        initrds.retain(|path| !path.is_empty());
    }
    let (kind, kernel, problem) = program(label);
    let cmdline = match (&label.program, dialect) {
        (Program::Linux(path), Dialect::Syslinux) => format!("BOOT_IMAGE={path} {}", append.trim_start()),
        _ => append,
    };
    let mut entry = Entry {
        title: label.title.clone(),
        path_in_menu: label.path_in_menu.clone(),
        kind,
        hidden: label.hidden,
        problem: problem.map(str::to_owned),
        kernel: kernel.map(|path| place.reference(&path)),
        initrds: initrds.iter().map(|path| place.reference(path)).collect(),
        cmdline: cmdline.trim_end().to_owned(),
        devicetree: label.devicetree.as_ref().map(|path| place.reference(path)),
        ..Entry::new(&label.name, place.source(Format::Syslinux, &label.file, Some(label.line)))
    };
    place.check(&mut entry);
    entry
}

/// What a label starts, and why that cannot be done here.
fn program(label: &Label) -> (Kind, Option<String>, Option<&'static str>) {
    let name = |path: &str| path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    match &label.program {
        Program::Linux(path) if name(path) == "memdisk" => {
            (Kind::Chainload, Some(path.clone()), Some("memdisk is started by the BIOS's own means"))
        }
        Program::Linux(path) => (Kind::Linux, Some(path.clone()), None),
        Program::LocalBoot => (
            Kind::Chainload,
            None,
            Some("it goes on to the firmware's next boot device; choose that in the firmware"),
        ),
        Program::Other(path) => match &*name(path) {
            "mboot.c32" => {
                let first = label.append.split_whitespace().next().map(str::to_owned);
                (Kind::Multiboot, first, Some("multiboot kernels are not loaded"))
            }
            "reboot.c32" | "poweroff.c32" | "poweroff.com" => {
                (Kind::Firmware, None, Some("a module of the loader, which alone can run it"))
            }
            _ => {
                (Kind::Chainload, Some(path.clone()), Some("a module of the loader, which alone can run it"))
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        discover::testing::{tree, volume, volumes},
        entry::{FileReference, FilesystemKind, Source},
    };

    fn find(files: &[(&str, &str)]) -> Findings {
        let tree = tree(files);
        let open = volumes(&[(&tree, volume("sda1", FilesystemKind::Ext4))]);
        Syslinux.find(&open, 0, &Context::default()).unwrap()
    }

    fn file(path: &str) -> FileReference {
        FileReference::new("sda1".into(), path.into())
    }

    #[test]
    fn an_alpine_menu_is_read_as_extlinux_reads_it() {
        let found = find(&[
            (
                "boot/extlinux.conf",
                "DEFAULT menu.c32\nPROMPT 0\nTIMEOUT 30\nLABEL lts\n MENU LABEL Linux lts\n LINUX vmlinuz-lts\n\
                 INITRD ucode,initramfs-lts\n APPEND root=UUID=1 modules=ext4 quiet\nLABEL gone\n KERNEL /gone\n\
                 LABEL hd\n COM32 chain.c32\n APPEND hd0 1\n",
            ),
            ("boot/ldlinux.sys", ""),
            ("boot/vmlinuz-lts", ""),
            ("boot/initramfs-lts", ""),
            ("boot/ucode", ""),
            ("boot/chain.c32", ""),
        ]);
        let entry = Entry {
            id: "lts".into(),
            title: "Linux lts".into(),
            kind: Kind::Linux,
            source: Source {
                format: Format::Syslinux,
                volume: "sda1".into(),
                path: "/boot/extlinux.conf".into(),
                inside: None,
                line: Some(4),
            },
            kernel: Some(file("/boot/vmlinuz-lts")),
            initrds: vec![file("/boot/ucode"), file("/boot/initramfs-lts")],
            cmdline: "BOOT_IMAGE=vmlinuz-lts root=UUID=1 modules=ext4 quiet initrd=ucode,initramfs-lts"
                .into(),
            ..Entry::default()
        };
        assert_eq!(found.entries[0], entry);
        let rest: Vec<_> =
            found.entries[1..].iter().map(|entry| (entry.kind, entry.problem.as_deref())).collect();
        assert_eq!(
            rest,
            [
                (Kind::Linux, Some("there is no /gone")),
                (Kind::Chainload, Some("a module of the loader, which alone can run it")),
            ]
        );
        assert_eq!((found.default.as_deref(), found.timeout), (Some("lts"), Some(3)));
    }

    #[test]
    fn u_boot_gives_the_kernel_what_the_label_says_and_no_more() {
        let found = find(&[
            (
                "boot/extlinux/extlinux.conf",
                "default l0\ntimeout 50\nlabel l0\n linux ../vmlinuz\n initrd ../initrd\n fdt /dtb/board.dtb\n append root=/dev/sda1 ${x}\n",
            ),
            ("boot/vmlinuz", ""),
            ("boot/initrd", ""),
            ("dtb/board.dtb", ""),
        ]);
        let [entry] = &found.entries[..] else { panic!("{found:?}") };
        assert_eq!(entry.kernel, Some(file("/boot/vmlinuz")));
        assert_eq!(entry.initrds, [file("/boot/initrd")]);
        assert_eq!(entry.devicetree, Some(file("/dtb/board.dtb")));
        assert_eq!(entry.cmdline, "root=/dev/sda1 ${x}");
        assert_eq!((found.default.as_deref(), found.timeout), (Some("l0"), Some(5)));
    }

    #[test]
    fn an_iso_whose_menu_is_in_pieces_is_put_together() {
        let found = find(&[
            ("isolinux/isolinux.cfg", "include menu.cfg\nui vesamenu.c32\ninclude gone.cfg\n"),
            (
                "isolinux/menu.cfg",
                "default live\nlabel live\n kernel /live/vmlinuz\n append initrd=/live/initrd.img boot=live\n",
            ),
            ("live/vmlinuz", ""),
            ("live/initrd.img", ""),
        ]);
        let [entry] = &found.entries[..] else { panic!("{found:?}") };
        assert_eq!(entry.cmdline, "BOOT_IMAGE=/live/vmlinuz initrd=/live/initrd.img boot=live");
        assert_eq!(entry.initrds, [file("/live/initrd.img")]);
        assert_eq!((entry.source.path.as_str(), entry.source.line), ("/isolinux/menu.cfg", Some(2)));
        let warnings: Vec<_> =
            found.warnings.iter().map(|warning| (warning.path.as_str(), warning.line)).collect();
        assert_eq!(warnings, [("/isolinux/isolinux.cfg", Some(3))]);
    }
}
