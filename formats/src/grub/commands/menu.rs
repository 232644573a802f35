//! `menuentry`, `submenu` and `hiddenentry`: entries of the menu being built (GNU GRUB manual, "menuentry").

use super::{Call, Handler};
use crate::grub::{
    evaluate::Evaluator,
    failure::{CommandFailure, CommandResult, Status},
    menu::{Body, MenuItem, Users, has_superusers},
    options::{Known, Rule, Value, known, parse},
};

pub const COMMANDS: &[(&str, Handler)] = &[
    ("menuentry", entry),
    ("submenu", entry),
    ("hiddenentry", entry),
    ("password", password),
    ("password_pbkdf2", password),
    ("authenticate", authenticate),
];

const OPTIONS: &[Known] = &[
    known("class", Some('c'), Value::Needed),
    known("users", Some('u'), Value::Needed),
    known("hotkey", Some('k'), Value::Needed),
    known("source", Some('s'), Value::Needed),
    known("id", None, Value::Needed),
    known("unrestricted", None, Value::None),
];

/// A menu has no more entries than this.
const ENTRY_LIMIT: usize = 16_384;

fn entry(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> CommandResult {
    let words = match (&call.block, call.words) {
        (Some(_), [words @ .., _]) => words,
        (_, words) => words,
    };
    if call.words.is_empty() {
        return Err(CommandFailure::usage(format!("{} lacks its arguments", call.name)));
    }
    let given = parse(words, OPTIONS, Rule::Lenient)?;
    let body = match (&call.block, given.value("source")) {
        (Some(_), Some(_)) => return Err(CommandFailure::usage(format!("{} has two bodies", call.name))),
        (Some(block), None) => Body::Block(block.clone()),
        (None, Some(text)) => Body::Text(text.into()),
        (None, None) => return Err(CommandFailure::usage(format!("{} has no body", call.name))),
    };
    let Some(title) = given.argument(0) else {
        return Err(CommandFailure::new(Status::Menu, format!("{} has no title", call.name)));
    };
    if evaluator.menu.len() >= ENTRY_LIMIT {
        let message = format!("a menu has at most {ENTRY_LIMIT} entries; this one and all after it are lost");
        let is_said = evaluator.warnings.last().is_some_and(|last| last.message == message);
        return Err(CommandFailure::new(Status::Menu, if is_said { String::new() } else { message }));
    }
    let users = match given.value("users") {
        Some(users) => Users::Named(users.into()),
        None if given.has("unrestricted") => Users::Anybody,
        None => Users::Superusers,
    };
    evaluator.spend(call.words.iter().map(String::len).sum());
    let item = MenuItem {
        id: given.value("id").unwrap_or(title).into(),
        title: title.into(),
        classes: given.values("class").map(str::to_owned).collect(),
        hotkey: given.value("hotkey").map(str::to_owned),
        users,
        submenu: call.name == "submenu",
        hidden: call.name == "hiddenentry",
        place: evaluator.place.clone(),
        line: evaluator.line(),
        body,
        arguments: given.arguments,
    };
    evaluator.menu.push(item);
    Ok(())
}

/// Passwords are never asked for here: what needs one is locked.
fn password(_: &mut Evaluator<'_>, _: &Call<'_>) -> CommandResult {
    Ok(())
}

/// GRUB would run the statements after it once somebody has given a password.
fn authenticate(evaluator: &mut Evaluator<'_>, _: &Call<'_>) -> CommandResult {
    evaluator.asks_password |= has_superusers(&evaluator.environment);
    Ok(())
}
