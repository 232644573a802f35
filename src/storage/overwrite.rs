//! A small file's bytes overwritten where they lie on the device, as GRUB does (grub-core/commands/loadenv.c): the file keeps its
//! blocks and its length, and no file system is mounted for writing.

use std::{
    fs::File,
    io,
    os::{fd::AsFd, unix::fs::FileExt},
};

use rustix::{fs::Advice, io::Errno};

use super::writable::{Unwritable, WritableDevice};
use crate::{
    entry::{FilesystemKind, Volume},
    sys::{
        extents::{self, Extent},
        files,
    },
};

/// Why a file was left as it is.
#[derive(Debug, thiserror::Error)]
pub enum OverwriteError {
    /// Nothing is written to its volume.
    #[error(transparent)]
    Unwritable(#[from] Unwritable),
    /// What a device holds of a file there is not all that says what is in it.
    #[error(
        "no file on {0} can be overwritten in place, and GRUB does not, either; keep it on ext4, XFS or FAT"
    )]
    FileSystem(FilesystemKind),
    /// The file system does not tell where it lies.
    #[error("its file system does not tell where it lies ({0})")]
    Place(Errno),
    /// It is packed, shared with another file, or has holes.
    #[error(
        "the device does not hold its bytes as they are (it is packed, shared with a copy, or has holes); write it anew"
    )]
    NotPlain,
    /// The device holds something else there.
    #[error("the device holds something else where it lies; check the file system")]
    Differs,
    /// The device cannot be read or written.
    #[error("the device cannot be written ({0}); check the disk and its cables")]
    Device(#[from] io::Error),
}

/// Overwrites a file of the volume, whose whole content is `before`, with as many bytes of `after`: only those that differ are
/// written. When it comes back they are on the disk.
///
/// # Errors
/// [`OverwriteError`] says why the file was left as it is, or that the device failed at it.
pub fn overwrite(volume: &Volume, file: &File, before: &[u8], after: &[u8]) -> Result<(), OverwriteError> {
    use FilesystemKind::{Exfat, Ext2, Ext3, Ext4, F2fs, Vfat, Xfs};
    let kind = volume.filesystem.kind;
    if !matches!(kind, Ext2 | Ext3 | Ext4 | Xfs | F2fs | Vfat | Exfat) {
        return Err(OverwriteError::FileSystem(kind));
    }
    let length = before.len() as u64;
    let extents = match extents::extents(file.as_fd(), length) {
        Err(Errno::OPNOTSUPP | Errno::NOTTY) => extents::blocks(file.as_fd(), length),
        result => result,
    };
    let pieces = pieces(&extents.map_err(OverwriteError::Place)?, length)?;
    let device = WritableDevice::under(volume)?;
    // As GRUB, which reads every block again before it writes the first.
    for piece in &pieces {
        let there = files::read_at(&device.file, piece.place, piece.length)?;
        if before.get(piece.start..).and_then(|rest| rest.get(..piece.length)) != Some(&there) {
            return Err(OverwriteError::Differs);
        }
    }
    for (place, bytes) in pieces.iter().filter_map(|piece| piece.change(before, after)) {
        device.file.write_all_at(bytes, place)?;
    }
    device.file.sync_all()?;
    // Who reads the file from now on reads what was written.
    let _ = rustix::fs::fadvise(file, 0, None, Advice::DontNeed);
    Ok(())
}

/// A part of the content, in bytes from its begin, and its place on the device.
#[derive(Debug, PartialEq, Eq)]
struct Piece {
    start: usize,
    length: usize,
    place: u64,
}

impl Piece {
    /// From the first to the last byte of it that differs, and their place on the device.
    fn change<'a>(&self, before: &[u8], after: &'a [u8]) -> Option<(u64, &'a [u8])> {
        let part = |content| <[u8]>::get(content, self.start..)?.get(..self.length);
        let (before, after) = (part(before)?, <[u8]>::get(after, self.start..)?.get(..self.length)?);
        let differs = |(one, other): (&u8, &u8)| one != other;
        let first = before.iter().zip(after).position(differs)?;
        let last = before.iter().zip(after).rposition(differs)?;
        Some((self.place.checked_add(first as u64)?, after.get(first..=last)?))
    }
}

/// The places of the first `length` bytes, without a gap.
fn pieces(extents: &[Extent], length: u64) -> Result<Vec<Piece>, OverwriteError> {
    let mut pieces = Vec::new();
    let mut next = 0;
    for extent in extents {
        if next >= length {
            break;
        }
        if !extent.is_plain || extent.offset != next || extent.length == 0 {
            return Err(OverwriteError::NotPlain);
        }
        let end = extent.offset.saturating_add(extent.length);
        let size = |bytes: u64| usize::try_from(bytes).map_err(|_| OverwriteError::NotPlain);
        let own = end.min(length).saturating_sub(next);
        pieces.push(Piece { start: size(next)?, length: size(own)?, place: extent.place });
        next = end;
    }
    if next < length { Err(OverwriteError::NotPlain) } else { Ok(pieces) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extent(offset: u64, place: u64, length: u64) -> Extent {
        Extent { offset, place, length, is_plain: true }
    }

    #[test]
    fn only_a_file_whose_bytes_all_lie_on_the_device_as_they_are_has_places() {
        let packed = Extent { is_plain: false, ..extent(0, 4096, 4096) };
        let piece = |start, length, place| Piece { start, length, place };
        let cases = [
            (vec![extent(0, 40960, 4096)], Some(vec![piece(0, 1024, 40960)])),
            (
                vec![extent(0, 9000, 512), extent(512, 512, 512)],
                Some(vec![piece(0, 512, 9000), piece(512, 512, 512)]),
            ),
            (vec![extent(0, 9000, 1024), packed], Some(vec![piece(0, 1024, 9000)])),
            (vec![], None),
            (vec![packed], None),
            (vec![extent(0, 9000, 512)], None),
            (vec![extent(512, 9000, 512)], None),
            (vec![extent(0, 9000, 0), extent(0, 9000, 1024)], None),
        ];
        for (extents, expected) in cases {
            assert_eq!(pieces(&extents, 1024).ok(), expected, "{extents:?}");
        }
    }

    #[test]
    fn no_byte_is_written_that_stays_as_it_is() {
        let piece = Piece { start: 2, length: 4, place: 100 };
        for (after, expected) in [
            ("0123456789", None),
            ("xx2345xxxx", None),
            ("01234x6789", Some((103, &b"x"[..]))),
            ("01x34x6789", Some((100, b"x34x"))),
            ("012", None),
        ] {
            assert_eq!(piece.change(b"0123456789", after.as_bytes()), expected, "{after}");
        }
    }
}
