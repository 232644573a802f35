//! The initramfs that a kernel is offered (UEFI 2.10, 13.2; Linux: drivers/firmware/efi/libstub/efi-stub-helper.c).
#![allow(unsafe_code, reason = "an EFI program calls the firmware through its tables of functions")]

use core::ffi::c_void;
use core::ptr::{self, null_mut};

use r_efi::efi::{self, Guid, Handle, Status};
use r_efi::protocols::{device_path, load_file2};

use crate::services::{Firmware, Refusal, done};

impl Firmware {
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
