//! Unified kernel images in EFI/Linux: entries without a file of their own (Boot Loader Specification, type 2).

use super::{ENTRY_LIMIT, EntryFile, warning};
use crate::{
    discover::{finder::Findings, unified::UnifiedImage},
    formats::{
        bls::{BlsEntry, EntryName, Program, entry_name},
        lookup::{FileKind, Lookup},
    },
};

/// FAT takes any case; elsewhere the directory is written in one of these.
const DIRECTORIES: [&str; 3] = ["EFI/Linux", "EFI/LINUX", "efi/linux"];

/// Whether there is an image in this place.
pub(super) fn are_in(lookup: &dyn Lookup, place: (usize, &str)) -> bool {
    !images(lookup, place).is_empty()
}

/// Names and paths of the files that may be images.
fn images(lookup: &dyn Lookup, (volume, base): (usize, &str)) -> Vec<(EntryName, String)> {
    let directories = DIRECTORIES.iter().map(|name| format!("{base}/{name}"));
    let listed = directories.map(|directory| (lookup.list(volume, &directory), directory));
    let found = listed.into_iter().find(|(files, _)| !files.is_empty());
    let Some((files, directory)) = found else { return Vec::new() };
    let files = files.into_iter().filter(|file| file.kind != FileKind::Directory);
    files
        .filter_map(|file| Some((entry_name(&file.name, ".efi")?, format!("{directory}/{}", file.name))))
        .collect()
}

/// The images of one place, each of their profiles an entry.
pub(super) fn entries(
    lookup: &dyn Lookup,
    (volume, base): (usize, &'static str),
    findings: &mut Findings,
) -> Vec<EntryFile> {
    let mut entries = Vec::new();
    for (name, path) in images(lookup, (volume, base)) {
        let profiles = UnifiedImage { lookup, volume, base, path: &path }.profiles();
        if profiles.as_ref().is_none_or(Vec::is_empty) || entries.len() >= ENTRY_LIMIT {
            let message = match profiles {
                None => "it is no unified kernel image: it is no entry".to_owned(),
                Some(_) if entries.len() >= ENTRY_LIMIT => {
                    format!("only the first {ENTRY_LIMIT} entries are read")
                }
                Some(_) => {
                    "the image does not say what system it boots: systemd-boot does not show it".to_owned()
                }
            };
            findings.warnings.push(warning(lookup, volume, &path, message));
            continue;
        }
        for profile in profiles.unwrap_or_default() {
            let inside = path.strip_prefix(base).unwrap_or(&path).to_owned();
            let entry = BlsEntry {
                title: Some(profile.title.clone()),
                version: profile.version.clone(),
                sort_key: profile.sort_key.clone(),
                program: Some(Program::Uki(inside)),
                profile: Some(profile.number),
                ..BlsEntry::default()
            };
            let (name, path, profile) = (name.clone(), path.clone(), Some(profile));
            entries.push(EntryFile { name, entry, volume, base, path, profile });
        }
    }
    entries
}
