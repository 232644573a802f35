//! The content of a block device, by its superblock: kind, UUID and label in the forms that blkid prints.
//!
//! The order of the probers is libblkid's: containers before file systems, because a member of a RAID or an encrypted
//! volume may still hold the bytes of the file system inside.

mod bitlocker;
mod blocks;
pub mod btrfs;
mod erofs;
mod exfat;
mod ext;
mod f2fs;
mod fat;
mod features;
mod iso9660;
mod log;
mod luks;
mod lvm;
mod md;
mod names;
mod ntfs;
mod squashfs;
mod swap;
mod udf;
mod xfs;
mod zfs;

use std::io;

use blocks::Blocks;
pub use features::feature_names;
pub use log::{DirtyLog, dirty_log};

use crate::{
    bytes::ReadAt,
    entry::{Filesystem, FilesystemKind},
};

/// One prober per family. The formats of discs come after those that lie in the 32 KiB before them: formatting a disk that once
/// held a disc's image leaves its descriptors, while writing an image leaves nothing that was there before. ZFS comes last, as
/// it alone must read far into the device to be sure.
const PROBERS: &[fn(&Blocks) -> Option<Filesystem>] = &[
    md::probe,
    lvm::probe,
    luks::probe,
    bitlocker::probe,
    fat::probe,
    swap::probe,
    xfs::probe,
    ext::probe,
    ntfs::probe,
    squashfs::probe,
    btrfs::probe,
    exfat::probe,
    f2fs::probe,
    erofs::probe,
    udf::probe,
    iso9660::probe,
    zfs::probe,
];

/// Recognises what is on a device; `None` where nothing is recognised. Reads at most about 1.2 MiB, most often 72 KiB.
///
/// # Errors
/// The device's read error, where nothing was recognised in the part that could be read.
pub fn probe(source: &dyn ReadAt) -> io::Result<Option<Filesystem>> {
    let blocks = Blocks::new(source);
    let found = PROBERS.iter().find_map(|prober| prober(&blocks));
    match (found, blocks.into_error()) {
        (None, Some(error)) => Err(error),
        (found, _) => Ok(found),
    }
}

/// A file system that has neither UUID nor label, for the probers to fill in.
fn bare(kind: FilesystemKind) -> Filesystem {
    Filesystem { kind, uuid: None, label: None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A device on which nothing can be read.
    struct Broken;

    impl ReadAt for Broken {
        fn size(&self) -> u64 {
            1 << 30
        }

        fn read_at(&self, _: u64, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::from_raw_os_error(5))
        }
    }

    #[test]
    fn a_device_that_cannot_be_read_is_an_error_and_not_an_empty_one() {
        assert_eq!(probe(&Broken).unwrap_err().raw_os_error(), Some(5));
        assert_eq!(probe(&&[0_u8; 4096][..]).unwrap(), None);
        assert_eq!(probe(&&[][..]).unwrap(), None);
    }

    /// Places and magic bytes at which every prober begins.
    const MAGICS: &[(usize, &[u8])] = &[
        (0x218, b"LABELONELVM2 001"),
        (0, b"LUKS\xba\xbe\0\x01"),
        (0, b"LUKS\xba\xbe\0\x02"),
        (3, b"-FVE-FS-"),
        (0x36, b"FAT16   "),
        (0x52, b"FAT32   "),
        (510, b"\x55\xaa"),
        (0xff6, b"SWAPSPACE2"),
        (0, b"XFSB"),
        (0x438, b"\x53\xef"),
        (0x8001, b"BEA01"),
        (0x8801, b"NSR02"),
        (0x8001, b"CD001"),
        (0x8800, b"\x02CD001"),
        (3, b"NTFS    "),
        (3, b"EXFAT   "),
        (0, b"hsqs"),
        (0x10040, b"_BHRfS_M"),
        (0x400, b"\x10\x20\xf5\xf2"),
        (0x400, b"\xe2\xe1\xf5\xe0"),
        (0x1000, b"\xfc\x4e\x2b\xa9\x01\0\0\0"),
    ];

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(
            noise in prop::collection::vec(any::<u8>(), 0..1024),
            at in 0_usize..0x12000,
            magic in 0..MAGICS.len(),
            size in 0_usize..0x90000,
        ) {
            let mut image = vec![0xff_u8; size];
            let (place, bytes) = MAGICS[magic];
            for (at, bytes) in [(at, &noise[..]), (0x400, &noise[..]), (0, &noise[..]), (place, bytes)] {
                if let Some(to) = image.get_mut(at..at + bytes.len()) {
                    to.copy_from_slice(bytes);
                }
            }
            let _ = probe(&&image[..]).unwrap();
        }
    }
}
