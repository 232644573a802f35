//! Other configurations: in the same context (`source`), or in one of their own with a menu of their own (`configfile`).

use super::{Call, Handler};
use crate::grub::{
    evaluate::{Evaluator, Shown, Stop},
    failure::{CommandFailure, CommandResult},
};

pub const COMMANDS: &[(&str, Handler)] = &[
    ("source", source),
    (".", source),
    ("configfile", configfile),
    ("normal", normal),
    ("extract_entries_source", source),
    ("extract_entries_configfile", configfile),
];

/// Runs a file in this context. It succeeds even when there is no such file.
fn source(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> CommandResult {
    let path = call.word(0).ok_or_else(|| CommandFailure::usage(format!("{} takes a file", call.name)))?;
    run(evaluator, path);
    Ok(())
}

/// Runs a file in a new context, and shows its menu if it has one. Nothing after it runs then.
fn configfile(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> CommandResult {
    let path = call.word(0).ok_or_else(|| CommandFailure::usage(format!("{} takes a file", call.name)))?;
    let outer = evaluator.environment.clone();
    evaluator.environment = outer.exported();
    show(evaluator, path);
    evaluator.environment = outer;
    Ok(())
}

/// Begins again with a configuration, `$prefix/grub.cfg` if none is named.
fn normal(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> CommandResult {
    let path = call
        .word(0)
        .map_or_else(|| format!("{}/grub.cfg", evaluator.environment.value("prefix")), str::to_owned);
    show(evaluator, &path);
    Ok(())
}

fn show(evaluator: &mut Evaluator<'_>, path: &str) {
    let menu = std::mem::take(&mut evaluator.menu);
    run(evaluator, path);
    let items = std::mem::replace(&mut evaluator.menu, menu);
    // Of a configuration that is too long, the menu is what was made before its end.
    if !items.is_empty() && matches!(evaluator.stop, None | Some(Stop::Exhausted)) {
        evaluator.stop = Some(Stop::Menu(Shown { items, environment: evaluator.environment.clone() }));
    }
}

fn run(evaluator: &mut Evaluator<'_>, path: &str) {
    let Some(file) = evaluator.locate(path) else {
        evaluator.warn(format_args!("{path}: no such device"));
        return;
    };
    let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
    let kept = ["config_file", "config_directory"].map(|name| (name, evaluator.environment.get(name)));
    let full = if path.starts_with('(') {
        path.to_owned()
    } else {
        format!("({}){path}", evaluator.environment.value("root"))
    };
    let directory_full = full.strip_suffix(path).map(|device| format!("{device}{directory}"));
    evaluator.environment.set("config_file", &full);
    evaluator.environment.set("config_directory", &directory_full.unwrap_or_default());
    if let Err(failure) = evaluator.run_file(&file) {
        evaluator.warn(failure.message);
    }
    for (name, value) in kept {
        match value {
            Some(value) => evaluator.environment.set(name, &value),
            None => evaluator.environment.unset(name),
        }
    }
}
