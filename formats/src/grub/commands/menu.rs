//! `menuentry`, `submenu` and `hiddenentry`: entries of the menu being built (GNU GRUB manual, "menuentry"); the users that some
//! are for ("Authentication and authorisation").

use std::rc::Rc;

use super::{Call, Handler};
use crate::{
    entry::{Password, ROUND_LIMIT, Secret},
    grub::{
        evaluate::Evaluator,
        failure::{CommandFailure, CommandResult, Status},
        menu::{self, Body, MenuItem, Users},
        number,
        options::{Known, Rule, Value, known, parse},
    },
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

/// The beginning of a password as grub-mkpasswd-pbkdf2 makes it.
const PBKDF2: &str = "grub.pbkdf2.sha512.";

/// Users of one configuration.
const USER_LIMIT: usize = 64;

/// Sets the password of a user, in the place of an earlier one.
fn password(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> CommandResult {
    let [user, password] = call.words else {
        return Err(CommandFailure::usage(format!("{} takes a user and a password", call.name)));
    };
    let secret = match call.name {
        "password" => Some(Secret::Plain(password.clone())),
        _ => {
            let wrong =
                || CommandFailure::usage(format!("the password of “{user}” is not as GRUB writes it"));
            let (rounds, salt, hash) = pbkdf2(password).ok_or_else(wrong)?;
            let secret = u32::try_from(rounds).ok().and_then(|rounds| Secret::pbkdf2(rounds, salt, hash));
            if secret.is_none() {
                evaluator.warn(format_args!(
                    "the password of “{user}” takes more than {ROUND_LIMIT} rounds, or none: nobody can give it"
                ));
            }
            secret
        }
    };
    evaluator.spend(call.words.iter().map(String::len).sum());
    let known = evaluator.users.iter().position(|(name, _)| name == user);
    if known.is_none() && evaluator.users.len() >= USER_LIMIT {
        let message = format!("only the first {USER_LIMIT} users have passwords; “{user}” has none");
        return Err(CommandFailure::new(Status::OutOfMemory, message));
    }
    let place = secret
        .and_then(|secret| evaluator.account.keep_password(Password { user: Some(user.clone()), secret }));
    let users = Rc::make_mut(&mut evaluator.users);
    match known.and_then(|known| users.get_mut(known)) {
        Some(known) => known.1 = place,
        None => users.push((user.clone(), place)),
    }
    Ok(())
}

/// Rounds, salt and hash (grub-core/commands/password_pbkdf2.c).
fn pbkdf2(text: &str) -> Option<(u64, Vec<u8>, Vec<u8>)> {
    let (rounds, rest) = text.strip_prefix(PBKDF2)?.split_once('.')?;
    let (salt, hash) = rest.split_once('.')?;
    let number = number::leading(rounds).filter(|number| number.rest.is_empty())?;
    Some((number.value, bytes(salt)?, bytes(hash)?))
}

/// The bytes that hexadecimal digits stand for.
fn bytes(digits: &str) -> Option<Vec<u8>> {
    let (pairs, []) = digits.as_bytes().as_chunks::<2>() else { return None };
    let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    pairs.iter().map(|[high, low]| Some((digit(*high)? << 4) | digit(*low)?)).collect()
}

/// GRUB would run the statements after it once somebody has given a password.
fn authenticate(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> CommandResult {
    let users = call.words.first().map_or("", String::as_str);
    if let Some(lock) = menu::lock(evaluator, &evaluator.environment, users) {
        evaluator.asked = Some(menu::both(evaluator.asked.take(), &lock));
    }
    Ok(())
}
