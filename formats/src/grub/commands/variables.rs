//! Variables: set, unset, export, and counting.

use super::{Call, Handler};
use crate::grub::{
    evaluate::Evaluator,
    failure::{CommandFailure, CommandResult, Status},
    number,
};

pub const COMMANDS: &[(&str, Handler)] = &[
    ("set", set),
    ("unset", unset),
    ("export", export),
    ("increment", |evaluator, call| count(evaluator, call, 1)),
    ("decrement", |evaluator, call| count(evaluator, call, -1)),
];

fn set(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> CommandResult {
    let Some(word) = call.word(0) else {
        return Ok(());
    };
    let (name, value) = word
        .split_once('=')
        .ok_or_else(|| CommandFailure::usage(format!("set: “{word}” assigns nothing")))?;
    evaluator.environment.set(name, value);
    Ok(())
}

fn unset(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> CommandResult {
    let name = call.word(0).ok_or_else(|| CommandFailure::usage("unset takes a variable"))?;
    evaluator.environment.unset(name);
    Ok(())
}

fn export(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> CommandResult {
    if call.words.is_empty() {
        return Err(CommandFailure::usage("export takes variables"));
    }
    // It takes no values: a word with “=” is a name like any other.
    for name in call.words {
        evaluator.environment.export(name);
    }
    Ok(())
}

/// Fedora's boot counting.
fn count(evaluator: &mut Evaluator<'_>, call: &Call<'_>, by: i64) -> CommandResult {
    let name =
        call.word(0).ok_or_else(|| CommandFailure::usage(format!("{} takes a variable", call.name)))?;
    let value = evaluator.environment.get(name).ok_or_else(|| {
        CommandFailure::new(Status::FileNotFound, format!("{}: {name} is unset", call.name))
    })?;
    let value = number::signed(&value).saturating_add(by);
    evaluator.environment.set(name, &value.to_string());
    Ok(())
}
