//! Loading a prepared kernel for the next jump, or for a panic of the running kernel.

use std::ops::Range;

#[cfg(all(feature = "multiboot", target_arch = "x86_64"))]
use super::multiboot;
use super::{call::Method, error::LoadError, linux, loaded::LoadedKernel, state::Slot};
use crate::image::PreparedKernel;

/// How a kernel is to be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadOptions {
    /// Which system call loads.
    pub method: Method,
    /// For the next jump, or for a panic.
    pub slot: Slot,
    /// Physical memory that the kernel may use until it runs, in bytes. Only `kexec_load` can keep to it.
    pub limits: Range<u64>,
    /// The EFI firmware is hidden from the next kernel. Only `kexec_load` can do that.
    pub no_efi: bool,
}

/// Physical memory without limits.
pub const ANYWHERE: Range<u64> = 0..u64::MAX;

impl Default for LoadOptions {
    fn default() -> Self {
        Self { method: Method::Auto, slot: Slot::Boot, limits: ANYWHERE, no_efi: false }
    }
}

/// Loads a kernel; it takes the place of one that is loaded there already.
///
/// # Errors
/// [`LoadError`] says what was refused, why, and what to do; under [`Method::Auto`] in the words of the last call tried.
pub fn load(kernel: PreparedKernel, options: &LoadOptions) -> Result<LoadedKernel, LoadError> {
    match &kernel.multiboot {
        None => linux::load(&kernel, options)?,
        #[cfg(all(feature = "multiboot", target_arch = "x86_64"))]
        Some(start) => multiboot::load(&kernel, start, options)?,
        #[cfg(not(all(feature = "multiboot", target_arch = "x86_64")))]
        Some(_) => return Err(LoadError::NoKernel { kernel: kernel.kernel.name }),
    }
    let PreparedKernel { kernel, cmdline, multiboot, .. } = kernel;
    let is_linux = multiboot.is_none();
    Ok(LoadedKernel { name: kernel.name, cmdline, is_linux, before_jump: Vec::new(), warnings: Vec::new() })
}
