//! `kexec -l` of a file that holds more than a kernel, such as a unified kernel image: it is unpacked, and what lies beside it
//! goes with it.

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
    image::{self, CompanionFile, NamedFile, PrepareError, PreparedKernel, UnpackedKernel},
    storage::{OpenVolume, root::Root},
};

/// A kernel file, and the command line for its kernel.
pub(super) struct Unpacked {
    pub kernel: UnpackedKernel,
    cmdline: String,
    /// It is a unified kernel image, whose command line is known already.
    is_unified: bool,
}

/// Unpacks a kernel file, with what lies beside it.
///
/// # Errors
/// [`PrepareError`] names the file and says what is wrong with it.
pub(super) fn unpack(kernel: NamedFile, cmdline: &str) -> Result<Unpacked, PrepareError> {
    match beside(&kernel.name, cmdline) {
        None => {
            let kernel = image::unpack(kernel, 0, &[])?;
            Ok(Unpacked { kernel, cmdline: cmdline.to_owned(), is_unified: false })
        }
        Some((companions, profile, cmdline)) => {
            let kernel = image::unpack(kernel, profile, &companions)?;
            Ok(Unpacked { kernel, cmdline, is_unified: true })
        }
    }
}

impl Unpacked {
    /// Adds the initrds. Those that are named take the place of those in a unified kernel image, as with kexec-tools.
    ///
    /// # Errors
    /// [`PrepareError`] names the file that is to blame and says what is wrong with it.
    pub fn with_initrds(
        self,
        initrds: Vec<NamedFile>,
        devicetree: Option<&NamedFile>,
    ) -> Result<PreparedKernel, PrepareError> {
        let is_replaced = self.is_unified && !initrds.is_empty();
        let mut prepared = self.kernel.with_initrds(initrds, devicetree, self.cmdline)?;
        let PreparedKernel { kernel, initrds, cmdline, .. } = &mut prepared;
        initrds.retain(|initrd| !is_replaced || initrd.name != kernel.name);
        if !self.is_unified && cmdline.contains("%U") {
            log::warn!(
                "%U on the command line is a placeholder for the partition's UUID; give one with --command-line"
            );
        }
        Ok(prepared)
    }
}

/// The companions of a unified kernel image, the number of its profile and its command line; `None` for other files.
fn beside(name: &str, cmdline: &str) -> Option<(Vec<CompanionFile>, u32, String)> {
    let (root, path) = parted(&fs::canonicalize(PathBuf::from(os_string(name))).ok()?)?;
    let VolumeOption { directory, volume } = VolumeOption::bare(root, "kexec");
    let root = Root::from_directory(&directory).ok()?;
    let source = Source { format: Format::Uki, path: path.clone(), ..Source::default() };
    let own = Root::from_directory(&directory).ok()?;
    let mut entry = Entry { cmdline: cmdline.to_owned(), ..Entry::new("kexec", source) };
    let lookup = Volumes::from(vec![OpenVolume { volume, root: own }]);
    let warnings =
        complete_image(&lookup, &path, &firmware::context(firmware::VARIABLES.as_ref()), &mut entry)?;
    for warning in warnings {
        log::warn!("{}: {}", warning.path, warning.message);
    }
    let companions = entry.unified.companions.into_iter().filter_map(|companion| {
        let path = companion.file.path;
        let name = path.rsplit('/').next().unwrap_or_default().to_owned();
        // Inside the root, as it was found: a link of the disk leads nowhere else.
        match root.open_file(&path) {
            Ok(file) => Some(CompanionFile { role: companion.role, name, file }),
            Err(error) => {
                log::warn!("{path}: {error}: left out");
                None
            }
        }
    });
    Some((companions.collect(), entry.unified.profile, entry.cmdline))
}

/// The root of the partition by the image's place on an ESP, and the path from there.
fn parted(path: &Path) -> Option<(PathBuf, String)> {
    let whole = decode(std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str()));
    let at = whole.rfind("/EFI/").or_else(|| whole.rfind('/'))?;
    let (root, inside) = whole.split_at_checked(at)?;
    Some((PathBuf::from(os_string(if root.is_empty() { "/" } else { root })), inside.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::{io::Read, os::unix::fs::symlink};

    use tempfile::TempDir;

    use super::*;
    use crate::formats::testing::pe::image;

    #[test]
    fn a_companion_is_the_partitions_whatever_its_links_say() {
        let (host, partition) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let same = partition.path().join(host.path().strip_prefix("/").unwrap());
        for (directory, content) in [(host.path(), "the host's"), (&same, "the disk's")] {
            fs::create_dir_all(directory).unwrap();
            fs::write(directory.join("a.cred"), content).unwrap();
        }
        let directory = partition.path().join("EFI/Linux");
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("a.efi"), image(&[(b".linux\0\0", "kernel")])).unwrap();
        symlink(host.path(), directory.join("a.efi.extra.d")).unwrap();
        let (companions, ..) = beside(directory.join("a.efi").to_str().unwrap(), "").unwrap();
        let contents: Vec<String> = companions
            .into_iter()
            .map(|mut companion| {
                let mut content = String::new();
                companion.file.read_to_string(&mut content).unwrap();
                content
            })
            .collect();
        assert_eq!(contents, ["the disk's"]);
    }
}
