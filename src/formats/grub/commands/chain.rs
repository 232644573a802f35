//! `chainloader` and the loaders of other systems: recorded as what they start.

use super::{Call, Handler, boot};
use crate::{
    entry::Kind,
    formats::grub::{
        evaluate::Evaluator,
        failure::{Failure, Outcome, Status},
        load::Loaded,
    },
};

pub const COMMANDS: &[(&str, Handler)] = &[
    ("chainloader", chain),
    ("appleloader", chain),
    ("ntldr", chain),
    ("freedos", chain),
    ("truecrypt", chain),
    ("pxechainloader", chain),
    ("kfreebsd", chain),
    ("knetbsd", chain),
    ("kopenbsd", chain),
    ("xnu_kernel", chain),
    ("xnu_kernel64", chain),
    ("plan9", chain),
    ("legacy_kernel", chain),
    ("legacy_initrd", nothing),
    ("drivemap", nothing),
    ("parttool", nothing),
    ("hdparm", nothing),
    ("outb", nothing),
];

fn chain(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> Outcome {
    let words: Vec<String> = call.words.iter().skip_while(|word| word.starts_with("--")).cloned().collect();
    let path = words.first().ok_or_else(|| Failure::usage(format!("{} takes a file", call.name)))?;
    let kernel = boot::find(evaluator, path);
    let problem = match &kernel {
        // A boot sector is a block list (+1): no file at all.
        _ if path.ends_with(|c: char| c.is_ascii_digit()) && path.contains('+') => {
            Some("a boot sector: only the firmware can start it".to_owned())
        }
        Ok(_) => Some(format!("{}: a program that only the firmware or another loader can start", call.name)),
        Err(problem) => Some(problem.clone()),
    };
    let outcome = match kernel {
        Err(_) if path.starts_with('/') => Err(Failure::new(Status::FileNotFound, "")),
        _ => Ok(()),
    };
    evaluator.loaded = Some(Loaded {
        kind: Kind::Chainload,
        kernel: kernel.ok().or_else(|| evaluator.locate(path)),
        arguments: words,
        initrds: Vec::new(),
        devicetree: None,
        problem,
    });
    outcome
}

fn nothing(_: &mut Evaluator<'_>, _: &Call<'_>) -> Outcome {
    Ok(())
}
