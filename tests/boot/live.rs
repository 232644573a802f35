//! An image that grub-mkrescue made: as a file on a disk, through its own configuration and through a `loopback` of the
//! disk's, and as a disk itself.

use std::fs;
use std::path::{Path, PathBuf};

use qemu::disk::{Filesystem, Image, Volume};
use qemu::loader::grub::{self, Release};
use qemu::machine::{Disk, Firmware, Machine};
use qemu::{payload, pinned, place, tool};

use crate::{LIMIT, debian, initramfs};

/// The image's configuration: it boots at once, and as a live system that finds its image by itself only where it is a file.
const OWN: &str = "set timeout=0
menuentry 'Live' --id live {
    linux /boot/vmlinuz boot=live console=ttyS0 quiet
    initrd /boot/first.img /boot/initrd
}
";

/// Makes the tree of files that an image is made of.
fn tree(name: &str) -> PathBuf {
    let tree = place::directory("disks").unwrap().join(format!("{name}.tree"));
    let _ = fs::remove_dir_all(&tree);
    fs::create_dir_all(tree.join("boot/grub")).unwrap();
    fs::copy(debian().kernel(), tree.join("boot/vmlinuz")).unwrap();
    fs::write(tree.join("boot/initrd"), payload::probe_initrd("main").unwrap()).unwrap();
    fs::write(tree.join("boot/first.img"), payload::initrd_part("first").unwrap()).unwrap();
    fs::write(tree.join("boot/grub/grub.cfg"), OWN).unwrap();
    tree
}

/// Makes the image.
pub fn image(name: &str) -> PathBuf {
    let tree = tree(name);
    let image = tree.with_extension("iso");
    let mut mkrescue = pinned::tests().unwrap().command("grub-mkrescue");
    // For BIOS only: the modules of other platforms may not be installed.
    mkrescue.arg("--directory=/usr/lib/grub/i386-pc").arg("--output").arg(&image).arg(&tree);
    tool::finish(&mut mkrescue).unwrap();
    fs::remove_dir_all(&tree).unwrap();
    image
}

/// A disk with an image as a file, and this configuration of GRUB's.
fn disk(name: &str, path: &str, image: PathBuf, configuration: &str) -> PathBuf {
    let mut volume = Volume::new(Filesystem::Ext4, name).file(path, image);
    if !configuration.is_empty() {
        volume = volume.file("/boot/grub/grub.cfg", configuration);
    }
    Image::mbr().volume(volume).build(name).unwrap()
}

/// Boots a disk with the GRUB on it, then with firstlight, which is given words: the reports must agree.
fn compare(name: &str, disk: &Path, words: &str, cmdline: &str) {
    let bios = Machine::new(&format!("{name}-own")).firmware(Firmware::Bios);
    let own = bios.disk(Disk::new(disk).boot_index(0)).start().unwrap().wait_for_report(LIMIT).unwrap();
    assert_eq!(own.cmdline, cmdline);
    let guest = machine(&format!("{name}-firstlight"), words).disk(Disk::new(disk)).start().unwrap();
    let ours = guest.wait_for_report(LIMIT).unwrap();
    assert_eq!((own.kexec, ours.kexec), (false, true));
    assert_eq!((ours.release, ours.cmdline, ours.parts), (own.release, own.cmdline, own.parts));
}

/// A machine that boots firstlight with these words on its command line.
fn machine(name: &str, words: &str) -> Machine {
    let cmdline = format!("console=ttyS0 quiet {words}");
    Machine::new(name).firmware(Firmware::None).kernel(&debian().kernel(), initramfs(), &cmdline)
}

#[test]
fn a_loopback_entry_gets_what_grub_gives_it() {
    let configuration = "set timeout=0
menuentry 'Live from a file' --id file {
    set isofile=/images/live.iso
    loopback loop $isofile
    linux (loop)/boot/vmlinuz boot=live findiso=$isofile console=ttyS0 quiet
    initrd (loop)/boot/first.img (loop)/boot/initrd
}
";
    let disk = disk("live-loopback", "/images/live.iso", image("live-loopback"), configuration);
    grub::install(&disk, Release::Debian12, &["loopback", "iso9660"]).unwrap();
    let cmdline = "BOOT_IMAGE=(loop)/boot/vmlinuz boot=live findiso=/images/live.iso console=ttyS0 quiet";
    compare("live-loopback", &disk, "", cmdline);
}

#[test]
fn an_image_on_a_stick_boots_what_its_own_loader_boots() {
    let cmdline = "BOOT_IMAGE=/boot/vmlinuz boot=live console=ttyS0 quiet";
    compare("live-stick", &image("live-stick"), "", cmdline);
}

#[test]
fn an_image_file_boots_once_it_is_named_and_its_system_gets_its_path() {
    let disk = disk("live-file", "/boot-isos/live.iso", image("live-file"), "");
    let words = "firstlight.default=live.iso>live firstlight.timeout=0";
    let guest = machine("live-file", words).disk(Disk::new(disk)).start().unwrap();
    let report = guest.wait_for_report(LIMIT).unwrap();
    let cmdline = "BOOT_IMAGE=/boot/vmlinuz boot=live console=ttyS0 quiet findiso=/boot-isos/live.iso";
    assert_eq!((report.kexec, report.cmdline.as_str()), (true, cmdline));
    assert_eq!(report.release, debian().release());
    assert_eq!(report.parts.iter().map(|part| part.name.as_str()).collect::<Vec<_>>(), ["first", "main"]);
}

#[test]
fn a_squashfs_image_is_what_it_is_to_grub() {
    let configuration = "set timeout=0
menuentry 'Squashed' --id squashed {
    loopback loop /images/live.squashfs
    linux (loop)/boot/vmlinuz console=ttyS0 quiet
    initrd (loop)/boot/first.img (loop)/boot/initrd
}
";
    let tree = tree("live-squashfs");
    // Nothing in it boots by itself.
    fs::remove_dir_all(tree.join("boot/grub")).unwrap();
    let image = tree.with_extension("squashfs");
    let _ = fs::remove_file(&image);
    let mut mksquashfs = pinned::tests().unwrap().command("mksquashfs");
    tool::finish(mksquashfs.args([&tree, &image]).args(["-comp", "xz", "-quiet", "-no-progress"])).unwrap();
    let disk = disk("live-squashfs", "/images/live.squashfs", image, configuration);
    grub::install(&disk, Release::Debian12, &["loopback", "squash4"]).unwrap();
    let cmdline = "BOOT_IMAGE=(loop)/boot/vmlinuz console=ttyS0 quiet";
    compare("live-squashfs", &disk, "", cmdline);
}
