//! Files inside an image file on a volume, taken out to be loaded.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
};

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

use super::{OpenVolume, look::Blocks};
use crate::{
    entry::FileReference,
    formats::{iso9660::Iso9660, lookup::LookupError},
};

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
}

fn take_out(mut file: &File, ranges: &[(u64, u64)]) -> io::Result<File> {
    let mut memory = File::from(memfd_create("image", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?);
    for (offset, length) in ranges {
        file.seek(SeekFrom::Start(*offset))?;
        if io::copy(&mut file.take(*length), &mut memory)? < *length {
            return Err(io::Error::other("the image is cut short; copy it again"));
        }
    }
    fcntl_add_seals(&memory, SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE)?;
    Ok(memory)
}
