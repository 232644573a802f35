//! UEFI variables of the Boot Loader Interface (systemd.io/BOOT_LOADER_INTERFACE) that say what boots.

/// The GUID of the interface's variables.
pub const VENDOR: &str = "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";

/// The variable that names what boots after the firmware's update has failed.
pub const AFTER_FAILURE: &str = "LoaderEntrySysFail";

/// Variables that count for one boot only: the loader that reads them removes them.
pub const ONE_SHOT: [&str; 2] = ["LoaderEntryOneShot", "LoaderConfigTimeoutOneShot"];

/// The variables' texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variables {
    /// [`AFTER_FAILURE`], where the firmware says that its last update failed: what boots then, before all else.
    pub after_failure: Option<String>,
    /// `LoaderEntryOneShot`: what boots the next time.
    pub one_shot: Option<String>,
    /// `LoaderEntryPreferred`: as [`Self::default`], before it, for entries that have not failed.
    pub preferred: Option<String>,
    /// `LoaderEntryDefault`: what boots, before what loader.conf says; may be `@saved`.
    pub default: Option<String>,
    /// `LoaderEntryLastBooted`: what `@saved` means.
    pub saved: Option<String>,
    /// `LoaderConfigTimeoutOneShot`: the timeout of the next time, with the menu shown.
    pub timeout_one_shot: Option<String>,
    /// `LoaderConfigTimeout`: the timeout, before what loader.conf says.
    pub timeout: Option<String>,
}

impl Variables {
    /// Takes the texts from where `read` finds them by the variables' names.
    #[must_use]
    pub fn read(read: impl Fn(&str) -> Option<String>) -> Self {
        Self {
            after_failure: None,
            one_shot: read("LoaderEntryOneShot"),
            preferred: read("LoaderEntryPreferred"),
            default: read("LoaderEntryDefault"),
            saved: read("LoaderEntryLastBooted"),
            timeout_one_shot: read("LoaderConfigTimeoutOneShot"),
            timeout: read("LoaderConfigTimeout"),
        }
    }
}
