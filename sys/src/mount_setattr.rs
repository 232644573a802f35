//! mount_setattr(2), which neither rustix nor nix has.
#![expect(unsafe_code, reason = "a raw system call")]

use std::{
    ffi::c_int,
    os::fd::{AsRawFd, BorrowedFd},
};

use linux_raw_sys::general::{__NR_mount_setattr, mount_attr};
use rustix::{io::Errno, mount::MountAttrFlags};

use super::errno;

/// Apply to the whole tree of mounts (include/uapi/linux/fcntl.h).
const AT_RECURSIVE: c_int = 0x8000;

/// `mount_setattr(mount, "", AT_EMPTY_PATH, {attr_set: set, attr_clr: clear})`—Sets and clears attributes of a mount that is
/// attached nowhere, and if `recursive` of all mounts on it.
///
/// # Errors
/// The kernel's reason: `ENOSYS` before Linux 5.12.
pub fn mount_setattr(
    mount: BorrowedFd<'_>,
    set: MountAttrFlags,
    clear: MountAttrFlags,
    recursive: bool,
) -> Result<(), Errno> {
    let attributes = mount_attr {
        attr_set: u64::from(set.bits()),
        attr_clr: u64::from(clear.bits()),
        propagation: 0,
        userns_fd: 0,
    };
    // SAFETY: the path is an empty string and the attributes are a `mount_attr` of the given size; both live over the call,
    // and the kernel only reads them.
    let result = unsafe {
        libc::syscall(
            libc::c_long::from(__NR_mount_setattr),
            mount.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH | if recursive { AT_RECURSIVE } else { 0 },
            &raw const attributes,
            size_of::<mount_attr>(),
        )
    };
    if result == 0 {
        return Ok(());
    }
    Err(errno::last())
}
