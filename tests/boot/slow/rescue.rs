//! The rescue console in a machine, with the keys that a person types: a volume is looked at without a trace, changed once that is
//! said, an entry and a kernel are booted by hand, and a Debian that does not come up is repaired.

use std::fs;
use std::time::Instant;

use qemu::console::Line;
use qemu::debian::Debian;
use qemu::disk::{self, Filesystem, Image};
use qemu::guest::Guest;
use qemu::machine::{Disk, Firmware, Machine};
use qemu::{demo, firmware_kernel, payload, place};

use crate::rescue::Rescue;
use crate::{LIMIT, LOGIN_LIMIT, ONE_ENTRY, bootable, debian, firstlight, initramfs};

/// Each console has its own shell: where one is, and what it waits for, is no matter of the other's.
#[test]
fn a_shell_is_on_each_console() {
    let name = "rescue-consoles";
    let words = "console=tty0 console=ttyS0 quiet firstlight.timeout=menu";
    let (kernel, initramfs) =
        (firmware_kernel::plain().unwrap(), payload::firstlight_without_modules().unwrap());
    let machine = Machine::new(name).firmware(Firmware::Uefi).kernel(&kernel, &initramfs, words);
    let disk = Image::new().volume(bootable(Filesystem::Ext4, name, ONE_ENTRY)).build(name).unwrap();
    let mut rescue = Rescue::open(machine.disk(Disk::new(disk)).start().unwrap());
    let mut monitor = rescue.guest.monitor().unwrap();
    let mut type_on_screen = |line: &str| {
        for key in line.chars().map(String::from) {
            let name = match &*key {
                " " => "spc",
                "/" => "slash",
                letter => letter,
            };
            monitor.press(&[name]).unwrap();
        }
        monitor.press(&["ret"]).unwrap();
    };
    type_on_screen("cd /run");
    type_on_screen("cp /proc/version here");
    let end = Instant::now() + LIMIT;
    while !rescue.run("ls run").iter().any(|row| row.split_whitespace().any(|name| name == "here")) {
        assert!(Instant::now() < end, "{}", rescue.guest.console().tail());
    }
    rescue.type_line("hexdump -n 65536 /dev/vda");
    rescue.guest.wait_for_text("-- more", LIMIT).unwrap();
    type_on_screen("poweroff");
    rescue.guest.wait_off(LIMIT).unwrap();
}

/// A disk with an entry that waits in the menu.
fn machine(name: &str) -> (Guest, String) {
    let configuration = "set timeout=-1
menuentry 'The first' --id first {
    linux /boot/vmlinuz console=ttyS0 quiet first
    initrd /boot/initrd
}
menuentry 'The second' --id second {
    linux /boot/vmlinuz console=ttyS0 quiet second
    initrd /boot/initrd
}
";
    let volume = bootable(Filesystem::Ext4, name, configuration).file("/etc/fstab", "# nothing yet\n");
    let uuid = volume.uuid();
    let image = Image::new().volume(volume).build(name).unwrap();
    (firstlight(name).disk(Disk::new(image).writable()).start().unwrap(), uuid)
}

#[test]
fn a_volume_changes_only_once_a_person_says_so_and_an_entry_boots() {
    let (guest, uuid) = machine("rescue-entry");
    let mut rescue = Rescue::open(guest);
    let devices = rescue.run("devices");
    let row = devices.iter().find(|row| row.starts_with("  vda1 ")).unwrap();
    assert!(row.contains("ext4 \"rescue-entry\"") && row.contains(&format!("UUID={uuid}")), "{devices:?}");
    rescue.expect("mount vda1", &["/dev/vda1 on /mnt/vda1 (ext4, read-only)"]);
    rescue.expect("cat /mnt/vda1/etc/fstab", &["# nothing yet"]);
    let refused = rescue.run("cp /proc/version /mnt/vda1/etc/fstab");
    assert!(refused[0].contains("Read-only file system") && refused[0].contains("`mount -w`"), "{refused:?}");
    rescue.expect("umount vda1", &["/dev/vda1 is unmounted from /mnt/vda1"]);
    rescue.expect(&format!("mount -w UUID={uuid}"), &["/dev/vda1 on /mnt/vda1 (ext4, WRITABLE)"]);
    rescue.expect("cd /mnt/vda1/etc", &[]);
    rescue.expect("cp /proc/version fstab", &[]);
    // In use by the shell itself.
    assert!(rescue.run("umount vda1")[0].contains("`cd` leaves it"));
    // The boot loader's own look at what is mounted finds the change, and breaks nothing.
    let entries = rescue.run("entries");
    assert_eq!(entries[1], "   2  The second  (vda1, second)", "{entries:?}");
    rescue.expect("mv fstab fstab.new", &[]);
    rescue.expect("cd", &[]);
    rescue.expect("umount vda1", &["/dev/vda1 is unmounted from /mnt/vda1"]);
    rescue.expect("mount vda1", &["/dev/vda1 on /mnt/vda1 (ext4, read-only)"]);
    assert!(rescue.run("cat /mnt/vda1/etc/fstab.new")[0].starts_with("Linux version "));
    rescue.type_line("boot second");
    let report = rescue.guest.wait_for_report(LIMIT).unwrap();
    let cmdline = "BOOT_IMAGE=/boot/vmlinuz console=ttyS0 quiet second";
    assert_eq!((report.kexec, report.cmdline.as_str()), (true, cmdline));
}

