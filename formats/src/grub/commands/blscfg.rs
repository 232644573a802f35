//! `blscfg`: entries of the Boot Loader Specification as the GRUB of Fedora and Red Hat, and GNU GRUB from 2.14 on, make
//! menu entries of them.
//!
//! The text that they generate is run like any other script, so quotes, `;` and `$` in an entry's options mean what they
//! mean in a script.

use std::cmp::Ordering;

use super::{Call, Handler, uki};
use crate::{
    bls::{BlsEntry, Program, Reading, fields},
    grub::{
        evaluate::{Evaluator, Place},
        failure::{CommandFailure, CommandResult, Status},
        flavour::EntryFiles,
        menu::{Body, MenuItem, Users},
        number,
        options::{Rule, parse},
    },
    lookup::FileKind,
    sort, text, version,
};

pub const COMMANDS: &[(&str, Handler)] = &[("blscfg", blscfg), ("bls_import", blscfg)];

/// Maximum size of an entry file in bytes, and number of them in a directory.
const FILE_LIMIT: usize = 64 << 10;
const COUNT_LIMIT: usize = 4096;

/// Directory of entries unless something else is said; GNU GRUB knows only the first.
const DIRECTORIES: [&str; 2] = ["/loader/entries", "/boot/loader/entries"];

/// One entry file.
struct File {
    /// Its name without `.conf`.
    id: String,
    path: String,
    text: String,
}

