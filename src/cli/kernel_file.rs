//! `kexec -l` of a file that holds more than a kernel, such as a unified kernel image: it is unpacked, and what lies beside it
//! goes with it.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::volume_option::VolumeOption;
use crate::{
    boot::firmware,
    discover::{Volumes, complete_image},
    entry::{Entry, FileReference, Format, Source},
    formats::lookup::LookupError,
    formats::text::{decode, os_string},
    image::{self, CompanionFile, NamedFile, PrepareError, PreparedKernel, UnpackError, UnpackedKernel},
    storage::{OpenVolume, root::Root},
};

/// A kernel file, and the command line for its kernel.
pub(super) struct Unpacked {
    pub kernel: UnpackedKernel,
    cmdline: String,
    /// It is a unified kernel image, whose command line is known already.
    is_unified: bool,
    /// Initrds that a thin image names.
    initrds: Vec<NamedFile>,
}

/// What goes with a unified kernel image.
struct Beside {
    companions: Vec<CompanionFile>,
    profile: u32,
    cmdline: String,
    /// The kernel that a thin image names.
    kernel: Option<NamedFile>,
    /// The initrds that a thin image names.
    initrds: Vec<NamedFile>,
}

/// Unpacks a kernel file, with what lies beside it.
///
/// # Errors
/// [`PrepareError`] names the file and says what is wrong with it.
pub(super) fn unpack(kernel: NamedFile, cmdline: &str) -> Result<Unpacked, PrepareError> {
    match beside(&kernel.name, cmdline) {
        None => {
            let kernel = image::unpack(kernel, 0, &[])?;
            Ok(Unpacked { kernel, cmdline: cmdline.to_owned(), is_unified: false, initrds: Vec::new() })
        }
        Some(beside) => {
            let Beside { companions, profile, cmdline, kernel: named, initrds } = beside?;
            let kernel = image::unpack(named.unwrap_or(kernel), profile, &companions)?;
            Ok(Unpacked { kernel, cmdline, is_unified: true, initrds })
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
        let initrds = if is_replaced { initrds } else { self.initrds.into_iter().chain(initrds).collect() };
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

/// What goes with a unified kernel image; `None` for other files.
fn beside(name: &str, cmdline: &str) -> Option<Result<Beside, PrepareError>> {
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
    let companions = companions.collect();
    // Inside the root, too. Their hashes say whether they are those that the thin image was made for.
    let open = |file: FileReference| {
        let name = format!("{}{}", directory.display(), file.path);
        let unread = |error: LookupError| UnpackError::Read(io::Error::other(error.to_string()));
        let opened = root
            .open_file(&file.path)
            .map_err(|error| PrepareError { file: name.clone(), reason: unread(error) })?;
        image::verified(NamedFile { name, file: opened }, &file.sha256.unwrap_or_default())
    };
    let named = || {
        let kernel = entry.kernel.map(open).transpose()?;
        let initrds = entry.initrds.into_iter().map(open).collect::<Result<_, _>>()?;
        Ok(Beside { companions, profile: entry.unified.profile, cmdline: entry.cmdline, kernel, initrds })
    };
    Some(named())
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
        let found = beside(directory.join("a.efi").to_str().unwrap(), "").unwrap().unwrap();
        let contents: Vec<String> = found
            .companions
            .into_iter()
            .map(|mut companion| {
                let mut content = String::new();
                companion.file.read_to_string(&mut content).unwrap();
                content
            })
            .collect();
        assert_eq!(contents, ["the disk's"]);
    }

    #[test]
    fn a_thin_image_brings_the_files_that_it_names_and_no_others() {
        let partition = TempDir::new().unwrap();
        let path = |path: &str| partition.path().join(path);
        for directory in ["EFI/Linux/a.efi.extra", "EFI/nixos"] {
            fs::create_dir_all(path(directory)).unwrap();
        }
        for (file, content) in
            [("EFI/nixos/k.efi", "abc"), ("EFI/nixos/i.efi", ""), ("EFI/Linux/a.efi.extra/a.cred", "c")]
        {
            fs::write(path(file), content).unwrap();
        }
        // FIPS 180-4: of "abc" and of nothing.
        let [abc, nothing] = [
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        ];
        let digest = |digits: &str| -> Vec<u8> {
            (0..32).map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap()).collect()
        };
        let write = |hash_of_initrd: &str| {
            let sections: [(&[u8; 8], &[u8]); 5] = [
                (b".cmdline", &b"init=/init"[..]),
                (b".initrd\0", b"\\EFI\\nixos\\i.efi"),
                (b".linux\0\0", b"\\EFI\\nixos\\k.efi"),
                (b".initrdh", &digest(hash_of_initrd)),
                (b".linuxh\0", &digest(abc)),
            ];
            fs::write(path("EFI/Linux/a.efi"), image(&sections)).unwrap();
            beside(path("EFI/Linux/a.efi").to_str().unwrap(), "").unwrap()
        };
        let found = write(nothing).unwrap();
        let name =
            |file: &NamedFile| file.name.strip_prefix(partition.path().to_str().unwrap()).map(str::to_owned);
        assert_eq!(found.kernel.as_ref().and_then(name).as_deref(), Some("/EFI/nixos/k.efi"));
        assert_eq!(found.initrds.iter().map(name).collect::<Vec<_>>(), [Some("/EFI/nixos/i.efi".to_owned())]);
        assert_eq!(found.cmdline, "init=/init");
        assert_eq!(found.companions.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["a.cred"]);
        let Err(error) = write(abc) else { panic!("its content is another one") };
        assert!(
            error.file.ends_with("/EFI/nixos/i.efi") && matches!(error.reason, UnpackError::Replaced),
            "{error}"
        );
    }
}
