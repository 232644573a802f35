//! The firmware's services, and the flash in memory: all `unsafe` of the loader.
#![allow(unsafe_code, reason = "an EFI program calls the firmware through its tables of functions")]

use core::ffi::c_void;
use core::fmt::{self, Write};
use core::mem::{self, MaybeUninit};
use core::panic::PanicInfo;
use core::ptr::{self, null_mut};
use core::slice;
use core::sync::atomic::{AtomicPtr, Ordering};

use flash_loader::{HEADER, MAGIC, PAGE};
use r_efi::efi::{self, Guid, Handle, Status};
use r_efi::protocols::{device_path, load_file2, loaded_image};

use crate::payload;

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

/// The loader's name and version.
const LOADER_NAME: &str = concat!("firstlight ", env!("CARGO_PKG_VERSION"));

/// The variables of the Boot Loader Interface (<https://systemd.io/BOOT_LOADER_INTERFACE/>).
const LOADER_VENDOR: Guid =
    Guid::from_fields(0x4a67_b082, 0x0a4c, 0x41cf, 0xb6, 0xc7, &[0x44, 0x0b, 0x29, 0xbb, 0x8c, 0x4f]);

/// Bits of `LoaderFeatures`: what firstlight obeys of the interface (systemd: src/fundamental/efivars-fundamental.h).
const FEATURES: u64 = {
    const CONFIG_TIMEOUT: u64 = 1 << 0;
    const CONFIG_TIMEOUT_ONE_SHOT: u64 = 1 << 1;
    const ENTRY_DEFAULT: u64 = 1 << 2;
    const ENTRY_ONE_SHOT: u64 = 1 << 3;
    const BOOT_COUNTING: u64 = 1 << 4;
    const XBOOTLDR: u64 = 1 << 5;
    const SORT_KEY: u64 = 1 << 8;
    CONFIG_TIMEOUT
        | CONFIG_TIMEOUT_ONE_SHOT
        | ENTRY_DEFAULT
        | ENTRY_ONE_SHOT
        | BOOT_COUNTING
        | XBOOTLDR
        | SORT_KEY
};

/// What a panic needs to get back to the firmware.
static IMAGE: AtomicPtr<c_void> = AtomicPtr::new(null_mut());
static TABLE: AtomicPtr<efi::SystemTable> = AtomicPtr::new(null_mut());

#[unsafe(no_mangle)]
extern "efiapi" fn efi_main(image: Handle, table: *mut efi::SystemTable) -> Status {
    IMAGE.store(image, Ordering::Relaxed);
    TABLE.store(table, Ordering::Relaxed);
    // SAFETY: the firmware gives every program its handle and its table, and they stay until the kernel ends the boot services,
    // from where nothing here runs any more.
    let Some(firmware) = (unsafe { Firmware::new(image, table) }) else {
        return Status::INVALID_PARAMETER;
    };
    let failure = payload::start(&firmware);
    firmware.say(format_args!("firstlight: {failure}\r\n"));
    Status::LOAD_ERROR
}

#[panic_handler]
fn panicked(panic: &PanicInfo<'_>) -> ! {
    let image = IMAGE.load(Ordering::Relaxed);
    // SAFETY: as in `efi_main`; both are null before it, and then nothing is called.
    if let Some(firmware) = unsafe { Firmware::new(image, TABLE.load(Ordering::Relaxed)) } {
        firmware.say(format_args!("firstlight: the loader in the flash failed: {panic}\r\n"));
        // SAFETY: it ends this program, whose handle this is.
        unsafe { (firmware.services().exit)(image, Status::ABORTED, 0, null_mut()) };
    }
    loop {
        core::hint::spin_loop();
    }
}

/// The firmware's own reason.
pub struct Refusal(Status);

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

fn done(status: Status) -> Result<(), Refusal> {
    if status.is_error() { Err(Refusal(status)) } else { Ok(()) }
}

/// The firmware that runs this program.
pub struct Firmware {
    image: Handle,
    table: *mut efi::SystemTable,
}

impl Firmware {
    /// `None` where there is no table.
    ///
    /// # Safety
    /// What the firmware gave this program, and the boot services have not ended.
    unsafe fn new(image: Handle, table: *mut efi::SystemTable) -> Option<Self> {
        // SAFETY: the caller's word.
        let services = unsafe { table.as_ref() }?.boot_services;
        (!services.is_null()).then_some(Self { image, table })
    }

    fn services(&self) -> &efi::BootServices {
        // SAFETY: `new` has seen that both are there.
        unsafe { &*(*self.table).boot_services }
    }

    /// Writes on the firmware's console.
    pub fn say(&self, text: fmt::Arguments<'_>) {
        // Nothing fails but the console, and there is no other.
        let _ = Console(self).write_fmt(text);
    }

    /// Says in variables that last until the machine is switched off which boot loader this is, for bootctl(1). Firmware takes such
    /// variables only before a kernel runs.
    pub fn introduce(&self) -> Result<(), Refusal> {
        let mut name = [0_u8; 64];
        let mut length = 0_usize;
        for (unit, place) in LOADER_NAME.encode_utf16().chain([0]).zip(name.chunks_exact_mut(2)) {
            place.copy_from_slice(&unit.to_le_bytes());
            length = length.saturating_add(2);
        }
        self.set("LoaderInfo", name.get(..length).unwrap_or_default())?;
        self.set("LoaderFeatures", &FEATURES.to_le_bytes())
    }

