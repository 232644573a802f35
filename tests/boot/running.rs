//! A Debian that runs, with firstlight installed as its `kexec`: restarted without its firmware by every way that users
//! and systemd know, it comes up as GRUB would have started it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use qemu::console::Line;
use qemu::debian::Debian;
use qemu::machine::{Disk, Firmware, Machine};
use qemu::{demo, disk, logical, payload, place};

use crate::debian;
use crate::session::Session;

/// The script with which the guest reports about itself: `rig: NAME VALUE`.
const REPORT: &str = r#"
say() { echo "rig: $*"; }
lines() { tr '\n' ';'; }
before() { journalctl --boot=-1 --quiet --output=cat 2>/dev/null; }
say cmdline "$(cat /proc/cmdline)"
say loader "$(cat /proc/sys/kernel/bootloader_type)"
say root "$(findmnt --noheadings --output SOURCE /)"
say efi "$(ls /sys/firmware/efi/efivars 2>/dev/null | grep -c .)"
say unclean "$(dmesg | grep -E 'EXT4-fs.*(recover|orphan|truncate)|not properly unmounted' | grep -v 'orphan cleanup on readonly fs$' | lines)"
say checked "$(journalctl --boot --quiet --output=cat --unit=systemd-fsck-root | sed -n 's/^debian: //p' | lines)"
say boots "$(journalctl --list-boots --quiet | wc -l)"
say services "$(before | grep -c '^Reached target final.target')"
say last "$(before | tail -n 1)"
journalctl --verify >/root/verified 2>&1
say verified "$? $(grep -v ^PASS /root/verified | lines)"
say end
"#;

/// Gives a command a terminal of its own, and takes that away as soon as the command says what it is going to do: what a
/// broken ssh connection is to it.
const HANG_UP: &str = r#"
mkfifo /run/said
setsid script --quiet --flush --command "$1" /run/said </dev/null >/dev/null 2>&1 &
grep -m 1 'shut down into it' /run/said
kill -KILL $!
"#;

/// Tries the jump where the kernel refuses it, and says what has changed since before: in the mounts, and in the network.
const REFUSED: &str = r#"
say() { echo "rig: $*"; }
lines() { tr '\n' ';'; }
state() { cat /proc/self/mountinfo; ip -o link; ip -4 -o address; ip -4 route; }
refused() {
    state >/run/rig-before
    systemd-run --quiet --pipe --wait --property=SystemCallFilter=~reboot --property=SystemCallErrorNumber=EPERM \
        "$@" >/run/rig-said 2>&1
    say "$1" "$? $(grep -o 'cannot jump: .*\|the system goes on as it was' /run/rig-said | lines)"
    state >/run/rig-after
    say "$1-changed" "$(diff /run/rig-before /run/rig-after | lines)"
}
ip link add rig0 type dummy && ip address add 192.0.2.7/24 dev rig0 && ip link set rig0 up
mkdir -p /run/odd && mount -t tmpfs -o nosuid,nodev,noexec,noatime none /run/odd
refused /sbin/firstlight boot --now
kexec -l /boot/vmlinuz-$(uname -r) --initrd=/boot/initrd.img-$(uname -r) --reuse-cmdline
refused /sbin/kexec -e
kexec -u
touch /root/written && say writable
say end
"#;

/// A way to restart.
struct Way {
    command: &'static str,
    /// kexec-tools leaves out where the running kernel came from.
    with_boot_image: bool,
    /// Words that the command adds to the command line.
    more: &'static str,
    /// Services are stopped before the jump.
    clean: bool,
    /// Seconds are counted down, in which a key stops it.
    counts_down: bool,
}

const BOOT: Way =
    Way { command: "firstlight boot", with_boot_image: true, more: "", clean: true, counts_down: false };

const NOW: Way = Way { command: "firstlight boot --now", clean: false, ..BOOT };

/// As Debian's users have it.
const BY_SYSTEMD: Way = Way {
    command: "kexec -l /boot/vmlinuz-$(uname -r) --initrd=/boot/initrd.img-$(uname -r) --reuse-cmdline && \
              systemctl kexec",
    with_boot_image: false,
    ..BOOT
};

const ALONE: Way = Way { command: "kexec", counts_down: true, ..BOOT };

/// From a terminal that goes away.
const DETACHED: Way =
    Way { command: "sh /root/hang-up 'firstlight boot --append detached'", more: " detached", ..BOOT };

impl Session {
    /// Starts a command that counts down, and stops it with a key before its end.
    fn stop(&mut self, command: &str) {
        self.guest.send(&format!("{command}\n")).unwrap();
        self.wait("the countdown", |line| line.text.contains(&countdown(5..=5)).then_some(()));
        self.guest.send("x").unwrap();
        let stopped = |line: &Line| line.text.contains("kexec: stopped; nothing was changed").then_some(());
        (self.since, ()) = self.wait("the end of the countdown", stopped);
        let prompt = |line: &Line| line.text.contains("root@demo:~#").then_some(());
        (self.since, ()) = self.wait("the shell's prompt", prompt);
    }

    fn report(&mut self, script: &str) -> BTreeMap<String, String> {
        self.guest.send(&format!("sh /root/{script}\n")).unwrap();
        let mut said = BTreeMap::new();
        let (at, ()) = self.wait("its report", |line| {
            let (_, fact) = line.text.split_once("rig: ").filter(|_| line.whole)?;
            let (name, value) = fact.split_once(' ').unwrap_or((fact, ""));
            said.insert(name.to_owned(), value.trim().to_owned());
            (name == "end").then_some(())
        });
        self.since = at;
        said
    }
}

