//! Settings in an archive that is appended to the image, and on a volume.

use std::fs;

use initramfs::{Node, Tree, archive};
use qemu::disk::{Filesystem, Image, Volume};
use qemu::machine::{Disk, Firmware, Machine};
use qemu::payload;

use crate::{LIMIT, bootable, debian, initramfs};

/// firstlight's own initramfs, and an archive with these settings appended to it.
fn with_settings(name: &str, settings: &str) -> std::path::PathBuf {
    let mut tree = Tree::default();
    tree.insert("/etc/firstlight.conf", Node::data(settings)).unwrap();
    let mut whole = fs::read(initramfs()).unwrap();
    whole.resize(whole.len().next_multiple_of(4), 0);
    whole.extend(archive(&tree, 0).unwrap());
    payload::write_whole(&format!("{name}.initrd"), &whole).unwrap()
}

#[test]
fn an_archive_appended_to_the_image_names_a_volume_whose_settings_decide() {
    let name = "settings-on-volume";
    let configuration = "set timeout=0
menuentry 'First' --id first {
    linux /boot/vmlinuz console=ttyS0 quiet first
    initrd /boot/initrd
}
menuentry 'Second' --id second {
    linux /boot/vmlinuz console=ttyS0 quiet second
    initrd /boot/initrd
}
";
    let settings = "default = second\nappend = of-the-volume\nwatchdog = 60\n";
    let esp = Volume::new(Filesystem::Vfat, "SETTINGS").file("/EFI/firstlight/firstlight.conf", settings);
    let image = Image::new().volume(esp).volume(bootable(Filesystem::Ext4, name, configuration)).build(name);
    let initramfs = with_settings(name, "settings-on = LABEL=SETTINGS\nappend = of-the-image\n");
    let machine = Machine::new(name).firmware(Firmware::None);
    let machine = machine.kernel(&debian().kernel(), &initramfs, "console=ttyS0 quiet");
    let guest = machine.disk(Disk::new(image.unwrap())).start().unwrap();
    let report = guest.wait_for_report(LIMIT).unwrap();
    assert_eq!(
        (report.kexec, report.cmdline.as_str()),
        (true, "BOOT_IMAGE=/boot/vmlinuz console=ttyS0 quiet second of-the-volume")
    );
}
