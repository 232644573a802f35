//! A file mapped into memory for the kernel's eyes only: `kexec_load` copies out of it what would otherwise have to be read
//! into memory first.
#![expect(unsafe_code, reason = "memory is mapped and unmapped")]

use std::{ffi::c_void, fs::File, ptr};

use rustix::{
    io::Errno,
    mm::{MapFlags, ProtFlags, mmap, munmap},
};

/// A read-only private mapping of a whole file.
///
/// It is never turned into a slice: the file may change or shrink, which only the kernel, copying, can meet safely.
#[derive(Debug)]
pub struct Mapping {
    start: *mut c_void,
    length: usize,
}

impl Mapping {
    /// Maps the file as long as it is now; an empty file is an empty mapping.
    ///
    /// # Errors
    /// The kernel's reason.
    pub fn new(file: &File) -> Result<Self, Errno> {
        let length =
            file.metadata().map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?.len();
        let length = usize::try_from(length).map_err(|_| Errno::FBIG)?;
        if length == 0 {
            return Ok(Self { start: ptr::null_mut(), length });
        }
        // SAFETY: the kernel chooses a free place, so that no other memory is touched.
        let start = unsafe { mmap(ptr::null_mut(), length, ProtFlags::READ, MapFlags::PRIVATE, file, 0)? };
        Ok(Self { start, length })
    }

    /// Length in bytes.
    #[must_use]
    pub fn length(&self) -> usize {
        self.length
    }

    /// Address of a part, for the kernel to copy from; `None` beyond the end.
    #[must_use]
    pub(super) fn part(&self, offset: usize, length: usize) -> Option<*const c_void> {
        let inside = offset.checked_add(length).is_some_and(|end| end <= self.length);
        inside.then(|| self.start.cast_const().wrapping_byte_add(offset))
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        if self.length > 0 {
            // SAFETY: the mapping is this object's own, and nothing borrowed from it.
            let _ = unsafe { munmap(self.start, self.length) };
        }
    }
}
