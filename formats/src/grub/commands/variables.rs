//! Variables: set, unset, export, and counting.

use super::{Call, Handler};
use crate::grub::{
    evaluate::Evaluator,
    failure::{Failure, Outcome, Status},
    number,
};

pub const COMMANDS: &[(&str, Handler)] = &[
    ("set", set),
    ("unset", unset),
    ("export", export),
    ("increment", |evaluator, call| count(evaluator, call, 1)),
    ("decrement", |evaluator, call| count(evaluator, call, -1)),
];

fn set(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> Outcome {
    let Some(word) = call.word(0) else {
        return Ok(());
    };
    let (name, value) =
        word.split_once('=').ok_or_else(|| Failure::usage(format!("set: “{word}” assigns nothing")))?;
    evaluator.environment.set(name, value);
    Ok(())
}

fn unset(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> Outcome {
    let name = call.word(0).ok_or_else(|| Failure::usage("unset takes a variable"))?;
    evaluator.environment.unset(name);
    Ok(())
}

fn export(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> Outcome {
    if call.words.is_empty() {
        return Err(Failure::usage("export takes variables"));
    }
    // It takes no values: a word with “=” is a name like any other.
    for name in call.words {
        evaluator.environment.export(name);
    }
    Ok(())
}

/// Fedora's boot counting.
fn count(evaluator: &mut Evaluator<'_>, call: &Call<'_>, by: i64) -> Outcome {
    let name = call.word(0).ok_or_else(|| Failure::usage(format!("{} takes a variable", call.name)))?;
    let value = evaluator
        .environment
        .get(name)
        .ok_or_else(|| Failure::new(Status::FileNotFound, format!("{}: {name} is unset", call.name)))?;
    let value = number::signed(&value).saturating_add(by);
    evaluator.environment.set(name, &value.to_string());
    Ok(())
}
