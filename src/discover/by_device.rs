//! The volume and the file that a configuration names by a device: a partition's number, fstab(5)'s names, and what that mounts.

use super::{menu::volume_by, place::Place};
use crate::formats::{fstab, volume_name::VolumeName};

/// A partition of the configuration's own disk.
pub(super) fn partition(place: &Place<'_>, number: &str) -> Option<usize> {
    let number: u32 = number.parse().ok()?;
    let disk = &place.lookup.volumes().get(place.volume)?.device.disk;
    volume_by(place, |volume| {
        volume.device.disk == *disk && volume.device.partition.as_ref().is_some_and(|it| it.number == number)
    })
}

/// A path of the installed system whose root the volume is: on the volume that fstab(5) has mounted there, where it is not
/// on this one.
pub(super) fn in_system(place: &Place<'_>, path: &str) -> Option<(usize, String)> {
    let path = place.path(path);
    if !place.is_file(&path) {
        for mount in fstab::parse(&place.read("/etc/fstab").unwrap_or_default()) {
            let inside = path.strip_prefix(&mount.target).filter(|inside| inside.starts_with('/'));
            let name = VolumeName::parse(&mount.source);
            if let (Some(inside), Some(name)) = (inside, name) {
                return Some((volume_by(place, |volume| name.names(volume))?, inside.to_owned()));
            }
        }
    }
    Some((place.volume, path))
}

/// `path`, or `device:path` where the device is as in fstab(5).
pub(super) fn on_named_device(place: &Place<'_>, path: &str) -> Option<(usize, String)> {
    let (volume, path) = match path.split_once(':') {
        Some((device, path)) => {
            let name = VolumeName::parse(device)?;
            (volume_by(place, |volume| name.names(volume))?, path)
        }
        None => (place.volume, path),
    };
    Some((volume, place.path(&format!("/{path}"))))
}
