//! The system that is changed: files below a root directory, and the firmware's variables (kernel:
//! Documentation/filesystems/efivarfs.rst), each written at once and whole.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use firstlight::formats::efi_boot;
use firstlight::sys::files;
use rustix::fs::{FlockOperation, StatVfsMountFlags, flock, fstatfs, statvfs};
use rustix::io::Errno;

/// The GUID of the variables that the UEFI specification defines.
pub const GLOBAL: &str = "8be4df61-93ca-11d2-aa0d-00e098032b8c";

/// Where runs meet: a file that goes with the running system, and that only root opens.
pub(crate) const LOCK: &str = "/run/firstlight-install.lock";

/// Kept without power, and seen by firmware and system.
const ATTRIBUTES: [u8; 4] = [7, 0, 0, 0];

/// efivarfs's number (`EFIVARFS_MAGIC`, kernel: include/uapi/linux/magic.h).
const EFIVARFS: u64 = 0xde5e_81e4;

/// A system: `/`, or a tree that looks like one.
#[derive(Clone, Debug)]
pub struct System {
    /// Its root directory.
    pub root: PathBuf,
    /// The directory of the firmware's variables.
    pub efivars: PathBuf,
}

impl System {
    /// A system with its variables where they are on every system.
    #[must_use]
    pub fn new(root: &Path, efivars: Option<&Path>) -> Self {
        let efivars = efivars.map_or_else(|| root.join("sys/firmware/efi/efivars"), Path::to_owned);
        Self { root: root.to_owned(), efivars }
    }

    /// Keeps every other run waiting until what is returned is dropped; `busy` is called where this one has to wait. A tree without
    /// `/run` is no system that another run could be at.
    ///
    /// # Errors
    /// The kernel's reason.
    pub fn lock(&self, busy: impl FnOnce()) -> io::Result<Option<File>> {
        let path = self.path(LOCK);
        if !path.parent().is_some_and(Path::is_dir) {
            return Ok(None);
        }
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
        if let Err(error) = flock(&file, FlockOperation::NonBlockingLockExclusive) {
            if error != Errno::WOULDBLOCK {
                return Err(error.into());
            }
            busy();
            flock(&file, FlockOperation::LockExclusive)?;
        }
        Ok(Some(file))
    }

    /// Whether it is the system that runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.root == Path::new("/")
    }

    /// Where a path of the system is.
    #[must_use]
    pub fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// A text file; `None` where there is none.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<String> {
        fs::read(self.path(path)).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Writes a file whole: it is there with this content, or as it was.
    ///
    /// # Errors
    /// The kernel's reason.
    pub fn write(&self, path: &str, content: &[u8], mode: u32) -> io::Result<()> {
        replace(&self.path(path), content, mode)
    }

    /// Removes a file, and what a write of it has left.
    ///
    /// # Errors
    /// The kernel's reason.
    pub fn remove(&self, path: &str) -> io::Result<()> {
        let path = self.path(path);
        for path in [unfinished(&path), path.clone()] {
            absent(fs::remove_file(&path))?;
        }
        path.parent().map_or(Ok(()), sync)
    }

    /// Removes a directory if it is empty.
    ///
    /// # Errors
    /// The kernel's reason.
    pub fn remove_directory(&self, path: &str) -> io::Result<()> {
        match absent(fs::remove_dir(self.path(path))) {
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(()),
            result => result,
        }
    }

    /// The values of all variables by their names, without their attributes: those that booting is about.
    #[must_use]
    pub fn variables(&self) -> BTreeMap<String, Vec<u8>> {
        let mut variables = BTreeMap::new();
        for entry in fs::read_dir(&self.efivars).into_iter().flatten().flatten() {
            let Ok(name) = entry.file_name().into_string() else { continue };
            let is_boot = name.starts_with("Boot") && name.ends_with(GLOBAL);
            let is_state =
                ["SecureBoot-", "SetupMode-", "db-", "MokListRT-"].iter().any(|it| name.starts_with(it));
            if (is_boot || is_state)
                && let Ok(value) = fs::read(entry.path())
                && let Some(value) = value.get(4..)
            {
                let name = name.split('-').next().unwrap_or_default().to_owned();
                variables.insert(name, value.to_vec());
            }
        }
        variables
    }

    /// Why variables cannot be written, where the mount says so.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        statvfs(&self.efivars).is_ok_and(|status| status.f_flag.contains(StatVfsMountFlags::RDONLY))
    }

    /// A variable's value.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<Vec<u8>> {
        fs::read(self.variable_path(name)).ok()?.get(4..).map(<[u8]>::to_vec)
    }

    /// Sets a variable of the UEFI specification's.
    ///
    /// # Errors
    /// The kernel's reason.
    pub fn set_variable(&self, name: &str, value: &[u8]) -> io::Result<()> {
        let path = self.variable_path(name);
        let content = [&ATTRIBUTES, value].concat();
        let directory = File::open(&self.efivars)?;
        if u64::try_from(fstatfs(&directory)?.f_type).unwrap_or_default() != EFIVARFS {
            return replace(&path, &content, 0o644);
        }
        make_mutable(&path)?;
        // One write is one call of the firmware, which keeps the old value where it fails.
        let mut file = OpenOptions::new().write(true).create(true).truncate(false).open(&path)?;
        match file.write(&content)? {
            length if length == content.len() => Ok(()),
            length => Err(io::Error::other(format!("{length} bytes of {} were taken", content.len()))),
        }
    }

    /// Removes a variable of the UEFI specification's.
    ///
    /// # Errors
    /// The kernel's reason.
    pub fn remove_variable(&self, name: &str) -> io::Result<()> {
        let path = self.variable_path(name);
        make_mutable(&path)?;
        absent(fs::remove_file(&path))
    }

    /// The numbers of `BootOrder`; `None` without that variable.
    #[must_use]
    pub fn order(&self) -> Option<Vec<u16>> {
        self.variable("BootOrder").map(|value| efi_boot::order(&value))
    }

    fn variable_path(&self, name: &str) -> PathBuf {
        self.efivars.join(format!("{name}-{GLOBAL}"))
    }
}

/// Takes away the flag by which efivarfs protects a variable against `rm`.
fn make_mutable(path: &Path) -> io::Result<()> {
    let Ok(file) = File::open(path) else { return Ok(()) };
    files::take_guard(&file).map(drop)
}

fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

fn replace(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let new = unfinished(path);
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&new)?;
    file.write_all(content)?;
    // FAT has no modes of its own.
    let _ = file.set_permissions(fs::Permissions::from_mode(mode));
    file.sync_all()?;
    drop(file);
    // The medium has it, or the rename would take the old file's place with something else.
    if fs::read(&new)? != content {
        return Err(io::Error::other("what was written is not what is read back"));
    }
    fs::rename(&new, path)?;
    path.parent().map_or(Ok(()), sync)
}

fn sync(directory: &Path) -> io::Result<()> {
    match File::open(directory) {
        Ok(directory) => directory.sync_all(),
        Err(error) => absent(Err(error)),
    }
}

/// What is not there needs no removal.
fn absent(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}
