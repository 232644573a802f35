//! Questions about the machine (GNU GRUB manual, "cpuid", "smbios", "cmostest"; Ubuntu's `hwmatch`).

use super::{Call, Handler};
use crate::formats::grub::{
    evaluate::Evaluator,
    failure::{Failure, Outcome, Status, answer},
};

pub const COMMANDS: &[(&str, Handler)] = &[
    ("cpuid", cpuid),
    ("hwmatch", hwmatch),
    ("cmostest", unknown),
    ("getenv", unknown),
    ("getkey", unknown),
    ("rdmsr", unknown),
    ("smbios", unknown),
];

/// Long mode (`-l`, which is also what no option asks) and PAE (`-p`) are there on every machine that this runs on.
fn cpuid(evaluator: &mut Evaluator<'_>, _: &Call<'_>) -> Outcome {
    answer(evaluator.facts.cpu == "x86_64")
}

/// Ubuntu's list of graphics cards that cannot keep a mode: cards that old are gone.
fn hwmatch(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> Outcome {
    let path = call.word(0).ok_or_else(|| Failure::usage("hwmatch takes a file"))?;
    super::boot::find(evaluator, path).map_err(|reason| Failure::new(Status::FileNotFound, reason))?;
    evaluator.environment.set("match", "0");
    Ok(())
}

/// What only the firmware knows is not asked for: the answer is no.
fn unknown(_: &mut Evaluator<'_>, _: &Call<'_>) -> Outcome {
    Err(Failure::no())
}
