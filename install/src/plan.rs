//! What is to be done, made of facts alone: a list of steps, and those that take it back where one of them fails.
//!
//! The order of steps keeps a boot entry that works at each of them: files come before the option that starts them, that option
//! comes last in the order until its boot is confirmed, and it leaves the order before its files go.

use std::fs;

use firstlight::formats::efi_boot::{boot_option, load_option, order, variable};
use sha2::{Digest, Sha256};

use crate::InstallError;
use crate::arguments::Options;
use crate::enrolled::{self, Key, Trust};
use crate::error::refuse;
use crate::esp::Esp;
use crate::facts::{Facts, Uefi};
use crate::image::{self, Parts};
use crate::recovery::{self, NewFile};
use crate::state::{Copy, File, Progress, STATE, State};
use crate::step::Step;
use crate::system::System;

/// Room that stays free on the ESP, in bytes: firmware updates and the other loader want some, too.
const RESERVE: u64 = 1 << 20;

/// The directory of [`STATE`].
const STATE_DIRECTORY: &str = "/var/lib/firstlight";

/// A plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The steps in their order.
    pub steps: Vec<Step>,
    /// The steps that take them back.
    pub undo: Vec<Step>,
    /// What a person should know.
    pub notes: Vec<String>,
}

/// Puts a new copy beside what is there, to be tried at the next boot.
///
/// # Errors
/// [`InstallError::Refused`] where there is a doubt.
pub fn install(
    system: &System,
    facts: &Facts,
    options: &Options,
    is_update: bool,
) -> Result<Plan, InstallError> {
    let mut state = facts.state.clone().unwrap_or_default();
    let slot = if state.current.as_ref().is_some_and(|copy| copy.slot == 'a') { 'b' } else { 'a' };
    let mut notes = Vec::new();
    // What takes long comes after what may refuse.
    let uefi = if options.recovery { None } else { Some(uefi(facts)?) };
    let parts = image::parts(system, facts, options, is_update)?;
    let built = match uefi {
        Some(uefi) => on_esp(system, facts, uefi, options, &parts, slot, &mut notes)?,
        None => {
            let entry = recovery::entry(system, facts, &parts, slot)?;
            Built {
                directories: entry.directories,
                files: entry.files,
                option: None,
                regenerate: entry.regenerate,
            }
        }
    };
    let recorded = |file: &NewFile| File {
        path: file.path.clone(),
        sha256: Sha256::digest(&file.content).iter().map(|byte| format!("{byte:02x}")).collect(),
        size: file.content.len() as u64,
    };
    let files: Vec<File> = built.files.iter().map(recorded).collect();
    let sums = |files: &[File]| files.iter().map(|file| file.sha256.clone()).collect::<Vec<_>>();
    let same = |copy: &Copy| sums(&copy.files) == sums(&files) && copy.progress != Progress::Writing;
    if is_update && state.copies().last().is_some_and(same) {
        return Ok(Plan { notes: vec!["what is installed is up to date".into()], ..Plan::default() });
    }
    for file in &built.files {
        let is_own = state.copies().flat_map(|copy| &copy.files).any(|own| own.path == file.path);
        if !is_own && system.path(&file.path).exists() {
            return refuse(format!("{} is there and was not written by firstlight: move it away", file.path));
        }
    }

    let mut steps = state
        .trial
        .iter()
        .flat_map(|copy| remove_copy(facts, copy, state.current.as_ref()))
        .collect::<Vec<_>>();
    for directory in &built.directories {
        let is_own = state.directories.contains(directory);
        if is_own || !system.path(directory).is_dir() {
            steps.push(Step::MakeDirectory { path: directory.clone() });
            if !is_own {
                state.directories.push(directory.clone());
            }
        }
    }
    let entry = built.option.as_ref().map(|(number, _)| *number);
    let copy = Copy {
        slot,
        progress: Progress::Writing,
        entry,
        files,
        regenerate: built.regenerate.clone(),
        kernel: parts.release,
    };
    state.options = options.clone();
    state.trial = Some(copy.clone());
    let remember = |state: &State| Step::Remember { state: Some(Box::new(state.clone())) };
    let removed =
        steps.iter().position(|step| matches!(step, Step::MakeDirectory { .. })).unwrap_or(steps.len());
    steps.insert(removed, remember(&state));
    for NewFile { path, content, executable } in built.files {
        steps.push(Step::WriteFile { path, size: content.len(), executable, content });
    }
    let mut undo = remove_copy(facts, &copy, state.current.as_ref());
    undo.push(Step::Remember {
        state: facts.state.clone().map(|before| Box::new(State { trial: None, ..before })),
    });
    if facts.state.is_none() {
        undo.extend(directories(&state));
    }
    if let Some((number, value)) = built.option {
        steps.extend([
            Step::CreateEntry { number, value },
            Step::OrderLast { number },
            Step::BootNext { number },
        ]);
        state.trial = Some(Copy { progress: Progress::Trial, ..copy });
        notes.push(
            "the next boot tries firstlight, once; it becomes the default when that boot has come up".into(),
        );
    } else {
        if let Some(command) = built.regenerate {
            if !system.is_running() {
                notes.push(format!("run `{}` in that system", command.join(" ")));
            }
            steps.push(Step::Regenerate { command });
        }
        let old = state.current.replace(Copy { progress: Progress::Confirmed, ..copy });
        state.trial = None;
        steps.extend(old.iter().flat_map(|old| remove_copy(facts, old, state.current.as_ref())));
    }
    steps.push(remember(&state));
    Ok(Plan { steps, undo, notes })
}

