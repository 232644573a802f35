//! A Debian that runs, with firstlight installed as its `kexec`: restarted without its firmware by every way that users
//! and systemd know, it comes up as GRUB would have started it.

use std::collections::BTreeMap;
use std::time::Duration;

use qemu::debian::Debian;
use qemu::guest::Guest;
use qemu::machine::{Disk, Firmware, Machine};
use qemu::{demo, disk, payload, place};

use crate::debian;

/// A shutdown and a boot of the whole system, on a machine that is busy.
const LIMIT: Duration = Duration::from_secs(300);

/// What the guest says about itself: `rig: NAME VALUE`.
const REPORT: &str = r#"
say() { echo "rig: $*"; }
say cmdline "$(cat /proc/cmdline)"
say loader "$(cat /proc/sys/kernel/bootloader_type)"
say replayed "$(dmesg | grep -c -E 'EXT4-fs.*(recover|orphan)')"
say last "$(journalctl --boot=-1 --quiet --output=cat 2>/dev/null | tail -n 1)"
say end
"#;

/// A way to restart.
struct Way {
    command: &'static str,
    /// kexec-tools leaves out where the running kernel came from.
    with_boot_image: bool,
    /// Services are stopped before the jump.
    clean: bool,
}

const WAYS: &[Way] = &[
    Way { command: "firstlight boot", with_boot_image: true, clean: true },
    Way { command: "firstlight boot --now", with_boot_image: true, clean: false },
    Way {
        command: "kexec -l /boot/vmlinuz-$(uname -r) --initrd=/boot/initrd.img-$(uname -r) --reuse-cmdline && \
                  systemctl kexec",
        with_boot_image: false,
        clean: true,
    },
    Way { command: "kexec", with_boot_image: true, clean: true },
];

/// root at the console of a guest.
struct Session {
    guest: Guest,
    /// When the last command was given: what came before does not count.
    since: Duration,
}

impl Session {
    fn wait<T>(&self, awaited: &str, mut look: impl FnMut(&str) -> Option<T>) -> (Duration, T) {
        let late = |line: &qemu::console::Line| line.at > self.since;
        self.guest
            .wait(awaited, LIMIT, |line| {
                look(&line.text).filter(|_| late(line)).map(|found| (line.at, found))
            })
            .unwrap()
    }

    fn log_in(&mut self) {
        let prompt = |text: &'static str| move |line: &str| line.contains(text).then_some(());
        (self.since, ()) = self.wait("the login prompt", prompt("demo login: "));
        self.guest.send("root\n").unwrap();
        (self.since, ()) = self.wait("the shell's prompt", prompt("root@demo:~#"));
    }

    fn report(&mut self) -> BTreeMap<String, String> {
        self.guest.send("sh /root/report\n").unwrap();
        let mut said = BTreeMap::new();
        let (at, ()) = self.wait("its report", |line| {
            let (_, fact) = line.split_once("rig: ")?;
            let (name, value) = fact.split_once(' ').unwrap_or((fact, ""));
            said.insert(name.to_owned(), value.trim().to_owned());
            (name == "end").then_some(())
        });
        self.since = at;
        said
    }
}

fn restart_by_every_way(name: &str, firmware: Firmware) {
    let image = place::directory("disks").unwrap().join(format!("{name}.img"));
    demo::copy(&demo::disk(debian()).unwrap(), &image).unwrap();
    let files: [(&str, &[u8]); 2] =
        [("/root/firstlight", &payload::installed().unwrap()), ("/root/report", REPORT.as_bytes())];
    disk::write_into_ext(&image, Debian::root_offset(), &files).unwrap();
    let machine = Machine::new(name).firmware(firmware).disk(Disk::new(&image).boot_index(0));
    let mut session = Session { guest: machine.start().unwrap(), since: Duration::ZERO };
    session.log_in();
    let by_grub = session.report();
    let whole = by_grub["cmdline"].clone();
    let (boot_image, rest) = whole.split_once(' ').unwrap();
    assert!(boot_image.starts_with("BOOT_IMAGE=") && by_grub["loader"] != "208", "{by_grub:?}");

    session.guest.send("install firstlight /sbin/kexec && ln -s kexec /sbin/firstlight\n").unwrap();
    for way in WAYS {
        session.guest.send(&format!("{}\n", way.command)).unwrap();
        session.log_in();
        let said = session.report();
        let cmdline = if way.with_boot_image { &whole } else { rest };
        let seen = (said["cmdline"].as_str(), said["loader"].as_str(), said["replayed"].as_str());
        assert_eq!(seen, (cmdline, "208", "0"), "{}", way.command);
        // What the journal's own end says is there only where it was written to the end.
        assert_eq!(said["last"] == "Journal stopped", way.clean, "{}: {said:?}", way.command);
    }
}

#[test]
fn a_debian_restarts_without_its_firmware_under_seabios() {
    restart_by_every_way("running-bios", Firmware::Bios);
}
