//! The directory as `blscfg` of Fedora's GRUB reads it, for a volume without GRUB's own configuration.

use super::{EntryFile, empty, entries, reference, warning};
use crate::{
    discover::finder::{Findings, Note, NoteAction},
    entry::{Entry, FileReference, Format, Kind, Partition, PartitionTable, Source},
    formats::{
        bls::{Program, Reading, compare_grub},
        lookup::Lookup,
        sort,
    },
};

/// Reads `/loader/entries`, or else `/boot/loader/entries`. Paths count from the root of the file system in both.
pub(super) fn find(lookup: &dyn Lookup, volume: usize) -> Option<Findings> {
    let mut findings = Findings::default();
    let directory = ["", "/boot"]
        .into_iter()
        .find(|base| !lookup.list(volume, &format!("{base}/loader/entries")).is_empty());
    let Some(directory) = directory else {
        let notes: Vec<Note> = ["", "/boot"].iter().filter_map(|base| empty(lookup, volume, base)).collect();
        return (!notes.is_empty()).then_some(Findings { notes, ..findings });
    };
    let mut files = entries(lookup, (volume, directory), Reading::Grub, &mut findings);
    // GRUB wants the suffix in lower case.
    files.retain(|file| file.name.file.ends_with(".conf"));
    sort::by(&mut files, |a, b| compare_grub(&a.name, &b.name));
    files.dedup_by(|later, first| compare_grub(&later.name, &first.name).is_eq());
    for file in files {
        match entry(lookup, &file) {
            Ok(entry) => findings.entries.push(entry),
            Err(message) => findings.warnings.push(warning(lookup, volume, &file.path, message)),
        }
    }
    // The first, as GRUB has it without a default: where it cannot be booted, the next one takes its place.
    findings.default = findings.entries.first().map(|entry| entry.id.clone());
    if findings.entries.is_empty() {
        findings.notes.extend(empty(lookup, volume, directory));
        return Some(findings);
    }
    findings.notes.push(Note {
        action: NoteAction::Guessed,
        volume: lookup.volume_reference(volume),
        path: format!("{directory}/loader/entries"),
        message: "neither systemd-boot nor a grub.cfg is here: read as Fedora's GRUB reads it, without its variables".into(),
    });
    Some(findings)
}

fn entry(lookup: &dyn Lookup, file: &EntryFile) -> Result<Entry, String> {
    let Some(Program::Linux(linux)) = &file.entry.program else {
        return Err("it has no linux: GRUB drops it".into());
    };
    // Where GRUB counted from the root of another volume mounted here, the files are beside the entries.
    let place = |path: &str| {
        let bases = ["", file.base].into_iter();
        let mut references = bases.map(|base| reference(lookup, file.volume, base, path));
        let first = references.next();
        let is_there = |file_: &FileReference| lookup.is_file(file.volume, &file_.path);
        match first {
            Some(first) if is_there(&first) => first,
            first => references.find(is_there).or(first).unwrap_or_else(|| file.reference(lookup, path)),
        }
    };
    let options = without_variables(file.entry.options.as_deref().unwrap_or_default());
    let kernel = place(linux);
    let lines: Vec<String> = file.entry.initrds.iter().map(|line| without_variables(line)).collect();
    let initrds: Vec<_> = lines.iter().flat_map(|line| line.split_whitespace()).map(place).collect();
    let missing =
        std::iter::once(&kernel).chain(&initrds).find(|part| !lookup.is_file(file.volume, &part.path));
    let problem = missing.map(|missing| format!("there is no {}", missing.path));
    let cmdline = format!("BOOT_IMAGE={}{linux} {options}", grub_device(lookup, file.volume));
    Ok(Entry {
        id: file.name.id.clone(),
        title: file.entry.title.clone().unwrap_or_else(|| linux.clone()),
        kind: Kind::Linux,
        source: Source {
            format: Format::Bls,
            volume: lookup.volume_reference(file.volume),
            path: file.path.clone(),
            inside: None,
            line: None,
        },
        kernel: Some(kernel),
        initrds,
        cmdline: cmdline.trim_end().to_owned(),
        devicetree: file.entry.devicetree.as_ref().map(|path| place(path)),
        version: file.entry.version.clone(),
        tries_left: file.name.tries_left,
        problem,
        ..Entry::default()
    })
}

/// The name that GRUB gives the volume on the first disk, where its own root would be.
fn grub_device(lookup: &dyn Lookup, volume: usize) -> String {
    let partition = lookup.volumes().get(volume).and_then(|volume| volume.device.partition.as_ref());
    match partition {
        Some(Partition { number, table: PartitionTable::Gpt, .. }) => format!("(hd0,gpt{number})"),
        Some(Partition { number, table: PartitionTable::Mbr, .. }) => format!("(hd0,msdos{number})"),
        None => "(hd0)".into(),
    }
}

/// Takes out `$name` and `${name}`, which only GRUB's own configuration sets, and one space after each.
fn without_variables(text: &str) -> String {
    let mut kept = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        kept.push_str(before);
        let is_name = |character: char| character.is_ascii_alphanumeric() || character == '_';
        let following = match after.strip_prefix('{').and_then(|name| name.split_once('}')) {
            Some((_, following)) => following,
            None => after.trim_start_matches(is_name),
        };
        rest = following.strip_prefix(' ').unwrap_or(following);
    }
    kept.push_str(rest);
    kept.trim_end().to_owned()
}
