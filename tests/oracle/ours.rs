//! The evaluator under test, asked the same question as grub-emu.

use std::path::Path;

use firstlight::{
    discover::Images,
    formats::grub::{
        self, Facts, GrubMenu,
        flavour::UPSTREAM,
        menu::{EntryAction, MenuEntry},
    },
};

use crate::host::Host;

/// Runs a configuration file.
pub fn menu(path: &Path) -> GrubMenu {
    let facts = Facts { efi: true, cpu: "x86_64" };
    grub::read(&Images::new(&Host::new()), 0, path.to_str().unwrap(), facts, &UPSTREAM).unwrap()
}

/// The argument of an entry's `linux` command, its spaces written as grub-emu's are.
pub fn argument(entry: &MenuEntry) -> Option<String> {
    match &entry.action {
        EntryAction::Boot(loaded, _) => Some(loaded.arguments.get(1)?.replace(' ', "~").replace('\n', "^")),
        _ => None,
    }
}
