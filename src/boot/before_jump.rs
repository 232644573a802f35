//! Takes the actions that were left until the jump, right before it.

use std::{
    fs::File,
    io,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::{
    discover::environment::{self, Access},
    entry::{Entry, FileReference, Format},
    formats::{bls, syslinux::saved, text::printable},
    kexec::{BeforeJump, LoadedKernel},
    storage::{
        OpenVolume,
        rename::{self, RenameError},
    },
    sys::{files, threads::within},
};

/// Time in which the disks must have taken what is written to them.
const DEADLINE: Duration = Duration::from_secs(30);

/// What its boot loader would have written on the disks by the time it starts the entry.
#[must_use]
pub fn owed_by(entry: &Entry) -> Vec<BeforeJump> {
    let changes = Some(entry.changes.clone()).filter(|changes| !changes.is_empty());
    let mut owed: Vec<BeforeJump> = changes.map(BeforeJump::ChangeEnvironment).into_iter().collect();
    let source = &entry.source;
    let is_counted = entry.tries_left.is_some() && matches!(source.format, Format::Bls | Format::Uki);
    if is_counted && source.inside.is_none() {
        let file = source.path.rsplit('/').next().unwrap_or_default();
        owed.extend(bls::name_after_attempt(file).map(|name| BeforeJump::CountAttempt {
            file: FileReference::new(source.volume.clone(), source.path.clone()),
            name,
        }));
    }
    owed
}

/// Says what it means that something is not written.
#[must_use]
pub fn meaning_of_not_writing(action: &BeforeJump) -> Option<String> {
    match action {
        BeforeJump::RemoveVariable { .. } => None,
        BeforeJump::ChangeEnvironment(changes) if changes.iter().all(|change| change.when_chosen) => Some(
            "the menu does not keep this choice, so the next boot has the default that this one had"
                .to_owned(),
        ),
        BeforeJump::ChangeEnvironment(changes) => {
            let mut names: Vec<&str> = Vec::new();
            for change in changes {
                if !names.contains(&change.name.as_str()) {
                    names.push(&change.name);
                }
            }
            let keeper = match changes.first() {
                Some(change) if saved::keeps(&change.block.path) => "SYSLINUX",
                _ => "GRUB's environment",
            };
            let names = names.join(", ");
            Some(format!("{keeper} keeps its {names}, so the next boot decides as this one did"))
        }
        BeforeJump::CountAttempt { file, .. } => Some(format!(
            "{} is not renamed, so this attempt is not counted, and the next boot tries the same entry",
            file.path
        )),
    }
}

/// As [`perform`], for at most half a minute: no disk holds the jump up.
pub fn perform_in_time(kernel: &LoadedKernel, volumes: Vec<Arc<OpenVolume>>) -> Vec<String> {
    if kernel.before_jump.is_empty() {
        return Vec::new();
    }
    let (own, messages) = (kernel.clone(), Arc::new(Mutex::new(Vec::new())));
    let said = Arc::clone(&messages);
    let work = move || *said.lock().unwrap_or_else(PoisonError::into_inner) = perform(&own, &volumes);
    if within(DEADLINE, "state", vec![Box::new(work)]) {
        return std::mem::take(&mut *messages.lock().unwrap_or_else(PoisonError::into_inner));
    }
    vec![
        "What this entry's boot loader would write may not be on the disk: the disk does not answer; check it and its cables"
            .to_owned(),
    ]
}

/// Takes the actions that were left until the jump into this kernel. A failure is logged, and the jump goes on; what it means
/// comes back, for a person to read.
pub fn perform(kernel: &LoadedKernel, volumes: &[Arc<OpenVolume>]) -> Vec<String> {
    let mut messages = Vec::new();
    for action in &kernel.before_jump {
        let failure = match action {
            BeforeJump::RemoveVariable { name, path } => remove_variable(path).err().map(|error| {
                format!(
                    "{name} stays ({error}) and counts for the next boot, too; remove it: bootctl set-oneshot ''"
                )
            }),
            BeforeJump::ChangeEnvironment(changes) => {
                environment::write(volumes, changes, Access::InPlace).err().map(|error| error.to_string())
            }
            BeforeJump::CountAttempt { file, name } => count(volumes, file, name).err(),
        };
        let Some(failure) = failure else { continue };
        log::warn!("{}", printable(&failure));
        messages.push(printable(&failure));
        messages.extend(meaning_of_not_writing(action).map(|meaning| printable(&meaning)));
    }
    messages
}

fn count(volumes: &[Arc<OpenVolume>], file: &FileReference, name: &str) -> Result<(), String> {
    let volume = volumes.iter().find(|open| file.volume.is(&open.volume));
    let volume = volume
        .ok_or_else(|| format!("{} on {}: its volume is not there any more", file.path, file.volume))?;
    rename::rename(volume, &file.path, name)
        .map_err(|error: RenameError| format!("{} on {} is not renamed: {error}", file.path, file.volume))
}

/// The kernel guards the variables of most vendors by a flag.
fn remove_variable(path: &Path) -> io::Result<()> {
    let file = File::open(path)?;
    files::take_guard(&file)?;
    std::fs::remove_file(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        boot::samples::entry,
        entry::{EnvironmentChange, Source},
    };

    #[test]
    fn variables_for_one_boot_go_and_others_stay() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        for name in ["one-shot", "another", "kept"] {
            std::fs::write(path(name), "").unwrap();
        }
        let remove = |name| BeforeJump::RemoveVariable { name, path: path(name) };
        let before_jump = vec![remove("one-shot"), remove("not there"), remove("another")];
        let messages = perform(
            &LoadedKernel {
                name: "/vmlinuz".into(),
                cmdline: String::new(),
                is_linux: true,
                before_jump,
                warnings: vec![],
            },
            &[],
        );
        assert_eq!(messages.len(), 1, "{messages:?}");
        assert_eq!(["one-shot", "another", "kept"].map(|name| path(name).exists()), [false, false, true]);
    }

    #[test]
    fn what_an_entry_owes_is_its_changes_and_its_attempt() {
        let block = FileReference::new("sda1".into(), "/boot/grub/grubenv".into());
        let change = |name: &str| EnvironmentChange::new(block.clone(), name, None);
        let plain = entry("a", "sda1");
        let counted = |path: &str, format, tries_left| {
            let source = Source { format, path: path.into(), ..plain.source.clone() };
            Entry { source, tries_left, ..plain.clone() }
        };
        let attempt = |path: &str, name: &str| {
            let file = FileReference::new(plain.source.volume.clone(), path.into());
            vec![BeforeJump::CountAttempt { file, name: name.into() }]
        };
        let (bls, uki) = ("/loader/entries/a+2-1.conf", "/EFI/Linux/a+3.efi");
        let saved = Entry { changes: vec![change("next_entry"), change("x"), change("x")], ..plain.clone() };
        for (entry, expected) in [
            (plain.clone(), vec![]),
            (saved.clone(), vec![BeforeJump::ChangeEnvironment(saved.changes.clone())]),
            (counted(bls, Format::Bls, Some(2)), attempt(bls, "a+1-2.conf")),
            (counted(uki, Format::Uki, Some(3)), attempt(uki, "a+2-1.efi")),
            // GRUB's blscfg and others count nothing.
            (counted(bls, Format::Bls, None), vec![]),
            (counted(bls, Format::Grub, Some(2)), vec![]),
        ] {
            assert_eq!(owed_by(&entry), expected, "{}", entry.source.path);
        }
        let meaning = owed_by(&saved).first().and_then(meaning_of_not_writing);
        let expected = "GRUB's environment keeps its next_entry, x, so the next boot decides as this one did";
        assert_eq!(meaning.as_deref(), Some(expected));
        let kept = EnvironmentChange { when_chosen: true, ..change("menu-save") };
        let meaning = meaning_of_not_writing(&BeforeJump::ChangeEnvironment(vec![kept]));
        let expected =
            "the menu does not keep this choice, so the next boot has the default that this one had";
        assert_eq!(meaning.as_deref(), Some(expected));
    }
}
