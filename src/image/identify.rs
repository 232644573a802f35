//! The format of a kernel file, with the texts that a unified kernel image carries.

use crate::formats::kernel_file::{HEAD_LENGTH, KernelFile, chromeos, pe::Program, recognise};
use crate::{formats::text::decode, sys::files};
use serde::Serialize;
use std::{
    fs::File,
    io::{self, Seek, SeekFrom},
};

/// Maximum length of a text in a unified kernel image, in bytes; the rest is not read.
const TEXT_LIMIT: usize = 64 << 10;

/// The format of a file, and what can be said of it without taking it apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Identity {
    /// Its format; `None` if it is none that a boot loader could be given.
    #[serde(flatten)]
    pub format: Option<KernelFile>,
    /// Size of the file in bytes.
    pub file_size: u64,
    /// Texts that a unified kernel image or a ChromeOS kernel partition carries, by the names of their sections without the dot.
    #[serde(flatten)]
    pub texts: Texts,
}

/// Texts that a file carries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Texts {
    /// Version of its kernel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uname: Option<String>,
    /// Its command line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cmdline: Option<String>,
    /// The os-release of the system that it boots.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub osrel: Option<String>,
}

/// Identifies a file.
///
/// # Errors
/// The kernel's reason why it cannot be read.
pub fn identify(file: &File) -> io::Result<Identity> {
    let file_size = match file.metadata()?.len() {
        // The size of a block device is the offset of its end.
        0 => (&*file).seek(SeekFrom::End(0)).unwrap_or(0),
        size => size,
    };
    let format = recognise(&files::read_at(file, 0, HEAD_LENGTH)?, file_size);
    let texts = match &format {
        Some(KernelFile::Uki(program)) => texts(file, program)?,
        Some(KernelFile::Chromeos(image)) => {
            Texts { cmdline: Some(chromeos_cmdline(file, image)?), ..Texts::default() }
        }
        _ => Texts::default(),
    };
    Ok(Identity { format, file_size, texts })
}

fn texts(file: &File, program: &Program) -> io::Result<Texts> {
    let read = |name| {
        let section = program.section(name);
        let bytes = section.map(|section| {
            files::read_at(
                file,
                section.offset.into(),
                TEXT_LIMIT.min(usize::try_from(section.size).unwrap_or(TEXT_LIMIT)),
            )
        });
        // Builders end a text with a NUL or a newline, or with neither.
        bytes
            .transpose()
            .map(|bytes| bytes.map(|bytes| decode(&bytes).trim_end_matches(['\0', '\n']).to_owned()))
    };
    Ok(Texts { uname: read(".uname")?, cmdline: read(".cmdline")?, osrel: read(".osrel")? })
}

/// The command line on a ChromeOS kernel partition; `%U` in it is replaced by the partition's UUID.
pub(super) fn chromeos_cmdline(file: &File, image: &chromeos::ChromeosImage) -> io::Result<String> {
    let field = files::read_at(file, image.cmdline.offset, usize::try_from(image.cmdline.size).unwrap_or(0))?;
    Ok(decode(field.split(|&byte| byte == 0).next().unwrap_or_default()).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{formats::testing::pe::program, image::testing};

    #[test]
    fn the_texts_of_a_unified_kernel_image_are_read() {
        let mut content = program(&[
            (b".osrel\0\0", 9, 512, 1024),
            (b".cmdline", 512, 512, 1536),
            (b".uname\0\0", 5000, 5000, 3000),
            (b".linux\0\0", 4, 512, 2048),
        ]);
        content[1024..1033].copy_from_slice(b"ID=a\nB=c\n");
        content[1536..1545].copy_from_slice(b"root=LABE");
        let identity = identify(&testing::file(&content)).unwrap();
        // `.uname` would lie outside the file.
        let expected =
            Texts { uname: None, cmdline: Some("root=LABE".to_owned()), osrel: Some("ID=a\nB=c".to_owned()) };
        assert_eq!(identity.texts, expected);
        assert_eq!(identity.file_size, 4096);
    }
}
