//! What the boot loader says of itself in variables (<https://systemd.io/BOOT_LOADER_INTERFACE/>).
#![allow(unsafe_code, reason = "an EFI program calls the firmware through its tables of functions")]

use core::ptr::null_mut;

use r_efi::efi::{self, Guid, Status};

use crate::services::{Firmware, Refusal, done};

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

impl Firmware {
    /// Says in variables that last until the machine is switched off which boot loader this is, for bootctl(1). Firmware takes such
    /// variables only before a kernel runs. A loader that started this one is the one that the next boot will ask.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn introduce(&self) -> Result<(), Refusal> {
        if self.has("LoaderInfo") {
            return Ok(());
        }
        self.set_text("LoaderInfo", LOADER_NAME)?;
        self.set("LoaderFeatures", &FEATURES.to_le_bytes())
    }

    /// Says from where the loader came: its partition's UUID, and its file there.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn tell_origin(&self, partition: Option<&str>, file: Option<&[u8]>) -> Result<(), Refusal> {
        if let Some(partition) = partition.filter(|_| !self.has("LoaderDevicePartUUID")) {
            self.set_text("LoaderDevicePartUUID", partition)?;
        }
        match file.filter(|_| !self.has("LoaderImageIdentifier")) {
            Some(file) => self.set("LoaderImageIdentifier", file),
            None => Ok(()),
        }
    }

    /// Sets a variable to a short text in UTF-16, which ends with a zero.
    fn set_text(&self, name: &str, text: &str) -> Result<(), Refusal> {
        let mut value = [0_u8; 128];
        let mut length = 0_usize;
        for (unit, place) in text.encode_utf16().chain([0]).zip(value.chunks_exact_mut(2)) {
            place.copy_from_slice(&unit.to_le_bytes());
            length = length.saturating_add(2);
        }
        self.set(name, value.get(..length).unwrap_or_default())
    }

    /// Whether there is a variable of this name.
    fn has(&self, name: &str) -> bool {
        let (mut name, mut vendor, mut size) = (wide(name), LOADER_VENDOR, 0);
        // SAFETY: as in `set`; there is room for no value, so that the firmware only says whether there is one.
        let status = unsafe {
            let services = &*(*self.table).runtime_services;
            (services.get_variable)(name.as_mut_ptr(), &mut vendor, null_mut(), &mut size, null_mut())
        };
        status == Status::BUFFER_TOO_SMALL || status == Status::SUCCESS
    }

    /// Sets a variable of the Boot Loader Interface.
    fn set(&self, name: &str, value: &[u8]) -> Result<(), Refusal> {
        let (mut units, mut vendor) = (wide(name), LOADER_VENDOR);
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
}

/// A variable's name as the firmware takes it.
fn wide(name: &str) -> [u16; 32] {
    let mut units = [0_u16; 32];
    // A zero stays at the end.
    let room = units.split_last_mut().map(|(_, room)| room).unwrap_or_default();
    room.iter_mut().zip(name.encode_utf16()).for_each(|(place, unit)| *place = unit);
    units
}
