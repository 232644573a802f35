//! The menu: a stack of modes over the list of entries. The mode on top is drawn and gets each key first. What a key does
//! is written in one table, [`bindings`]; what the screen looks like around a mode is [`super::picture`]'s.
//!
//! A new mode is a file of its own that implements [`Mode`], a name for it in [`ModeName`] and its rows in the table of
//! keys, of which one opens it.

pub mod bindings;
mod details;
mod editor;
mod entries;
mod list;
mod pager;
mod power;
mod prompt;
mod search;

use std::fmt::Debug;

pub use self::{
    bindings::help_line,
    entries::{BootParts, Entries, FileVerdict, MenuItem, Row, TypedFile},
};
use self::{
    bindings::{KeyCommand, ModeName},
    list::List,
    prompt::Prompt,
};
use super::{keys::Key, screen::Picture, secret::SecretText};

/// A choice that concerns more than the menu itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MenuChoice {
    /// Boot the entry with this id.
    Boot(String),
    /// Boot the entry with this id, with other parts, once.
    BootWith(String, BootParts),
    /// A person wants to change the selected entry, and has no right to.
    Locked,
    /// A person has answered the question for a password: a name, empty where none is asked for, and the password.
    Answer(String, SecretText),
    Rescue,
    Reboot,
    PowerOff,
    /// Restart into the firmware's setup.
    FirmwareSetup,
    Redraw,
}

/// One of the things that the menu can show and take keys for.
trait Mode: Debug {
    /// Its name in the table of keys.
    fn name(&self) -> ModeName;

    /// Its rows, for a space of this size.
    fn view(&self, entries: &Entries, room: usize, columns: usize) -> Picture;

    /// The files that are typed in it.
    fn typed_files(&self) -> Vec<TypedFile> {
        Vec::new()
    }

    /// The id of the entry that it changes.
    fn changes(&self) -> Option<&str> {
        None
    }

    /// Takes a key, with the command that the table of keys has for it in the mode on top.
    fn take(&mut self, _command: Option<KeyCommand>, _key: Key, _entries: &mut Entries) -> Step {
        Step::Pass
    }
}

#[derive(Debug)]
enum Step {
    /// The mode below may take it.
    Pass,
    /// It is done.
    Done,
    /// It is done, and the mode as well.
    Close,
    /// It asks for something outside of the menu.
    Choose(MenuChoice),
}

/// The state of the menu. The list is at the bottom of the stack and always there.
#[derive(Debug, Default)]
pub struct BootMenu {
    entries: Entries,
    list: List,
    /// The last one is on top.
    above: Vec<Box<dyn Mode>>,
}

impl BootMenu {
    /// Takes new rows. The selection stays on its entry; as long as nobody has moved it, it is on the default.
    pub fn offer(&mut self, items: Vec<MenuItem>) {
        self.entries.replace(items);
    }

    /// Takes what can be looked up: the devices, each with a sentence, and all messages.
    pub fn inform(&mut self, devices: Vec<(String, String)>, messages: Vec<String>) {
        self.entries.inform(devices, messages);
    }

    /// The id of the entry that is being edited, and the files among its parts of which nothing is known yet: each is given once,
    /// and [`Self::judge`] is to say what it is.
    pub fn unknown_files(&mut self) -> Option<(String, Vec<TypedFile>)> {
        let id = self.top().changes()?.to_owned();
        let files = self.top().typed_files();
        Some((id, self.entries.begin_to_judge(files)))
    }

    /// Takes what is known of a file in the editor.
    pub fn judge(&mut self, verdict: FileVerdict) {
        self.entries.judge(verdict);
    }

    /// The entries and the selected one.
    #[must_use]
    pub fn entries(&self) -> &Entries {
        &self.entries
    }

    /// The rows of the mode on top, for a space of this size.
    #[must_use]
    pub fn view(&self, room: usize, columns: usize) -> Picture {
        self.top().view(&self.entries, room, columns)
    }

    /// The hints of the keys that work now, in rows of at most so many columns.
    #[must_use]
    pub fn help(&self, columns: usize) -> Vec<String> {
        help_line(self.top().name(), !self.entries.rows().is_empty(), columns)
    }

    /// Takes a key; gives the choice that it makes, if it makes one.
    pub fn press(&mut self, key: Key) -> Option<MenuChoice> {
        let command = bindings::command(key, self.top().name());
        match command {
            Some(KeyCommand::Open(open)) => {
                self.list.forget_number();
                match open(&self.entries) {
                    Ok(mode) => self.above.push(mode),
                    Err(choice) => return choice,
                }
            }
            Some(KeyCommand::Close) => drop(self.above.pop()),
            Some(KeyCommand::Rescue) => return Some(MenuChoice::Rescue),
            Some(KeyCommand::Reboot) => return Some(MenuChoice::Reboot),
            Some(KeyCommand::PowerOff) => return Some(MenuChoice::PowerOff),
            Some(KeyCommand::FirmwareSetup) => return Some(MenuChoice::FirmwareSetup),
            Some(KeyCommand::Stay) => {}
            Some(KeyCommand::Redraw) => return Some(MenuChoice::Redraw),
            _ => {
                let below: &mut dyn Mode = &mut self.list;
                let above = self.above.iter_mut().enumerate().rev();
                let modes = above.map(|(place, mode)| (Some(place), mode.as_mut())).chain([(None, below)]);
                let mut closed = None;
                for (place, mode) in modes {
                    match mode.take(command, key, &mut self.entries) {
                        Step::Pass => continue,
                        Step::Done => {}
                        Step::Close => closed = place,
                        Step::Choose(choice) => return Some(choice),
                    }
                    break;
                }
                closed.into_iter().for_each(|place| self.above.truncate(place));
            }
        }
        None
    }

    /// Asks for a password, with a name or without one. The answer is a choice; the question stays until [`BootMenu::answered`] or
    /// until the person gives up.
    pub fn ask(&mut self, what: String, asks_user: bool) {
        self.answered();
        self.above.push(Box::new(Prompt::new(what, asks_user)));
    }

    /// Whether a password is asked for.
    #[must_use]
    pub fn is_asking(&self) -> bool {
        self.top().name() == ModeName::Prompt
    }

    /// Takes the question for a password back.
    pub fn answered(&mut self) {
        self.above.retain(|mode| mode.name() != ModeName::Prompt);
    }

    fn top(&self) -> &dyn Mode {
        self.above.last().map_or(&self.list, AsRef::as_ref)
    }
}

/// As many rows as there is room for, with the one with the cursor among them.
fn around(cursor: (usize, usize), mut rows: Vec<String>, room: usize) -> Picture {
    let above = cursor.0.saturating_add(1).saturating_sub(room);
    rows.drain(..above.min(rows.len()));
    Picture { rows, cursor: Some((cursor.0.saturating_sub(above), cursor.1)) }
}

#[cfg(test)]
mod tests;
