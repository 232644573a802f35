//! The surroundings of fuzz targets: a device that is mostly zero, and a volume of a few files.

pub mod bounds;
mod large;

#[doc(hidden)]
pub use libfuzzer_sys;

use std::io;

use firstlight::{
    entry::{Device, Filesystem, FilesystemKind, Partition, PartitionTable, Transport, Volume},
    formats::{
        bytes::ReadAt,
        lookup::{DirectoryEntry, FileKind, FileStatus, Lookup, LookupError},
    },
};

/// A device of zeros with pieces in it: the input is its size in units of 4 KiB (two bytes, little-endian), then for each piece its
/// offset (four bytes), its length (two bytes) and its bytes.
pub struct Sparse<'a> {
    size: u64,
    pieces: Vec<(u64, &'a [u8])>,
}

impl<'a> Sparse<'a> {
    /// Lays out the pieces.
    #[must_use]
    pub fn new(data: &'a [u8]) -> Self {
        let (size, mut rest) = data.split_first_chunk().unwrap_or((&[0, 0], &[]));
        let mut pieces = Vec::new();
        while let Some((&[a, b, c, d, e, f], after)) = rest.split_first_chunk() {
            let length = usize::from(u16::from_le_bytes([e, f])).min(after.len());
            let (piece, after) = after.split_at(length);
            if !piece.is_empty() {
                pieces.push((u64::from(u32::from_le_bytes([a, b, c, d])), piece));
            }
            rest = after;
        }
        Self { size: u64::from(u16::from_le_bytes(*size)) * 4096, pieces }
    }
}

impl ReadAt for Sparse<'_> {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let length =
            usize::try_from(self.size.saturating_sub(offset)).unwrap_or(usize::MAX).min(buffer.len());
        buffer[..length].fill(0);
        let end = offset + length as u64;
        for (start, piece) in &self.pieces {
            let (from, to) = (offset.max(*start), end.min(start + piece.len() as u64));
            if from < to {
                let at = |place: u64, base: u64| usize::try_from(place - base).unwrap_or(usize::MAX);
                buffer[at(from, offset)..at(to, offset)]
                    .copy_from_slice(&piece[at(from, *start)..at(to, *start)]);
            }
        }
        Ok(length)
    }
}

/// Paths of the files that an input brings, in their order.
const PATHS: [&str; 4] =
    ["/boot/grub/grub.cfg", "/boot/grub/grubenv", "/boot/grub/custom.cfg", "/boot/vmlinuz"];

/// A volume of a few files.
pub struct Files {
    volumes: Vec<Volume>,
    files: Vec<Vec<u8>>,
}

impl Files {
    /// Gives each text one of the paths.
    #[must_use]
    pub fn new<'a>(texts: impl Iterator<Item = &'a [u8]>) -> Self {
        let device = Device {
            disk: "sda".into(),
            partition: Some(Partition {
                number: 2,
                table: PartitionTable::Gpt,
                uuid: None,
                label: None,
                type_id: None,
                attributes: 0,
            }),
            size: 1 << 30,
            transport: Transport::Scsi,
            ..Device::new("sda2")
        };
        let filesystem = Filesystem { kind: FilesystemKind::Ext4, uuid: Some("a".into()), label: None };
        let files = texts.take(PATHS.len()).map(<[u8]>::to_vec).collect();
        Self { volumes: vec![Volume::new(device, filesystem)], files }
    }

    fn file(&self, path: &str) -> Result<&[u8], LookupError> {
        let place = PATHS.iter().position(|known| *known == path).ok_or(LookupError::Missing)?;
        self.files.get(place).map(Vec::as_slice).ok_or(LookupError::Missing)
    }
}

impl Lookup for Files {
    fn volumes(&self) -> &[Volume] {
        &self.volumes
    }

    fn read(&self, _: usize, path: &str, limit: usize) -> Result<Vec<u8>, LookupError> {
        let file = self.file(path)?;
        if file.len() > limit { Err(LookupError::TooLarge(limit)) } else { Ok(file.to_vec()) }
    }

    fn read_at(&self, _: usize, path: &str, offset: u64, length: usize) -> Result<Vec<u8>, LookupError> {
        let rest = usize::try_from(offset).ok().and_then(|offset| self.file(path).ok()?.get(offset..));
        Ok(rest.unwrap_or_default().iter().copied().take(length).collect())
    }

    fn status(&self, _: usize, path: &str, _: bool) -> Option<FileStatus> {
        let file = self.file(path).ok()?;
        Some(FileStatus { kind: FileKind::File, size: file.len() as u64, modified: 0 })
    }

    fn list(&self, _: usize, path: &str) -> Vec<DirectoryEntry> {
        let below = PATHS.iter().take(self.files.len()).filter_map(|known| {
            let rest = known.strip_prefix(path.trim_end_matches('/'))?.strip_prefix('/')?;
            (!rest.contains('/')).then(|| DirectoryEntry { name: rest.to_owned(), kind: FileKind::File })
        });
        below.collect()
    }
}
