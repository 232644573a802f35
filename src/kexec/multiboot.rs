//! Loading a kernel that is started by multiboot, with its modules: always by kexec_load(2), since kexec_file_load(2) knows
//! no such kernels.

use std::fs::File;

use rustix::io::Errno;

pub use super::segments::multiboot::Told;
use super::{
    Image, LoadError,
    load::refused,
    reason,
    segments::{self, SegmentsError, Wishes},
};
use crate::image::unwrap::unwrap;

/// A module.
#[derive(Debug)]
pub struct Module {
    /// The file.
    pub image: Image,
    /// What it is told.
    pub words: Vec<u8>,
    /// It is handed over as it is, even if it is compressed.
    pub as_it_is: bool,
}

/// Loads a multiboot kernel, so that [`super::jump`] starts it; it takes the place of one that is loaded already.
///
/// # Errors
/// [`LoadError`] says what was refused, why, and what to do.
pub fn load(
    kernel: &Image,
    modules: &[Module],
    told: &Told<'_>,
    wishes: &Wishes,
) -> Result<(), LoadError> {
    let unpacked = |image: &Image| {
        unwrap(&image.file).map_err(|source| LoadError::Wrapped { kernel: image.name.clone(), source })
    };
    let kernel_file = unpacked(kernel)?;
    let files: Vec<Option<File>> = modules
        .iter()
        .map(|module| if module.as_it_is { Ok(None) } else { unpacked(&module.image) })
        .collect::<Result<_, _>>()?;
    let modules: Vec<(&File, &[u8])> = modules
        .iter()
        .zip(&files)
        .map(|(module, file)| (file.as_ref().unwrap_or(&module.image.file), module.words.as_slice()))
        .collect();
    let kernel_file = kernel_file.as_ref().unwrap_or(&kernel.file);
    let name = || kernel.name.clone();
    segments::load_multiboot(kernel_file, &modules, told, wishes).map_err(|source| match source {
        SegmentsError::Refused(errno) if errno != Errno::NOSYS => {
            let circumstances = reason::circumstances(false);
            refused(name(), errno, &reason::Circumstances { multiboot: true, ..circumstances })
        }
        source => LoadError::Segments { kernel: name(), source },
    })
}
