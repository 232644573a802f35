//! petitboot.conf: its path.

use super::{by_device::on_named_device, menu::MenuLoader};
use crate::{entry::Format, formats::petitboot};

/// Finds petitboot.conf.
pub(super) static PETITBOOT: MenuLoader = MenuLoader {
    format: Format::Petitboot,
    places: &["/boot/petitboot.conf", "/petitboot.conf"],
    read: |_, _, text| petitboot::parse(text),
    locate: on_named_device,
};
