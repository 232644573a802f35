//! Control flow: statuses, loops, functions, and what ends a script.

use super::{Call, Handler, find};
use crate::grub::{
    evaluate::{Evaluator, Stop},
    failure::{Failure, Outcome, Status},
    number,
};

pub const COMMANDS: &[(&str, Handler)] = &[
    ("true", |_, _| Ok(())),
    ("false", |_, _| Err(Failure::no())),
    ("break", loop_control),
    ("continue", loop_control),
    ("return", leave),
    ("shift", shift),
    ("setparams", setparams),
    ("eval", eval),
    ("time", time),
    ("boot", boot),
    ("exit", firmware),
    ("normal_exit", firmware),
    ("halt", firmware),
    ("poweroff", firmware),
    ("reboot", firmware),
    ("fwsetup", fwsetup),
];

/// An argument that must be a whole decimal number.
fn whole(word: &str) -> Result<u64, Failure> {
    match number::decimal(word) {
        None => Err(Failure::new(Status::BadNumber, format!("“{word}” is no number"))),
        Some(number) if !number.rest.is_empty() => Err(Failure::usage(format!("“{word}” is no number"))),
        Some(number) => Ok(number.value),
    }
}

fn loop_control(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> Outcome {
    let count = match call.words {
        [] => 1,
        [count] => whole(count)?,
        _ => return Err(Failure::usage(format!("{} takes one number", call.name))),
    };
    if count == 0 {
        return Err(Failure::usage(format!("{} 0 leaves no loop", call.name)));
    }
    evaluator.enter_loop_control(count, call.name == "continue");
    Ok(())
}

fn leave(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> Outcome {
    if evaluator.parameters().is_none() {
        return Err(Failure::usage("return outside a function"));
    }
    let status = match call.words {
        [] => evaluator.status(),
        [status] => whole(status)?,
        _ => return Err(Failure::usage("return takes one number")),
    };
    evaluator.leave_function();
    // GRUB keeps statuses in an int.
    match status & 0xffff_ffff {
        0 => Ok(()),
        status => Err(Failure { status, message: String::new() }),
    }
}

fn shift(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> Outcome {
    let Some(parameters) = evaluator.parameters() else {
        return Ok(());
    };
    let count = match call.words {
        [] => 1,
        [count] => match number::decimal(count) {
            Some(number) if number.rest.is_empty() => number.value,
            _ => return Err(Failure::usage(format!("shift: “{count}” is no number"))),
        },
        _ => return Err(Failure::usage("shift takes one number")),
    };
    let rest = usize::try_from(count).ok().and_then(|count| parameters.get(count..)).map(<[String]>::to_vec);
    evaluator.set_parameters(rest.ok_or_else(|| Failure::usage("shift: there are not so many arguments"))?);
    Ok(())
}

fn setparams(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> Outcome {
    if evaluator.parameters().is_none() {
        return Err(Failure::new(Status::InvalidCommand, ""));
    }
    evaluator.set_parameters(call.words.to_vec());
    Ok(())
}

fn eval(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> Outcome {
    match evaluator.run_text(&call.words.join(" "))? {
        0 => Ok(()),
        status => Err(Failure { status, message: String::new() }),
    }
}

/// Runs a command of GRUB's, and no function.
fn time(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> Outcome {
    let (name, words) = call.words.split_first().ok_or_else(|| Failure::usage("time takes a command"))?;
    let unknown = || Failure::new(Status::UnknownCommand, format!("unknown command “{name}”"));
    find(name).ok_or_else(unknown)?(evaluator, &Call { name, words, block: None })
}

fn boot(evaluator: &mut Evaluator<'_>, _: &Call<'_>) -> Outcome {
    if evaluator.loaded.is_none() {
        return Err(Failure::new(Status::NoKernel, "boot: nothing is loaded"));
    }
    evaluator.stop = Some(Stop::Boot);
    Ok(())
}

fn firmware(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> Outcome {
    evaluator.stop = Some(Stop::Firmware(match call.name {
        "halt" | "poweroff" => "halt",
        "reboot" => "reboot",
        _ => "exit",
    }));
    Ok(())
}

fn fwsetup(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> Outcome {
    if !evaluator.facts.efi {
        return Err(Failure::new(Status::NotSupported, "fwsetup needs UEFI"));
    }
    if call.word(0) != Some("--is-supported") {
        evaluator.stop = Some(Stop::Firmware("fwsetup"));
    }
    Ok(())
}
