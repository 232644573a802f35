//! The menu on the screen of a machine with UEFI: the framebuffer that its firmware leaves.

use std::path::Path;
use std::time::Instant;

use qemu::disk::{Filesystem, Image, Volume};
use qemu::machine::{Disk, Firmware, Machine};
use qemu::{demo, firmware_kernel, payload, place};

use crate::{LIMIT, debian};

/// A row of text in the console's font, in lines of pixels.
const ROW: usize = 16;

/// A second system, on a stick of its own.
const OTHER: &str = "menuentry 'Rescue system' --id rescue {
    linux /boot/vmlinuz quiet
}
menuentry 'Rescue system, all in memory' --id rescue-memory {
    linux /boot/vmlinuz toram quiet
}
";

/// `FIRSTLIGHT_DRAW=1` puts the picture into the manual; look at it then.
#[test]
fn the_menu_is_on_the_framebuffer() {
    let name = "framebuffer";
    let other = Volume::new(Filesystem::Ext4, "rescue")
        .file("/boot/vmlinuz", debian().kernel())
        .file("/boot/grub/grub.cfg", OTHER);
    let other = Image::new().volume(other).build(name).unwrap();
    let (kernel, initramfs) =
        (firmware_kernel::plain().unwrap(), payload::firstlight_without_modules().unwrap());
    let words = "console=ttyS0 console=tty0 quiet firstlight.timeout=menu";
    let mut guest = Machine::new(name)
        .firmware(Firmware::Uefi)
        .kernel(&kernel, &initramfs, words)
        .disk(Disk::new(demo::disk(debian()).unwrap()))
        .disk(Disk::new(other))
        .start()
        .unwrap();
    guest.wait_for_text("Rescue system, all in memory", LIMIT).unwrap();
    let manual = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/menu-framebuffer.png");
    let picture = match std::env::var_os("FIRSTLIGHT_DRAW") {
        Some(_) => manual,
        None => place::directory("machines").unwrap().join("framebuffer.png"),
    };
    // The serial line may be drawn first. What was on the screen before has text in its second row; the menu's title stands alone, and
    // the headings and entries below it are that many pixels at least.
    let (mut monitor, end) = (guest.monitor().unwrap(), Instant::now() + LIMIT);
    loop {
        let screen = monitor.screenshot(&picture).unwrap();
        let [title, gap, list] = [0..ROW, ROW..ROW * 2, ROW * 2..ROW * 12].map(|lines| screen.bright(lines));
        if title > 100 && gap == 0 && list > 1500 {
            break;
        }
        assert!(Instant::now() < end, "{title} {gap} {list}: {}", picture.display());
    }
}
