//! Files that belong to a unified kernel image beside the image itself, as systemd's stub collects it (systemd-stub(7)).

use serde::Serialize;

use super::FileReference;

/// Which profile of a unified kernel image is booted, and the files that go with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Unified {
    /// Number of the profile, from 0.
    pub profile: u32,
    /// Files beside the image, in the order in which the stub takes those of one role.
    pub companions: Vec<Companion>,
}

impl Unified {
    /// Whether there is nothing but an image's first profile, or no image at all.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.profile == 0 && self.companions.is_empty()
    }
}

/// A file that goes with a unified kernel image.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Companion {
    /// Its role.
    pub role: Role,
    /// The file.
    #[serde(flatten)]
    pub file: FileReference,
}

/// The role of a companion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// An EFI program with more microcode, initrd, device tree and command line in it.
    Addon,
    /// A credential for this image.
    Credential,
    /// A credential for every image.
    GlobalCredential,
    /// A system extension for this image.
    SystemExtension,
    /// A system extension for every image.
    GlobalSystemExtension,
    /// A configuration extension for this image.
    ConfigurationExtension,
    /// A configuration extension for every image.
    GlobalConfigurationExtension,
}
