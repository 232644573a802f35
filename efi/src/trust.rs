//! Programs that came inside of one that the firmware has checked (UEFI Platform Initialization 1.8, volume 2, 12.9).
//!
//! Under Secure Boot the firmware asks its own judge about each program. The kernel in a unified image needs no signature of its own,
//! since the image's covers it: while it is loaded, and for exactly its bytes, the judge is answered here, as in every other stub.
#![allow(unsafe_code, reason = "an EFI program calls the firmware through its tables of functions")]

use core::ffi::c_void;
use core::ptr::{self, null_mut};
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use r_efi::efi::{Boolean, Guid, Status};
use r_efi::protocols::device_path;

use crate::services::{Firmware, Program, Refusal};

/// `EFI_SECURITY2_ARCH_PROTOCOL_GUID`.
const JUDGE: Guid =
    Guid::from_fields(0x94ab_2f58, 0x1438, 0x4ef1, 0x91, 0x52, &[0x18, 0x94, 0x1a, 0x3a, 0x0e, 0x68]);

/// `EFI_SECURITY2_FILE_AUTHENTICATION`.
type Judgement = unsafe extern "efiapi" fn(
    this: *const Judge,
    path: *const device_path::Protocol,
    bytes: *mut c_void,
    length: usize,
    is_boot_policy: Boolean,
) -> Status;

/// `EFI_SECURITY2_ARCH_PROTOCOL`.
#[repr(C)]
struct Judge {
    judge: Judgement,
}

/// What is trusted, and who judges everything else.
static TRUSTED: AtomicPtr<u8> = AtomicPtr::new(null_mut());
static LENGTH: AtomicUsize = AtomicUsize::new(0);
static OTHERS: AtomicPtr<c_void> = AtomicPtr::new(null_mut());

impl Firmware {
    /// As [`Self::load`], for a program that is a part of this one.
    ///
    /// # Errors
    /// As there.
    pub fn load_own(&self, program: &[u8]) -> Result<Program<'_>, Refusal> {
        let Some(judge) = self.judge() else { return self.load(program) };
        TRUSTED.store(program.as_ptr().cast_mut(), Ordering::Relaxed);
        LENGTH.store(program.len(), Ordering::Relaxed);
        // SAFETY: the firmware's own protocol, which it calls and never changes; nothing else runs meanwhile, and what was there
        // comes back before this does.
        let loaded = unsafe {
            let others = (*judge).judge;
            OTHERS.store(others as *mut c_void, Ordering::Relaxed);
            (*judge).judge = trusting;
            let loaded = self.load(program);
            (*judge).judge = others;
            loaded
        };
        TRUSTED.store(null_mut(), Ordering::Relaxed);
        loaded
    }

    /// `None` where the firmware has none.
    fn judge(&self) -> Option<*mut Judge> {
        let (mut guid, mut interface) = (JUDGE, null_mut());
        // SAFETY: the firmware writes only the pointer.
        let status = unsafe { (self.services().locate_protocol)(&mut guid, null_mut(), &mut interface) };
        (!status.is_error() && !interface.is_null()).then_some(interface.cast())
    }
}

unsafe extern "efiapi" fn trusting(
    this: *const Judge,
    path: *const device_path::Protocol,
    bytes: *mut c_void,
    length: usize,
    is_boot_policy: Boolean,
) -> Status {
    let trusted = TRUSTED.load(Ordering::Relaxed);
    if !trusted.is_null() && ptr::eq(trusted, bytes.cast()) && length == LENGTH.load(Ordering::Relaxed) {
        return Status::SUCCESS;
    }
    // SAFETY: `load_own` has put the firmware's own judge there before this one took its place.
    unsafe {
        let others = core::mem::transmute::<*mut c_void, Judgement>(OTHERS.load(Ordering::Relaxed));
        others(this, path, bytes, length, is_boot_policy)
    }
}
