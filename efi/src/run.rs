//! From the firmware's call to the program, and back where that fails or panics.
#![allow(unsafe_code, reason = "an EFI program calls the firmware through its tables of functions")]

use core::ffi::c_void;
use core::fmt::Display;
use core::panic::PanicInfo;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, Ordering};

use r_efi::efi::{self, Handle, Status};

use crate::services::Firmware;

/// What a panic needs to get back to the firmware.
static IMAGE: AtomicPtr<c_void> = AtomicPtr::new(null_mut());
static TABLE: AtomicPtr<efi::SystemTable> = AtomicPtr::new(null_mut());

/// Runs a program, and says on the firmware's console why it came back.
///
/// # Safety
/// `image` and `table` are what the firmware gave the program.
#[must_use]
pub unsafe fn run<F: Display>(
    image: Handle,
    table: *mut efi::SystemTable,
    start: impl FnOnce(&Firmware) -> F,
) -> Status {
    IMAGE.store(image, Ordering::Relaxed);
    TABLE.store(table, Ordering::Relaxed);
    // SAFETY: the caller's word; both stay until the kernel ends the boot services, from where nothing here runs any more.
    let Some(firmware) = (unsafe { Firmware::new(image, table) }) else {
        return Status::INVALID_PARAMETER;
    };
    let failure = start(&firmware);
    firmware.say(format_args!("firstlight: {failure}\r\n"));
    Status::LOAD_ERROR
}

/// Says what is wrong, and goes back to the firmware.
pub fn panicked(panic: &PanicInfo<'_>) -> ! {
    let image = IMAGE.load(Ordering::Relaxed);
    // SAFETY: as in `run`; both are null before it, and then nothing is called.
    if let Some(firmware) = unsafe { Firmware::new(image, TABLE.load(Ordering::Relaxed)) } {
        firmware.say(format_args!("firstlight: the boot loader failed: {panic}\r\n"));
        // SAFETY: it ends this program, whose handle this is.
        unsafe { (firmware.services().exit)(image, Status::ABORTED, 0, null_mut()) };
    }
    loop {
        core::hint::spin_loop();
    }
}

/// Makes a program of a function that gets the firmware, and gives why nothing was started.
#[macro_export]
macro_rules! program {
    ($start:path) => {
        #[unsafe(no_mangle)]
        extern "efiapi" fn efi_main(
            image: $crate::Handle,
            table: *mut $crate::SystemTable,
        ) -> $crate::Status {
            // SAFETY: the firmware calls this, once, with the program's own handle and its table.
            unsafe { $crate::run(image, table, |firmware| $start(firmware)) }
        }

        #[panic_handler]
        fn panicked(panic: &core::panic::PanicInfo<'_>) -> ! {
            $crate::panicked(panic)
        }
    };
}
