//! petitboot.conf: its path.

use super::menu::{MenuLoader, on_named_device};
use crate::{entry::Format, formats::petitboot};

/// Finds petitboot.conf.
pub(super) static PETITBOOT: MenuLoader = MenuLoader {
    format: Format::Petitboot,
    places: &["/boot/petitboot.conf", "/petitboot.conf"],
    read: |_, _, text| petitboot::parse(text),
    locate: on_named_device,
};
