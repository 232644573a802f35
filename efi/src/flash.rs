//! The flash as the processor sees it, page by page.
#![allow(unsafe_code, reason = "an EFI program calls the firmware through its tables of functions")]

use core::ptr;

use flash_payload::{HEADER, MAGIC, PAGE};
use r_efi::efi::Status;

use crate::services::{Firmware, Memory, Refusal};

/// Where the processor sees the flash: on a PC the last 16 MiB below 4 GiB, where nothing else can be.
#[cfg(target_arch = "x86_64")]
pub const FLASH: usize = 0xff00_0000;
#[cfg(target_arch = "x86_64")]
const FLASH_SIZE: usize = 16 << 20;

/// On QEMU's arm64 machine the second flash: of the first one nothing is mapped after the firmware.
#[cfg(target_arch = "aarch64")]
pub const FLASH: usize = 0x0400_0000;
#[cfg(target_arch = "aarch64")]
const FLASH_SIZE: usize = 64 << 20;

/// Pages of the flash.
pub const FLASH_PAGES: usize = FLASH_SIZE / PAGE;

impl Firmware {
    /// The first bytes of a page of the flash, where they may be a header; other bytes where not.
    pub fn header(&self, page: usize) -> [u8; HEADER] {
        let mut header = [0xff; HEADER];
        let address = FLASH.saturating_add(page.saturating_mul(PAGE));
        let flash: *const u64 = ptr::with_exposed_provenance(address);
        for (number, place) in header.chunks_exact_mut(size_of::<u64>()).enumerate() {
            // SAFETY: the firmware maps the flash, reading it has no effect, and the page has more words than the header.
            let word = unsafe { flash.wrapping_add(number).read_volatile() }.to_ne_bytes();
            // Most pages are not looked at any further: where no flash is, each word costs a bus cycle.
            if number == 0 && !MAGIC.starts_with(&word) {
                break;
            }
            place.copy_from_slice(&word);
        }
        header
    }

    /// Copies a piece of the flash to memory. `address` is a multiple of eight.
    pub fn copy(&self, address: usize, length: usize) -> Result<Memory<'_>, Refusal> {
        let end = FLASH.saturating_add(FLASH_SIZE);
        let is_inside = address >= FLASH && address.checked_add(length).is_some_and(|after| after <= end);
        if !is_inside || !address.is_multiple_of(size_of::<u64>()) {
            return Err(Refusal(Status::INVALID_PARAMETER));
        }
        let memory = Memory::new(self, length)?;
        let flash: *const u64 = ptr::with_exposed_provenance(address);
        // Words, since each access of a real flash costs the same. The last one may have bytes after the piece: the flash and
        // the memory, both whole pages, have them, too.
        let words = length.div_ceil(size_of::<u64>());
        // SAFETY: source and destination have so many words, as said, both are aligned, and memory is no flash.
        unsafe { ptr::copy_nonoverlapping(flash, memory.start.cast(), words) };
        Ok(memory)
    }
}
