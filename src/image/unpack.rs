//! The kernel in a file: the file is identified, taken out of what holds it and what wraps it, and the kernel itself is
//! identified. Nothing after this looks for the format again.

use super::{
    NamedFile,
    companions::CompanionFile,
    container::{Parts, kernel_parts},
    error::PrepareError,
    identify::{Identity, identify},
    sizes,
    unwrap::unwrap,
};

/// A kernel in a file of its own, and what else was in the file that it came from.
#[derive(Debug)]
pub struct UnpackedKernel {
    /// Identity of the file that was given.
    pub outer: Identity,
    /// Identity of the kernel itself; the same where the file is nothing but the kernel.
    pub identity: Identity,
    /// The kernel, under the name of the file that was given.
    pub kernel: NamedFile,
    /// The rest of the file.
    pub(super) parts: Parts,
}

/// Finds the kernel in a file. `profile` and `companions` are those of a unified kernel image, or of one that
/// names this file.
///
/// # Errors
/// [`PrepareError`] names the file and says what is wrong with it.
pub fn unpack(
    kernel: NamedFile,
    profile: u32,
    companions: &[CompanionFile],
) -> Result<UnpackedKernel, PrepareError> {
    let outer = identify(&kernel.file).map_err(PrepareError::of(&kernel.name))?;
    unpack_identified(kernel, outer, profile, companions)
}

/// Finds the kernel in a file that has been identified as `outer`.
///
/// # Errors
/// [`PrepareError`] names the file and says what is wrong with it.
pub fn unpack_identified(
    kernel: NamedFile,
    outer: Identity,
    profile: u32,
    companions: &[CompanionFile],
) -> Result<UnpackedKernel, PrepareError> {
    let NamedFile { name, file } = kernel;
    sizes::check((&name, &file), companions)?;
    let parts = kernel_parts(&file, &outer, profile, companions).map_err(PrepareError::of(&name))?;
    let mut parts = parts.unwrap_or_default();
    let (file, identity) = match parts.kernel.take() {
        Some(kernel) => {
            let identity = identify(&kernel).map_err(PrepareError::of(&name))?;
            (kernel, identity)
        }
        None => (file, outer.clone()),
    };
    let (file, identity) = unwrap(file, identity).map_err(PrepareError::of(&name))?;
    Ok(UnpackedKernel { outer, identity, kernel: NamedFile { name, file }, parts })
}
