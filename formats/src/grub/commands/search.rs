//! `search`: a volume by its UUID, its label, or a file on it (GNU GRUB manual, "search").

use super::{Call, Handler};
use crate::{
    entry::FilesystemKind,
    grub::{
        device::single_slashes,
        evaluate::Evaluator,
        failure::{Failure, Outcome, Status},
        options::{Known, Rule, Value, known, parse},
    },
    lookup::FileKind,
};

pub const COMMANDS: &[(&str, Handler)] = &[
    ("search", search),
    ("search.file", |evaluator, call| short(evaluator, call, Kind::File)),
    ("search.fs_label", |evaluator, call| short(evaluator, call, Kind::Label)),
    ("search.fs_uuid", |evaluator, call| short(evaluator, call, Kind::Uuid)),
    ("search.part_uuid", |evaluator, call| short(evaluator, call, Kind::PartitionUuid)),
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
enum Kind {
    File,
    Label,
    Uuid,
    PartitionUuid,
}

fn search(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> Outcome {
    let given = parse(call.words, OPTIONS, Rule::Lenient)?;
    // Hints for platforms of the future are skipped.
    let key = given.arguments.iter().find(|word| !word.starts_with("--hint-")).map(String::as_str);
    // What stands behind `--set` is the key where nothing else is (Guix writes `--fs-uuid --set UUID`).
    let (key, variable) = match (key, given.value("set")) {
        (Some(key), variable) => (key, variable.unwrap_or("root")),
        (None, Some(key)) => (key, "root"),
        (None, None) => return Err(Failure::usage("search lacks what to search for")),
    };
    let kind = if given.has("label") {
        Kind::Label
    } else if given.has("fs-uuid") {
        Kind::Uuid
    } else if given.has("part-uuid") {
        Kind::PartitionUuid
    } else if given.has("file") {
        Kind::File
    } else {
        return Err(Failure::new(Status::InvalidCommand, "search lacks by what to search"));
    };
    let hints: Vec<&str> = ["hint", if evaluator.facts.efi { "hint-efi" } else { "hint-bios" }]
        .iter()
        .flat_map(|name| given.values(name))
        .collect();
    let variable = given.has("set").then_some(variable);
    find(evaluator, kind, key, variable, (&hints, given.has("root-dev-only")))
}

/// The forms that boot images embed: KEY, VARIABLE, HINTS.
fn short(evaluator: &mut Evaluator<'_>, call: &Call<'_>, kind: Kind) -> Outcome {
    let key = call.word(0).ok_or_else(|| Failure::usage(format!("{} takes one argument", call.name)))?;
    let hints: Vec<&str> = call.words.iter().skip(2).map(String::as_str).collect();
    find(evaluator, kind, key, call.word(1), (&hints, false))
}

fn find(
    evaluator: &mut Evaluator<'_>,
    kind: Kind,
    key: &str,
    variable: Option<&str>,
    (hints, only_on_root): (&[&str], bool),
) -> Outcome {
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
        if matches!(kind, Kind::File) {
            evaluator.spend_look();
        }
        if matches_key(evaluator, volume, kind, key) {
            found = Some((volume, hint));
            break;
        }
    }
    if found.is_none() && !matches!(kind, Kind::File) && !key.is_empty() {
        found = unidentified(evaluator).map(|volume| (volume, None));
    }
    let Some((volume, hint)) = found else {
        return Err(Failure::new(Status::FileNotFound, format!("search: no volume with {key}")));
    };
    if let Some(variable) = variable {
        // What a hint has led to is called as the hint calls it.
        let name = hint.map_or_else(|| evaluator.devices.name(lookup, volume), str::to_owned);
        evaluator.environment.set(variable, &name);
    }
    Ok(())
}

fn matches_key(evaluator: &Evaluator<'_>, volume: usize, kind: Kind, key: &str) -> bool {
    let Some(it) = evaluator.lookup.volume(volume) else {
        return false;
    };
    let same = |id: Option<&String>| id.is_some_and(|id| id.eq_ignore_ascii_case(key));
    match kind {
        Kind::Label => it.filesystem.label.as_deref() == Some(key),
        Kind::Uuid => same(it.filesystem.uuid.as_ref()),
        Kind::PartitionUuid => {
            same(it.device.partition.as_ref().and_then(|partition| partition.uuid.as_ref()))
        }
        Kind::File => {
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
