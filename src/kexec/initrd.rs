//! Several initrds as one: the kernel takes one file, in which cpio archives follow each other, each at a multiple of four
//! bytes (Linux Documentation/driver-api/early-userspace/buffer-format.rst).

use std::{
    fs::File,
    io::{self, Seek, Write},
};

use crate::{image::NamedFile, sys::files};

/// Joins initrds in a sealed file in memory. Each is read from its start.
///
/// # Errors
/// The name of the initrd that could not be read, and why.
pub(super) fn join(initrds: &[NamedFile]) -> Result<File, (&str, io::Error)> {
    let mut name = initrds.first().map_or("", |initrd| initrd.name.as_str());
    let size = initrds.iter().fold(0, |size: u64, initrd| size.saturating_add(initrd.size()));
    let joined = files::sealed("initrd", size, |joined| {
        for initrd in initrds {
            name = &initrd.name;
            append(joined, initrd)?;
        }
        io::Result::Ok(())
    });
    joined.map_err(|error| (name, error))
}

fn append(joined: &mut File, initrd: &NamedFile) -> io::Result<()> {
    let length = joined.stream_position()?;
    let padding = length.next_multiple_of(4).saturating_sub(length);
    let zeros = [0; 4];
    joined.write_all(zeros.get(..usize::try_from(padding).unwrap_or(0)).unwrap_or_default())?;
    let mut file = &initrd.file;
    file.rewind()?;
    // In the kernel, by copy_file_range(2) or sendfile(2).
    io::copy(&mut file, joined).map(|_| ())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::image::testing::file;

    fn initrd(content: &[u8]) -> NamedFile {
        NamedFile { name: "/initrd".into(), file: file(content) }
    }

    #[test]
    fn each_initrd_begins_at_a_multiple_of_four() {
        let cases: [(&[&[u8]], &[u8]); 4] = [
            (&[b"12345", b"678", b"9"], b"12345\0\0\x00678\x009"),
            (&[b"1234", b"5678"], b"12345678"),
            (&[b"", b"1"], b"1"),
            (&[b"1", b"", b"2"], b"1\0\0\x002"),
        ];
        for (parts, expected) in cases {
            let parts: Vec<NamedFile> = parts.iter().map(|part| initrd(part)).collect();
            let mut joined = join(&parts).unwrap();
            joined.rewind().unwrap();
            let mut content = Vec::new();
            joined.read_to_end(&mut content).unwrap();
            assert_eq!(content, expected);
        }
    }

    #[test]
    fn what_is_joined_can_no_longer_change() {
        let mut joined = join(&[initrd(b"1"), initrd(b"2")]).unwrap();
        assert_eq!(joined.write(b"x").unwrap_err().raw_os_error(), Some(libc::EPERM));
    }

    #[test]
    fn an_initrd_that_cannot_be_read_is_named() {
        let directory = NamedFile { name: "/boot".into(), file: File::open("/").unwrap() };
        let parts = [initrd(b"1"), directory];
        assert_eq!(join(&parts).unwrap_err().0, "/boot");
    }
}