#[test]
fn a_kernel_is_named_by_hand_and_the_boot_loader_starts_again() {
    let (guest, _) = machine("rescue-by-hand");
    let mut rescue = Rescue::open(guest);
    rescue.expect("mount -w vda1", &["/dev/vda1 on /mnt/vda1 (ext4, WRITABLE)"]);
    // The boot loader finds its disk as it was.
    rescue.type_line("boot");
    let menu = |line: &Line| (line.at > rescue.since && line.text.contains("@default")).then_some(line.at);
    let at = rescue.guest.wait("the menu again", LIMIT, menu).unwrap();
    rescue.guest.send("r").unwrap();
    let prompt = |line: &Line| (line.at > at && line.text.ends_with("rescue /> ")).then_some(line.at);
    rescue.since = rescue.guest.wait("the prompt again", LIMIT, prompt).unwrap();
    rescue.expect("mount", &[]);
    rescue.expect("mount LABEL=rescue-by-hand /target", &["/dev/vda1 on /target (ext4, read-only)"]);
    rescue.expect("cd /target/boot", &[]);
    rescue.expect("linux vmlinuz console=ttyS0 quiet by 'hand'", &[]);
    rescue.expect("initrd initrd", &[]);
    rescue.type_line("boot");
    let report = rescue.guest.wait_for_report(LIMIT).unwrap();
    assert_eq!((report.kexec, report.cmdline.as_str()), (true, "console=ttyS0 quiet by hand"));
}

/// A Debian with these files in place of its own, at the rescue console of the boot loader, which waits. Where a symptom is given, it
/// was booted before, to that, and cut off.
fn broken(name: &str, files: &[(&str, &[u8])], symptom: Option<&str>) -> Rescue {
    let image = place::directory("disks").unwrap().join(format!("{name}.img"));
    demo::copy(&demo::disk(debian()).unwrap(), &image).unwrap();
    disk::write_into_ext(&image, Debian::root_offset(), files).unwrap();
    let machine = Machine::new(name).firmware(Firmware::None);
    let machine =
        machine.kernel(&debian().kernel(), initramfs(), "console=ttyS0 quiet firstlight.timeout=menu");
    let machine = machine.disk(Disk::new(&image).writable());
    if let Some(symptom) = symptom {
        let mut guest = machine.start().unwrap();
        guest.wait_for_landmark("default", &[], LIMIT).unwrap();
        guest.send("\r").unwrap();
        guest.wait_for_text(symptom, LOGIN_LIMIT).unwrap();
    }
    let mut rescue = Rescue::open(machine.start().unwrap());
    // What is open stays; nobody starts it a second time.
    fs::remove_file(&image).unwrap();
    rescue.limit = LOGIN_LIMIT;
    rescue.expect("mount -w LABEL=debian", &["/dev/vda3 on /mnt/vda3 (ext4, WRITABLE)"]);
    rescue
}

impl Rescue {
    /// Types `boot`, has the boot loader boot its default if that is started again, and waits until that system's own shell answers, which gives what
    /// `command` prints.
    fn boot_and_ask(mut self, by: By, command: &str) -> String {
        self.type_line("boot");
        if by == By::Menu {
            let since = self.since;
            let menu = |line: &Line| (line.at > since && line.text.contains("@default")).then_some(());
            self.guest.wait("the menu again", LIMIT, menu).unwrap();
            self.guest.send("\r").unwrap();
        }
        self.guest.wait_for_text("demo login: ", LOGIN_LIMIT).unwrap();
        self.guest.send("root\n").unwrap();
        self.guest.wait_for_text("root@demo:~#", LOGIN_LIMIT).unwrap();
        self.guest.send(&format!("echo \"rig\": $({command})\n")).unwrap();
        let said = |line: &Line| line.text.strip_prefix("rig: ").filter(|_| line.whole).map(str::to_owned);
        self.guest.wait("its answer", LOGIN_LIMIT, said).unwrap()
    }
}

/// What `boot` starts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    /// The boot loader.
    Menu,
    /// The kernel that was named.
    Hand,
}

/// The first line that holds a text.
fn line_with<'a>(lines: &'a [String], text: &str) -> &'a str {
    lines.iter().find(|line| line.contains(text)).unwrap_or_else(|| panic!("no {text} in {lines:#?}"))
}

