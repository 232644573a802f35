//! Image files on a volume: files inside an ISO 9660 image, taken out to be loaded, and images of other kinds, mounted.

use std::{
    borrow::Borrow,
    fs::File,
    io::{self, Read, Seek, SeekFrom},
};

use super::{
    OpenVolume,
    mount::{Care, MountError, MountRequest, loop_over, mount},
    probe::Blocks,
    root::Root,
};
use crate::{
    entry::{FileReference, FilesystemKind, Volume},
    formats::{
        iso9660::Iso9660,
        lookup::{FileKind, LookupError},
        superblock,
        text::printable,
    },
    sys::files,
};

/// Maximum number of image files that are mounted: content of disks asks for them.
const IMAGE_LIMIT: usize = 8;

/// Why an image is not a volume.
#[derive(Debug, thiserror::Error)]
enum ImageError {
    /// It cannot be read.
    #[error("{0}")]
    Unreadable(#[from] LookupError),
    /// Nothing in it is recognised.
    #[error("no file system that is known")]
    Unknown,
    /// No loop device can be had for it.
    #[error("no loop device: {0}; the kernel needs CONFIG_BLK_DEV_LOOP, or the image its module loop")]
    NoLoop(io::Error),
    /// The kernel does not mount it.
    #[error(transparent)]
    Mount(#[from] MountError),
}

impl OpenVolume {
    /// Opens a regular file of this volume for reading: its own descriptor, or where it lies inside an image file a
    /// sealed copy of it in memory.
    ///
    /// # Errors
    /// [`LookupError`] says why it cannot be read.
    pub fn open(&self, reference: &FileReference) -> Result<File, LookupError> {
        let file = self.root.open_file(&reference.path)?;
        let Some(inside) = &reference.inside else { return Ok(file) };
        let failed = |error: io::Error| LookupError::Failed(error.to_string());
        let size = file.metadata().map_err(failed)?.len();
        let image = Iso9660::open(Box::new(Blocks { file: &file, size }));
        let ranges =
            image.ok_or_else(|| LookupError::Failed("not an ISO 9660 image".into()))?.ranges(inside)?;
        take_out(&file, &ranges).map_err(failed)
    }

    /// Mounts image files of these volumes, each as a volume of its own, called `sda2:/path`. Those that are not there, and
    /// ISO 9660 images, which are read in place, are passed over; the log says what cannot be mounted.
    #[must_use]
    pub fn images(volumes: &[impl Borrow<Self>], images: &[FileReference]) -> Vec<Self> {
        let is_image = |open: &&Self| open.volume.parent().is_some();
        let mut room =
            IMAGE_LIMIT.saturating_sub(volumes.iter().map(Borrow::borrow).filter(is_image).count());
        let mut opened: Vec<Self> = Vec::new();
        for image in images {
            let all = || volumes.iter().map(Borrow::borrow).chain(&opened);
            let host = all().find(|open| image.volume.is(&open.volume));
            let is_open = |host: &&Self| all().any(|open| open.volume.is_image(host.volume.id, &image.path));
            let Some(host) = host.filter(|host| room > 0 && !is_open(host)) else { continue };
            room = room.saturating_sub(1);
            match host.image(&image.path) {
                Ok(image) => opened.extend(image),
                Err(error) => log::warn!("{}: {}: {error}", image.volume, printable(&image.path)),
            }
        }
        opened
    }

    fn image(&self, path: &str) -> Result<Option<Self>, ImageError> {
        let path = &*format!("/{}", path.trim_start_matches('/'));
        if self.root.status(path, true).is_none_or(|status| status.kind != FileKind::File) {
            return Ok(None);
        }
        let file = self.root.open_file(path)?;
        let failed = |error: io::Error| LookupError::Failed(error.to_string());
        let size = file.metadata().map_err(failed)?.len();
        let found = superblock::probe(&Blocks { file: &file, size }).map_err(failed)?;
        let filesystem = found.ok_or(ImageError::Unknown)?;
        if filesystem.kind == FilesystemKind::Iso9660 {
            return Ok(None);
        }
        let (node, device) = loop_over(&file, false).map_err(|error| ImageError::NoLoop(error.into()))?;
        let mount = mount(&MountRequest::new(filesystem.kind, &node, &device), Care::Alone)?;
        let root = Root::from_fd(mount.root).naming_as(filesystem.kind);
        Ok(Some(Self::new(Volume::in_image(&self.volume, path, size, filesystem), root)))
    }
}

fn take_out(mut file: &File, ranges: &[(u64, u64)]) -> io::Result<File> {
    let length = file.metadata()?.len();
    let mut size = 0_u64;
    for (offset, part) in ranges {
        size = size.saturating_add(*part);
        // No file in an image is longer than the image.
        if offset.saturating_add(*part) > length || size > length {
            return Err(io::Error::other("the image is cut short; copy it again"));
        }
    }
    files::sealed("image", size, |memory| {
        for (offset, length) in ranges {
            file.seek(SeekFrom::Start(*offset))?;
            if io::copy(&mut file.take(*length), memory)? < *length {
                return Err(io::Error::other("the image is cut short; copy it again"));
            }
        }
        Ok(())
    })
}
