//! Entries that systemd-boot makes by itself: other systems' loaders where they always are (loader.conf(5), auto-entries).

use std::env::consts::ARCH;

use super::systemd_boot::ARCHITECTURES;
use crate::{
    discover::unified::UnifiedImage,
    entry::{Entry, FileReference, Format, Kind, Source},
    formats::{lookup::Lookup, uki::Sections},
};

/// Content of the section `.sdmagic` of systemd-boot.
const MAGIC: &[u8] = b"#### LoaderInfo: systemd-boot ";

/// Why none of them is booted here.
pub(super) const FIRMWARE_ONLY: &str = "a program that only the firmware can start";

/// The loaders beside the entries of one menu, in systemd-boot's order.
pub(super) fn entries(lookup: &dyn Lookup, (volume, base): (usize, &str)) -> Vec<Entry> {
    let architecture = ARCHITECTURES.iter().find(|(name, _)| *name == ARCH).map_or(ARCH, |(_, name)| name);
    let name = architecture.to_ascii_uppercase();
    let own = |path: String| (volume, format!("{base}{path}"));
    let default = [format!("/EFI/BOOT/BOOT{name}.EFI"), format!("/EFI/BOOT/GRUB{name}.EFI")].map(own);
    let is_systemd_boot = default.iter().any(|(volume, path)| is_systemd_boot(lookup, *volume, path));
    let [default, _] = default;
    let macs = (0..lookup.volumes().len())
        .map(|volume| (volume, "/System/Library/CoreServices/boot.efi".to_owned()));
    let candidates = macs.map(|file| ("auto-osx", "macOS", file)).chain([
        ("auto-windows", "Windows Boot Manager", own("/EFI/Microsoft/Boot/bootmgfw.efi".into())),
        ("auto-efi-shell", "EFI Shell", own(format!("/shell{architecture}.efi"))),
        ("auto-efi-default", "EFI Default Loader", default),
    ]);
    let mut entries: Vec<Entry> = Vec::new();
    for (id, title, (volume, path)) in candidates {
        let is_known =
            entries.iter().any(|entry| entry.id == id) || (id == "auto-efi-default" && is_systemd_boot);
        if is_known || !lookup.is_file(volume, &path) {
            continue;
        }
        let volume = lookup.volume_reference(volume);
        let source = Source {
            format: Format::Bls,
            volume: volume.clone(),
            path: path.clone(),
            inside: None,
            line: None,
        };
        entries.push(Entry {
            title: title.into(),
            kind: Kind::Chainload,
            kernel: Some(FileReference::new(volume, path)),
            problem: Some(FIRMWARE_ONLY.into()),
            ..Entry::new(id, source)
        });
    }
    entries
}

/// It would show its own menu again.
fn is_systemd_boot(lookup: &dyn Lookup, volume: usize, path: &str) -> bool {
    let program = UnifiedImage::at(lookup, volume, path).program();
    let magic = program.as_ref().and_then(|program| Sections::of(program, 0)?.get(".sdmagic"));
    magic.is_some_and(|section| {
        lookup.read_at(volume, path, section.offset.into(), MAGIC.len()).is_ok_and(|bytes| bytes == MAGIC)
    })
}
