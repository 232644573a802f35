//! `chainloader` and the loaders of other systems: recorded as what they start.

use super::{Call, Handler, boot};
use crate::{
    entry::{Kind, Multiboot},
    grub::{
        device::Located,
        evaluate::Evaluator,
        failure::{CommandFailure, CommandResult, Status},
        load::Loaded,
    },
    kernel_file::{HEAD_LENGTH, KernelFile, recognise},
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

/// Programs by the beginnings of their names, and what to tell of them.
const PROGRAMS: [(&str, &str); 4] = [
    ("bootmgfw", "Windows, which only the firmware can start"),
    ("systemd-boot", "systemd-boot, whose entries are offered by themselves"),
    ("refind", "rEFInd, whose entries are offered by themselves"),
    ("limine", "Limine, whose entries are offered by themselves"),
];
const OTHER: &str = "a program that only the firmware can start";

fn chain(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> CommandResult {
    let words: Vec<String> = call.words.iter().skip_while(|word| word.starts_with("--")).cloned().collect();
    let path =
        words.first().ok_or_else(|| CommandFailure::usage(format!("{} takes a file", call.name)))?.clone();
    let found = boot::find(evaluator, &path);
    // A boot sector is a block list (+1): no file at all.
    let is_sector = path.contains('+') && path.ends_with(|c: char| c.is_ascii_digit());
    let (kind, problem) = match &found {
        _ if is_sector => (Kind::Chainload, Some("a boot sector: only the firmware can start it".to_owned())),
        Ok(file) if call.name == "chainloader" => target(evaluator, file),
        Ok(_) => (Kind::Chainload, Some(format!("{}: the kernel of another system", call.name))),
        Err(problem) => (Kind::Chainload, Some(problem.clone())),
    };
    let is_missing = found.is_err() && !is_sector;
    let own = found.as_ref().ok().filter(|_| problem.is_none() && kind == Kind::Chainload);
    let follow = own.map(|file| Box::new(configuration_beside(file)));
    evaluator.loaded = Some(Loaded {
        kind,
        chained: true,
        kernel: found.ok().or_else(|| evaluator.locate(&path)),
        initrds: if kind == Kind::Linux { initrds(evaluator, &words) } else { Vec::new() },
        packed: Vec::new(),
        multiboot: Multiboot::default(),
        arguments: words,
        devicetree: None,
        follow,
        problem,
    });
    if is_missing { Err(CommandFailure::new(Status::FileNotFound, "")) } else { Ok(()) }
}

/// Recognises a program by its first bytes: a kernel with an EFI stub and a unified kernel image are for us to boot. Of
/// other programs their names tell.
fn target(evaluator: &mut Evaluator<'_>, file: &Located) -> (Kind, Option<String>) {
    evaluator.spend_lookup();
    let lookup = evaluator.lookup;
    let size = lookup.status(file.volume, &file.path, true).map_or(0, |status| status.size);
    let head = lookup.read_at(file.volume, &file.path, 0, HEAD_LENGTH).unwrap_or_default();
    match recognise(&head, size) {
        Some(KernelFile::Uki(_)) => return (Kind::Uki, None),
        Some(KernelFile::Bzimage(_) | KernelFile::Image(_) | KernelFile::EfiZboot(_)) => {
            return (Kind::Linux, None);
        }
        _ => {}
    }
    let name = file.path.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    let grub =
        ["shim", "grub", "bootx64.", "bootaa64.", "bootriscv64."].iter().any(|start| name.starts_with(start))
            && lookup.is_file(file.volume, &configuration_beside(file).path);
    let problem = match grub {
        // Two that start each other would go on without end.
        true if evaluator.chained => "another GRUB, whose entries are offered where its configuration is",
        true => return (Kind::Chainload, None),
        false => PROGRAMS.iter().find(|(start, _)| name.starts_with(start)).map_or(OTHER, |(_, kind)| kind),
    };
    (Kind::Chainload, Some(problem.to_owned()))
}

/// The configuration that the GRUB in this file reads first.
fn configuration_beside(program: &Located) -> Located {
    let directory = program.path.rsplit_once('/').map_or("", |(directory, _)| directory);
    Located { path: format!("{directory}/grub.cfg"), ..program.clone() }
}

/// The initrds that a kernel's EFI stub loads itself: those that `initrd=` names.
fn initrds(evaluator: &Evaluator<'_>, words: &[String]) -> Vec<Located> {
    let paths = words.iter().filter_map(|word| word.strip_prefix("initrd="));
    paths.filter_map(|path| evaluator.locate(&path.replace('\\', "/"))).collect()
}

fn nothing(_: &mut Evaluator<'_>, _: &Call<'_>) -> CommandResult {
    Ok(())
}