/// The countdown as it is printed, over itself, for these seconds.
fn countdown(seconds: std::ops::RangeInclusive<u64>) -> String {
    let text = |left: u64| format!("This system shuts down in {left} s. Any key stops it. ");
    seconds.rev().map(text).collect::<String>().trim_end().to_owned()
}

/// A disk with a Debian on it: the image, where in it the root file system begins, and what that is on.
struct Installed {
    image: PathBuf,
    offset: u64,
    root: &'static str,
}

fn plain() -> Installed {
    Installed { image: demo::disk(debian()).unwrap(), offset: Debian::root_offset(), root: "/dev/vda3" }
}

fn logical() -> Installed {
    let image = logical::disk(debian()).unwrap();
    Installed { image, offset: logical::ROOT_OFFSET, root: "/dev/mapper/demo-root" }
}

fn restart(name: &str, firmware: Firmware, installed: &Installed, ways: &[Way]) {
    let image = place::directory("disks").unwrap().join(format!("{name}.img"));
    demo::copy(&installed.image, &image).unwrap();
    let files: [(&str, &[u8]); 3] = [
        ("/root/firstlight", &payload::installed().unwrap()),
        ("/root/report", REPORT.as_bytes()),
        ("/root/hang-up", HANG_UP.as_bytes()),
    ];
    disk::write_into_ext(&image, installed.offset, &files).unwrap();
    let machine = Machine::new(name).firmware(firmware).disk(Disk::new(&image).boot_index(0));
    let mut session = Session::new(machine.start().unwrap());
    session.log_in();
    let by_grub = session.report("report");
    let (boot_image, rest) = by_grub["cmdline"].split_once(' ').unwrap();
    assert!(boot_image.starts_with("BOOT_IMAGE=") && by_grub["loader"] != "208", "{by_grub:?}");
    assert!(by_grub["root"] == installed.root && rest.starts_with("root="), "{by_grub:?}");
    assert_eq!(by_grub["efi"] != "0", firmware == Firmware::Uefi);

    session.guest.send("install firstlight /sbin/kexec && ln -s kexec /sbin/firstlight\n").unwrap();
    for (number, way) in (2..).zip(ways) {
        if way.counts_down {
            session.stop(way.command);
        }
        session.guest.send(&format!("{}\n", way.command)).unwrap();
        if way.counts_down {
            let whole = countdown(1..=5);
            session.wait("the whole countdown", |line| line.text.contains(&whole).then_some(()));
        }
        session.log_in();
        let said = session.report("report");
        let same = if way.with_boot_image { &by_grub["cmdline"] } else { rest };
        let is_clean = said["checked"].starts_with("clean, ") && said["checked"].matches(';').count() == 1;
        // The journal's last messages are there only where it was written to the end.
        let last = if way.clean { "Journal stopped" } else { &said["last"] };
        let expected = [
            ("cmdline", format!("{same}{}", way.more)),
            ("loader", "208".into()),
            ("root", installed.root.into()),
            ("efi", by_grub["efi"].clone()),
            ("unclean", String::new()),
            ("checked", if is_clean { said["checked"].clone() } else { "clean, …".into() }),
            ("boots", number.to_string()),
            ("services", u8::from(way.clean).to_string()),
            ("last", last.into()),
            // journalctl(1) found nothing wrong in any file.
            ("verified", "0".into()),
            ("end", String::new()),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value)).into();
        assert_eq!(said, expected, "{}", way.command);
    }
}

// Every way is seen under each firmware and on each kind of root.

#[test]
fn a_debian_restarts_without_its_firmware_under_seabios() {
    restart("running-bios", Firmware::Bios, &plain(), &[NOW, BY_SYSTEMD, ALONE]);
}

#[test]
fn a_debian_on_lvm_restarts_without_its_firmware_under_seabios() {
    restart("running-bios-lvm", Firmware::Bios, &logical(), &[BOOT, DETACHED]);
}

#[test]
fn a_debian_restarts_without_its_firmware_under_uefi() {
    restart("running-uefi", Firmware::Uefi, &plain(), &[BOOT, DETACHED]);
}

#[test]
fn a_debian_on_lvm_restarts_without_its_firmware_under_uefi() {
    restart("running-uefi-lvm", Firmware::Uefi, &logical(), &[NOW, BY_SYSTEMD, ALONE]);
}

/// What is no way to restart.
mod slow {
    use super::*;

    #[test]
    fn a_jump_that_the_kernel_refuses_changes_nothing() {
        let installed = plain();
        let image = place::directory("disks").unwrap().join("running-refused.img");
        demo::copy(&installed.image, &image).unwrap();
        let files: [(&str, &[u8]); 2] =
            [("/root/firstlight", &payload::installed().unwrap()), ("/root/refused", REFUSED.as_bytes())];
        disk::write_into_ext(&image, installed.offset, &files).unwrap();
        let machine =
            Machine::new("running-refused").firmware(Firmware::Bios).disk(Disk::new(&image).boot_index(0));
        let mut session = Session::new(machine.start().unwrap());
        session.log_in();
        session.guest.send("install firstlight /sbin/kexec && ln -s kexec /sbin/firstlight\n").unwrap();
        let reason = "cannot jump: Operation not permitted (os error 1): this process lacks CAP_SYS_BOOT; run it as root, outside \
                      of a container;";
        let (boot, kexec) = (format!("1 {reason} the system goes on as it was;"), format!("255 {reason}"));
        let expected = [
            ("/sbin/firstlight", boot.as_str()),
            ("/sbin/firstlight-changed", ""),
            ("/sbin/kexec", &kexec),
            ("/sbin/kexec-changed", ""),
            ("writable", ""),
            ("end", ""),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        assert_eq!(session.report("refused"), expected);
    }
}
