//! What the firmware says of the program that runs: where it is in memory, and from where it came.
#![allow(unsafe_code, reason = "an EFI program calls the firmware through its tables of functions")]

use core::slice;

use r_efi::protocols::{device_path, loaded_image};

use crate::services::Firmware;

/// No path to a file is longer, in bytes.
const PATH_LIMIT: usize = 4096;

impl Firmware {
    /// The program's own image: headers and sections where its headers say.
    #[must_use]
    pub fn own_image(&self) -> Option<&[u8]> {
        let image = self.loaded_image()?;
        let size = usize::try_from(image.image_size).ok()?;
        // SAFETY: the firmware has put the image there for as long as the program runs. What the program changes of itself, its
        // variables, is not read here.
        (!image.image_base.is_null()).then(|| unsafe { slice::from_raw_parts(image.image_base.cast(), size) })
    }

    /// The path of the device that it was read from, node after node, without the one that ends it.
    #[must_use]
    pub fn own_device(&self) -> Option<&[u8]> {
        let device = self.loaded_image()?.device_handle;
        let path = self.protocol(device, device_path::PROTOCOL_GUID)?;
        // SAFETY: the firmware's own path of a device, which it does not change.
        unsafe { nodes(path) }
    }

    /// The path of its file there, in the same form.
    #[must_use]
    pub fn own_file(&self) -> Option<&[u8]> {
        let path = self.loaded_image()?.file_path;
        // SAFETY: as above; a program that came from no file has none.
        (!path.is_null()).then(|| unsafe { nodes(path) })?
    }

    fn loaded_image(&self) -> Option<&loaded_image::Protocol> {
        let image = self.protocol::<loaded_image::Protocol>(self.image, loaded_image::PROTOCOL_GUID)?;
        // SAFETY: it is of that protocol, and stays as long as the program.
        Some(unsafe { &*image })
    }
}

/// The bytes of a path up to the node that ends it (UEFI 2.10, 10.3.1); `None` where none does.
///
/// # Safety
/// A path that nobody changes meanwhile.
unsafe fn nodes<'a>(path: *mut device_path::Protocol) -> Option<&'a [u8]> {
    let start: *const u8 = path.cast_const().cast();
    let mut length = 0_usize;
    while length < PATH_LIMIT {
        // SAFETY: every node begins with four bytes, and the node before this one ends here.
        let [kind, _, low, high] = unsafe { start.wrapping_add(length).cast::<[u8; 4]>().read_unaligned() };
        if kind == device_path::TYPE_END {
            // SAFETY: all nodes before that one.
            return Some(unsafe { slice::from_raw_parts(start, length) });
        }
        let node = usize::from(u16::from_le_bytes([low, high]));
        length = length.checked_add(node).filter(|_| node >= size_of::<device_path::Protocol>())?;
    }
    None
}
