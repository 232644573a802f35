//! memtest86+ from a GRUB configuration: no Linux, and entered in 32-bit mode. GRUB starts it from the disk, and so does firstlight.

use std::fs;

use qemu::disk::{Filesystem, Image, Volume};
use qemu::loader::grub::{self, Release};
use qemu::machine::{Disk, Firmware, Machine};
use qemu::roots::Root;

use crate::{LIMIT, firstlight};

/// As Debian's /etc/grub.d/20_memtest86+ writes it for the serial console; `linux16` is the command of releases before Debian 12.
const CONFIGURATION: &str = "set timeout=0
menuentry 'Memory test (memtest86+x64.bin, serial console)' {
\tlinux16\t/boot/memtest86+x64.bin console=ttyS0,115200
}
";

#[test]
fn a_memory_test_of_a_grub_configuration_starts() {
    let root = Root::unpack("bookworm", &["memtest86+"]).unwrap();
    let program = fs::read(root.path().join("boot/memtest86+x64.bin")).unwrap();
    let volume = Volume::new(Filesystem::Ext4, "memtest")
        .file("/boot/memtest86+x64.bin", program)
        .file("/boot/grub/grub.cfg", CONFIGURATION);
    let image = Image::mbr().volume(volume).build("memory-test").unwrap();
    grub::install(&image, Release::Debian12, &["linux16"]).unwrap();
    let own = Machine::new("memory-test-grub").firmware(Firmware::Bios).disk(Disk::new(&image).boot_index(0));
    for machine in [own, firstlight("memory-test-firstlight").disk(Disk::new(&image))] {
        machine.start().unwrap().wait_for_text("Memtest86+ v6", LIMIT).unwrap();
    }
}
