//! `regexp`: does a text match an expression, and what its groups matched (GNU GRUB manual, "regexp").

use super::{Call, Handler};
use crate::grub::{
    ere::Expression,
    evaluate::Evaluator,
    failure::{CommandFailure, CommandResult},
    number,
    options::{Known, Rule, Value, known, parse},
};

pub const COMMANDS: &[(&str, Handler)] = &[("regexp", regexp)];

/// Units of work for each step of a match.
const STEP: usize = 16;

const OPTIONS: &[Known] = &[known("set", Some('s'), Value::Needed)];

fn regexp(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> CommandResult {
    let given = parse(call.words, OPTIONS, Rule::Strict)?;
    let [expression, text] = given.arguments.as_slice() else {
        return Err(CommandFailure::usage("regexp takes an expression and a text"));
    };
    evaluator.wildcards = true;
    // Matching is bounded by itself; a script that does it again and again is bounded here.
    evaluator.spend(expression.len().saturating_add(text.len()).saturating_mul(64));
    let (captures, steps) = Expression::new(expression).map_or((None, 0), |it| it.find(text));
    evaluator.spend(steps.saturating_mul(STEP));
    let captures = captures.ok_or_else(CommandFailure::no)?;
    for setting in given.values("set") {
        let (index, name) = match setting.split_once(':') {
            Some((index, name)) => {
                let number = number::leading(index).filter(|number| number.rest.is_empty());
                let number = number.and_then(|number| usize::try_from(number.value).ok());
                (
                    number.ok_or_else(|| {
                        CommandFailure::usage(format!("regexp: “{setting}” names no variable"))
                    })?,
                    name,
                )
            }
            None => (1, setting),
        };
        match captures.get(index).cloned().flatten() {
            Some(value) => evaluator.environment.set(name, &value),
            None => evaluator.environment.unset(name),
        }
    }
    Ok(())
}