/// What a copy consists of.
struct Built {
    directories: Vec<String>,
    files: Vec<NewFile>,
    option: Option<(u16, Vec<u8>)>,
    regenerate: Option<Vec<String>>,
}

/// The UEFI, if it can be given a boot entry.
fn uefi(facts: &Facts) -> Result<&Uefi, InstallError> {
    let Some(uefi) = &facts.uefi else {
        return refuse(
            "this machine was started by a BIOS, which has no boot entries: `firstlight install --recovery` makes an entry in the \
             menu of the loader that is installed",
        );
    };
    if uefi.bits != 64 {
        return refuse("this machine's UEFI has 32 bits, and starts no program of 64: use --recovery");
    }
    if uefi.is_read_only {
        return refuse(
            "the firmware's variables are mounted read-only: `mount -o remount,rw /sys/firmware/efi/efivars`, or use --recovery",
        );
    }
    let own = facts.state.iter().flat_map(State::copies).filter_map(|copy| copy.entry).collect::<Vec<_>>();
    if let Some(next) = uefi.variables.get("BootNext").map(|value| order(value))
        && next.iter().any(|number| !own.contains(number))
    {
        return refuse(
            "another boot is already ordered (BootNext): restart first, or remove it with `efibootmgr -N`",
        );
    }
    Ok(uefi)
}