    /// Sets a variable of the Boot Loader Interface.
    fn set(&self, name: &str, value: &[u8]) -> Result<(), Refusal> {
        let mut units = [0_u16; 32];
        // A zero stays at the end.
        let room = units.split_last_mut().map(|(_, room)| room).unwrap_or_default();
        room.iter_mut().zip(name.encode_utf16()).for_each(|(place, unit)| *place = unit);
        let mut vendor = LOADER_VENDOR;
        // SAFETY: `new` has seen the table, and one with boot services has these, too. The firmware reads the name, which ends with
        // a zero, the vendor and so many bytes of the value.
        done(unsafe {
            let services = &*(*self.table).runtime_services;
            (services.set_variable)(
                units.as_mut_ptr(),
                &mut vendor,
                efi::VARIABLE_BOOTSERVICE_ACCESS | efi::VARIABLE_RUNTIME_ACCESS,
                value.len(),
                value.as_ptr().cast_mut().cast(),
            )
        })
    }

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

    /// Makes an EFI program ready to start.
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

    /// Runs what starts a kernel while this initramfs is offered to it (Linux: drivers/firmware/efi/libstub/efi-stub-helper.c,
    /// `efi_load_initrd_dev_path`).
    pub fn with_initramfs<T>(&self, bytes: &[u8], run: impl FnOnce() -> T) -> Result<T, Refusal> {
        let offer = Offer {
            protocol: load_file2::Protocol { load_file },
            bytes: bytes.as_ptr(),
            length: bytes.len(),
        };
        let mut guids = [device_path::PROTOCOL_GUID, load_file2::PROTOCOL_GUID];
        let path = INITRAMFS_PATH;
        let interfaces = [ptr::from_ref(&path).cast_mut().cast(), ptr::from_ref(&offer).cast_mut().cast()];
        let mut handle: Handle = null_mut();
        let services = self.services();
        let mut outcome = Ok(());
        for (guid, interface) in guids.iter_mut().zip(interfaces) {
            if outcome.is_ok() {
                // SAFETY: both interfaces live until they are taken back below.
                let status = unsafe {
                    (services.install_protocol_interface)(&mut handle, guid, efi::NATIVE_INTERFACE, interface)
                };
                outcome = done(status);
            }
        }
        let outcome = outcome.map(|()| run());
        for (guid, interface) in guids.iter_mut().zip(interfaces) {
            if !handle.is_null() {
                // SAFETY: the handle is that of above; what it does not have, the firmware refuses to take back.
                unsafe { (services.uninstall_protocol_interface)(handle, guid, interface) };
            }
        }
        outcome
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
    start: *mut u8,
    length: usize,
}

impl<'a> Memory<'a> {
    fn new(firmware: &'a Firmware, length: usize) -> Result<Self, Refusal> {
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
    /// Gives it its command line, which ends with a zero and stays until it has run.
    pub fn set_options(&self, options: &[u16]) -> Result<(), Refusal> {
        let mut guid = loaded_image::PROTOCOL_GUID;
        let mut interface: *mut c_void = null_mut();
        let size = u32::try_from(mem::size_of_val(options)).map_err(|_| Refusal(Status::BAD_BUFFER_SIZE))?;
        // SAFETY: the firmware writes only the pointer.
        done(unsafe { (self.firmware.services().handle_protocol)(self.handle, &mut guid, &mut interface) })?;
        // SAFETY: it is of that protocol, and only this program and the firmware know it yet.
        let Some(image) = (unsafe { interface.cast::<loaded_image::Protocol>().as_mut() }) else {
            return Err(Refusal(Status::NOT_FOUND));
        };
        image.load_options = options.as_ptr().cast_mut().cast();
        image.load_options_size = size;
        Ok(())
    }

    /// Starts it, and returns only if it does.
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

/// The file that a kernel asks for, as the firmware calls it: its first field is the protocol.
#[repr(C)]
struct Offer {
    protocol: load_file2::Protocol,
    bytes: *const u8,
    length: usize,
}

/// Gives the kernel its initramfs: first how long it is, then the bytes (UEFI 2.10, 13.2).
unsafe extern "efiapi" fn load_file(
    this: *mut load_file2::Protocol,
    path: *mut device_path::Protocol,
    is_boot_policy: efi::Boolean,
    size: *mut usize,
    buffer: *mut c_void,
) -> Status {
    if this.is_null() || path.is_null() || size.is_null() {
        return Status::INVALID_PARAMETER;
    }
    if is_boot_policy != efi::Boolean::FALSE {
        return Status::UNSUPPORTED;
    }
    // SAFETY: the firmware gives what was installed, an `Offer`, which lives as long as it is.
    let Offer { bytes, length, .. } = unsafe { &*this.cast::<Offer>() };
    // SAFETY: the caller's variable.
    let room = unsafe { size.replace(*length) };
    if buffer.is_null() || room < *length {
        return Status::BUFFER_TOO_SMALL;
    }
    // SAFETY: the caller's buffer has that room, and is none of ours.
    unsafe { ptr::copy_nonoverlapping(*bytes, buffer.cast(), *length) };
    Status::SUCCESS
}

/// The path under which a kernel asks for its initramfs (Linux: `LINUX_EFI_INITRD_MEDIA_GUID`).
#[repr(C)]
struct InitramfsPath {
    vendor: device_path::Protocol,
    guid: [u8; 16],
    end: device_path::Protocol,
}

const INITRAMFS_PATH: InitramfsPath = InitramfsPath {
    vendor: device_path::Protocol {
        r#type: device_path::TYPE_MEDIA,
        sub_type: device_path::Media::SUBTYPE_VENDOR,
        length: [20, 0],
    },
    guid: *Guid::from_fields(0x5568_e427, 0x68fc, 0x4f3d, 0xac, 0x74, &[0xca, 0x55, 0x52, 0x31, 0xcc, 0x68])
        .as_bytes(),
    end: device_path::Protocol {
        r#type: device_path::TYPE_END,
        sub_type: device_path::End::SUBTYPE_ENTIRE,
        length: [4, 0],
    },
};
