//! A hardware watchdog over the jump: a system that hangs is reset.

use std::time::Duration;

use qemu::disk::{Filesystem, Image};
use qemu::machine::{Disk, Firmware, Machine};
use qemu::{firmware_kernel, payload};

use crate::{LIMIT, bootable};

/// Time of the watchdog and of a translated guest until the reset.
const RESET_LIMIT: Duration = Duration::from_secs(120);

#[test]
fn a_kernel_that_hangs_is_reset_by_the_watchdog_that_was_left_running() {
    let name = "watchdog";
    // Without a root it panics, and waits for ever.
    let configuration = "set timeout=0
menuentry 'Hangs' --id hangs {
    linux @KERNEL console=ttyS0 quiet rdinit=/none init=/none root=/dev/none panic=0
}
";
    let image = Image::new().volume(bootable(Filesystem::Ext4, name, configuration)).build(name).unwrap();
    let kernel = firmware_kernel::plain().unwrap();
    let initramfs = payload::firstlight_without_modules().unwrap();
    let words = "console=ttyS0 quiet firstlight.watchdog=30 firstlight.watchdog-over-jump=yes";
    // A reset ends QEMU.
    let guest = Machine::new(name)
        .firmware(Firmware::None)
        .kernel(&kernel, &initramfs, words)
        .disk(Disk::new(image))
        .options(["-device", "i6300esb", "-action", "watchdog=reset"])
        .start()
        .unwrap();
    guest.wait_for_landmark("jump", &[("id", "hangs")], LIMIT).unwrap();
    guest.wait_for_text("Kernel panic - not syncing", LIMIT).unwrap();
    guest.wait_off(RESET_LIMIT).unwrap();
}