fn on_esp(
    system: &System,
    facts: &Facts,
    uefi: &Uefi,
    options: &Options,
    parts: &Parts,
    slot: char,
    notes: &mut Vec<String>,
) -> Result<Built, InstallError> {
    let (esp, mount) = chosen(facts, uefi, options)?;
    let Some(drive) = &esp.drive else {
        return refuse(format!(
            "{} is no partition of a GPT, so that a boot entry cannot name it: use --recovery",
            esp.device
        ));
    };
    let key = signing_key(system, options, uefi, parts, notes)?;
    let image = image::uki(system, options, parts, key.as_ref())?;
    let directory = format!("{mount}/EFI/firstlight/{slot}");
    let mut files = Vec::new();
    if key.as_ref().is_some_and(|key| key.trust == Trust::Shim) {
        let Some(shim) = enrolled::shim(system, mount) else {
            return refuse(
                "shim was not found, neither on the ESP nor in /usr/lib/shim: install shim-signed",
            );
        };
        for (name, path) in shim {
            let content = fs::read(&path)
                .map_err(|error| InstallError::Read { path: path.display().to_string(), error })?;
            files.push(NewFile::data(format!("{directory}/{name}"), content));
        }
        // The program that shim starts where its boot option names none.
        let name = if cfg!(target_arch = "aarch64") { "grubaa64.efi" } else { "grubx64.efi" };
        files.push(NewFile::data(format!("{directory}/{name}"), image));
    } else {
        files.push(NewFile::data(format!("{directory}/firstlight.efi"), image));
    }
    let freed = facts.state.iter().filter_map(|state| state.trial.as_ref()).flat_map(|copy| &copy.files);
    let freed: u64 = freed.map(|file| file.size).sum();
    let size: u64 = files.iter().map(|file| file.content.len() as u64).sum();
    let needed = size.saturating_add(RESERVE);
    if let Some(missing) = needed.checked_sub(esp.free.saturating_add(freed)).filter(|missing| *missing > 0) {
        return refuse(format!(
            "the ESP at {mount} is too full: {size} bytes are to be written and {RESERVE} stay free, {missing} bytes are missing"
        ));
    }
    let taken = order(uefi.variables.get("BootOrder").map(Vec::as_slice).unwrap_or_default());
    let reused = facts.state.as_ref().and_then(|state| state.trial.as_ref()?.entry);
    let is_free = |number: &u16| {
        Some(*number) == reused.filter(|number| owns(facts, *number))
            || (!uefi.variables.contains_key(&variable(*number)) && !taken.contains(number))
    };
    let Some(number) = (0..=u16::MAX).find(is_free) else {
        return refuse("all numbers of boot entries are taken: use --recovery");
    };
    let program = files.first().map(|file| file.path.clone()).unwrap_or_default();
    let program = program.strip_prefix(mount).unwrap_or(&program).replace('/', "\\");
    let Some(value) = boot_option("firstlight", drive, &program) else {
        return refuse(format!("the boot entry for {program} cannot be written"));
    };
    let directories = ["/EFI", "/EFI/firstlight"]
        .map(|path| format!("{mount}{path}"))
        .into_iter()
        .chain([directory])
        .collect();
    Ok(Built { directories, files, option: Some((number, value)), regenerate: None })
}

/// The ESP that the machine boots from.
fn chosen<'a>(facts: &'a Facts, uefi: &Uefi, options: &Options) -> Result<(&'a Esp, &'a str), InstallError> {
    let list = |esps: &[&Esp]| {
        let name = |esp: &&Esp| match &esp.mount {
            Some(mount) => format!("{} at {mount}", esp.device),
            None => format!("{}, not mounted", esp.device),
        };
        esps.iter().map(name).collect::<Vec<_>>().join("; ")
    };
    let all: Vec<&Esp> = facts.esps.iter().collect();
    let mounted: Vec<&Esp> = all.iter().copied().filter(|esp| esp.mount.is_some()).collect();
    // The option that started this machine, or those that start it next.
    let current = uefi.variables.get("BootCurrent").map(|value| order(value)).unwrap_or_default();
    let then = uefi.variables.get("BootOrder").map(|value| order(value)).unwrap_or_default();
    let partitions = current
        .into_iter()
        .chain(then)
        .filter_map(|number| load_option(uefi.variables.get(&variable(number))?)?.partition);
    let is = |esp: &Esp, partition: &str| {
        esp.drive.as_ref().is_some_and(|drive| drive.uuid.eq_ignore_ascii_case(partition))
    };
    let booted =
        partitions.into_iter().find_map(|partition| all.iter().copied().find(|esp| is(esp, &partition)));
    let esp = match (&options.esp, booted, &mounted[..]) {
        (Some(place), ..) => match mounted.iter().copied().find(|esp| esp.mount.as_ref() == Some(place)) {
            Some(esp) => esp,
            None => return refuse(format!("no ESP is mounted at {place}; there are: {}", list(&all))),
        },
        (None, _, []) if all.is_empty() => {
            return refuse("this system has no EFI system partition that could be found: use --recovery");
        }
        (None, _, []) => {
            return refuse(format!("no ESP is mounted: mount it at /boot/efi or /efi ({})", list(&all)));
        }
        (None, _, [one]) if one.is_array => one,
        (None, Some(booted), _) if booted.mount.is_some() => booted,
        (None, Some(booted), _) if all.iter().filter(|esp| !esp.is_array).count() > 1 => {
            return refuse(format!(
                "the machine boots from the ESP on {}, which is not mounted: mount it, or name another with --esp ({})",
                booted.device,
                list(&all)
            ));
        }
        (None, _, [one]) if all.len() == 1 => one,
        _ => {
            return refuse(format!(
                "there are several ESPs, and it is not known from which this machine boots: name one with --esp ({})",
                list(&all)
            ));
        }
    };
    if esp.is_array {
        return refuse(format!(
            "the ESP is on the array {}: the firmware reads and writes one of its disks alone. Use --recovery, or mount a \
             plain ESP and name it with --esp",
            esp.device
        ));
    }
    match &esp.mount {
        Some(mount) => Ok((esp, mount)),
        None => refuse(format!("the ESP on {} is not mounted", esp.device)),
    }
}

