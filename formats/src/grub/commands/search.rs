//! `search`: a volume by its UUID, its label, or a file on it (GNU GRUB manual, "search").

use super::{Call, Handler};
use crate::{
    entry::FilesystemKind,
    grub::{
        device::single_slashes,
        evaluate::Evaluator,
        failure::{CommandFailure, CommandResult, Status},
        options::{Known, Rule, Value, known, parse},
    },
    lookup::FileKind,
};

pub const COMMANDS: &[(&str, Handler)] = &[
    ("search", search),
    ("search.file", |evaluator, call| short(evaluator, call, SearchKind::File)),
    ("search.fs_label", |evaluator, call| short(evaluator, call, SearchKind::Label)),
    ("search.fs_uuid", |evaluator, call| short(evaluator, call, SearchKind::Uuid)),
    ("search.part_uuid", |evaluator, call| short(evaluator, call, SearchKind::PartitionUuid)),
];

const OPTIONS: &[Known] = &[
    known("file", Some('f'), Value::None),
    known("label", Some('l'), Value::None),
    known("fs-uuid", Some('u'), Value::None),
    known("part-uuid", Some('p'), Value::None),
    known("set", Some('s'), Value::Optional),
    known("no-floppy", Some('n'), Value::None),
    known("efidisk-only", None, Value::None),
    known("cryptodisk-only", None, Value::None),
    known("root-dev-only", Some('r'), Value::None),
    known("hint", Some('h'), Value::Needed),
    known("hint-ieee1275", None, Value::Needed),
    known("hint-bios", None, Value::Needed),
    known("hint-baremetal", None, Value::Needed),
    known("hint-efi", None, Value::Needed),
    known("hint-arc", None, Value::Needed),
];

#[derive(Clone, Copy)]
enum SearchKind {
    File,
    Label,
    Uuid,
    PartitionUuid,
}

fn search(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> CommandResult {
    let given = parse(call.words, OPTIONS, Rule::Lenient)?;
    // Hints for platforms of the future are skipped.
    let key = given.arguments.iter().find(|word| !word.starts_with("--hint-")).map(String::as_str);
    // The word after `--set` is the key where there is no other (Guix writes `--fs-uuid --set UUID`).
    let (key, variable) = match (key, given.value("set")) {
        (Some(key), variable) => (key, variable.unwrap_or("root")),
        (None, Some(key)) => (key, "root"),
        (None, None) => return Err(CommandFailure::usage("search lacks what to search for")),
    };
    let kind = if given.has("label") {
        SearchKind::Label
    } else if given.has("fs-uuid") {
        SearchKind::Uuid
    } else if given.has("part-uuid") {
        SearchKind::PartitionUuid
    } else if given.has("file") {
        SearchKind::File
    } else {
        return Err(CommandFailure::new(Status::InvalidCommand, "search lacks by what to search"));
    };
    let hints: Vec<&str> = ["hint", if evaluator.facts.efi { "hint-efi" } else { "hint-bios" }]
        .iter()
        .flat_map(|name| given.values(name))
        .collect();
    let variable = given.has("set").then_some(variable);
    find(evaluator, kind, key, variable, (&hints, given.has("root-dev-only")))
}

/// The forms that boot images embed: KEY, VARIABLE, HINTS.
fn short(evaluator: &mut Evaluator<'_>, call: &Call<'_>, kind: SearchKind) -> CommandResult {
    let key =
        call.word(0).ok_or_else(|| CommandFailure::usage(format!("{} takes one argument", call.name)))?;
    let hints: Vec<&str> = call.words.iter().skip(2).map(String::as_str).collect();
    find(evaluator, kind, key, call.word(1), (&hints, false))
}

fn find(
    evaluator: &mut Evaluator<'_>,
    kind: SearchKind,
    key: &str,
    variable: Option<&str>,
    (hints, only_on_root): (&[&str], bool),
) -> CommandResult {
    let lookup = evaluator.lookup;
    let hinted = hints.iter().map(|hint| hint.trim_end_matches(','));
    let hinted = hinted.filter_map(|hint| Some((evaluator.devices.volume(lookup, hint)?, Some(hint))));
    let mut order: Vec<(usize, Option<&str>)> = hinted.collect();
    order.extend(evaluator.devices.search_order(lookup).into_iter().map(|volume| (volume, None)));
    if only_on_root {
        // Fedora's: where $root is, or anywhere if that is nowhere.
        let disk = |volume: usize| lookup.volume(volume).map(|it| it.device.disk.as_str());
        let root = evaluator.devices.volume(lookup, &evaluator.environment.value("root")).and_then(disk);
        order.retain(|(volume, _)| root.is_none() || disk(*volume) == root);
    }
    let mut found = None;
    for (volume, hint) in order {
        if matches!(kind, SearchKind::File) {
            evaluator.spend_lookup();
        }
        if matches_key(evaluator, volume, kind, key) {
            found = Some((volume, hint));
            break;
        }
    }
    if found.is_none() && !matches!(kind, SearchKind::File) && !key.is_empty() {
        found = unidentified(evaluator).map(|volume| (volume, None));
    }
    let Some((volume, hint)) = found else {
        return Err(CommandFailure::new(Status::FileNotFound, format!("search: no volume with {key}")));
    };
    if let Some(variable) = variable {
        // A device that a hint led to has the hint's name.
        let name = hint.map_or_else(|| evaluator.devices.name(lookup, volume), str::to_owned);
        evaluator.environment.set(variable, &name);
    }
    Ok(())
}

fn matches_key(evaluator: &Evaluator<'_>, volume: usize, kind: SearchKind, key: &str) -> bool {
    let Some(it) = evaluator.lookup.volume(volume) else {
        return false;
    };
    let same = |id: Option<&String>| id.is_some_and(|id| id.eq_ignore_ascii_case(key));
    match kind {
        SearchKind::Label => it.filesystem.label.as_deref() == Some(key),
        SearchKind::Uuid => same(it.filesystem.uuid.as_ref()),
        SearchKind::PartitionUuid => {
            same(it.device.partition.as_ref().and_then(|partition| partition.uuid.as_ref()))
        }
        SearchKind::File => {
            let path = key.starts_with('/').then(|| single_slashes(key));
            path.and_then(|path| evaluator.lookup.status(volume, &path, true))
                .is_some_and(|status| status.kind == FileKind::File)
        }
    }
}

/// A directory that stands for a file system may well be the one that is searched for, if it has no UUID and no label
/// that would say otherwise.
fn unidentified(evaluator: &Evaluator<'_>) -> Option<usize> {
    evaluator.devices.search_order(evaluator.lookup).into_iter().find(|&volume| {
        evaluator.lookup.volume(volume).is_some_and(|it| {
            let filesystem = &it.filesystem;
            filesystem.kind == FilesystemKind::Unknown
                && filesystem.uuid.is_none()
                && filesystem.label.is_none()
        })
    })
}
