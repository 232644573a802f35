//! Image files on volumes, opened as volumes of their own: ISO 9660, read in place; others if they were mounted before.

use std::{
    cell::{OnceCell, RefCell},
    io,
};

use crate::{
    entry::{FileReference, Filesystem, FilesystemKind, Volume},
    formats::{
        bytes::ReadAt,
        iso9660::{Budget, Iso9660},
        lookup::{DirectoryEntry, FileKind, FileStatus, Lookup, LookupError},
        superblock,
    },
};

/// Images that one search may hold open.
const IMAGE_LIMIT: usize = 16;

/// Why an image is not read in place.
const NOT_IN_PLACE: &str =
    "not an ISO 9660 image; what else the kernel knows is mounted first, on the machine's own disks";

/// The file, if it is an image of a file system that is not read in place, and not mounted yet.
pub(super) fn mountable(lookup: &dyn Lookup, host: usize, path: &str) -> Option<FileReference> {
    let volume = lookup.volumes().get(host)?;
    let size = lookup.status(host, path, true).filter(|status| status.kind == FileKind::File)?.size;
    let filesystem = superblock::probe(&File { lookup, host, path: path.to_owned(), size }).ok()??;
    // Images in images are not opened.
    let is_other = filesystem.kind != FilesystemKind::Iso9660 && volume.parent().is_none();
    is_other.then(|| FileReference::new(volume.reference(), path.to_owned()))
}

/// All volumes, and after them the images that were opened.
pub struct Images<'a> {
    lookup: &'a dyn Lookup,
    opened: Vec<OnceCell<ImageFile<'a>>>,
    /// Of all images together: the finder's memory is limited.
    budget: Budget,
    /// Images that can be read once they are mounted.
    wanted: RefCell<Vec<FileReference>>,
    /// The volumes with one image among them, where that is what is searched.
    volumes: Option<Vec<Volume>>,
}

struct ImageFile<'a> {
    host: usize,
    path: String,
    volume: Volume,
    files: Iso9660<'a>,
}

impl<'a> Images<'a> {
    /// No image is open yet.
    #[must_use]
    pub fn new(lookup: &'a dyn Lookup) -> Self {
        let opened = (0..IMAGE_LIMIT).map(|_| OnceCell::new()).collect();
        Self { lookup, opened, budget: Budget::default(), wanted: RefCell::default(), volumes: None }
    }

    /// The volumes and this image, which comes after them in [`Lookup::volumes`].
    pub(super) fn with(lookup: &'a dyn Lookup, host: usize, path: &str) -> Result<Self, LookupError> {
        let mut images = Self::new(lookup);
        let image = images.volume(images.open_image(host, path)?).cloned();
        images.volumes = Some(lookup.volumes().iter().cloned().chain(image).collect());
        Ok(images)
    }

    /// The images that were asked for and can be read once they are mounted.
    pub(super) fn wanted(self) -> Vec<FileReference> {
        self.wanted.into_inner()
    }

    /// Notes an image once: every entry may ask for the same one.
    fn want(&self, image: Option<FileReference>) {
        let mut wanted = self.wanted.borrow_mut();
        let image = image.filter(|image| !wanted.contains(image));
        wanted.extend(image);
    }

    /// Why files of images may seem not to be there.
    pub(super) fn check(&self) -> Result<(), LookupError> {
        match self.budget.is_spent() {
            true => Err(LookupError::Failed("the directories of the images together are too large".into())),
            false => Ok(()),
        }
    }

    fn opened(&self, volume: usize) -> Option<&ImageFile<'a>> {
        self.opened.get(volume.checked_sub(self.lookup.volumes().len())?)?.get()
    }
}

impl<'a> ImageFile<'a> {
    fn open(lookup: &'a dyn Lookup, host: usize, path: &str, budget: &Budget) -> Result<Self, LookupError> {
        let status = lookup.status(host, path, true).filter(|status| status.kind == FileKind::File);
        let size = status.ok_or(LookupError::Missing)?.size;
        let file = || File { lookup, host, path: path.to_owned(), size };
        let files = Iso9660::within(Box::new(file()), budget.clone());
        let files = files.ok_or_else(|| LookupError::Failed(NOT_IN_PLACE.into()))?;
        let filesystem = superblock::probe(&file()).ok().flatten();
        let filesystem = filesystem.filter(|found| found.kind == FilesystemKind::Iso9660);
        let filesystem =
            filesystem.unwrap_or(Filesystem { kind: FilesystemKind::Iso9660, uuid: None, label: None });
        let host_volume = lookup.volumes().get(host).ok_or(LookupError::Missing)?;
        let volume = Volume::in_image(host_volume, path, size, filesystem);
        Ok(Self { host, path: path.to_owned(), volume, files })
    }
}

