//! Initrds that systemd's stub makes for a unified kernel image: archives of the files beside it, and of texts in it (systemd-stub(7), CompanionFile Files and Initrd Resources).

use std::{
    fs::File,
    io::{self, Write},
};

use super::memory;
use crate::{
    entry::Role,
    formats::{cpio, kernel_file::pe::Section, text::decode, uki::Sections},
    sys::files,
};

/// A file that goes with a unified kernel image.
#[derive(Debug)]
pub struct CompanionFile {
    pub role: Role,
    /// The name that it gets in the initrd.
    pub name: String,
    /// The file, open for reading.
    pub file: File,
}

/// In the stub's order: which files, the directory that they come into, its permissions and theirs.
const ARCHIVES: [(Role, &str, u32, u32); 6] = [
    (Role::Credential, ".extra/credentials", 0o500, 0o400),
    (Role::GlobalCredential, ".extra/global_credentials", 0o500, 0o400),
    (Role::SystemExtension, ".extra/sysext", 0o555, 0o444),
    (Role::GlobalSystemExtension, ".extra/global_sysext", 0o555, 0o444),
    (Role::ConfigurationExtension, ".extra/confext", 0o555, 0o444),
    (Role::GlobalConfigurationExtension, ".extra/global_confext", 0o555, 0o444),
];

/// In the stub's order: sections, the files that they become, and the first version of the stub that makes them.
const TEXTS: [(&str, &str, u32); 4] = [
    (".pcrsig", "tpm2-pcr-signature.json", 0),
    (".pcrpkey", "tpm2-pcr-public-key.pem", 0),
    (".osrel", "os-release", 257),
    (".profile", "profile", 257),
];

/// The text before the version in the stub's section `.sdmagic`.
const MAGIC: &str = "#### LoaderInfo: systemd-stub ";
/// Length of the section's beginning that holds the version, in bytes.
const MAGIC_LENGTH: usize = 40;

/// All archives, one after the other, for an image with these sections, or for a kernel beside it; `None` without files and texts.
///
/// # Errors
/// The kernel's reason why a file cannot be read, or why there is no memory.
pub(super) fn archives(
    image: Option<(&File, Sections<'_>)>,
    companions: &[CompanionFile],
) -> io::Result<Option<File>> {
    let version = image.map_or(Ok(0), |(image, sections)| stub_version(image, sections))?;
    let texts = TEXTS.iter().filter(|(.., first)| version >= *first);
    let texts = texts.filter_map(|&(section, name, _)| {
        let (image, sections) = image?;
        Some((image, sections.get(section)?, name))
    });
    let mut texts = texts.peekable();
    let is_packed = |companion: &CompanionFile| ARCHIVES.iter().any(|(role, ..)| *role == companion.role);
    if texts.peek().is_none() && !companions.iter().any(is_packed) {
        return Ok(None);
    }
    let size = companions.iter().filter(|it| is_packed(it)).fold(0_u64, |size, companion| {
        size.saturating_add(companion.file.metadata().map_or(0, |metadata| metadata.len()))
    });
    files::sealed("part", size, |memory| {
        for (role, directory, permissions, file_permissions) in ARCHIVES {
            let files: Vec<&CompanionFile> =
                companions.iter().filter(|companion| companion.role == role).collect();
            if files.is_empty() {
                continue;
            }
            let (head, mut inode) = cpio::directories(directory, permissions);
            memory.write_all(&head)?;
            for companion in files {
                let path = format!("{directory}/{}", companion.name);
                let size = companion.file.metadata()?.len();
                file(memory, (inode, file_permissions, &path), (&companion.file, 0, size))?;
                inode = inode.saturating_add(1);
            }
            memory.write_all(&cpio::trailer())?;
        }
        for (image, &Section { offset, size, .. }, name) in texts.by_ref() {
            let (head, inode) = cpio::directories(".extra", 0o555);
            memory.write_all(&head)?;
            file(memory, (inode, 0o444, &format!(".extra/{name}")), (image, offset.into(), size.into()))?;
            memory.write_all(&cpio::trailer())?;
        }
        Ok(())
    })
    .map(Some)
}

/// The version of the image's stub; one without a version counts as a new one.
fn stub_version(image: &File, sections: Sections<'_>) -> io::Result<u32> {
    let Some(section) = sections.get(".sdmagic") else { return Ok(u32::MAX) };
    let text = decode(&files::read_at(image, section.offset.into(), MAGIC_LENGTH)?);
    let version =
        text.strip_prefix(MAGIC).and_then(|version| version.split(|c: char| !c.is_ascii_digit()).next());
    Ok(version.and_then(|version| version.parse().ok()).unwrap_or(u32::MAX))
}

pub(super) fn file(
    memory: &mut File,
    (inode, permissions, path): (u32, u32, &str),
    (source, offset, size): (&File, u64, u64),
) -> io::Result<()> {
    let Ok(length) = u32::try_from(size) else { return Err(io::ErrorKind::FileTooLarge.into()) };
    memory.write_all(&cpio::file(inode, permissions, length, path))?;
    memory::append(memory, source, offset, size)?;
    memory.write_all(cpio::padding(size))
}
