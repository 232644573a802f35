//! `load_env`, `save_env` and `list_env`: variables kept in a file (GNU GRUB manual, "load_env", "save_env").

use std::rc::Rc;

use super::{Call, Handler};
use crate::grub::{
    environment_block,
    environment_block::{BLOCK_LIMIT, Change, RESERVED},
    evaluate::Evaluator,
    failure::{CommandFailure, CommandResult, Status},
    options::{Known, Rule, Value, known, parse},
};

pub const COMMANDS: &[(&str, Handler)] = &[("load_env", load), ("save_env", save), ("list_env", list)];

const OPTIONS: &[Known] =
    &[known("file", Some('f'), Value::Needed), known("skip-sig", Some('s'), Value::None)];

fn load(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> CommandResult {
    let given = parse(call.words, OPTIONS, Rule::Strict)?;
    let (path, bytes) = read(evaluator, given.value("file"))?;
    let variables = environment_block::read(&bytes).ok_or_else(|| {
        CommandFailure::new(Status::BadFileType, format!("{}: not an environment block", path.path))
    })?;
    let wanted = |name: &str| given.arguments.is_empty() || given.arguments.iter().any(|it| it == name);
    for (name, value) in variables.into_iter().filter(|(name, _)| wanted(name)) {
        evaluator.environment.set(&name, &value);
    }
    // A variable that this script has saved since counts as written.
    let changes = evaluator.changes.clone();
    for change in changes.iter().filter(|change| change.block == path && wanted(&change.name)) {
        if let Some(value) = &change.value {
            evaluator.environment.set(&change.name, value);
        }
    }
    Ok(())
}

/// Only shows them.
fn list(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> CommandResult {
    let given = parse(call.words, OPTIONS, Rule::Strict)?;
    read(evaluator, given.value("file")).map(drop)
}

/// Notes what GRUB would write; a variable that is unset is deleted from the block.
fn save(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> CommandResult {
    let given = parse(call.words, OPTIONS, Rule::Strict)?;
    if given.arguments.is_empty() {
        return Err(CommandFailure::usage("save_env takes variables"));
    }
    let (path, bytes) = read(evaluator, given.value("file"))?;
    if environment_block::read(&bytes).is_none() {
        return Err(CommandFailure::new(
            Status::BadFileType,
            format!("{}: not an environment block", path.path),
        ));
    }
    if path.inside.is_some() {
        // A medium that nobody writes to.
        return Ok(());
    }
    for name in given.arguments {
        let value = evaluator.environment.get(&name).map(|value| value.to_string());
        let changes = Rc::make_mut(&mut evaluator.changes);
        changes.retain(|change| change.block != path || change.name != name);
        changes.push(Change::new(path.clone(), name, value));
    }
    Ok(())
}

/// The block's file and its bytes.
fn read(
    evaluator: &mut Evaluator<'_>,
    path: Option<&str>,
) -> Result<(crate::entry::FileReference, Vec<u8>), CommandFailure> {
    evaluator.spend_lookup();
    let path =
        path.map_or_else(|| format!("{}/grubenv", evaluator.environment.value("prefix")), str::to_owned);
    if let Some((device, RESERVED)) = path.strip_prefix('(').and_then(|rest| rest.split_once(')')) {
        let volume = evaluator.devices.file_volume(evaluator.lookup, device);
        let volume = volume
            .ok_or_else(|| CommandFailure::new(Status::UnknownDevice, format!("{path}: no such device")))?;
        // Of a directory that stands for a file system nobody knows what is outside of the files; that is no fault to tell.
        let block = evaluator.lookup.volume(volume).and_then(|volume| volume.boot_area.clone());
        let block = block.ok_or(CommandFailure::new(Status::BadFileType, ""))?;
        return Ok((evaluator.lookup.reference(volume, RESERVED), block));
    }
    let file = evaluator.locate(&path).ok_or_else(|| {
        CommandFailure::new(Status::UnknownDevice, format!("{path}: no such file on a known device"))
    })?;
    let bytes = evaluator
        .lookup
        .read(file.volume, &file.path, BLOCK_LIMIT)
        .map_err(|error| CommandFailure::new(Status::FileNotFound, format!("{path}: {error}")))?;
    evaluator.spend(bytes.len());
    Ok((file.reference(evaluator.lookup), bytes))
}
