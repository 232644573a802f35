//! Boot Loader Specification: the entries of systemd-boot, and those that Fedora's GRUB reads in the same form.
//!
//! Who owns the directory decides how its files are read and sorted. systemd-boot shows what is on the ESP and on XBOOTLDR
//! beside it as one menu, so the ESP answers for both.

mod automatic;
mod grub;
mod systemd_boot;
#[cfg(test)]
mod tests;
mod type2;

use super::finder::{Context, Finder, Findings, Note, NoteAction};
use crate::{
    entry::{FileReference, Format, PartitionTable, Volume, Warning},
    formats::{
        bls::{BlsEntry, EntryName, Reading, entry_name},
        lookup::{CONFIG_LIMIT, FileKind, Lookup},
        text,
        uki::Profile,
    },
};

/// GPT partition types of the ESP and of XBOOTLDR, and the MBR types that stand for them.
const ESP: [&str; 2] = ["c12a7328-f81f-11d2-ba4b-00a0c93ec93b", "ef"];
const XBOOTLDR: [&str; 2] = ["bc13c2ff-59e6-4262-a352-b275fd6f7172", "ea"];

/// Where the root of an ESP or a boot partition may be seen from the root of a volume: itself, or mounted in a tree.
const BASES: [&str; 4] = ["", "/boot", "/efi", "/boot/efi"];

/// GRUB's own configuration; where there is one, it says itself which entries GRUB reads.
const GRUB_CONFIGURATIONS: [&str; 4] =
    ["/boot/grub2/grub.cfg", "/grub2/grub.cfg", "/boot/grub/grub.cfg", "/grub/grub.cfg"];

/// Maximum number of entries that are read from one directory.
const ENTRY_LIMIT: usize = 2048;

/// Reads the entries of the Boot Loader Specification.
pub(super) struct Bls;

impl Finder for Bls {
    fn format(&self) -> Format {
        Format::Bls
    }

    fn find(&self, lookup: &dyn Lookup, volume: usize, context: &Context) -> Option<Findings> {
        let own = lookup.volumes().get(volume)?;
        let base = |base: &&&str| is_systemd_boots(lookup, volume, base);
        if let Some(base) = BASES.iter().find(base) {
            let beside = if base.is_empty() { beside(lookup, own, &XBOOTLDR) } else { Vec::new() };
            let places =
                std::iter::once((volume, *base)).chain(beside.into_iter().map(|volume| (volume, "")));
            return systemd_boot::find(lookup, context, (volume, base), &places.collect::<Vec<_>>());
        }
        if is_type(own, &XBOOTLDR)
            && beside(lookup, own, &ESP).into_iter().any(|esp| is_systemd_boots(lookup, esp, ""))
        {
            return None;
        }
        if GRUB_CONFIGURATIONS.iter().any(|path| lookup.is_file(volume, path)) {
            return None;
        }
        if is_type(own, &ESP) || is_type(own, &XBOOTLDR) || type2::are_in(lookup, (volume, "")) {
            return systemd_boot::find(lookup, context, (volume, ""), &[(volume, "")]);
        }
        grub::find(lookup, volume)
    }
}

/// Whether systemd-boot is installed here: its program, its configuration, or the mark that bootctl leaves.
fn is_systemd_boots(lookup: &dyn Lookup, volume: usize, base: &str) -> bool {
    let programs = ["EFI/systemd", "efi/systemd", "EFI/SYSTEMD"].into_iter();
    lookup.is_file(volume, &format!("{base}/loader/loader.conf"))
        || lookup.is_file(volume, &format!("{base}/loader/entries.srel"))
        || programs.flat_map(|path| lookup.list(volume, &format!("{base}/{path}"))).any(|file| {
            let name = file.name.to_ascii_lowercase();
            name.starts_with("systemd-boot") && name.ends_with(".efi")
        })
}

fn is_type(volume: &Volume, types: &[&str; 2]) -> bool {
    let partition = volume.device.partition.as_ref();
    partition
        .and_then(|partition| partition.type_id.as_deref().map(|kind| (partition.table, kind)))
        .is_some_and(|(table, kind)| {
            let [guid, number] = types;
            match table {
                PartitionTable::Gpt => kind.eq_ignore_ascii_case(guid),
                PartitionTable::Mbr => kind.eq_ignore_ascii_case(number),
            }
        })
}

/// Volumes of these partition types on the same disk.
fn beside(lookup: &dyn Lookup, own: &Volume, types: &[&str; 2]) -> Vec<usize> {
    let volumes = lookup.volumes().iter().enumerate();
    volumes
        .filter(|(_, other)| {
            other.device.disk == own.device.disk
                && other.device.name != own.device.name
                && is_type(other, types)
        })
        .map(|(place, _)| place)
        .collect()
}

/// An entry file, or a unified kernel image that is an entry by itself.
struct EntryFile {
    name: EntryName,
    entry: BlsEntry,
    volume: usize,
    base: &'static str,
    /// Path of the file.
    path: String,
    /// The profile of a unified kernel image that the file itself is; `None` for type 1 files.
    profile: Option<Profile>,
}

impl EntryFile {
    /// A file that the entry names, counted from the root of its partition.
    fn reference(&self, lookup: &dyn Lookup, path: &str) -> FileReference {
        reference(lookup, self.volume, self.base, path)
    }
}

/// A file under `base` on a volume, written with or without a slash before it, or with EFI's backslashes.
fn reference(lookup: &dyn Lookup, volume: usize, base: &str, path: &str) -> FileReference {
    let mut parts = String::from(base);
    for part in path.split(['/', '\\']).filter(|part| !part.is_empty()) {
        parts.push('/');
        parts.push_str(part);
    }
    FileReference::new(lookup.volume_reference(volume), parts)
}

/// Notes a directory for entry files that holds none.
fn empty(lookup: &dyn Lookup, volume: usize, base: &str) -> Option<Note> {
    let path = format!("{base}/loader/entries");
    let is_directory =
        lookup.status(volume, &path, true).is_some_and(|status| status.kind == FileKind::Directory);
    is_directory.then(|| Note {
        action: NoteAction::PassedOver,
        volume: lookup.volume_reference(volume),
        path,
        message: "a directory without an entry that can be read".into(),
    })
}

/// Reads the entry files of one directory.
fn entries(
    lookup: &dyn Lookup,
    (volume, base): (usize, &'static str),
    reading: Reading,
    findings: &mut Findings,
) -> Vec<EntryFile> {
    let directory = format!("{base}/loader/entries");
    let mut entries = Vec::new();
    for file in lookup.list(volume, &directory) {
        let Some(name) = entry_name(&file.name, ".conf").filter(|_| file.kind != FileKind::Directory) else {
            continue;
        };
        let path = format!("{directory}/{}", file.name);
        if entries.len() >= ENTRY_LIMIT {
            findings.warnings.push(warning(
                lookup,
                volume,
                &path,
                format!("only the first {ENTRY_LIMIT} entries are read; this one and all after it are lost"),
            ));
            break;
        }
        match lookup.read(volume, &path, CONFIG_LIMIT) {
            Ok(content) => {
                let entry = BlsEntry::parse(&text::decode(&content), reading);
                entries.push(EntryFile { name, entry, volume, base, path, profile: None });
            }
            Err(error) => {
                findings.warnings.push(warning(
                    lookup,
                    volume,
                    &path,
                    format!("{error}: this entry is lost"),
                ));
            }
        }
    }
    entries
}

fn warning(lookup: &dyn Lookup, volume: usize, path: &str, message: String) -> Warning {
    Warning { volume: lookup.volume_reference(volume), path: path.to_owned(), line: None, message }
}
