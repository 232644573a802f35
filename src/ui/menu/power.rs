//! Leaving without a boot: switching off, restarting, and the firmware's own setup.

use super::{
    Mode,
    bindings::{self, ModeName},
    entries::Entries,
};
use crate::ui::{screen::Picture, wrap::wrapped};

#[derive(Debug)]
pub(super) struct PowerMenu;

impl Mode for PowerMenu {
    fn name(&self) -> ModeName {
        ModeName::Power
    }

    fn view(&self, _entries: &Entries, _room: usize, columns: usize) -> Picture {
        let keys = bindings::keys_of(&[ModeName::Power]);
        let rows = keys
            .iter()
            .flat_map(|(names, help)| wrapped(&format!("  {names:<8}{help}"), columns, "          "));
        rows.collect::<Vec<_>>().into()
    }
}