/// The key that the image is signed with, where it must be.
fn signing_key(
    system: &System,
    options: &Options,
    uefi: &Uefi,
    parts: &Parts,
    notes: &mut Vec<String>,
) -> Result<Option<Key>, InstallError> {
    let is_secure = uefi.variables.get("SecureBoot").is_some_and(|value| value == &[1]);
    if !is_secure && options.sign_key.is_none() {
        return Ok(None);
    }
    let keys = enrolled::keys(system, options, &uefi.variables);
    let Some(key) = keys.iter().min_by_key(|key| key.trust) else {
        return refuse(match &options.sign_cert {
            Some(path) => format!("{}: no certificate with a key was found there", path.display()),
            None => "Secure Boot is on, and no key to sign with was found: make keys with sbctl and enroll them (`sbctl \
                     create-keys`, `sbctl enroll-keys -m`), or name a key with --sign-key and --sign-cert"
                .into(),
        });
    };
    if is_secure && key.trust == Trust::Nobody {
        let certificate = key.certificate.display();
        let is_owners = certificate.to_string().contains("mok");
        return refuse(if is_owners {
            format!(
                "{certificate} is not enrolled: run `mokutil --import {certificate}`, restart, and confirm it in MokManager"
            )
        } else {
            format!(
                "{certificate} is not enrolled: enroll it in the firmware (`sbctl enroll-keys -m`), or as the machine owner's key \
                 (`mokutil --import` with the certificate in DER)"
            )
        });
    }
    let kernel = fs::read(&parts.kernel)
        .map_err(|error| InstallError::Read { path: parts.kernel.display().to_string(), error })?;
    if image::enforces_signatures(&kernel) {
        return Ok(Some(key.clone()));
    }
    let meaning =
        "with it, whoever can write to this machine's disks boots any kernel although Secure Boot is on";
    if !options.boots_unsigned {
        return refuse(format!(
            "{}: this kernel does not enforce signatures by itself, so that firstlight could start unsigned kernels, and it is not \
             signed: build one with `scripts/build-kernel.sh --enforce` and name it with --kernel. --boots-unsigned signs this one: \
             {meaning}",
            parts.kernel.display()
        ));
    }
    notes.push(format!("the image is signed and starts unsigned kernels: {meaning}"));
    Ok(Some(key.clone()))
}

