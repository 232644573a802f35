//! `blscfg`: entries of the Boot Loader Specification as the GRUB of Fedora and Red Hat makes menu entries of them.
//!
//! The text that it generates is run like any other script, so quotes, `;` and `$` in an entry's options mean what they
//! mean in a script.

use super::{Call, Handler, uki};
use crate::formats::{
    bls::{Entry, EntryName, Program, Reading, compare_grub, entry_name, fields},
    grub::{
        evaluate::{Evaluator, Place},
        failure::{Failure, Outcome, Status},
        menu::{Body, Item, Users},
        options::{Rule, parse},
    },
    lookup::FileKind,
    text, version,
};

pub const COMMANDS: &[(&str, Handler)] = &[("blscfg", blscfg), ("bls_import", blscfg)];

/// No entry file is larger, and no directory holds more of them.
const FILE_LIMIT: usize = 64 << 10;
const COUNT_LIMIT: usize = 4096;

/// Where entries stand unless `blsdir` says otherwise.
const DIRECTORIES: [&str; 2] = ["/loader/entries", "/boot/loader/entries"];

/// One entry file.
struct File {
    name: EntryName,
    path: String,
    text: String,
}

fn blscfg(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> Outcome {
    // GRUB 2.14 takes options for what Fedora's takes as an argument.
    let given = parse(call.words, uki::OPTIONS, Rule::Lenient)?;
    let argument = match (given.value("path"), given.value("entry")) {
        (Some(place), _) => place,
        (None, Some(id)) => id,
        _ if given.has("show-default") => "default",
        _ if given.has("show-non-default") => "non-default",
        _ => given.argument(0).unwrap_or_default(),
    };
    let named = if argument.starts_with('(') || argument.starts_with('/') {
        Some(argument.to_owned())
    } else {
        evaluator.environment.get("blsdir").filter(|path| !path.is_empty()).map(|path| path.to_string())
    };
    let directories: Vec<String> = named.into_iter().chain(DIRECTORIES.map(str::to_owned)).collect();
    let found = directories.iter().find_map(|directory| files(evaluator, directory));
    let Some((volume, mut files)) = found else {
        return Err(Failure::new(
            Status::FileNotFound,
            format!("blscfg: no entries in {}", directories.join(", ")),
        ));
    };
    files.sort_by(|a, b| compare_grub(&a.name, &b.name));
    if evaluator.flavour.sorts_by_version {
        let versions: Option<Vec<String>> =
            files.iter().map(|file| Entry::parse(&file.text, Reading::Grub).version).collect();
        if let Some(versions) = versions {
            let mut keyed: Vec<(String, File)> = versions.into_iter().zip(files).collect();
            keyed.sort_by(|(one, _), (other, _)| version::rpm(other, one));
            files = keyed.into_iter().map(|(_, file)| file).collect();
        }
    }
    files.dedup_by(|later, first| compare_grub(&later.name, &first.name).is_eq());
    let default = evaluator.environment.value("default");
    for file in files {
        let id = file.name.grub_id();
        let wanted = match argument {
            "default" => id == &*default,
            "non-default" => id != &*default,
            "" => true,
            place if place.starts_with(['(', '/']) => true,
            wanted => id == wanted,
        };
        if wanted && let Some(item) = item(evaluator, volume, &file) {
            evaluator.menu.push(item);
        }
    }
    Ok(())
}

/// The entry files of a directory; `None` if there are none.
fn files(evaluator: &mut Evaluator<'_>, directory: &str) -> Option<(usize, Vec<File>)> {
    evaluator.spend_look();
    let place = evaluator.locate(directory)?;
    let mut files = Vec::new();
    for entry in evaluator.lookup.list(place.volume, &place.path).into_iter().take(COUNT_LIMIT) {
        let hidden = entry.name.starts_with('.') || !entry.name.ends_with(".conf");
        let Some(name) =
            entry_name(&entry.name, ".conf").filter(|_| !hidden && entry.kind != FileKind::Directory)
        else {
            continue;
        };
        evaluator.spend_look();
        let path = format!("{}/{}", place.path.trim_end_matches('/'), entry.name);
        match evaluator.lookup.read(place.volume, &path, FILE_LIMIT) {
            Ok(bytes) => {
                evaluator.spend(bytes.len());
                files.push(File { name, path, text: text::decode(&bytes) });
            }
            Err(error) => evaluator.warn(format!("{path}: {error}")),
        }
    }
    (!files.is_empty()).then_some((place.volume, files))
}

fn item(evaluator: &mut Evaluator<'_>, volume: usize, file: &File) -> Option<Item> {
    let entry = Entry::parse(&file.text, Reading::Grub);
    let Some(Program::Linux(_) | Program::Efi(_) | Program::Uki(_)) = &entry.program else {
        evaluator.warn(format!("{}: names no kernel", file.path));
        return None;
    };
    let values = |key: &str| {
        let fields = fields(&file.text, Reading::Grub).into_iter().filter(|field| field.key == key);
        fields.map(|field| expand(evaluator, field.value)).collect::<Vec<_>>()
    };
    let (classes, hotkeys, users) = (values("grub_class"), values("grub_hotkey"), values("grub_users"));
    let mut arguments: Vec<String> = entry.title.iter().cloned().collect();
    if arguments.is_empty() {
        arguments.push(file.name.grub_id().to_owned());
    }
    let title = arguments.first().cloned().unwrap_or_default();
    arguments.extend(values("grub_arg"));
    let users = users.into_iter().find(|users| !users.trim().is_empty());
    let body = body(evaluator, &entry);
    evaluator.spend(body.len());
    Some(Item {
        id: file.name.grub_id().to_owned(),
        title,
        arguments,
        classes,
        hotkey: hotkeys.into_iter().next(),
        users: users.map_or(Users::Anybody, Users::Named),
        submenu: false,
        hidden: false,
        place: Place { volume, path: file.path.as_str().into() },
        line: 0,
        body: Body::Text(body.into()),
    })
}

/// The script of an entry.
fn body(evaluator: &Evaluator<'_>, entry: &Entry) -> String {
    let variable = |name: &str| evaluator.environment.get(name).filter(|value| !value.is_empty());
    let mut script = String::new();
    if variable("save_default").as_deref() == Some("true") {
        script.push_str("savedefault\n");
    }
    let options = match &entry.options {
        Some(options) => expand(evaluator, options),
        None => variable("default_kernelopts").map(|options| expand(evaluator, &options)).unwrap_or_default(),
    };
    let (command, path) = match &entry.program {
        Some(Program::Linux(path)) => ("linux", path),
        Some(Program::Efi(path) | Program::Uki(path) | Program::UkiUrl(path)) => ("chainloader", path),
        None => return script,
    };
    script.push_str(&format!("{command} ($root){} {options}\n", rooted(path)));
    if let Some(first) = entry.initrds.first() {
        script.push_str("initrd");
        let directory = first.rsplit_once('/').map_or("", |(directory, _)| directory);
        for early in variable("early_initrd").iter().flat_map(|early| early.split_whitespace()) {
            script.push_str(&format!(" ($root){}/{early}", rooted(directory)));
        }
        for initrd in &entry.initrds {
            script.push_str(&format!(" ($root){}", rooted(initrd)));
        }
        script.push('\n');
    }
    let devicetree = entry.devicetree.as_ref().map(|path| expand(evaluator, path));
    if let Some(path) = devicetree.or_else(|| variable("devicetree").map(|path| path.to_string())) {
        script.push_str(&format!("devicetree ($root){}\n", rooted(path.trim_end())));
    }
    script
}

fn rooted(path: &str) -> String {
    if path.is_empty() || path.starts_with('/') { path.to_owned() } else { format!("/{path}") }
}

/// Puts variables in: a value is followed by one blank, in the place of the one behind the name.
fn expand(evaluator: &Evaluator<'_>, value: &str) -> String {
    let mut expanded = String::new();
    let mut rest = value;
    while let Some((before, after)) = rest.split_once('$') {
        expanded.push_str(before);
        let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
        let (name, behind) = after.split_at_checked(end).unwrap_or((after, ""));
        if let Some(value) = evaluator.environment.get(name) {
            expanded.push_str(&value);
            expanded.push(' ');
        }
        rest = behind.strip_prefix(' ').unwrap_or(behind);
    }
    expanded.push_str(rest);
    expanded
}
