//! The firmware's services: its console, its memory, and the programs that it starts (UEFI 2.10, 7).
#![allow(unsafe_code, reason = "an EFI program calls the firmware through its tables of functions")]

use core::ffi::c_void;
use core::fmt::{self, Write};
use core::mem::{self, MaybeUninit};
use core::ptr::{self, null_mut};
use core::slice;

use r_efi::efi::{self, Guid, Handle, Status};
use r_efi::protocols::loaded_image;

use crate::options::Options;

/// What the firmware counts memory by.
const PAGE: usize = 4096;

/// The firmware's own reason.
pub struct Refusal(pub(crate) Status);

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.0 {
            Status::SECURITY_VIOLATION | Status::ACCESS_DENIED => {
                "Secure Boot refuses it; sign it by a key that this machine has"
            }
            Status::LOAD_ERROR | Status::UNSUPPORTED => "it is no EFI program for this machine",
            Status::OUT_OF_RESOURCES => "there is too little memory",
            Status::ALREADY_STARTED => "another program offers one already",
            status => return write!(formatter, "the firmware's error {:#x}", status.as_usize()),
        };
        formatter.write_str(text)
    }
}

pub(crate) fn done(status: Status) -> Result<(), Refusal> {
    if status.is_error() { Err(Refusal(status)) } else { Ok(()) }
}

/// The firmware that runs this program.
pub struct Firmware {
    pub(crate) image: Handle,
    pub(crate) table: *mut efi::SystemTable,
}

impl Firmware {
    /// `None` where there is no table.
    ///
    /// # Safety
    /// What the firmware gave this program, and the boot services have not ended.
    pub(crate) unsafe fn new(image: Handle, table: *mut efi::SystemTable) -> Option<Self> {
        // SAFETY: the caller's word.
        let services = unsafe { table.as_ref() }?.boot_services;
        (!services.is_null()).then_some(Self { image, table })
    }

    pub(crate) fn services(&self) -> &efi::BootServices {
        // SAFETY: `new` has seen that both are there.
        unsafe { &*(*self.table).boot_services }
    }

    /// Writes on the firmware's console.
    pub fn say(&self, text: fmt::Arguments<'_>) {
        // Nothing fails but the console, and there is no other.
        let _ = Console(self).write_fmt(text);
    }

    /// What a handle has to offer by a protocol; `None` where it does not know it.
    pub(crate) fn protocol<T>(&self, handle: Handle, mut guid: Guid) -> Option<*mut T> {
        let mut interface: *mut c_void = null_mut();
        // SAFETY: the firmware writes only the pointer.
        let status = unsafe { (self.services().handle_protocol)(handle, &mut guid, &mut interface) };
        (!status.is_error() && !interface.is_null()).then_some(interface.cast())
    }

    /// Makes an EFI program ready to start.
    ///
    /// # Errors
    /// [`Refusal`]: it is none for this machine, or Secure Boot does not know it.
    pub fn load(&self, program: &[u8]) -> Result<Program<'_>, Refusal> {
        let mut handle = null_mut();
        let source = program.as_ptr().cast_mut().cast();
        // SAFETY: the program is read in the call only; it comes from no device, so it has no path.
        let status = unsafe {
            (self.services().load_image)(
                false.into(),
                self.image,
                null_mut(),
                source,
                program.len(),
                &mut handle,
            )
        };
        // Secure Boot's refusal leaves a handle, which goes with `Program`.
        let loaded = (!handle.is_null()).then_some(Program { firmware: self, handle });
        done(status)?;
        loaded.ok_or(Refusal(Status::LOAD_ERROR))
    }
}

/// Text for the firmware's console, in pieces.
struct Console<'a>(&'a Firmware);

impl Write for Console<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // SAFETY: `Firmware::new` has seen the table; a machine without a console has none.
        let Some(console) = (unsafe { (*self.0.table).con_out.as_mut() }) else { return Err(fmt::Error) };
        for character in text.chars() {
            let mut units = [0_u16; 3];
            if let Some((_, room)) = units.split_last_mut() {
                character.encode_utf16(room);
            }
            // SAFETY: the text ends with a zero, and the firmware only reads it.
            let status = unsafe { (console.output_string)(console, units.as_mut_ptr()) };
            if status.is_error() {
                return Err(fmt::Error);
            }
        }
        Ok(())
    }
}

/// Pages of memory, which go back with it.
pub struct Memory<'a> {
    firmware: &'a Firmware,
    pub(crate) start: *mut u8,
    length: usize,
}

impl<'a> Memory<'a> {
    pub(crate) fn new(firmware: &'a Firmware, length: usize) -> Result<Self, Refusal> {
        let mut address = 0;
        let pages = length.div_ceil(PAGE).max(1);
        // SAFETY: the firmware writes only the address.
        let status = unsafe {
            (firmware.services().allocate_pages)(
                efi::ALLOCATE_ANY_PAGES,
                efi::LOADER_DATA,
                pages,
                &mut address,
            )
        };
        done(status)?;
        let address = usize::try_from(address).map_err(|_| Refusal(Status::OUT_OF_RESOURCES))?;
        let start: *mut u8 = ptr::with_exposed_provenance_mut(address);
        // SAFETY: these pages are nobody else's. What is not copied there later shall not be read uninitialised.
        unsafe { start.write_bytes(0, pages.saturating_mul(PAGE)) };
        Ok(Self { firmware, start, length })
    }

    /// What is there.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: so many bytes were allocated and written.
        unsafe { slice::from_raw_parts(self.start, self.length) }
    }
}

impl Drop for Memory<'_> {
    fn drop(&mut self) {
        let (address, pages) = (self.start.expose_provenance() as u64, self.length.div_ceil(PAGE).max(1));
        // SAFETY: these pages are of `new`, and nothing refers to them any more.
        unsafe { (self.firmware.services().free_pages)(address, pages) };
    }
}

/// A loaded EFI program.
pub struct Program<'a> {
    firmware: &'a Firmware,
    handle: Handle,
}

impl Program<'_> {
    /// Gives it its command line, which stays until it has run.
    ///
    /// # Errors
    /// [`Refusal`]: the firmware does not know the program.
    pub fn set_options(&self, options: &Options) -> Result<(), Refusal> {
        let units = options.units();
        let size = u32::try_from(mem::size_of_val(units)).map_err(|_| Refusal(Status::BAD_BUFFER_SIZE))?;
        let image =
            self.firmware.protocol::<loaded_image::Protocol>(self.handle, loaded_image::PROTOCOL_GUID);
        let image = image.ok_or(Refusal(Status::NOT_FOUND))?;
        // SAFETY: it is of that protocol, and only this program and the firmware know it yet.
        unsafe {
            (*image).load_options = units.as_ptr().cast_mut().cast();
            (*image).load_options_size = size;
        }
        Ok(())
    }

    /// Starts it, and returns only if it does.
    #[must_use]
    pub fn start(&self) -> Refusal {
        let (mut size, mut data) = (MaybeUninit::uninit(), MaybeUninit::uninit());
        // SAFETY: the handle was loaded, and the firmware writes both values or neither.
        let status = unsafe {
            (self.firmware.services().start_image)(self.handle, size.as_mut_ptr(), data.as_mut_ptr())
        };
        Refusal(status)
    }
}

impl Drop for Program<'_> {
    fn drop(&mut self) {
        // SAFETY: the handle is nobody else's. One that ran and returned is gone already, which the firmware says.
        unsafe { (self.firmware.services().unload_image)(self.handle) };
    }
}
