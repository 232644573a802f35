//! `uki`: unified kernel images as menu entries, as GRUB 2.14 and Fedora's make them (GNU GRUB manual, "uki").

use super::{Call, Handler};
use crate::{
    grub::{
        evaluate::{Evaluator, Place},
        failure::{CommandFailure, CommandResult, Status},
        menu::{Body, MenuItem, Users},
        options::{Known, Rule, Value, known, parse},
    },
    kernel_file::pe,
    lookup::FileKind,
    sort,
    uki::{TEXT_LIMIT, profiles},
    version,
};

pub const COMMANDS: &[(&str, Handler)] = &[("uki", uki)];

/// Those of `blscfg`, too.
pub const OPTIONS: &[Known] = &[
    known("path", Some('p'), Value::Needed),
    known("enable-fallback", Some('f'), Value::None),
    known("show-default", Some('d'), Value::None),
    known("show-non-default", Some('n'), Value::None),
    known("entry", Some('e'), Value::Needed),
];

/// Where images are unless `--path` says otherwise.
const DIRECTORY: &str = "/EFI/Linux";

/// Maximum number of images of one directory that are read, and of bytes in the header of one.
const COUNT_LIMIT: usize = 256;
const HEAD_LENGTH: usize = 16 << 10;

fn uki(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> CommandResult {
    let given = parse(call.words, OPTIONS, Rule::Strict)?;
    let named = given.value("path").and_then(|path| evaluator.locate(path));
    let named = named.map(|place| (place.volume, place.path.trim_end_matches('/').to_owned()));
    let mut images = named.map(|place| find(evaluator, place)).unwrap_or_default();
    if images.is_empty() && (given.value("path").is_none() || given.has("enable-fallback")) {
        // GRUB looks on the volume that it was started from itself: the ESP.
        let order = evaluator.devices.search_order(evaluator.lookup);
        let places = order.into_iter().map(|volume| (volume, DIRECTORY.to_owned()));
        images =
            places.map(|place| find(evaluator, place)).find(|images| !images.is_empty()).unwrap_or_default();
    }
    if images.is_empty() {
        return Err(CommandFailure::new(Status::FileNotFound, "uki: no unified kernel image"));
    }
    sort::by(&mut images, |one, other| version::file(&other.id, &one.id));
    let default = evaluator.environment.value("default");
    for item in images {
        let is_default = item.id == *default;
        let is_wanted = match given.value("entry") {
            Some(id) => item.id == id,
            None if given.has("show-default") => is_default,
            None => !given.has("show-non-default") || !is_default,
        };
        if is_wanted {
            evaluator.menu.push(item);
        }
    }
    Ok(())
}

/// The images in a directory, as entries.
fn find(evaluator: &mut Evaluator<'_>, (volume, directory): (usize, String)) -> Vec<MenuItem> {
    evaluator.spend_lookup();
    let files = evaluator.lookup.list(volume, &directory).into_iter();
    let names = files.filter(|file| file.kind != FileKind::Directory && file.name.ends_with(".efi"));
    names.take(COUNT_LIMIT).filter_map(|file| item(evaluator, volume, &directory, &file.name)).collect()
}

fn item(evaluator: &mut Evaluator<'_>, volume: usize, directory: &str, name: &str) -> Option<MenuItem> {
    evaluator.spend_lookup();
    let lookup = evaluator.lookup;
    let path = format!("{directory}/{name}");
    let size = lookup.status(volume, &path, true)?.size;
    let program = pe::parse(&lookup.read_at(volume, &path, 0, HEAD_LENGTH).ok()?, size)?;
    let read = |section: &pe::Section| {
        let length = usize::try_from(section.size).ok()?.min(TEXT_LIMIT);
        lookup.read_at(volume, &path, section.offset.into(), length).ok()
    };
    let profile = profiles(&program, &read).into_iter().next()?;
    let device = evaluator.devices.name(lookup, volume);
    let save = save_default(evaluator);
    let cmdline = profile.cmdline.map(|cmdline| format!(" {cmdline}")).unwrap_or_default();
    Some(MenuItem {
        id: name.to_owned(),
        title: profile.title.clone(),
        arguments: vec![profile.title],
        classes: Vec::new(),
        hotkey: None,
        users: Users::Anybody,
        submenu: false,
        hidden: false,
        place: Place { volume, path: path.as_str().into() },
        line: 0,
        body: Body::Text(format!("{save}chainloader ({device}){path}{cmdline}\n").into()),
    })
}

/// The beginning of an entry's script where entries are to be remembered.
pub fn save_default(evaluator: &Evaluator<'_>) -> &'static str {
    match evaluator.environment.get("blsuki_save_default").as_deref() {
        Some("1" | "true" | "y") => "savedefault\n",
        _ => "",
    }
}
