//! A file in a cpio archive of its own, as GRUB makes one of `initrd newc:NAME:FILE`.

use std::{
    fs::File,
    io::{self, Write},
};

use super::companions;
use crate::{formats::cpio, sys::files};

/// Permissions that GRUB gives the file and the directories that lead to it.
const PERMISSIONS: u32 = 0o777;

/// The archive that holds the file under this name.
///
/// # Errors
/// The kernel's reason why the file cannot be read, or why there is no memory.
pub fn packed(source: &File, name: &str) -> io::Result<File> {
    let size = source.metadata()?.len();
    files::sealed("part", size, |memory| {
        for parent in name.match_indices('/').filter_map(|(at, _)| name.get(..at)) {
            memory.write_all(&cpio::directory(PERMISSIONS, parent))?;
        }
        companions::file(memory, (0, PERMISSIONS, name), (source, 0, size))?;
        memory.write_all(&cpio::trailer())
    })
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        process::{Command, Stdio},
    };

    use super::*;

    #[test]
    fn cpio_finds_the_file_under_its_name() {
        let directory = tempfile::tempdir().unwrap();
        let source = directory.path().join("source");
        fs::write(&source, "a key").unwrap();
        let mut archive = packed(&File::open(&source).unwrap(), "etc/keys/root.key").unwrap();
        io::Seek::rewind(&mut archive).unwrap();
        let mut cpio = Command::new("cpio");
        cpio.args(["--extract", "--quiet"]).current_dir(directory.path()).stdin(Stdio::from(archive));
        assert!(cpio.status().unwrap().success());
        assert_eq!(fs::read_to_string(directory.path().join("etc/keys/root.key")).unwrap(), "a key");
    }
}
