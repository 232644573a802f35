//! `kexec -l` of a file that holds more than a kernel, such as a unified kernel image: it is taken apart, and what lies
//! beside it goes with it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::volume_option::VolumeOption;
use crate::{
    boot::firmware,
    discover::{Volumes, complete_image},
    entry::{Entry, Format, Source},
    formats::text::{decode, os_string},
    image::{
        Image,
        apart::{ApartError, Assembled, Companion, assemble},
    },
    storage::{OpenVolume, root::Root},
};

/// Puts together what is loaded, with the command line. An empty one gives way to the file's own; initrds that are named
/// take the place of those in a unified kernel image, as with kexec-tools.
///
/// # Errors
/// The name of the file that cannot be taken apart, and why.
pub(super) fn take_apart(
    kernel: Image,
    initrds: Vec<Image>,
    cmdline: &str,
) -> Result<(Assembled, String), (String, ApartError)> {
    let (name, is_replaced) = (kernel.name.clone(), !initrds.is_empty());
    let Some((companions, profile, cmdline)) = beside(&name, cmdline) else {
        let assembled = assemble(kernel, initrds, 0, &[])?;
        let cmdline = assembled.cmdline(cmdline);
        if cmdline.contains("%U") {
            log::warn!(
                "%U on the command line stands for its partition's UUID; give one with --command-line"
            );
        }
        return Ok((assembled, cmdline));
    };
    let mut assembled = assemble(kernel, initrds, profile, &companions)?;
    assembled.initrds.retain(|initrd| !is_replaced || initrd.name != name);
    Ok((assembled, cmdline))
}

/// What goes with a unified kernel image, the number of its profile and its command line; `None` for other files.
fn beside(name: &str, cmdline: &str) -> Option<(Vec<Companion>, u32, String)> {
    let (root, path) = parted(&fs::canonicalize(PathBuf::from(os_string(name))).ok()?)?;
    let VolumeOption { directory, volume } = VolumeOption::bare(root, "kexec");
    let root = Root::from_directory(&directory).ok()?;
    let source =
        Source { format: Format::Uki, volume: String::new(), path: path.clone(), inside: None, line: None };
    let mut entry = Entry { cmdline: cmdline.to_owned(), ..Entry::new("kexec", source) };
    let lookup = Volumes::from(vec![OpenVolume { volume, root }]);
    let warnings =
        complete_image(&lookup, &path, &firmware::context(firmware::VARIABLES.as_ref()), &mut entry)?;
    for warning in warnings {
        log::warn!("{}: {}", warning.path, warning.message);
    }
    let companions = entry.unified.companions.into_iter().filter_map(|companion| {
        let path = companion.file.path;
        let name = path.rsplit('/').next().unwrap_or_default().to_owned();
        match fs::File::open(directory.join(os_string(path.trim_start_matches('/')))) {
            Ok(file) => Some(Companion { role: companion.role, name, file }),
            Err(error) => {
                log::warn!("{path}: {error}: left out");
                None
            }
        }
    });
    Some((companions.collect(), entry.unified.profile, entry.cmdline))
}

/// The root of the partition, which the image's place on an ESP tells, and the path from there.
fn parted(path: &Path) -> Option<(PathBuf, String)> {
    let whole = decode(std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str()));
    let at = whole.rfind("/EFI/").or_else(|| whole.rfind('/'))?;
    let (root, inside) = whole.split_at_checked(at)?;
    Some((PathBuf::from(os_string(if root.is_empty() { "/" } else { root })), inside.to_owned()))
}
