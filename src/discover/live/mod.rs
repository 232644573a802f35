//! Live media as image files on a volume: what their own configurations offer, with what their systems need to find the
//! image again (the convention of loopback.cfg: <https://www.supergrubdisk.org/wiki/Loopback.cfg>).

mod systems;
#[cfg(test)]
mod tests;

use super::{
    finder::{Context, Finder, Findings, Note, NoteAction},
    foreign, grub,
    images::{Images, mountable},
};
use crate::{
    entry::{Entry, FileReference, Kind, Origin, Volume, VolumeReference, Warning},
    formats::{
        glob,
        lookup::{FileKind, Lookup, LookupError},
        name_table::NameNumbers,
    },
};

/// Directories in which every image is looked into.
const PLACES: [&str; 4] = ["/", "/boot", "/boot-isos", "/iso"];

/// Endings of images' names, there and in directories that the settings name.
const ENDINGS: [&str; 4] = [".iso", ".squashfs", ".sqsh", ".sfs"];

/// Where an image says what to do when it is a file; that counts alone then.
const LOOPBACK: [&str; 3] = ["/boot/grub/loopback.cfg", "/boot/grub2/loopback.cfg", "/grub/loopback.cfg"];

/// Maximum number of images of one volume that are searched.
const IMAGE_LIMIT: usize = 32;

/// Looks into the images on a volume; `None` where there are none. Nothing of them boots on its own: an image that was
/// only put down somewhere may be an installer.
pub(super) fn search(
    finders: &[&dyn Finder],
    lookup: &dyn Lookup,
    volume: usize,
    context: &Context,
) -> Option<Findings> {
    let host = lookup.volumes().get(volume)?;
    let home = host.reference();
    let mut paths = images(lookup, volume, context);
    let mut findings = Findings::default();
    if let Some(lost) = paths.get(IMAGE_LIMIT) {
        findings.warnings.push(Warning {
            volume: home.clone(),
            path: lost.clone(),
            line: None,
            message: format!("only the first {IMAGE_LIMIT} of {} images are looked into", paths.len()),
        });
        paths.truncate(IMAGE_LIMIT);
    }
    for path in &paths {
        if lookup.volumes().iter().any(|volume| volume.is_image(host.id, path)) {
            continue;
        }
        findings.images.extend(mountable(lookup, volume, path));
        if let Err(error) = look_into(finders, lookup, volume, path, context, &mut findings) {
            let (volume, path) = (home.clone(), path.clone());
            findings.notes.push(Note {
                action: NoteAction::PassedOver,
                volume,
                path,
                message: error.to_string(),
            });
        }
    }
    (!paths.is_empty()).then_some(findings)
}

/// Paths of the images on a volume: in the usual places, then where the settings say.
fn images(lookup: &dyn Lookup, volume: usize, context: &Context) -> Vec<String> {
    let mut seen = NameNumbers::default();
    let mut found = Vec::new();
    for place in PLACES.into_iter().chain(context.images.iter().map(String::as_str)) {
        let place = format!("/{}", place.trim_matches('/'));
        let (directory, pattern) = match lookup.status(volume, &place, true).map(|status| status.kind) {
            Some(FileKind::Directory) => (place.trim_end_matches('/'), None),
            _ => place.rsplit_once('/').map_or(("", None), |(directory, name)| (directory, Some(name))),
        };
        let fits = |name: &str| match pattern {
            Some(pattern) => name == pattern || glob::matches(pattern, name),
            None => {
                let name = name.to_ascii_lowercase();
                ENDINGS.iter().any(|ending| name.strip_suffix(ending).is_some_and(|name| !name.is_empty()))
            }
        };
        for entry in lookup.list(volume, if directory.is_empty() { "/" } else { directory }) {
            let path = format!("{directory}/{}", entry.name);
            if entry.kind != FileKind::Directory && fits(&entry.name) && seen.is_new(path.clone()) {
                found.push(path);
            }
        }
    }
    found
}