impl Lookup for Images<'_> {
    fn volumes(&self) -> &[Volume] {
        self.volumes.as_deref().unwrap_or_else(|| self.lookup.volumes())
    }

    fn volume(&self, volume: usize) -> Option<&Volume> {
        self.opened(volume).map(|image| &image.volume).or_else(|| self.lookup.volume(volume))
    }

    fn open_image(&self, host: usize, path: &str) -> Result<usize, LookupError> {
        if self.opened(host).is_some() {
            return Err(LookupError::Failed("an image inside an image is not opened".into()));
        }
        if let Some(id) = self.volumes().get(host).map(|volume| volume.id)
            && let Some(place) = self.lookup.volumes().iter().position(|volume| volume.is_image(id, path))
        {
            return Ok(place);
        }
        for (place, cell) in self.opened.iter().enumerate() {
            let image = match cell.get() {
                Some(image) => image,
                None => {
                    self.check()?;
                    let image = ImageFile::open(self.lookup, host, path, &self.budget);
                    let image = image.inspect_err(|_| {
                        self.want(mountable(self.lookup, host, path));
                    })?;
                    cell.get_or_init(|| image)
                }
            };
            if (image.host, image.path.as_str()) == (host, path) {
                return Ok(self.lookup.volumes().len().saturating_add(place));
            }
        }
        Err(LookupError::Failed(format!("more than {IMAGE_LIMIT} images are open")))
    }

    fn image(&self, volume: usize) -> Option<(usize, &str)> {
        self.opened(volume).map(|image| (image.host, image.path.as_str()))
    }

    fn read(&self, volume: usize, path: &str, limit: usize) -> Result<Vec<u8>, LookupError> {
        let Some(image) = self.opened(volume) else { return self.lookup.read(volume, path, limit) };
        let content = image.files.read_at(path, 0, limit.saturating_add(1))?;
        if content.len() > limit { Err(LookupError::TooLarge(limit)) } else { Ok(content) }
    }

    fn read_at(&self, volume: usize, path: &str, offset: u64, length: usize) -> Result<Vec<u8>, LookupError> {
        match self.opened(volume) {
            Some(image) => image.files.read_at(path, offset, length),
            None => self.lookup.read_at(volume, path, offset, length),
        }
    }

    fn status(&self, volume: usize, path: &str, follow: bool) -> Option<FileStatus> {
        match self.opened(volume) {
            Some(image) => image.files.status(path, follow),
            None => self.lookup.status(volume, path, follow),
        }
    }

    fn link(&self, volume: usize, path: &str) -> Option<String> {
        // Nothing that follows links by itself is looked for inside an image.
        if self.opened(volume).is_some() { None } else { self.lookup.link(volume, path) }
    }

    fn list(&self, volume: usize, path: &str) -> Vec<DirectoryEntry> {
        match self.opened(volume) {
            Some(image) => image.files.list(path),
            None => self.lookup.list(volume, path),
        }
    }
}

/// A file on a volume as the reader of its content sees it.
pub(super) struct File<'a> {
    pub lookup: &'a dyn Lookup,
    pub host: usize,
    pub path: String,
    pub size: u64,
}

impl ReadAt for File<'_> {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.lookup.read_at(self.host, &self.path, offset, buffer.len());
        let bytes = read.map_err(|error| io::Error::other(error.to_string()))?;
        let length = bytes.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..length), bytes.get(..length)) {
            to.copy_from_slice(from);
        }
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::{
        discover::testing::{tree, volume, volumes},
        formats::testing::iso9660::image_of_names,
    };

    #[test]
    fn images_that_are_open_together_share_what_their_directories_may_take() {
        let directory = tree(&[]);
        let image = image_of_names(5);
        for name in ["a.iso", "b.iso", "c.iso"] {
            fs::write(directory.path().join(name), &image).unwrap();
        }
        let lookup = volumes(&[(&directory, volume("sda1", FilesystemKind::Ext4))]);
        let images = Images::new(&lookup);
        let open = |name| images.open_image(0, name).map(|place| images.list(place, "/").is_empty());
        assert_eq!((open("/a.iso"), open("/b.iso")), (Ok(false), Ok(true)));
        let refused = "the directories of the images together are too large".to_owned();
        assert_eq!(open("/c.iso"), Err(LookupError::Failed(refused)));
        assert_eq!(open("/a.iso"), Ok(false));
    }
}
