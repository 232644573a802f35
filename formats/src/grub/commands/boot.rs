//! `linux`, `initrd`, `devicetree`, `multiboot` and their kin: what is loaded when the entry boots.

use super::{Call, Handler};
use crate::{
    entry::{Kind, Multiboot, MultibootModule},
    grub::{
        device::Located,
        evaluate::Evaluator,
        failure::{CommandFailure, CommandResult, Status},
        load::{Loaded, Packed, join},
    },
};

pub const COMMANDS: &[(&str, Handler)] = &[
    ("linux", linux),
    ("linux16", linux),
    ("linuxefi", linux),
    ("initrd", initrd),
    ("initrd16", initrd),
    ("initrdefi", initrd),
    ("devicetree", devicetree),
    ("multiboot", multiboot),
    ("multiboot2", multiboot),
    ("xen_hypervisor", multiboot),
    ("module", module),
    ("module2", module),
    ("xen_module", module),
];

fn linux(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> CommandResult {
    kernel(evaluator, call, Kind::Linux)
}

fn multiboot(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> CommandResult {
    kernel(evaluator, call, Kind::Multiboot)
}

/// Loads a kernel; what was loaded before is forgotten. A kernel that is not there is kept with the reason, so that the
/// entry can be listed.
fn kernel(evaluator: &mut Evaluator<'_>, call: &Call<'_>, kind: Kind) -> CommandResult {
    let version = match call.name {
        "multiboot" => 1,
        "multiboot2" => 2,
        _ => 0,
    };
    let path = call.word(0).ok_or_else(|| CommandFailure::usage(format!("{} takes a file", call.name)))?;
    let found = find(evaluator, path);
    let (file, problem) = match found {
        Ok(file) => (Some(file), None),
        Err(problem) => (evaluator.locate(path), Some(problem)),
    };
    evaluator.loaded = Some(Loaded {
        kind,
        chained: false,
        kernel: file,
        arguments: call.words.to_vec(),
        initrds: Vec::new(),
        packed: Vec::new(),
        multiboot: Multiboot { version, modules: Vec::new() },
        devicetree: None,
        follow: None,
        problem: problem.clone(),
    });
    missing(problem.as_ref())
}

/// Adds initrds in order; a call after another replaces what the other loaded.
fn initrd(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> CommandResult {
    if call.words.is_empty() {
        return Err(CommandFailure::usage(format!("{} takes files", call.name)));
    }
    if evaluator.loaded.as_ref().is_none_or(|loaded| loaded.kind != Kind::Linux) {
        return Err(CommandFailure::usage(format!("{}: no kernel is loaded", call.name)));
    }
    let (files, packed, problem) = files(evaluator, call.words);
    if let Some(loaded) = &mut evaluator.loaded {
        (loaded.initrds, loaded.packed) = (files, packed);
        loaded.problem = loaded.problem.take().or_else(|| problem.clone());
    }
    missing(problem.as_ref())
}

fn module(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> CommandResult {
    let as_it_is = call.word(0) == Some("--nounzip");
    let words = call.words.get(usize::from(as_it_is)..).unwrap_or_default();
    let Some((path, words)) = words.split_first() else {
        return Err(CommandFailure::usage(format!("{} takes a file", call.name)));
    };
    if evaluator.loaded.as_ref().is_none_or(|loaded| loaded.kind != Kind::Multiboot) {
        return Err(CommandFailure::usage(format!("{}: no kernel is loaded", call.name)));
    }
    let (files, _, problem) = files(evaluator, std::slice::from_ref(path));
    let module = MultibootModule { cmdline: join(words, evaluator.flavour.keep_hex_escapes), as_it_is };
    if let Some(loaded) = &mut evaluator.loaded {
        loaded.multiboot.modules.extend(files.iter().map(|_| module.clone()));
        loaded.initrds.extend(files);
        loaded.problem = loaded.problem.take().or_else(|| problem.clone());
    }
    missing(problem.as_ref())
}

fn devicetree(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> CommandResult {
    // GRUB has the command where the firmware has device trees (grub-core/Makefile.core.def, `enable = fdt`). Elsewhere it is an
    // unknown one: GRUB complains, goes on as if it had succeeded, and boots.
    if matches!(evaluator.facts.cpu, "x86_64" | "i386") {
        evaluator.warn(format_args!("unknown command “{}”", call.name));
        return Ok(());
    }
    let Some(path) = call.word(0) else {
        if let Some(loaded) = &mut evaluator.loaded {
            loaded.devicetree = None;
        }
        return Ok(());
    };
    let problem = find(evaluator, path).err();
    let file = evaluator.locate(path);
    if let Some(loaded) = &mut evaluator.loaded {
        loaded.devicetree = file;
        loaded.problem = loaded.problem.take().or_else(|| problem.clone());
    }
    missing(problem.as_ref())
}

/// The files that words name, the missing ones too, and what is wrong with the first of these.
fn files(evaluator: &mut Evaluator<'_>, words: &[String]) -> (Vec<Located>, Packed, Option<String>) {
    let (mut located, mut packed, mut problem) = (Vec::new(), Vec::new(), None);
    for word in words {
        // newc:NAME:FILE packs the file into an archive under a name of its own.
        let named = word.strip_prefix("newc:").and_then(|rest| rest.trim_start_matches('/').split_once(':'));
        let path = named.map_or(word.as_str(), |(_, path)| path);
        let file = find(evaluator, path).or_else(|reason| {
            problem.get_or_insert(reason);
            evaluator.locate(path).ok_or(())
        });
        let Ok(file) = file else { continue };
        packed.extend(named.map(|(name, _)| (located.len(), name.to_owned())));
        located.push(file);
    }
    (located, packed, problem)
}

/// The file that a word names, if it is there.
pub fn find(evaluator: &mut Evaluator<'_>, path: &str) -> Result<Located, String> {
    evaluator.spend_lookup();
    let file = evaluator.locate(path).ok_or_else(|| format!("{path}: no such device"))?;
    if evaluator.lookup.is_file(file.volume, &file.path) {
        return Ok(file);
    }
    match evaluator.lookup.status(file.volume, &file.path, true) {
        Some(_) => Err(format!("{path}: not a regular file")),
        None => Err(format!("{path}: no such file")),
    }
}

/// The outcome of loading; the entry's own problem tells the reason.
fn missing(problem: Option<&String>) -> CommandResult {
    match problem {
        Some(_) => Err(CommandFailure::new(Status::FileNotFound, "")),
        None => Ok(()),
    }
}