/// Takes the entries of the first kind of configuration in the image that offers something to boot: its others offer the
/// same, to other firmware.
fn look_into(
    finders: &[&dyn Finder],
    lookup: &dyn Lookup,
    host: usize,
    path: &str,
    context: &Context,
    findings: &mut Findings,
) -> Result<(), LookupError> {
    let lookup = Images::with(lookup, host, path)?;
    let Some((place, image)) = lookup.volumes().iter().enumerate().next_back() else { return Ok(()) };
    let Some(volume) = lookup.volumes().get(host) else { return Ok(()) };
    let boots = |found: &Findings| found.entries.iter().any(|entry| entry.problem.is_none());
    let mut offers = Vec::new();
    if let Some(configuration) = LOOPBACK.iter().find(|path| lookup.is_file(place, path)) {
        let mut found = Findings::default();
        grub::read(&lookup, place, configuration, context, &mut Vec::new(), &mut found);
        offers.push(found);
    }
    for finder in finders {
        if offers.last().is_some_and(&boots) {
            break;
        }
        offers.extend(finder.find(&lookup, place, context));
    }
    let chosen =
        offers.iter().position(boots).or_else(|| offers.iter().position(|it| !it.entries.is_empty()));
    let Some(mut found) = chosen.map(|chosen| offers.swap_remove(chosen)) else {
        lookup.check()?;
        return Err(LookupError::Failed("an image without a boot configuration".into()));
    };
    // Drops entries that another configuration, for other firmware, has in the same words.
    let mut seen = NameNumbers::default();
    found.entries.retain(|it| {
        seen.is_new([&it.path_in_menu[..], &[it.title.clone(), it.cmdline.clone()]].concat().join("\0"))
    });
    foreign::refuse(&lookup, &mut found);
    let image = image.reference();
    for entry in &mut found.entries {
        belongs(entry, &image, volume, path);
    }
    systems::find_again(&mut found, volume, path);
    findings.entries.append(&mut found.entries);
    findings.warnings.append(&mut found.warnings);
    findings.notes.append(&mut found.notes);
    Ok(())
}

/// The path of a mounted image that no setting names, if the volume is one.
pub(super) fn put_down<'v>(volume: &'v Volume, context: &Context) -> Option<&'v str> {
    let Origin::Image { path, .. } = &volume.origin else { return None };
    let is_named = context.images.iter().any(|it| it.trim_matches('/') == path.trim_matches('/'));
    (!is_named).then_some(path.as_str())
}

/// Puts the entries of a mounted image that no setting names into a menu of its own; none of them boots by itself.
pub(super) fn offer_only(findings: &mut Findings, path: &str) {
    findings.entries.iter_mut().for_each(|entry| stand_below(entry, path));
    let Findings { default, timeout, fallback, .. } = findings;
    (*default, *timeout) = (None, None);
    fallback.clear();
}

/// Puts an entry into a menu with the name of its image.
fn stand_below(entry: &mut Entry, path: &str) {
    let title = path.rsplit('/').next().unwrap_or(path);
    entry.id = format!("{title}>{}", entry.id);
    entry.path_in_menu.insert(0, title.to_owned());
    entry.default = false;
}

/// Makes an entry found on the image one of the volume on which the image lies.
fn belongs(entry: &mut Entry, image: &VolumeReference, volume: &Volume, path: &str) {
    let host = volume.reference();
    let file = |file: &mut FileReference| {
        if file.volume == *image {
            let inside = Some(std::mem::replace(&mut file.path, path.to_owned()));
            *file = FileReference {
                volume: host.clone(),
                path: path.to_owned(),
                inside,
                ..FileReference::default()
            };
        }
    };
    entry.kernel.iter_mut().chain(&mut entry.initrds).chain(&mut entry.devicetree).for_each(file);
    let source = &mut entry.source;
    if source.volume == *image {
        source.volume.clone_from(&host);
        source.inside = Some(std::mem::replace(&mut source.path, path.to_owned()));
    }
    stand_below(entry, path);
    if entry.kind == Kind::Linux && entry.problem.is_none() && path.contains(char::is_whitespace) {
        let problem = "the system cannot find its image again: spaces in its path; rename it";
        entry.problem = Some(problem.into());
    }
}
