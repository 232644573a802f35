//! The rescue console in a machine, with the keys that a person types: a volume is looked at without a trace, changed once that is
//! said, and an entry and a kernel are booted by hand.

use std::time::Duration;

use qemu::disk::{Filesystem, Image};
use qemu::guest::Guest;
use qemu::machine::Disk;

use crate::{LIMIT, bootable, firstlight};

/// A person at the rescue console.
pub struct Rescue {
    /// The guest.
    pub guest: Guest,
    /// When the last prompt came: what came before does not count.
    since: Duration,
    /// The longest that a command may take.
    pub limit: Duration,
}

impl Rescue {
    /// Opens it with the menu's key, once the boot loader has searched the disks.
    pub fn open(mut guest: Guest) -> Self {
        guest.wait_for_landmark("default", &[], LIMIT).unwrap();
        guest.send("r").unwrap();
        let since = guest.wait_for_text("rescue /> ", LIMIT).unwrap();
        Self { guest, since, limit: LIMIT }
    }

    /// Types a line.
    pub fn type_line(&mut self, line: &str) {
        self.guest.send(&format!("{line}\r")).unwrap();
    }

    /// Types a line and gives what comes before the next prompt.
    pub fn run(&mut self, line: &str) -> Vec<String> {
        self.type_line(line);
        let since = self.since;
        let mut lines = Vec::new();
        let is_prompt = |text: &str| text.starts_with("rescue /") && text.ends_with("> ");
        let awaited = format!("the end of `{line}`");
        let look = |line: &qemu::console::Line| {
            if line.at <= since {
                return None;
            }
            if is_prompt(&line.text) {
                return Some(line.at);
            }
            lines.extend((line.whole && !line.text.starts_with("rescue /")).then(|| line.text.clone()));
            None
        };
        self.since = self.guest.wait(&awaited, self.limit, look).unwrap();
        lines
    }

    /// As [`Self::run`], where exactly this comes.
    pub fn expect(&mut self, line: &str, expected: &[&str]) {
        assert_eq!(self.run(line), expected, "{line}");
    }
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
    let row = devices.iter().find(|row| row.contains("vda1")).unwrap();
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
    let menu = |line: &qemu::console::Line| {
        (line.at > rescue.since && line.text.contains("@default")).then_some(line.at)
    };
    let at = rescue.guest.wait("the menu again", LIMIT, menu).unwrap();
    rescue.guest.send("r").unwrap();
    let prompt =
        |line: &qemu::console::Line| (line.at > at && line.text.ends_with("rescue /> ")).then_some(line.at);
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
