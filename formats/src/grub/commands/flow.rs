//! Control flow: statuses, loops, functions, and what ends a script.

use super::{Call, Handler, find};
use crate::grub::{
    evaluate::{Evaluator, Stop},
    failure::{CommandFailure, CommandResult, Status},
    number,
};

pub const COMMANDS: &[(&str, Handler)] = &[
    ("true", |_, _| Ok(())),
    ("false", |_, _| Err(CommandFailure::no())),
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
fn whole(word: &str) -> Result<u64, CommandFailure> {
    match number::decimal(word) {
        None => Err(CommandFailure::new(Status::BadNumber, format!("“{word}” is no number"))),
        Some(number) if !number.rest.is_empty() => {
            Err(CommandFailure::usage(format!("“{word}” is no number")))
        }
        Some(number) => Ok(number.value),
    }
}

fn loop_control(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> CommandResult {
    let count = match call.words {
        [] => 1,
        [count] => whole(count)?,
        _ => return Err(CommandFailure::usage(format!("{} takes one number", call.name))),
    };
    if count == 0 {
        return Err(CommandFailure::usage(format!("{} 0 leaves no loop", call.name)));
    }
    evaluator.enter_loop_control(count, call.name == "continue");
    Ok(())
}

fn leave(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> CommandResult {
    if evaluator.parameters().is_none() {
        return Err(CommandFailure::usage("return outside a function"));
    }
    let status = match call.words {
        [] => evaluator.status(),
        [status] => whole(status)?,
        _ => return Err(CommandFailure::usage("return takes one number")),
    };
    evaluator.leave_function();
    // GRUB keeps statuses in an int.
    match status & 0xffff_ffff {
        0 => Ok(()),
        status => Err(CommandFailure { status, message: String::new() }),
    }
}

fn shift(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> CommandResult {
    let Some(parameters) = evaluator.parameters() else {
        return Ok(());
    };
    let count = match call.words {
        [] => 1,
        [count] => match number::decimal(count) {
            Some(number) if number.rest.is_empty() => number.value,
            _ => return Err(CommandFailure::usage(format!("shift: “{count}” is no number"))),
        },
        _ => return Err(CommandFailure::usage("shift takes one number")),
    };
    let rest = usize::try_from(count).ok().and_then(|count| parameters.get(count..)).map(<[String]>::to_vec);
    evaluator
        .set_parameters(rest.ok_or_else(|| CommandFailure::usage("shift: there are not so many arguments"))?);
    Ok(())
}

fn setparams(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> CommandResult {
    if evaluator.parameters().is_none() {
        return Err(CommandFailure::new(Status::InvalidCommand, ""));
    }
    evaluator.set_parameters(call.words.to_vec());
    Ok(())
}

fn eval(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> CommandResult {
    match evaluator.run_text(&call.words.join(" "))? {
        0 => Ok(()),
        status => Err(CommandFailure { status, message: String::new() }),
    }
}

/// Runs a command of GRUB's, and no function.
fn time(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> CommandResult {
    let (name, words) =
        call.words.split_first().ok_or_else(|| CommandFailure::usage("time takes a command"))?;
    let unknown = || CommandFailure::new(Status::UnknownCommand, format!("unknown command “{name}”"));
    find(name).ok_or_else(unknown)?(evaluator, &Call { name, words, block: None })
}

fn boot(evaluator: &mut Evaluator<'_>, _: &Call<'_>) -> CommandResult {
    if evaluator.loaded.is_none() {
        return Err(CommandFailure::new(Status::NoKernel, "boot: nothing is loaded"));
    }
    evaluator.stop = Some(Stop::Boot);
    Ok(())
}

fn firmware(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> CommandResult {
    evaluator.stop = Some(Stop::Firmware(match call.name {
        "halt" | "poweroff" => "halt",
        "reboot" => "reboot",
        _ => "exit",
    }));
    Ok(())
}

fn fwsetup(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> CommandResult {
    if !evaluator.facts.efi {
        return Err(CommandFailure::new(Status::NotSupported, "fwsetup needs UEFI"));
    }
    if call.word(0) != Some("--is-supported") {
        evaluator.stop = Some(Stop::Firmware("fwsetup"));
    }
    Ok(())
}