/// Makes what has booted the default.
#[must_use]
pub fn confirm(facts: &Facts) -> Plan {
    let note = |text: &str| Plan { notes: vec![text.to_owned()], ..Plan::default() };
    let Some(state) = &facts.state else { return note("firstlight is not installed as a boot entry") };
    let Some((trial, number)) = state.trial.as_ref().and_then(|copy| Some((copy, copy.entry?))) else {
        return note("nothing is to be confirmed");
    };
    let number_of = |name: &str| {
        let value = facts.uefi.as_ref().and_then(|uefi| uefi.variables.get(name));
        value.and_then(|value| order(value).first().copied())
    };
    if number_of("BootCurrent") == Some(number) && trial.progress != Progress::Writing {
        let mut after = state.clone();
        after.trial = None;
        after.current = Some(Copy { progress: Progress::Confirmed, ..trial.clone() });
        let mut steps = vec![Step::OrderFirst { number }];
        steps.extend(state.current.iter().flat_map(|old| remove_copy(facts, old, Some(trial))));
        steps.push(Step::Remember { state: Some(Box::new(after)) });
        return Plan { steps, ..Plan::default() };
    }
    match trial.progress {
        Progress::Writing => {
            note("the installation was interrupted: run `firstlight install` again, or `--remove`")
        }
        Progress::Trial if number_of("BootNext") == Some(number) => note("the next boot tries firstlight"),
        Progress::Trial => {
            let mut after = state.clone();
            after.trial = Some(Copy { progress: Progress::Failed, ..trial.clone() });
            Plan {
                steps: vec![Step::Remember { state: Some(Box::new(after)) }],
                notes: vec!["firstlight was to be tried and did not start this system: what booted before stays the default. \
                             `firstlight install` tries again"
                    .into()],
                ..Plan::default()
            }
        }
        Progress::Failed | Progress::Confirmed => {
            note("firstlight did not start this system: what booted before stays the default")
        }
    }
}

/// Takes everything away.
#[must_use]
pub fn remove(system: &System, facts: &Facts) -> Plan {
    let Some(state) = &facts.state else {
        // What a first write of the state has left, which was killed.
        let left = [Step::Remember { state: None }, Step::RemoveDirectory { path: STATE_DIRECTORY.into() }];
        let steps = left.into_iter().filter(|_| system.path(STATE_DIRECTORY).is_dir()).collect();
        return Plan {
            steps,
            notes: vec!["firstlight is not installed as a boot entry".into()],
            ..Plan::default()
        };
    };
    let mut steps: Vec<Step> = state.copies().flat_map(|copy| remove_copy(facts, copy, None)).collect();
    let (own, mut other): (Vec<Step>, Vec<Step>) = directories(state)
        .into_iter()
        .partition(|step| matches!(step, Step::RemoveDirectory { path } if path == STATE_DIRECTORY));
    steps.append(&mut other);
    steps.push(Step::Remember { state: None });
    steps.extend(own);
    Plan { steps, ..Plan::default() }
}

/// Removes the directories that were made, the inner ones first.
fn directories(state: &State) -> Vec<Step> {
    debug_assert!(STATE.starts_with(STATE_DIRECTORY));
    let made = state.directories.iter().rev().map(|path| Step::RemoveDirectory { path: path.clone() });
    made.chain([Step::RemoveDirectory { path: STATE_DIRECTORY.into() }]).collect()
}

/// Takes a copy away; what `kept` has, too, stays.
fn remove_copy(facts: &Facts, copy: &Copy, kept: Option<&Copy>) -> Vec<Step> {
    let number = copy.entry.filter(|number| owns(facts, *number));
    let mut steps: Vec<Step> = number
        .into_iter()
        .flat_map(|number| {
            [Step::NoBootNext { number }, Step::OrderWithout { number }, Step::DeleteEntry { number }]
        })
        .collect();
    let is_kept =
        |file: &File| kept.is_some_and(|kept| kept.files.iter().any(|other| other.path == file.path));
    let mut regenerate = copy.regenerate.clone().filter(|_| kept.is_none());
    for file in copy.files.iter().rev().filter(|file| !is_kept(file)) {
        steps.push(Step::RemoveFile { path: file.path.clone() });
        // The entry is the last file: the loader's configuration forgets it before the others go.
        steps.extend(regenerate.take().map(|command| Step::Regenerate { command }));
    }
    let directory = copy.files.first().and_then(|file| file.path.rsplit_once('/'));
    steps.extend(directory.map(|(path, _)| Step::RemoveDirectory { path: path.to_owned() }));
    steps
}

/// Whether a boot option is ours, or not there: a number that another program has taken meanwhile is left alone.
fn owns(facts: &Facts, number: u16) -> bool {
    let value = facts.uefi.as_ref().and_then(|uefi| uefi.variables.get(&variable(number)));
    value.is_none_or(|value| {
        let file = load_option(value).and_then(|option| option.file);
        file.is_some_and(|file| file.starts_with("\\EFI\\firstlight\\"))
    })
}
