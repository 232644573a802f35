//! Whole configurations, with the menus that GRUB makes of them.

mod devices;
mod installed;
mod large;
mod loaders;
mod scripts;

use super::{
    Facts, Flavour, GrubMenu,
    environment_block::Change,
    flavour::{FEDORA, SUSE, UPSTREAM},
    menu::EntryAction,
    read,
};
use crate::{
    entry::{FileReference, TimeoutStyle},
    table::Table,
};

const FACTS: Facts = Facts { efi: true, cpu: "x86_64" };

fn menu_of(table: &Table, path: &str, flavour: &'static Flavour) -> GrubMenu {
    read(table, 0, path, FACTS, flavour).unwrap()
}

/// Each entry as `id: kernel on volume + initrds: command line`.
fn lines(table: &Table, menu: &GrubMenu) -> Vec<String> {
    let show = |file: &super::device::Located| {
        let file = file.reference(table);
        format!("{}:{}", file.volume, file.path)
    };
    let flat = menu.level.flat();
    let line = |entry: &super::menu::MenuEntry| match &entry.action {
        EntryAction::Boot(loaded, cmdline) => {
            let files: Vec<String> = loaded.kernel.iter().chain(&loaded.initrds).map(show).collect();
            format!("{}: {}: {cmdline}", entry.id, files.join(" + "))
        }
        action => format!("{}: {action:?}", entry.id),
    };
    flat.into_iter().map(|(_, entry)| line(entry)).collect()
}
