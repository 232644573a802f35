//! The table of keys. The menu looks up here what a key does, the help at the bottom of the screen is made from it, and a
//! test compares it with the table in docs/menu.md.

use super::{
    Entries, MenuChoice, Mode, details::Details, editor::Editor, pager::Pager, power::PowerMenu,
    search::TitleSearch,
};
use crate::ui::{keys::Key, wrap::measure};

/// The modes of the menu, as the table of keys names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModeName {
    /// The list of entries.
    List,
    /// The details of the selected entry.
    Details,
    /// The search in the list.
    Search,
    /// The editor of an entry.
    Editor,
    /// All keys.
    Help,
    /// The devices of the machine.
    Devices,
    /// All messages.
    Messages,
    /// Ways to leave without a boot.
    Power,
    /// The question for a password.
    Prompt,
}

/// A mode for the stack, or the choice that takes its place.
pub(super) type Opened = Result<Box<dyn Mode>, Option<MenuChoice>>;

/// The effect of a key. The stack of modes carries out those that concern it, and offers the rest to the modes, from the top
/// to the list.
#[derive(Clone, Copy, Debug)]
pub(super) enum KeyCommand {
    Boot,
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
    /// Add the digit to the row number that is being typed.
    Digit,
    EraseDigit,
    /// Put a mode on the stack, or make another choice instead.
    Open(fn(&Entries) -> Opened),
    /// Take the mode on top from the stack.
    Close,
    CloseSubmenu,
    /// What is typed holds.
    Accept,
    /// What is typed is dropped.
    Cancel,
    AddInitrd,
    Rescue,
    Reboot,
    PowerOff,
    FirmwareSetup,
    Redraw,
    /// Nothing more than any key does: the countdown stops.
    Stay,
}

/// One row of the table of keys.
struct Binding {
    keys: &'static [Key],
    /// The keys as people know them, where that is shorter than all of their names.
    names: Option<&'static str>,
    modes: &'static [ModeName],
    /// Keys and meaning in the help on the screen; empty for a key that is not in it.
    hint: &'static str,
    /// Whether the hint is shown where there is no entry, too.
    always: bool,
    /// The effect of the key, as a sentence.
    help: &'static str,
    command: KeyCommand,
}

/// The modes in which an entry is selected.
const ENTRY: &[ModeName] = &[ModeName::List, ModeName::Details];
/// The modes in which a key that is no command of the table is typed text.
const TYPING: &[ModeName] = &[ModeName::Search, ModeName::Editor, ModeName::Prompt];
/// The modes that show text.
const TEXT: &[ModeName] = &[ModeName::Help, ModeName::Devices, ModeName::Messages];
const ALL: &[ModeName] =
    &[ModeName::List, ModeName::Details, ModeName::Help, ModeName::Devices, ModeName::Messages];
const EVERYWHERE: &[ModeName] = &[
    ModeName::List,
    ModeName::Details,
    ModeName::Help,
    ModeName::Devices,
    ModeName::Messages,
    ModeName::Search,
    ModeName::Editor,
    ModeName::Power,
    ModeName::Prompt,
];

/// A key for the selected entry that the help at the bottom of the screen does not name.
const fn quiet(keys: &'static [Key], help: &'static str, command: KeyCommand) -> Binding {
    Binding { keys, names: None, modes: ENTRY, hint: "", always: false, help, command }
}

