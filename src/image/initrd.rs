//! Whether the kernel can do anything with an initrd (kernel: init/initramfs.c, `unpack_to_rootfs`; lib/decompress.c).

use std::{fmt, fs::File, io};

use super::{memory::Source, prepare::PreparedKernel};
use crate::{formats::superblock, sys::files};

/// Bytes of an initrd that are looked at; zeros before an archive are passed over by the kernel, too.
const HEAD: usize = 4096;

/// First bytes of archives: cpio's two forms that the kernel unpacks.
const ARCHIVES: [&[u8]; 2] = [b"070701", b"070702"];

/// First bytes of what the kernel knows to decompress: gzip's two, bzip2, LZMA, xz, LZO, LZ4, zstd.
const COMPRESSED: [&[u8]; 8] =
    [b"\x1f\x8b", b"\x1f\x9e", b"BZ", b"\x5d\0", b"\xfd7", b"\x89L", b"\x02\x21", b"\x28\xb5"];

/// Why a kernel would not start the system with its initrd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InitrdDoubt {
    /// It has no bytes.
    Empty,
    /// It begins with these bytes, which are those of no archive.
    Unknown(Vec<u8>),
}

impl InitrdDoubt {
    /// Looks at an initrd.
    ///
    /// # Errors
    /// The kernel's reason why it cannot be read.
    pub fn of(file: &File) -> io::Result<Option<Self>> {
        let head = files::read_at(file, 0, HEAD)?;
        let start = head.iter().position(|byte| *byte != 0).unwrap_or(head.len());
        let content = head.get(start..).unwrap_or_default();
        let is_known = ARCHIVES.iter().chain(&COMPRESSED).any(|magic| content.starts_with(magic));
        Ok(match head.get(..4.min(head.len())) {
            Some([]) | None => Some(Self::Empty),
            _ if is_known => None,
            // An image of a file system, as initrds once were.
            _ if superblock::probe(&Source(file)).is_ok_and(|found| found.is_some()) => None,
            Some(first) => Some(Self::Unknown(first.to_vec())),
        })
    }
}

impl fmt::Display for InitrdDoubt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => formatter.write_str("the initrd is empty; is its file system full? Write it anew"),
            Self::Unknown(first) => {
                formatter.write_str("the initrd is no archive that Linux unpacks (it begins with")?;
                first.iter().try_for_each(|byte| write!(formatter, " {byte:02x}"))?;
                formatter.write_str("); if the system does not start, write it anew")
            }
        }
    }
}

impl PreparedKernel {
    /// What is doubtful about the initrds of a Linux kernel, each with the name of its file. The last is the one that the
    /// system starts with.
    #[must_use]
    pub fn initrd_doubts(&self) -> Vec<(&str, InitrdDoubt)> {
        let initrds = self.initrds.iter().filter(|_| self.multiboot.is_none());
        // What cannot be read is said where it is loaded.
        let doubts =
            initrds.filter_map(|initrd| Some((initrd.name.as_str(), InitrdDoubt::of(&initrd.file).ok()??)));
        doubts.collect()
    }

    /// Name of the initrd that the system starts with, if that is empty.
    #[must_use]
    pub fn empty_initrd(&self) -> Option<&str> {
        let last = self.initrds.last().filter(|_| self.multiboot.is_none())?;
        (InitrdDoubt::of(&last.file).ok()? == Some(InitrdDoubt::Empty)).then_some(&last.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::testing;

    #[test]
    fn what_the_kernel_unpacks_is_beyond_doubt() {
        let zeros = |rest: &[u8]| [&[0; 512][..], rest].concat();
        let mut ext2 = vec![0; 4096];
        ext2[0] = 1;
        ext2[1024 + 0x38..][..2].copy_from_slice(b"\x53\xef");
        for (content, expected) in [
            (b"070701000002D1".to_vec(), None),
            (zeros(b"070702"), None),
            (b"\x1f\x8b\x08\0".to_vec(), None),
            (zeros(b"\x28\xb5\x2f\xfd"), None),
            (ext2, None),
            (Vec::new(), Some(InitrdDoubt::Empty)),
            (b"\x7fELF\x02".to_vec(), Some(InitrdDoubt::Unknown(b"\x7fELF".to_vec()))),
            (b"<".to_vec(), Some(InitrdDoubt::Unknown(b"<".to_vec()))),
            // Of cpio the kernel knows two forms only, of LZ4 the older one.
            (b"070707000".to_vec(), Some(InitrdDoubt::Unknown(b"0707".to_vec()))),
            (b"\x04\x22\x4d\x18".to_vec(), Some(InitrdDoubt::Unknown(b"\x04\x22\x4d\x18".to_vec()))),
            (vec![0; 8192], Some(InitrdDoubt::Unknown(vec![0; 4]))),
        ] {
            assert_eq!(InitrdDoubt::of(&testing::file(&content)).unwrap(), expected);
        }
        let words = "the initrd is no archive that Linux unpacks (it begins with 7f 45 4c 46); if the system does not start, \
                     write it anew";
        assert_eq!(InitrdDoubt::Unknown(b"\x7fELF".to_vec()).to_string(), words);
    }
}
