//! What a system is like, read once and without changing anything.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use firstlight::formats::{sort, version};

use crate::InstallError;
use crate::esp::{self, Esp, Mounted};
use crate::machine;
use crate::state::{STATE, State};
use crate::system::System;

/// A kernel of the distribution's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kernel {
    /// Its release, as `uname -r` prints it.
    pub release: String,
    /// Its file.
    pub file: PathBuf,
    /// The directory of its modules.
    pub modules: PathBuf,
}

/// What the firmware is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Uefi {
    /// 64, or 32 on a few old machines.
    pub bits: u32,
    /// Its variables cannot be written.
    pub is_read_only: bool,
    /// The variables that booting is about, without their attributes.
    pub variables: BTreeMap<String, Vec<u8>>,
}

/// All that a plan depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The UEFI that started the system; `None` on a machine with BIOS.
    pub uefi: Option<Uefi>,
    /// Its EFI system partitions.
    pub esps: Vec<Esp>,
    /// What is mounted.
    pub mounts: Vec<Mounted>,
    /// The distribution's kernels, newest first.
    pub kernels: Vec<Kernel>,
    /// Release of the kernel that runs.
    pub running: Option<String>,
    /// The modules that the machine needs, as [`machine::requests`] says.
    pub requests: Vec<String>,
    /// The words about consoles on the running kernel's command line.
    pub consoles: Vec<String>,
    /// What is installed.
    pub state: Option<State>,
}

/// Reads all facts.
///
/// # Errors
/// The state is there and cannot be read: then nothing is known of what is installed.
pub fn survey(system: &System) -> Result<Facts, InstallError> {
    let mounts = esp::mounts(system);
    let cmdline = system.text("/proc/cmdline").unwrap_or_default();
    let consoles = cmdline.split_whitespace().filter(|word| word.starts_with("console="));
    let bits = system.text("/sys/firmware/efi/fw_platform_size");
    let uefi = system.path("/sys/firmware/efi").is_dir().then(|| Uefi {
        bits: bits.and_then(|bits| bits.trim().parse().ok()).unwrap_or(64),
        is_read_only: system.is_read_only(),
        variables: system.variables(),
    });
    Ok(Facts {
        uefi,
        esps: esp::esps(system, &mounts),
        kernels: kernels(system),
        running: system.text("/proc/sys/kernel/osrelease").map(|text| text.trim().to_owned()),
        requests: machine::requests(system, &mounts),
        consoles: consoles.map(str::to_owned).collect(),
        state: state(system)?,
        mounts,
    })
}

/// What is installed.
///
/// # Errors
/// It cannot be read.
pub fn state(system: &System) -> Result<Option<State>, InstallError> {
    let path = system.path(STATE);
    if !path.exists() {
        return Ok(None);
    }
    let text = fs::read_to_string(&path).map_err(|error| InstallError::Read { path: STATE.into(), error })?;
    let state = serde_json::from_str(&text);
    state.map(Some).map_err(|error| InstallError::Read { path: STATE.into(), error: error.into() })
}

/// The distribution's kernels that have modules.
fn kernels(system: &System) -> Vec<Kernel> {
    let mut kernels: Vec<Kernel> = Vec::new();
    for parent in ["/usr/lib/modules", "/lib/modules"] {
        for entry in fs::read_dir(system.path(parent)).into_iter().flatten().flatten() {
            let Ok(release) = entry.file_name().into_string() else { continue };
            let files = [system.path(format!("/boot/vmlinuz-{release}")), entry.path().join("vmlinuz")];
            let is_known = kernels.iter().any(|known| known.release == release);
            if let Some(file) = files.into_iter().find(|file| file.is_file())
                && entry.path().join("modules.dep").is_file()
                && !is_known
            {
                kernels.push(Kernel { release, file, modules: entry.path() });
            }
        }
    }
    sort::by(&mut kernels, |one, other| version::uapi(&other.release, &one.release));
    kernels
}