/// The table of keys, in the order of the help on the screen.
const BINDINGS: &[Binding] = &[
    quiet(&[Key::Up, Key::Character('k'), Key::Control('p')], "Selects the entry above.", KeyCommand::Up),
    quiet(&[Key::Down, Key::Character('j'), Key::Control('n')], "Selects the entry below.", KeyCommand::Down),
    quiet(&[Key::PageUp], "Moves the selection ten entries up.", KeyCommand::PageUp),
    quiet(&[Key::PageDown], "Moves the selection ten entries down.", KeyCommand::PageDown),
    quiet(&[Key::Home], "Selects the first entry.", KeyCommand::First),
    quiet(&[Key::End], "Selects the last entry.", KeyCommand::Last),
    Binding {
        names: Some("0 to 9"),
        ..quiet(
            &[
                Key::Character('0'),
                Key::Character('1'),
                Key::Character('2'),
                Key::Character('3'),
                Key::Character('4'),
                Key::Character('5'),
                Key::Character('6'),
                Key::Character('7'),
                Key::Character('8'),
                Key::Character('9'),
            ],
            "Selects the entry with the number that is typed.",
            KeyCommand::Digit,
        )
    },
    quiet(&[Key::Backspace], "Erases the last digit of the number.", KeyCommand::EraseDigit),
    Binding {
        hint: "Enter: boot",
        ..quiet(&[Key::Enter, Key::Right], "Boots the entry, or opens the submenu.", KeyCommand::Boot)
    },
    Binding {
        modes: &[ModeName::List],
        ..quiet(&[Key::Left, Key::Escape], "Goes back to the menu above.", KeyCommand::CloseSubmenu)
    },
    Binding {
        modes: &[ModeName::List],
        hint: "d: details",
        ..quiet(
            &[Key::Character('d')],
            "Shows where the selected entry is written and what it does.",
            KeyCommand::Open(|_| Ok(Box::new(Details))),
        )
    },
    Binding {
        modes: &[ModeName::Details],
        hint: "d: back",
        ..quiet(&[Key::Character('d'), Key::Escape], "Goes back to the list.", KeyCommand::Close)
    },
    Binding {
        hint: "e: edit",
        ..quiet(
            &[Key::Character('e')],
            "Edits the selected entry for one boot.",
            KeyCommand::Open(|entries| open(Editor::new(entries, ""), entries)),
        )
    },
    quiet(
        &[Key::Character('o')],
        "Adds words to its command line for one boot.",
        KeyCommand::Open(|entries| open(Editor::new(entries, " "), entries)),
    ),
    Binding {
        modes: &[ModeName::List],
        ..quiet(
            &[Key::Character('/')],
            "Selects the entry whose title has the words that are typed.",
            KeyCommand::Open(|entries| Ok(Box::new(TitleSearch::new(entries)))),
        )
    },
    Binding {
        modes: &[ModeName::Search],
        hint: "Arrows, Down: next",
        ..quiet(&[Key::Down, Key::Control('n')], "Selects the next entry that is found.", KeyCommand::Down)
    },
    Binding {
        modes: &[ModeName::Search],
        ..quiet(&[Key::Up, Key::Control('p')], "Selects the one before.", KeyCommand::Up)
    },
    Binding {
        modes: &[ModeName::Search],
        hint: "Enter: keep",
        ..quiet(&[Key::Enter], "Ends the search at the entry that is found.", KeyCommand::Accept)
    },
    Binding {
        modes: &[ModeName::Editor],
        ..quiet(&[Key::Up, Key::Control('p')], "Goes to the part above.", KeyCommand::Up)
    },
    Binding {
        modes: &[ModeName::Editor],
        hint: "Arrows, Down: parts",
        ..quiet(&[Key::Down, Key::Control('n')], "Goes to the part below.", KeyCommand::Down)
    },
    Binding {
        modes: &[ModeName::Editor],
        hint: "Ctrl-O: add an initrd",
        ..quiet(&[Key::Control('o')], "Adds an initrd; an empty one goes away.", KeyCommand::AddInitrd)
    },
    Binding {
        modes: &[ModeName::Editor],
        hint: "Enter: boot",
        ..quiet(
            &[Key::Enter, Key::Control('x'), Key::Function(10)],
            "Boots with what is typed, once.",
            KeyCommand::Accept,
        )
    },
    Binding {
        modes: &[ModeName::Prompt],
        hint: "Enter: go on",
        always: true,
        ..quiet(&[Key::Enter], "Goes on to the password, or tries it.", KeyCommand::Accept)
    },
    Binding {
        modes: TYPING,
        hint: "Esc: back",
        always: true,
        ..quiet(&[Key::Escape, Key::Control('c')], "Goes back; what is typed is dropped.", KeyCommand::Cancel)
    },
    Binding {
        modes: TEXT,
        ..quiet(&[Key::Up, Key::Character('k'), Key::Control('p')], "Shows the row above.", KeyCommand::Up)
    },
    Binding {
        modes: TEXT,
        ..quiet(
            &[Key::Down, Key::Character('j'), Key::Control('n')],
            "Shows the row below.",
            KeyCommand::Down,
        )
    },
    Binding { modes: TEXT, ..quiet(&[Key::PageUp], "Shows ten rows above.", KeyCommand::PageUp) },
    Binding { modes: TEXT, ..quiet(&[Key::PageDown], "Shows ten rows below.", KeyCommand::PageDown) },
    Binding { modes: TEXT, ..quiet(&[Key::Home], "Shows the begin.", KeyCommand::First) },
    Binding { modes: TEXT, ..quiet(&[Key::End], "Shows the end.", KeyCommand::Last) },
    quiet(&[Key::Character('t')], "Stops the countdown, as any other key does.", KeyCommand::Stay),
    quiet(
        &[Key::Character('i')],
        "Shows the devices, and why nothing on them boots.",
        KeyCommand::Open(|_| Ok(Box::new(Pager::devices()))),
    ),
    Binding {
        modes: &[ModeName::Devices],
        hint: "i: back",
        always: true,
        ..quiet(&[Key::Character('i'), Key::Escape], "Goes back.", KeyCommand::Close)
    },
    quiet(
        &[Key::Character('l')],
        "Shows all messages.",
        KeyCommand::Open(|_| Ok(Box::new(Pager::messages()))),
    ),
    Binding {
        modes: &[ModeName::Messages],
        hint: "l: back",
        always: true,
        ..quiet(&[Key::Character('l'), Key::Escape], "Goes back.", KeyCommand::Close)
    },
    Binding {
        hint: "?: keys",
        always: true,
        ..quiet(
            &[Key::Character('?'), Key::Character('h'), Key::Function(1)],
            "Shows all keys.",
            KeyCommand::Open(|_| Ok(Box::new(Pager::keys()))),
        )
    },
    Binding {
        modes: &[ModeName::Help],
        hint: "?: back",
        always: true,
        ..quiet(
            &[Key::Character('?'), Key::Character('h'), Key::Function(1), Key::Escape],
            "Goes back.",
            KeyCommand::Close,
        )
    },
    Binding {
        modes: ALL,
        hint: "r: rescue",
        always: true,
        ..quiet(&[Key::Character('r')], "Opens the rescue console.", KeyCommand::Rescue)
    },
    Binding {
        modes: ALL,
        hint: "b: reboot",
        always: true,
        ..quiet(&[Key::Character('b')], "Restarts the machine.", KeyCommand::Reboot)
    },
    Binding {
        modes: ALL,
        hint: "p: power",
        always: true,
        ..quiet(
            &[Key::Character('p')],
            "Shows how to switch the machine off, restart it, or enter the firmware's setup.",
            KeyCommand::Open(|_| Ok(Box::new(PowerMenu))),
        )
    },
    Binding {
        modes: &[ModeName::Power],
        hint: "p: power off",
        always: true,
        ..quiet(&[Key::Character('p')], "Switches the machine off.", KeyCommand::PowerOff)
    },
    Binding {
        modes: &[ModeName::Power],
        hint: "b: reboot",
        always: true,
        ..quiet(&[Key::Character('b')], "Restarts the machine.", KeyCommand::Reboot)
    },
    Binding {
        modes: &[ModeName::Power],
        hint: "f: firmware setup",
        always: true,
        ..quiet(
            &[Key::Character('f')],
            "Restarts into the firmware's setup, where the firmware is a UEFI.",
            KeyCommand::FirmwareSetup,
        )
    },
    Binding {
        modes: &[ModeName::Power],
        hint: "Esc: back",
        always: true,
        ..quiet(&[Key::Escape], "Goes back.", KeyCommand::Close)
    },
    Binding {
        modes: EVERYWHERE,
        ..quiet(&[Key::Control('l')], "Draws the screen anew.", KeyCommand::Redraw)
    },
];

