//! Commands that read files to show what is in them, or to make a menu of another loader's (GNU GRUB manual, "cat", "cmp",
//! "crc", "sha256sum", "legacy_configfile", "syslinux_configfile"): what a script sees of it is whether the files are there.

use super::{Call, Handler, boot};
use crate::grub::{
    device::Located,
    evaluate::Evaluator,
    failure::{CommandFailure, CommandResult, Status, answer},
};

/// Bytes that `cmp` reads at a time.
const PART: usize = 1 << 16;

pub const COMMANDS: &[(&str, Handler)] = &[
    ("blocklist", one),
    ("cat", one),
    ("testload", one),
    ("cmp", compare),
    ("crc", each),
    ("hashsum", each),
    ("md5sum", each),
    ("sha1sum", each),
    ("sha256sum", each),
    ("sha512sum", each),
    ("extract_legacy_entries_configfile", menu),
    ("extract_legacy_entries_source", menu),
    ("extract_syslinux_entries_configfile", menu),
    ("extract_syslinux_entries_source", menu),
    ("legacy_configfile", menu),
    ("legacy_source", menu),
    ("syslinux_configfile", menu),
    ("syslinux_source", menu),
];

/// Fails where there is no such file.
pub fn there(evaluator: &mut Evaluator<'_>, path: &str) -> CommandResult {
    let found = boot::find(evaluator, path);
    found.map(drop).map_err(|reason| CommandFailure::new(Status::FileNotFound, reason))
}

/// The arguments that are no options.
fn paths<'c>(call: &'c Call<'_>) -> Vec<&'c str> {
    call.words.iter().map(String::as_str).filter(|word| !word.starts_with('-')).collect()
}

fn one(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> CommandResult {
    match paths(call)[..] {
        [path] => there(evaluator, path),
        _ => Err(CommandFailure::usage(format!("{} takes a file", call.name))),
    }
}

/// Whether two files hold the same bytes, as since GRUB 2.12: 2.06 only says how they differ, and succeeds.
fn compare(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> CommandResult {
    let [first, second] = paths(call)[..] else { return Err(CommandFailure::usage("cmp takes two files")) };
    let (Ok(first), Ok(second)) = (boot::find(evaluator, first), boot::find(evaluator, second)) else {
        return Err(CommandFailure::no());
    };
    answer(same(evaluator, &first, &second))
}

fn same(evaluator: &mut Evaluator<'_>, first: &Located, second: &Located) -> bool {
    let lookup = evaluator.lookup;
    let size = |file: &Located| lookup.status(file.volume, &file.path, true).map(|status| status.size);
    let Some(length) = size(first).filter(|length| size(second) == Some(*length)) else { return false };
    let part = |file: &Located, offset| lookup.read_at(file.volume, &file.path, offset, PART).ok();
    let mut offset = 0;
    while offset < length && evaluator.stop.is_none() {
        let (Some(one), Some(other)) = (part(first, offset), part(second, offset)) else { return false };
        if one != other || one.is_empty() {
            return false;
        }
        evaluator.spend_lookup();
        offset = offset.saturating_add(one.len() as u64);
    }
    true
}

fn each(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> CommandResult {
    paths(call).into_iter().try_for_each(|path| there(evaluator, path))
}

/// The menu of another loader: what it offers is found where it lies.
fn menu(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> CommandResult {
    one(evaluator, call)?;
    evaluator
        .warn(format_args!("{}: the entries of that loader's file are offered by themselves", call.name));
    Ok(())
}
