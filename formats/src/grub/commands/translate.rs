//! `tr`: letters for letters (GNU GRUB, grub-core/commands/tr.c; grub-emu 2.06).

use super::{Call, Handler};
use crate::{
    grub::{
        evaluate::Evaluator,
        failure::{CommandFailure, CommandResult},
        options::{Known, Rule, Value, known, parse},
    },
    text::{decode_owned, encode},
};

pub const COMMANDS: &[(&str, Handler)] = &[("tr", translate)];

const OPTIONS: &[Known] = &[
    known("set", Some('s'), Value::Needed),
    known("upcase", Some('U'), Value::None),
    known("downcase", Some('D'), Value::None),
];

fn translate(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> CommandResult {
    let given = parse(call.words, OPTIONS, Rule::Strict)?;
    let usage = || CommandFailure::usage("tr takes two sets of the same size and a text");
    let mut bytes;
    match &given.arguments[..] {
        [text] if given.has("downcase") => bytes = encode(text).to_ascii_lowercase(),
        [text] if given.has("upcase") => bytes = encode(text).to_ascii_uppercase(),
        [from, to, text] if from.len() == to.len() => {
            let (from, to) = (encode(from), encode(to));
            bytes = encode(text);
            for byte in &mut bytes {
                let place = from.iter().position(|letter| letter == byte);
                *byte = place.and_then(|place| to.get(place)).copied().unwrap_or(*byte);
            }
        }
        _ => return Err(usage()),
    }
    if let Some(name) = given.value("set") {
        evaluator.environment.set(name, &decode_owned(bytes));
    }
    Ok(())
}