/// A mode that changes the selected entry, unless nobody may do that yet. Without an entry there is nothing to change.
fn open<M: Mode + 'static>(mode: Option<M>, entries: &Entries) -> Opened {
    let locked = || entries.selected().map(|_| MenuChoice::Locked);
    mode.map(|mode| Box::new(mode) as Box<dyn Mode>).ok_or_else(locked)
}

impl Binding {
    /// The names of its keys.
    fn names(&self) -> String {
        let all = || self.keys.iter().map(Key::to_string).collect::<Vec<_>>().join(", ");
        self.names.map_or_else(all, str::to_owned)
    }
}

/// The names of the keys of the list and its details with their effects; those of the other modes stand on their own screens.
pub(super) fn all_keys() -> Vec<(String, &'static str)> {
    keys_of(ENTRY)
}

/// The names of the keys of these modes with their effects.
pub(super) fn keys_of(modes: &[ModeName]) -> Vec<(String, &'static str)> {
    let rows = BINDINGS.iter().filter(|row| row.modes.iter().any(|mode| modes.contains(mode)));
    rows.map(|row| (row.names(), row.help)).collect()
}

/// The command of a key in a mode.
pub(super) fn command(key: Key, mode: ModeName) -> Option<KeyCommand> {
    let in_mode = BINDINGS.iter().find(|row| row.modes.contains(&mode) && row.keys.contains(&key));
    in_mode.map(|row| row.command)
}

