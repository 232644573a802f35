//! An entry of the existing loader that starts firstlight: a snippet for grub-mkconfig, or a file of the Boot Loader Specification.

use std::fs;

use crate::InstallError;
use crate::error::refuse;
use crate::facts::Facts;
use crate::image::Parts;
use crate::system::System;

/// A file to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewFile {
    /// Its path.
    pub path: String,
    /// Its content.
    pub content: Vec<u8>,
    /// Whether it may be run.
    pub executable: bool,
}

impl NewFile {
    /// A file that is only read.
    #[must_use]
    pub fn data(path: String, content: Vec<u8>) -> Self {
        Self { path, content, executable: false }
    }
}

/// What an entry is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its directories, each after those that it lies in.
    pub directories: Vec<String>,
    /// Its files; the entry itself is the last one.
    pub files: Vec<NewFile>,
    /// The command that takes it into the loader's configuration.
    pub regenerate: Option<Vec<String>>,
}

/// Directories that can have `loader/entries`.
const BLS: [&str; 3] = ["/boot", "/efi", "/boot/efi"];

/// The script of an entry: grub-mkconfig's own functions find the file system, as in Debian's 20_memtest86+.
const SNIPPET: &str = r#"#!/bin/sh
# Written by `firstlight install --recovery`, and removed by `firstlight install --remove`.
set -e
# shellcheck source=/dev/null
. "${pkgdatadir:-/usr/share/grub}/grub-mkconfig_lib"
directory='@DIRECTORY@'
[ -e "$directory/vmlinuz" ] || exit 0
path=$(make_system_path_relative_to_its_root "$directory")
echo "menuentry 'firstlight' --class firstlight --id firstlight {"
prepare_grub_to_access_device "$(${grub_probe:-grub-probe} --target=device "$directory")" | sed 's/^/	/'
echo "	linux $path/vmlinuz @CMDLINE@"
echo "	initrd $path/initramfs.img"
echo "}"
"#;

/// The entry for this system's loader.
///
/// # Errors
/// There is no loader that takes one.
pub fn entry(system: &System, facts: &Facts, parts: &Parts, slot: char) -> Result<Entry, InstallError> {
    let kernel = fs::read(&parts.kernel)
        .map_err(|error| InstallError::Read { path: parts.kernel.display().to_string(), error })?;
    let files = |base: &str| {
        let directory = format!("{base}/firstlight/{slot}");
        let directories = vec![format!("{base}/firstlight"), directory.clone()];
        let files = vec![
            NewFile::data(format!("{directory}/vmlinuz"), kernel.clone()),
            NewFile::data(format!("{directory}/initramfs.img"), parts.initramfs.clone()),
        ];
        (directory, directories, files)
    };
    let has_entries = |base: &&&str| {
        let entries =
            fs::read_dir(system.path(format!("{base}/loader/entries"))).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).any(|path| {
            path.extension().is_some_and(|extension| extension == "conf")
                && !path.to_string_lossy().contains("firstlight")
        })
    };
    if let Some(base) = BLS.iter().find(has_entries) {
        let (directory, directories, mut files) = files(base);
        let is_mounted = facts.mounts.iter().any(|mounted| mounted.point == **base);
        let path = if is_mounted { directory.strip_prefix(base).unwrap_or_default() } else { &directory };
        // As Fedora's rescue entry is named: a version that is older than every kernel's.
        let machine = system.text("/etc/machine-id").unwrap_or_default();
        let name = format!("{base}/loader/entries/{}-0-firstlight.conf", machine.trim());
        let text = format!(
            "title firstlight\nversion 0-firstlight\nlinux {path}/vmlinuz\ninitrd {path}/initramfs.img\noptions {}\n",
            parts.cmdline
        );
        files.push(NewFile::data(name, text.into_bytes()));
        return Ok(Entry { directories, files, regenerate: None });
    }
    let configurations = ["/boot/grub/grub.cfg", "/boot/grub2/grub.cfg"];
    let configuration = configurations.into_iter().find(|path| system.path(path).is_file());
    let Some(configuration) = configuration.filter(|_| system.path("/etc/grub.d").is_dir()) else {
        return refuse(
            "no loader was found that takes an entry: neither loader/entries in /boot or the ESP, nor /etc/grub.d with grub.cfg",
        );
    };
    let (directory, directories, mut files) = files("/boot");
    let script = SNIPPET
        .replace("@DIRECTORY@", &directory)
        .replace("@CMDLINE@", &parts.cmdline.replace(['"', '\\', '$', '`'], ""));
    files.push(NewFile {
        path: "/etc/grub.d/42_firstlight".into(),
        content: script.into_bytes(),
        executable: true,
    });
    let program =
        if system.path("/usr/sbin/grub2-mkconfig").exists() { "grub2-mkconfig" } else { "grub-mkconfig" };
    let regenerate = [program, "-o", configuration].map(str::to_owned).to_vec();
    Ok(Entry { directories, files, regenerate: Some(regenerate) })
}
