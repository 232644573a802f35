//! What is installed, as `/var/lib/firstlight/install.json` says it.
//!
//! It names what is going to be written before it is written: whatever it names may be there, and all that is there it names.

use serde::{Deserialize, Serialize};

use crate::arguments::Options;

/// Where the state is kept.
pub const STATE: &str = "/var/lib/firstlight/install.json";

/// All that is installed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// What the machine boots: confirmed.
    pub current: Option<Copy>,
    /// What is to be tried, or is being written.
    pub trial: Option<Copy>,
    /// Directories that were made, each after those that it lies in.
    pub directories: Vec<String>,
    /// How images are made.
    pub options: Options,
}

/// How far an installed copy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Progress {
    /// It is being written, and may not be whole.
    Writing,
    /// It is whole, and the firmware boots it once (`BootNext`).
    Trial,
    /// It has booted this system, or is no entry that boots on its own.
    Confirmed,
    /// The firmware was to boot it and did not, or it did not come to this system.
    Failed,
}

/// A copy of firstlight: its files, and the entry that starts it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copy {
    /// `a` or `b`: the name of its directory.
    pub slot: char,
    /// How far it is.
    pub progress: Progress,
    /// Number of its boot option; `None` for an entry of another loader.
    pub entry: Option<u16>,
    /// Its files, in the order in which they are written.
    pub files: Vec<File>,
    /// The command that writes the other loader's configuration again.
    pub regenerate: Option<Vec<String>>,
    /// Release of the kernel that it is made of.
    pub kernel: String,
}

/// A file that was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Its path.
    pub path: String,
    /// SHA-256 of its content, in hex.
    pub sha256: String,
    /// Its size in bytes.
    pub size: u64,
}

impl State {
    /// All copies, the one that boots first.
    pub fn copies(&self) -> impl Iterator<Item = &Copy> {
        self.current.iter().chain(&self.trial)
    }
}