fn blscfg(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> CommandResult {
    evaluator.uses_entry_files = true;
    let given = parse(call.words, uki::OPTIONS, Rule::Lenient)?;
    let gnu = evaluator.flavour.entry_files == EntryFiles::Gnu;
    // GNU GRUB has options for what is an argument, or `blsdir`, elsewhere.
    let argument = given.argument(0).filter(|_| !gnu).unwrap_or_default();
    let is_place = |word: &&str| word.starts_with(['(', '/']);
    let named = given.value("path").or(Some(argument)).filter(is_place).map(str::to_owned);
    let named = named.or_else(|| {
        let directory = evaluator.environment.get("blsdir").filter(|path| !gnu && !path.is_empty());
        directory.map(|path| path.to_string())
    });
    let usual = match (gnu, named.is_none() || given.has("enable-fallback")) {
        (false, _) => &DIRECTORIES[..],
        (true, usual) => DIRECTORIES.get(..usize::from(usual)).unwrap_or_default(),
    };
    let directories: Vec<String> = named.into_iter().chain(usual.iter().map(|&it| it.to_owned())).collect();
    let found = directories.iter().find_map(|directory| files(evaluator, directory));
    let Some((volume, mut files)) = found else {
        let message = format!("blscfg: no entries in {}", directories.join(", "));
        if gnu {
            // GNU GRUB says nothing and succeeds.
            evaluator.warn(message);
            return Ok(());
        }
        return Err(CommandFailure::new(Status::FileNotFound, message));
    };
    // Newest first. Of files that compare equal the first that is read is kept.
    let compare = |a: &File, b: &File| match gnu {
        true => version::file(&file_name(&b.id), &file_name(&a.id)),
        false => version::entry_file(&b.id, &a.id),
    };
    sort::by(&mut files, compare);
    if evaluator.flavour.entry_files == EntryFiles::ByVersion {
        let versions: Option<Vec<String>> =
            files.iter().map(|file| BlsEntry::parse(&file.text, Reading::Grub).version).collect();
        if let Some(versions) = versions {
            let mut keyed: Vec<(String, File)> = versions.into_iter().zip(files).collect();
            sort::by(&mut keyed, |(one, _), (other, _)| version::rpm(other, one));
            files = keyed.into_iter().map(|(_, file)| file).collect();
        }
    }
    files.dedup_by(|later, first| compare(later, first) == Ordering::Equal);
    let default = evaluator.environment.value("default").to_string();
    let by_number = number::leading(&default).filter(|number| number.rest.is_empty());
    let by_number = by_number.and_then(|number| usize::try_from(number.value).ok());
    for (index, file) in files.iter().enumerate() {
        let Some(item) = item(evaluator, volume, file, gnu) else { continue };
        // GNU GRUB has not cut off the suffix yet.
        let name = if gnu { file_name(&file.id) } else { file.id.clone() };
        let is_default = [&name, &item.title].contains(&&default) || by_number == Some(index);
        let kinds =
            [("show-default", "default", is_default), ("show-non-default", "non-default", !is_default)];
        let mut chosen =
            kinds.iter().filter(|(option, word, _)| argument == *word || given.has(option)).peekable();
        let only = given.value("entry").or(Some(argument).filter(|word| !word.is_empty() && !is_place(word)));
        let wanted = match (chosen.peek(), only) {
            (None, None) => true,
            (_, only) => only == Some(&name) || chosen.any(|(.., applies)| *applies),
        };
        if wanted {
            evaluator.menu.push(item);
        }
    }
    Ok(())
}

fn file_name(id: &str) -> String {
    format!("{id}.conf")
}

/// The entry files of a directory; `None` if there are none.
fn files(evaluator: &mut Evaluator<'_>, directory: &str) -> Option<(usize, Vec<File>)> {
    evaluator.spend_lookup();
    let place = evaluator.locate(directory)?;
    let mut files = Vec::new();
    for entry in evaluator.lookup.list(place.volume, &place.path).into_iter().take(COUNT_LIMIT) {
        let is_entry = entry.kind != FileKind::Directory && !entry.name.starts_with('.');
        let Some(id) = entry.name.strip_suffix(".conf").filter(|id| is_entry && !id.is_empty()) else {
            continue;
        };
        evaluator.spend_lookup();
        let path = format!("{}/{}", place.path.trim_end_matches('/'), entry.name);
        match evaluator.lookup.read(place.volume, &path, FILE_LIMIT) {
            Ok(bytes) => {
                evaluator.earn(place.volume, &path, bytes.len());
                evaluator.spend(bytes.len());
                files.push(File { id: id.to_owned(), path, text: text::decode(&bytes) });
            }
            Err(error) => evaluator.warn(format_args!("{path}: {error}")),
        }
    }
    (!files.is_empty()).then_some((place.volume, files))
}

fn item(evaluator: &mut Evaluator<'_>, volume: usize, file: &File, gnu: bool) -> Option<MenuItem> {
    let entry = BlsEntry::parse(&file.text, Reading::Grub);
    let (command, path) = match &entry.program {
        Some(Program::Linux(path)) => ("linux", path),
        Some(Program::Efi(path) | Program::Uki(path)) if !gnu => ("chainloader", path),
        _ => {
            evaluator.warn(format_args!("{}: names no kernel", file.path));
            return None;
        }
    };
    let values = |key: &str| {
        let fields = fields(&file.text, Reading::Grub).into_iter().filter(|field| field.key == key);
        fields.map(|field| field.value.to_owned()).collect::<Vec<_>>()
    };
    let title = entry.title.clone().unwrap_or_else(|| path.clone());
    let mut arguments = vec![title.clone()];
    arguments.extend(values("grub_arg"));
    let users = values("grub_users").first().map(|users| expand(evaluator, users));
    let body = if gnu { gnu_body(evaluator, &entry, path) } else { body(evaluator, &entry, command, path) };
    evaluator.spend(body.len());
    Some(MenuItem {
        id: file.id.clone(),
        title,
        arguments,
        classes: values("grub_class"),
        hotkey: values("grub_hotkey").into_iter().next(),
        users: users.filter(|users| !users.is_empty()).map_or(Users::Anybody, Users::Named),
        submenu: false,
        hidden: false,
        place: Place { volume, path: file.path.as_str().into() },
        line: 0,
        body: Body::Text(body.into()),
    })
}

/// The script of an entry as GNU GRUB writes it: paths as they are there, on the device `$root`.
fn gnu_body(evaluator: &Evaluator<'_>, entry: &BlsEntry, linux: &str) -> String {
    let mut script = uki::save_default(evaluator).to_owned();
    let line = |script: &mut String, words: &[&str]| script.push_str(&format!("{}\n", words.join(" ")));
    let options = entry.options.as_ref().map(|options| expand(evaluator, options));
    line(&mut script, &[&["linux", linux][..], &options.as_deref().map_or(vec![], |it| vec![it])].concat());
    if !entry.initrds.is_empty() {
        line(&mut script, &["initrd", &entry.initrds.join(" ")]);
    }
    if let Some(path) = &entry.devicetree {
        line(&mut script, &["devicetree", &expand(evaluator, path)]);
    }
    script
}

/// The script of an entry as Fedora's GRUB writes it.
fn body(evaluator: &Evaluator<'_>, entry: &BlsEntry, command: &str, path: &str) -> String {
    let variable = |name: &str| evaluator.environment.get(name).filter(|value| !value.is_empty());
    let mut script = String::new();
    if variable("save_default").as_deref() == Some("true") {
        script.push_str("savedefault\n");
    }
    let options = match &entry.options {
        Some(options) => expand(evaluator, options),
        None => variable("default_kernelopts").map(|options| expand(evaluator, &options)).unwrap_or_default(),
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

/// Puts variables in: a value is followed by one space, in the place of the one after the name. A piece of text of one
/// character gets lost on the way, as does a name of one letter that ends the text or comes before another.
fn expand(evaluator: &Evaluator<'_>, value: &str) -> String {
    let keep = |piece: &str| piece.len() != 1;
    let mut expanded = String::new();
    let mut rest = value;
    while let Some((before, after)) = rest.split_once('$') {
        if keep(before) {
            expanded.push_str(before);
        }
        let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
        let (name, following) = after.split_at_checked(end).unwrap_or((after, ""));
        let is_read = keep(name) || !(following.is_empty() || following.starts_with('$'));
        if let Some(value) = evaluator.environment.get(name).filter(|_| is_read) {
            expanded.push_str(&value);
            expanded.push(' ');
        }
        rest = following.strip_prefix(' ').unwrap_or(following);
    }
    if keep(rest) {
        expanded.push_str(rest);
    }
    expanded
}
