//! Takes a unified kernel image apart, as systemd's stub does when it starts.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
};

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

use super::identify::identify;
use crate::formats::{
    kernel_file::{KernelFile, pe::Section},
    uki::{self, Parts},
};

/// Takes an image apart into sealed files in memory; `None` if the file is no unified kernel image.
///
/// # Errors
/// The kernel's reason why the file cannot be read, or memory not be had.
pub fn take_apart(file: &File) -> io::Result<Option<Parts<File>>> {
    let Some(KernelFile::Uki(program)) = identify(file)?.format else { return Ok(None) };
    let Some(parts) = uki::parts(&program) else { return Ok(None) };
    let take_out = |section| take_out(file, section);
    Ok(Some(Parts {
        kernel: take_out(parts.kernel)?,
        microcode: parts.microcode.map(take_out).transpose()?,
        initrd: parts.initrd.map(take_out).transpose()?,
    }))
}

fn take_out(mut file: &File, section: &Section) -> io::Result<File> {
    file.seek(SeekFrom::Start(section.offset.into()))?;
    let mut memory = File::from(memfd_create("uki", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?);
    io::copy(&mut file.take(section.size.into()), &mut memory)?;
    fcntl_add_seals(&memory, SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE)?;
    Ok(memory)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::formats::kernel_file::pe::tests::program;

    #[test]
    fn the_parts_come_out_as_they_went_in() {
        let mut content = program(&[
            (b".initrd\0", 6, 512, 1024),
            (b".linux\0\0", 4, 512, 2048),
            (b".ucode\0\0", 5, 512, 3072),
        ]);
        for (offset, part) in [(1024, &b"initrd"[..]), (2048, b"linu"), (3072, b"ucode")] {
            content[offset..][..part.len()].copy_from_slice(part);
        }
        let mut file = File::from(memfd_create("test", MemfdFlags::CLOEXEC).unwrap());
        file.write_all(&content).unwrap();
        let parts = take_apart(&file).unwrap().unwrap();
        let text = |mut file: File| {
            let mut text = String::new();
            file.rewind().unwrap();
            file.read_to_string(&mut text).unwrap();
            text
        };
        let [microcode, initrd] = [parts.microcode, parts.initrd].map(|part| part.map(text));
        assert_eq!(text(parts.kernel), "linu");
        assert_eq!((microcode.as_deref(), initrd.as_deref()), (Some("ucode"), Some("initrd")));
    }

    #[test]
    fn other_files_stay_whole() {
        let mut file = File::from(memfd_create("test", MemfdFlags::CLOEXEC).unwrap());
        file.write_all(&program(&[])).unwrap();
        assert!(take_apart(&file).unwrap().is_none());
    }
}