/// The hints of the keys that work in a mode, in as many rows of at most so many columns as they take.
#[must_use]
pub fn help_line(mode: ModeName, with_entries: bool, columns: usize) -> Vec<String> {
    const GAP: &str = "  ";
    let shown =
        |row: &&Binding| !row.hint.is_empty() && row.modes.contains(&mode) && (with_entries || row.always);
    let mut rows: Vec<String> = Vec::new();
    for Binding { hint, .. } in BINDINGS.iter().filter(shown) {
        match rows.last_mut() {
            // The last column stays free.
            Some(row) if measure(row).saturating_add(measure(hint)).saturating_add(GAP.len()) < columns => {
                row.push_str(GAP);
                row.push_str(hint);
            }
            _ => rows.push((*hint).to_owned()),
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manual_has_the_same_table_of_keys() {
        let mode = |mode: &ModeName| format!("{mode:?}").to_lowercase();
        let row = |row: &Binding| {
            let modes: Vec<String> = row.modes.iter().map(mode).collect();
            format!("| {} | {} | {} |", row.names(), modes.join(", "), row.help)
        };
        let expected: Vec<String> = BINDINGS.iter().map(row).collect();
        let manual = include_str!("../../../docs/menu.md").lines();
        let rows: Vec<&str> = manual.filter(|line| line.starts_with('|')).skip(2).collect();
        assert_eq!(rows, expected);
    }

    #[test]
    fn no_key_has_two_meanings_in_a_mode() {
        let mut seen: Vec<(ModeName, Key)> = Vec::new();
        for row in BINDINGS {
            for mode in row.modes {
                for key in row.keys {
                    assert!(!seen.contains(&(*mode, *key)), "{key} in {mode:?}");
                    seen.push((*mode, *key));
                }
            }
        }
    }

    #[test]
    fn every_hint_names_a_key_of_its_row() {
        for row in BINDINGS.iter().filter(|row| !row.hint.is_empty()) {
            let (keys, _) = row.hint.split_once(": ").unwrap();
            let last = keys.rsplit(", ").next().unwrap();
            assert!(row.keys.iter().any(|key| key.to_string() == last), "{}", row.hint);
        }
    }

    #[test]
    fn hints_are_broken_between_keys_and_those_of_entries_need_one() {
        let list = |with_entries, columns| help_line(ModeName::List, with_entries, columns);
        assert_eq!(
            list(true, 80),
            ["Enter: boot  d: details  e: edit  ?: keys  r: rescue  b: reboot  p: power"]
        );
        assert_eq!(
            list(true, 40),
            ["Enter: boot  d: details  e: edit", "?: keys  r: rescue  b: reboot  p: power"]
        );
        assert_eq!(list(false, 80), ["?: keys  r: rescue  b: reboot  p: power"]);
        assert_eq!(
            help_line(ModeName::Details, true, 80),
            ["Enter: boot  d: back  e: edit  ?: keys  r: rescue  b: reboot  p: power"]
        );
        assert_eq!(help_line(ModeName::Help, true, 80), ["?: back  r: rescue  b: reboot  p: power"]);
    }
}
