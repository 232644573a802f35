//! How an entry names a volume, and a file on it.

use std::fmt;

use serde::{Serialize, Serializer};

use super::{Volume, VolumeId};

/// A volume as others refer to it: by its identity, and by the name that a person knows it by. JSON and messages have the
/// name alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VolumeReference {
    /// The volume's identity.
    pub id: VolumeId,
    /// Kernel name of its device.
    pub name: String,
}

impl VolumeReference {
    /// Whether it refers to this volume, and not to an earlier one on a device of the same name.
    #[must_use]
    pub fn is(&self, volume: &Volume) -> bool {
        self.id == volume.id && self.name == volume.device.name
    }
}

impl fmt::Display for VolumeReference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.name)
    }
}

impl Serialize for VolumeReference {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.name)
    }
}

/// A file on a volume: the volume, and the path from its file system's root.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct FileReference {
    /// The volume.
    pub volume: VolumeReference,
    /// Absolute path within the file system, in the text form of [`crate::text`].
    pub path: String,
    /// Where that is an image file (`debian.iso`): the path of the file that is meant, inside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inside: Option<String>,
    /// The file comes in a cpio archive of its own, under this name (GRUB's `newc:`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packed_as: Option<String>,
    /// SHA-256 of the content that is meant, in hexadecimal digits: whoever names the file boots no other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

impl FileReference {
    /// A file that lies on the volume itself.
    #[must_use]
    pub fn new(volume: VolumeReference, path: String) -> Self {
        Self { volume, path, ..Self::default() }
    }

    /// The path, and after it the one inside an image file: `/debian.iso:/live/vmlinuz`.
    #[must_use]
    pub fn full_path(&self) -> String {
        full_path(&self.path, self.inside.as_deref())
    }

    /// A text that only equal references share, to look one up by.
    #[must_use]
    pub fn lookup_name(&self) -> String {
        let optional = [&self.inside, &self.packed_as, &self.sha256];
        let [inside, packed_as, sha256] = optional.map(|part| part.as_deref().unwrap_or_default());
        [&*self.volume.name, &self.path, inside, packed_as, sha256].join("\0")
    }
}

pub(super) fn full_path(path: &str, inside: Option<&str>) -> String {
    inside.map_or_else(|| path.to_owned(), |inside| format!("{path}:{inside}"))
}