#[test]
fn a_broken_initrd_is_made_anew_by_the_systems_own_tool() {
    let initrd = format!("/boot/initrd.img-{}", debian().release());
    let small = b"MODULES=dep\n";
    let files: [(&str, &[u8]); 2] = [(&initrd, b"no initrd"), ("/etc/initramfs-tools/conf.d/modules", small)];
    let mut rescue = broken("drill-initrd", &files, Some("No filesystem could mount root"));
    let bytes = rescue.run(&format!("hexdump /mnt/vda3{initrd}"));
    assert!(bytes[0].ends_with("|no initrd|"), "{bytes:?}");
    let made = rescue.run("chroot /mnt/vda3 update-initramfs -u");
    line_with(&made, "update-initramfs: Generating");
    let after = rescue.run(&format!("ls -l /mnt/vda3{initrd}"));
    let size: u64 = after[0].split_whitespace().nth(3).unwrap().parse().unwrap();
    assert!(size > 1 << 20, "{after:?}");
    assert_eq!(rescue.boot_and_ask(By::Menu, "findmnt -no SOURCE /"), "/dev/vda3");
}

#[test]
fn a_broken_fstab_is_replaced_by_a_copy() {
    // systemd waits for the device for 90 s, and then ends in the emergency shell.
    let broken_table = b"UUID=f1257116-5470-4000-8000-000000000001 / ext4 errors=remount-ro 0 1\n/dev/nowhere /srv ext4 defaults 0 2\n";
    let table = b"UUID=f1257116-5470-4000-8000-000000000001 / ext4 errors=remount-ro 0 1\n";
    let files: [(&str, &[u8]); 2] = [("/etc/fstab", broken_table), ("/etc/fstab.good", table)];
    let mut rescue = broken("drill-fstab", &files, Some("You are in emergency mode"));
    line_with(&rescue.run("cat /mnt/vda3/etc/fstab"), "/dev/nowhere");
    rescue.expect("cp /mnt/vda3/etc/fstab.good /mnt/vda3/etc/fstab", &[]);
    assert_eq!(
        rescue.boot_and_ask(By::Menu, "grep -c . /etc/fstab; systemctl is-failed emergency.target"),
        "1 inactive"
    );
}

#[test]
fn a_grub_configuration_that_is_no_more_is_written_anew_with_the_roots_uuid() {
    let mut rescue =
        broken("drill-grub-cfg", &[("/boot/grub/grub.cfg", b"if [ x = y ; the disk was full\n")], None);
    let made = rescue.run("chroot /mnt/vda3 update-grub");
    line_with(&made, "Found linux image: /boot/vmlinuz-");
    let entries = rescue.run("entries");
    line_with(&entries, "*  1  Debian GNU/Linux");
    let cmdline = rescue.boot_and_ask(By::Menu, "cat /proc/cmdline");
    assert!(cmdline.contains("root=UUID=f1257116-5470-4000-8000-000000000001"), "{cmdline}");
}

#[test]
fn a_broken_command_line_is_typed_right_once_and_then_corrected() {
    let release = debian().release().to_owned();
    let grub = "GRUB_DEFAULT=0\nGRUB_TIMEOUT=2\nGRUB_DISTRIBUTOR=Debian\nGRUB_CMDLINE_LINUX=\"console=ttyS0,115200 init=/nowhere\"\n";
    let configuration = format!(
        "menuentry 'Debian GNU/Linux' {{\n linux /boot/vmlinuz-{release} root=/dev/vda3 ro console=ttyS0,115200 init=/nowhere\n \
         initrd /boot/initrd.img-{release}\n}}\n"
    );
    let files: [(&str, &[u8]); 2] =
        [("/etc/default/grub", grub.as_bytes()), ("/boot/grub/grub.cfg", configuration.as_bytes())];
    let mut rescue =
        broken("drill-command-line", &files, Some("Target filesystem doesn't have requested /nowhere"));
    line_with(&rescue.run("cat /mnt/vda3/etc/default/grub"), "init=/nowhere");
    rescue.expect("chroot /mnt/vda3 sed -i 's, init=/nowhere,,' /etc/default/grub", &[]);
    line_with(&rescue.run("chroot /mnt/vda3 update-grub"), "Found linux image: /boot/vmlinuz-");
    rescue.expect("cd /mnt/vda3/boot", &[]);
    rescue.expect(&format!("linux vmlinuz-{release} root=/dev/vda3 ro console=ttyS0,115200 by=hand"), &[]);
    rescue.expect(&format!("initrd initrd.img-{release}"), &[]);
    let cmdline =
        rescue.boot_and_ask(By::Hand, "cat /proc/cmdline; grep -c init=/nowhere /boot/grub/grub.cfg");
    assert_eq!(cmdline, "root=/dev/vda3 ro console=ttyS0,115200 by=hand 0");
}
