//! kboot.conf: its path.

use super::{by_device::on_named_device, menu::MenuLoader};
use crate::{entry::Format, formats::kboot};

/// Finds kboot.conf.
pub(super) static KBOOT: MenuLoader = MenuLoader {
    format: Format::Kboot,
    places: &["/kboot.conf", "/kboot.cnf", "/etc/kboot.conf", "/etc/kboot.cnf"],
    read: |_, _, text| kboot::parse(text),
    locate: on_named_device,
};
