//! Entries as a person changes them for one boot: what can be changed, and what comes of it.

use super::{Barrier, CLOSED_EDITOR, Wanted, WorkerAction, WorkerState};
use crate::{
    boot::words,
    entry::{Entry, FileReference, Kind},
    formats::text::printable,
    ui::{keys::Key, menu::BootParts},
};

impl WorkerState {
    /// What a person can change of an entry: nothing where its configuration asks for a password, and nothing of what starts
    /// without a kernel of its own.
    pub(super) fn parts(&self, entry: &Entry) -> Option<BootParts> {
        let kernel = entry.kernel.as_ref().filter(|_| starts_kernel(entry))?;
        (self.barrier_before_editor(entry) == Barrier::Open).then(|| BootParts {
            kernel: place(kernel),
            initrds: entry.initrds.iter().map(place).collect(),
            cmdline: words::cmdline(entry, &self.settings),
        })
    }

    /// Asks for the password before a change of the selected entry, or says that there is none.
    pub(super) fn editor_refused(&mut self, key: Key, actions: &mut Vec<WorkerAction>) {
        let selected = self.menu.entries().selected().and_then(|item| self.entry(&item.id));
        let is_kernel = selected.is_some_and(|entry| entry.kernel.is_some() && starts_kernel(entry));
        match selected.map(|entry| self.barrier_before_editor(entry)) {
            Some(Barrier::Password) if is_kernel => self.ask(Wanted::Editor(key), actions),
            _ => self.report(CLOSED_EDITOR.to_owned()),
        }
    }

    /// The entry with this id with its parts changed.
    ///
    /// # Errors
    /// Why that cannot be, as a sentence.
    pub(super) fn with_parts(&self, id: &str, parts: &BootParts) -> Result<Entry, String> {
        let entry = self.entry(id).ok_or("The entry is gone.")?;
        // A disk whose loader asks for passwords may have come meanwhile.
        if self.barrier_before_editor(entry) != Barrier::Open {
            return Err(CLOSED_EDITOR.into());
        }
        let file = |text: &String| {
            self.file(text, entry)
                .ok_or_else(|| format!("{}: no volume of that name; write VOLUME:/PATH.", printable(text)))
        };
        let kernel = file(&parts.kernel)?;
        let initrds = parts.initrds.iter().map(file).collect::<Result<Vec<_>, _>>()?;
        if entry.kind == Kind::Multiboot && initrds != entry.initrds {
            return Err(
                "The modules of a multiboot kernel belong together: they cannot be changed here.".into()
            );
        }
        // Whether what is named now is there shows when it is loaded.
        let is_changed = entry.kernel.as_ref() != Some(&kernel) || initrds != entry.initrds;
        let problem = entry.problem.clone().filter(|_| !is_changed);
        // No menu keeps what was changed in it.
        let mut changes = entry.changes.clone();
        changes.retain(|change| !change.when_chosen);
        let cmdline = parts.cmdline.clone();
        Ok(Entry { kernel: Some(kernel), initrds, cmdline, problem, changes, ..entry.clone() })
    }

    /// Has the files in the editor looked at that are new there.
    pub(super) fn look_at_typed_files(&mut self, actions: &mut Vec<WorkerAction>) {
        let Some((id, files)) = self.menu.unknown_files() else { return };
        let Some(entry) = self.entry(&id).filter(|_| !files.is_empty()) else { return };
        let files = files.into_iter().map(|typed| {
            let file = self.file(&typed.text, entry);
            (typed, file)
        });
        actions.push(WorkerAction::LookAt(files.collect()));
    }

    /// A file by the name of its volume and its path; a path alone is on the volume that the entry is written on.
    fn file(&self, text: &str, entry: &Entry) -> Option<FileReference> {
        if let Some(own) = entry.kernel.iter().chain(&entry.initrds).find(|file| place(file) == text) {
            return Some(own.clone());
        }
        let by_name = |(volume, path): (&str, &str)| {
            let volume = self.volumes.iter().find(|it| it.device.name == volume)?;
            Some(FileReference::new(volume.reference(), format!("/{path}")))
        };
        match text.strip_prefix('/') {
            Some(_) => Some(FileReference::new(entry.source.volume.clone(), text.to_owned())),
            // An image file's volume has a colon in its name.
            None => {
                text.rsplit_once(":/").and_then(by_name).or_else(|| text.split_once(":/").and_then(by_name))
            }
        }
    }
}

fn starts_kernel(entry: &Entry) -> bool {
    matches!(entry.kind, Kind::Linux | Kind::Uki | Kind::Multiboot)
}

/// How a person reads and writes a file.
fn place(file: &FileReference) -> String {
    format!("{}:{}", file.volume, file.full_path())
}
