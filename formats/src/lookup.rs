//! The questions of a format that must look around: which volumes there are, and what their files say.
//!
//! All paths are from the root of the volume's file system, in the text form of [`super::text`]; symbolic links resolve
//! inside the volume and cannot leave it.

use crate::entry::{FileReference, Volume, VolumeReference};

/// Maximum size of a configuration file, in bytes.
pub const CONFIG_LIMIT: usize = 1 << 20;

/// Maximum size of a configuration that lists entries, in bytes: ten thousand of them take 4 MiB. A larger one is read up to
/// the limit.
pub const MENU_LIMIT: usize = 8 << 20;

/// The path of all that is on a partition without a file system.
pub const BARE_FILE: &str = "/partition";

/// The kind of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link (only where links are not followed).
    Link,
    /// Anything else.
    Other,
}

/// A file's kind, size in bytes and modification time in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileStatus {
    /// Its kind.
    pub kind: FileKind,
    /// Size in bytes.
    pub size: u64,
    /// Modification time, seconds since 1970.
    pub modified: i64,
}

/// One name in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryEntry {
    /// File name.
    pub name: String,
    /// Its kind; links are not followed.
    pub kind: FileKind,
}

/// Why a file could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// There is no such file.
    #[error("no such file")]
    Missing,
    /// The file is larger than the caller's limit, in bytes.
    #[error("larger than {0} bytes")]
    TooLarge(usize),
    /// The kernel's reason.
    #[error("{0}")]
    Failed(String),
}

/// Gives the text of a file that a configuration includes, named as it is there.
pub type Include<'a> = &'a mut dyn FnMut(&str) -> Result<String, LookupError>;

/// The beginning of a configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beginning {
    /// Its bytes, to the end of a line.
    pub bytes: Vec<u8>,
    /// There is more of it.
    pub is_cut: bool,
}

/// The warning of a file of which only the beginning is read.
#[must_use]
pub fn too_large(limit: usize) -> String {
    format!("larger than {limit} bytes: what follows here is not read")
}

/// The volumes and their files. A volume is named by its place in [`Lookup::volumes`].
pub trait Lookup {
    /// All readable volumes, in the order in which disks are searched.
    fn volumes(&self) -> &[Volume];

    /// A volume, or an image file that was opened.
    fn volume(&self, volume: usize) -> Option<&Volume> {
        self.volumes().get(volume)
    }

    /// A volume, or an image file that was opened, as entries refer to it.
    fn volume_reference(&self, volume: usize) -> VolumeReference {
        self.volume(volume).map(Volume::reference).unwrap_or_default()
    }

    /// Opens an image file on a volume, and gives the place under which its own files are found then.
    ///
    /// # Errors
    /// [`LookupError`] says why it cannot be opened.
    fn open_image(&self, _volume: usize, _path: &str) -> Result<usize, LookupError> {
        Err(LookupError::Failed("no image file is opened here".into()))
    }

    /// Where the image file lies that was opened under this place: its volume, and its path there.
    fn image(&self, _volume: usize) -> Option<(usize, &str)> {
        None
    }

    /// The file as an entry names it.
    fn reference(&self, volume: usize, path: &str) -> FileReference {
        match self.image(volume) {
            Some((host, image)) => {
                let file = FileReference::new(self.volume_reference(host), image.to_owned());
                FileReference { inside: Some(path.to_owned()), ..file }
            }
            None => FileReference::new(self.volume_reference(volume), path.to_owned()),
        }
    }

    /// Reads a whole regular file of at most `limit` bytes.
    ///
    /// # Errors
    /// [`LookupError`] says why it cannot be read.
    fn read(&self, volume: usize, path: &str, limit: usize) -> Result<Vec<u8>, LookupError>;

    /// Reads a regular file of at most `limit` bytes, or as many whole lines of a larger one as are within the limit.
    ///
    /// # Errors
    /// [`LookupError`] says why it cannot be read.
    fn read_beginning(&self, volume: usize, path: &str, limit: usize) -> Result<Beginning, LookupError> {
        match self.read(volume, path, limit) {
            Err(LookupError::TooLarge(_)) => {
                let mut bytes = self.read_at(volume, path, 0, limit)?;
                bytes.truncate(memchr::memrchr(b'\n', &bytes).map_or(0, |end| end.saturating_add(1)));
                Ok(Beginning { bytes, is_cut: true })
            }
            read => read.map(|bytes| Beginning { bytes, is_cut: false }),
        }
    }

    /// Reads up to `length` bytes from `offset` of a regular file: fewer at its end.
    ///
    /// # Errors
    /// [`LookupError`] says why it cannot be read.
    fn read_at(&self, volume: usize, path: &str, offset: u64, length: usize) -> Result<Vec<u8>, LookupError>;

    /// Status of what the path leads to, following a final link if `follow`; `None` if there is nothing.
    fn status(&self, volume: usize, path: &str, follow: bool) -> Option<FileStatus>;

    /// Target of a symbolic link; `None` if it is none.
    fn link(&self, _volume: usize, _path: &str) -> Option<String> {
        None
    }

    /// Names in a directory, sorted by byte value; empty if it is missing or no directory.
    fn list(&self, volume: usize, path: &str) -> Vec<DirectoryEntry>;

    /// Whether a regular file (or a link to one) is there.
    fn is_file(&self, volume: usize, path: &str) -> bool {
        self.status(volume, path, true).is_some_and(|status| status.kind == FileKind::File)
    }
}
