//! lilo.conf, elilo.conf and yaboot.conf: their paths, and what paths in them mean.

use super::{
    by_device::{in_system, partition},
    menu::MenuLoader,
    place::Place,
};
use crate::{
    entry::Format,
    formats::lilo::{Dialect, parse},
};

/// Finds lilo.conf, whose paths are those of the installed system.
pub(super) static LILO: MenuLoader = MenuLoader {
    format: Format::Lilo,
    places: &["/etc/lilo.conf"],
    read: |_, _, text| parse(text, Dialect::Lilo, ""),
    locate: in_system,
};

/// Finds elilo.conf, whose paths count from its directory on the ESP.
pub(super) static ELILO: MenuLoader = MenuLoader {
    format: Format::Elilo,
    places: &["/EFI/*/elilo.conf", "/efi/*/elilo.conf", "/elilo.conf"],
    read: |place, _, text| parse(text, Dialect::Elilo, place.directory),
    locate: |place, path| {
        let path = path.replace('\\', "/");
        // The firmware's names of devices are nobody else's.
        let path = path.split_once(':').map_or(path.as_str(), |(_, path)| path);
        Some((place.volume, place.path(path)))
    },
};

/// Finds yaboot.conf, whose paths may name a partition of its disk: `hd:3,/vmlinux`.
pub(super) static YABOOT: MenuLoader = MenuLoader {
    format: Format::Yaboot,
    places: &["/etc/yaboot.conf", "/yaboot.conf", "/boot/etc/yaboot.conf", "/suseboot/yaboot.cnf"],
    read: |_, _, text| parse(text, Dialect::Yaboot, ""),
    locate: in_partition,
};

fn in_partition(place: &Place<'_>, path: &str) -> Option<(usize, String)> {
    let Some((device, path)) = path.split_once(',') else { return in_system(place, path) };
    match device.rsplit(':').next() {
        None | Some("") => in_system(place, path),
        Some(number) => Some((partition(place, number)?, place.path(path))),
    }
}
