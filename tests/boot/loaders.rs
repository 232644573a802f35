//! One disk, two loaders: what each boot loader hands to the kernel of its own disk, firstlight hands to it too.
//!
//! A row is a disk and the firmware that its loader runs on. The disk is booted with that loader first, then with
//! firstlight; the probe's two reports must agree. Every disk also has entries that must not be taken.

use std::fs;
use std::path::PathBuf;

use qemu::disk::{Filesystem, Image, Volume};
use qemu::loader::grub::{self, Release};
use qemu::loader::{self, extlinux, uki};
use qemu::machine::{Disk, Firmware, Machine};
use qemu::payload;

use crate::{LIMIT, debian, firstlight};

/// The entry that a loader boots.
struct Row {
    firmware: Firmware,
    /// Makes the disk, under this name.
    disk: fn(&str) -> PathBuf,
    /// A word of the command line of no entry but the one that is to be taken.
    word: &'static str,
    /// The parts of its initrd, in order.
    parts: &'static [&'static str],
}

macro_rules! rows {
    ($($name:ident: $row:expr;)+) => {
        $(#[test] fn $name() { compare(stringify!($name), &$row); })+
    };
}

rows! {
    systemd_boot_default_by_pattern:
        Row { firmware: Firmware::Uefi, disk: default_by_pattern, word: "chosen", parts: &["first", "main"] };
    systemd_boot_order_and_tries:
        Row { firmware: Firmware::Uefi, disk: order_and_tries, word: "newest", parts: &["main"] };
    systemd_boot_unified_image:
        Row { firmware: Firmware::Uefi, disk: unified_image, word: "newer", parts: &["main"] };
    systemd_boot_image_with_companions:
        Row { firmware: Firmware::Uefi, disk: image_with_companions, word: "alone", parts: &["main"] };
    extlinux_default_label:
        Row { firmware: Firmware::Bios, disk: default_label, word: "chosen", parts: &["first", "main"] };
    grub_saved_entry:
        Row { firmware: Firmware::Bios, disk: saved_entry, word: "saved", parts: &["main"] };
    grub_directory_of_entries:
        Row { firmware: Firmware::Bios, disk: directory_of_entries, word: "newest", parts: &["first", "main"] };
    grub_default_in_a_submenu:
        Row { firmware: Firmware::Bios, disk: default_in_a_submenu, word: "rescue", parts: &["main"] };
}

fn compare(name: &str, row: &Row) {
    let image = (row.disk)(&name.replace('_', "-"));
    let machine = Machine::new(&format!("{name}-own")).firmware(row.firmware);
    let own = machine.disk(Disk::new(&image).boot_index(0)).start().unwrap().wait_for_report(LIMIT).unwrap();
    let guest = firstlight(&format!("{name}-firstlight")).disk(Disk::new(&image)).start().unwrap();
    let ours = guest.wait_for_report(LIMIT).unwrap();
    assert!(own.cmdline.split(' ').any(|word| word == row.word), "{own:?}");
    assert_eq!(own.parts.iter().map(|part| part.name.as_str()).collect::<Vec<_>>(), row.parts);
    assert_eq!((own.kexec, ours.kexec), (false, true));
    assert_eq!(
        (ours.release, ours.cmdline, ours.parts, ours.files),
        (own.release, own.cmdline, own.parts, own.files)
    );
}

/// The kernel's own words: it says nothing but what the probe prints.
const WORDS: &str = "root=LABEL=none ro console=ttyS0 quiet";

fn probe() -> Vec<u8> {
    payload::probe_initrd("main").unwrap()
}

fn first() -> Vec<u8> {
    payload::initrd_part("first").unwrap()
}

/// An EFI system partition with the kernel, both parts of the initrd and these files, and systemd-boot.
fn systemd_boot(name: &str, files: &[(&str, String)]) -> PathBuf {
    let mut esp = Volume::new(Filesystem::Vfat, "esp")
        .file("/debian/linux", debian().kernel())
        .file("/debian/first.img", first())
        .file("/debian/main.img", probe());
    for (path, text) in files {
        esp = esp.file(path, text.clone());
    }
    Image::new().volume(loader::systemd_boot(esp).unwrap()).build(name).unwrap()
}

/// An entry of the Boot Loader Specification whose command line has `word`.
fn entry(word: &str, keys: &str) -> String {
    format!("title {word}\nlinux /debian/linux\ninitrd /debian/main.img\noptions {WORDS} {word}\n{keys}")
}

fn default_by_pattern(name: &str) -> PathBuf {
    let two = format!(
        "# two initrds, and options in two lines\ntitle Chosen\nversion 6.1\nlinux /debian/linux\n\
         initrd\t/debian/first.img\ninitrd /debian/main.img\noptions {WORDS}\noptions \"a b\"  chosen\n"
    );
    let files = [
        ("/loader/loader.conf", "# by pattern\ntimeout 0\ndefault debian-*-second.conf\n".to_owned()),
        ("/loader/entries/debian-9-first.conf", entry("first", "version 9\n")),
        ("/loader/entries/debian-6.1-second.conf", two),
        ("/loader/entries/other-second.conf", entry("other", "")),
    ];
    systemd_boot(name, &files)
}

fn order_and_tries(name: &str) -> PathBuf {
    let files = [
        ("/loader/loader.conf", "timeout 0\n".to_owned()),
        // The sort key first, then the version, newest first; what has failed too often comes last.
        ("/loader/entries/a.conf", entry("later-key", "sort-key b\nversion 9\n")),
        ("/loader/entries/b.conf", entry("older", "sort-key a\nversion 6.9\n")),
        ("/loader/entries/c+2-1.conf", entry("newest", "sort-key a\nversion 6.10\n")),
        ("/loader/entries/d+0-3.conf", entry("failed", "sort-key a\nversion 6.11\n")),
        ("/loader/entries/e.conf", entry("another-machine", "sort-key a\nversion 7\narchitecture aa64\n")),
        ("/loader/entries/f.conf", entry("no-key", "version 8\n")),
    ];
    systemd_boot(name, &files)
}

fn unified_image(name: &str) -> PathBuf {
    let kernel = fs::read(debian().kernel()).unwrap();
    let image = |word: &str, version: &str| {
        let osrel = format!("ID=debian\nVERSION_ID={version}\nPRETTY_NAME=\"Debian {version}\"\n");
        let cmdline = format!("{WORDS} {word}");
        let sections: uki::Sections = &[
            (".osrel", osrel.as_bytes()),
            (".cmdline", cmdline.as_bytes()),
            (".linux", &kernel),
            (".initrd", &probe()),
        ];
        uki::build(name, sections).unwrap()
    };
    let esp = Volume::new(Filesystem::Vfat, "esp")
        .file("/loader/loader.conf", "timeout 0\n")
        .file("/EFI/Linux/b.efi", image("older", "9"))
        .file("/EFI/Linux/a.efi", image("newer", "12"))
        // Files that the stub packs into the initramfs: for this image, and for all.
        .file("/EFI/Linux/a.efi.extra.d/secret.cred", "for this image")
        .file("/EFI/Linux/a.efi.extra.d/tools.raw", "an extension")
        .file("/EFI/Linux/b.efi.extra.d/other.cred", "for the other image")
        .file("/loader/credentials/common.cred", "for all images");
    Image::new().volume(loader::systemd_boot(esp).unwrap()).build(name).unwrap()
}

/// Files beside an image come into the initrd, with a key that is in it.
fn image_with_companions(name: &str) -> PathBuf {
    let cmdline = format!("{WORDS} alone");
    let sections: uki::Sections = &[
        (".osrel", b"ID=debian\nPRETTY_NAME=Debian\n"),
        (".cmdline", cmdline.as_bytes()),
        (".pcrpkey", b"a key"),
        (".pcrsig", b"{}"),
        (".linux", &fs::read(debian().kernel()).unwrap()),
        (".initrd", &probe()),
    ];
    let esp = Volume::new(Filesystem::Vfat, "esp")
        .file("/loader/loader.conf", "timeout 0\n")
        .file("/loader/credentials/all.cred", "for every image")
        .file("/EFI/Linux/a.efi", uki::build(name, sections).unwrap())
        .file("/EFI/Linux/a.efi.extra.d/b.cred", "second")
        .file("/EFI/Linux/a.efi.extra.d/a.cred", "first")
        .file("/EFI/Linux/a.efi.extra.d/tools.raw", vec![7; 5000])
        .file("/EFI/Linux/a.efi.extra.d/readme.txt", "left alone");
    Image::new().volume(loader::systemd_boot(esp).unwrap()).build(name).unwrap()
}

/// With all words about the machine but the network's and those about its BIOS, which is another one where firstlight boots.
fn default_label(name: &str) -> PathBuf {
    let configuration = format!(
        "SERIAL 0 115200\nPROMPT 0\nTIMEOUT 1\nDEFAULT second\n\
         LABEL first\n  LINUX /boot/vmlinuz\n  INITRD /boot/main.img\n  APPEND {WORDS} first\n\
         LABEL second\n  MENU LABEL ^Second\n  KERNEL ../vmlinuz\n  APPEND {WORDS} chosen\n\
         \x20 INITRD /boot/first.img,/boot/main.img\n  SYSAPPEND 0x67ffc\n"
    );
    let files: [(&str, &[u8]); 3] = [
        ("/boot/first.img", &first()),
        ("/boot/main.img", &probe()),
        ("/boot/extlinux/extlinux.conf", configuration.as_bytes()),
    ];
    extlinux::disk(debian(), name, &files, None).unwrap()
}

/// A file system for GRUB, with the kernel, the probe, and this configuration.
fn grub_volume(name: &str, configuration: &str, environment: &str) -> Volume {
    Volume::new(Filesystem::Ext4, name)
        .file("/boot/vmlinuz", debian().kernel())
        .file("/boot/first.img", first())
        .file("/boot/main.img", probe())
        .file("/boot/grub/grub.cfg", configuration)
        .file("/boot/grub/grubenv", format!("{:#<1024}", format!("# GRUB Environment Block\n{environment}")))
}

fn grub_disk(name: &str, release: Release, modules: &[&str], volume: Volume) -> PathBuf {
    let image = Image::mbr().volume(volume).build(name).unwrap();
    grub::install(&image, release, modules).unwrap();
    image
}

/// The head of grub-mkconfig's configurations, as far as it decides what is booted.
pub const HEAD: &str = r#"
if [ -s $prefix/grubenv ]; then
  set have_grubenv=true
  load_env
fi
if [ "${next_entry}" ] ; then
   set default="${next_entry}"
   set next_entry=
   save_env next_entry
   set boot_once=true
else
   set default="@DEFAULT"
fi
set timeout=0
menuentry_id_option="--id"
"#;

fn menuentry(word: &str) -> String {
    format!(
        "menuentry '{word}' --class debian $menuentry_id_option 'gnulinux-{word}' {{\n\
         \tlinux /boot/vmlinuz {WORDS} {word}\n\tinitrd /boot/main.img\n}}\n"
    )
}

fn saved_entry(name: &str) -> PathBuf {
    let head = HEAD.replace("@DEFAULT", "${saved_entry}");
    let configuration = head + &menuentry("first") + &menuentry("saved") + &menuentry("third");
    let volume = grub_volume(name, &configuration, "saved_entry=gnulinux-saved\n");
    grub_disk(name, Release::Debian12, &[], volume)
}

fn default_in_a_submenu(name: &str) -> PathBuf {
    let inner = menuentry("first") + &menuentry("second") + &menuentry("rescue");
    let configuration = HEAD.replace("@DEFAULT", "1>2")
        + &menuentry("top")
        + &format!("submenu 'Advanced options' $menuentry_id_option 'advanced' {{\n{inner}}}\n")
        + &menuentry("last");
    grub_disk(name, Release::Debian12, &[], grub_volume(name, &configuration, ""))
}

/// As Fedora installs it: no entry in the configuration itself, options from the environment.
fn directory_of_entries(name: &str) -> PathBuf {
    let configuration = "load_env\nset timeout=0\nset default=0\nblscfg\n";
    let id = "0123456789abcdef0123456789abcdef";
    // GRUB 2.14 forgets a byte in the length of the line that it makes of `linux` and `options`: one of a multiple of 16
    // loses its end, and the entry its initrd. This one has 84.
    let entry = |version: &str, word: &str| {
        format!(
            "title Linux ({version})\nversion {version}\nlinux /boot/vmlinuz\n\
             initrd /boot/first.img /boot/main.img\noptions {WORDS} $kernelopts {word}\n\
             grub_users $grub_users\ngrub_arg --unrestricted\ngrub_class fedora\n"
        )
    };
    let environment = "kernelopts=rhgb from_grubenv\n";
    let mut volume = grub_volume(name, configuration, environment);
    for (version, word) in
        [("6.1.9-200.fc40", "older"), ("6.1.10-100.fc40", "newest"), ("0-rescue", "rescue")]
    {
        volume = volume.file(&format!("/loader/entries/{id}-{version}.x86_64.conf"), entry(version, word));
    }
    grub_disk(name, Release::Testing, &["blsuki"], volume)
}
