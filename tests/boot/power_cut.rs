//! Power cuts after a kernel update: what boots is what the disk's own system sees after it has replayed its log, and no byte
//! of the disk changes.

use std::fs;
use std::path::{Path, PathBuf};

use firstlight::ui::landmark;
use qemu::disk::{Filesystem, Image, Volume};
use qemu::machine::{Disk, Firmware, Machine};
use qemu::workshop::{self, Job};
use qemu::writes::LoggedDisk;
use qemu::{payload, place};
use sha2::{Digest, Sha256};

use crate::{LIMIT, debian, firstlight, initramfs};

/// Moments at which the power is cut.
const MOMENTS: usize = 20;

const UPDATE: &str = include_str!("../../qemu/recipes/kernel-update.sh");
const OWN_VIEW: &str = include_str!("../../qemu/recipes/own-view.sh");

/// A version of the system: its number, and the part of its initrd.
const VERSIONS: [(&str, &str); 2] = [("1", "old"), ("2", "new")];

fn configuration(version: &str) -> String {
    format!(
        "set timeout=0\nmenuentry 'System {version}' --id system-{version} {{\n linux /boot/vmlinuz-{version} {}\n \
         initrd /boot/initrd-{version}\n}}\n",
        cmdline(version)
    )
}

fn cmdline(version: &str) -> String {
    format!("console=ttyS0 quiet version={version}")
}

fn sum(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The disk with version 1, and after an update to version 2 whose writes were logged.
fn updated(filesystem: Filesystem, name: &str) -> LoggedDisk {
    let initrd = |part| payload::probe_initrd(part).unwrap();
    let volume = Volume::new(filesystem, "cut")
        .file("/boot/vmlinuz-1", debian().kernel())
        .file("/boot/initrd-1", initrd("old"))
        .file("/boot/grub/grub.cfg", configuration("1"))
        // Room for the second version.
        .file("/room", vec![0; 24 << 20]);
    let disk = LoggedDisk::of(&Image::new().volume(volume).build(name).unwrap(), name).unwrap();
    let files = place::directory("disks").unwrap().join(format!("{name}.new"));
    let _ = fs::remove_dir_all(&files);
    fs::create_dir_all(&files).unwrap();
    fs::write(files.join("initrd"), initrd("new")).unwrap();
    fs::write(files.join("grub.cfg"), configuration("2")).unwrap();
    let (kernel, initrd, grub) = (debian().kernel(), files.join("initrd"), files.join("grub.cfg"));
    let new = [(&*kernel, "/new/vmlinuz"), (&*initrd, "/new/initrd"), (&*grub, "/new/grub.cfg")];
    let script = format!("rm -f /mnt/room\n{UPDATE}");
    let job = Job { disks: &[], sources: &[], script: &script, ..job(name, &[], filesystem) };
    let machine = workshop::machine(debian(), &job, &new).unwrap().options(disk.options());
    ended(machine);
    disk
}

fn job<'a>(name: &'a str, sources: &'a [&'a Path], filesystem: Filesystem) -> Job<'a> {
    let modules: &[&str] = match filesystem {
        Filesystem::Xfs => &["xfs"],
        Filesystem::F2fs => &["f2fs", "crc32_generic"],
        _ => &["ext4"],
    };
    Job { name, disks: &[], sources, modules, programs: &[], script: OWN_VIEW, limit: LIMIT }
}

/// Runs a workshop and gives the lines of its console.
fn ended(machine: Machine) -> Vec<String> {
    let guest = machine.firmware(Firmware::None).memory(768).start().unwrap();
    let status = guest.wait("the end of its script", LIMIT, |line| {
        line.text.strip_prefix("workshop: status ").filter(|_| line.whole).map(str::to_owned)
    });
    assert_eq!(status.unwrap(), "0", "{}", guest.console().tail());
    guest.wait_off(LIMIT).unwrap();
    guest.console().lines().into_iter().map(|line| line.text).collect()
}

/// Starts firstlight and checks that it boots the version with its initrd, without a byte written.
fn boots(disk: &Path, name: &str, (version, part): (&str, &str)) {
    let before = fs::read(disk).unwrap();
    let guest = firstlight(name).disk(Disk::new(disk).writable()).start().unwrap();
    let report = guest.wait_for_report(LIMIT).unwrap();
    let parts: Vec<&str> = report.parts.iter().map(|part| part.name.as_str()).collect();
    let cmdline = format!("BOOT_IMAGE=/boot/vmlinuz-{version} {}", cmdline(version));
    assert_eq!((report.cmdline, parts), (cmdline, vec![part]), "{name}");
    drop(guest);
    assert!(before == fs::read(disk).unwrap(), "{name}: the disk was written");
}

pub(crate) fn cut_at_moments(filesystem: Filesystem, name: &str) {
    let logged = updated(filesystem, &format!("{name}-before"));
    let writes = logged.count().unwrap();
    let directory = place::directory("disks").unwrap();
    let disks: Vec<PathBuf> =
        (0..=MOMENTS).map(|moment| directory.join(format!("{name}-{moment}.img"))).collect();
    for (moment, disk) in disks.iter().enumerate() {
        // The end is there twice: so that no version is on one disk alone, and every entry's id names its disk.
        logged.after(writes * (moment + 1).min(MOMENTS) / MOMENTS, disk).unwrap();
    }
    let sources: Vec<_> = disks.iter().map(PathBuf::as_path).collect();
    let view_name = format!("{name}-view");
    let lines = ended(workshop::machine(debian(), &job(&view_name, &sources, filesystem), &[]).unwrap());
    let kernel = sum(&fs::read(debian().kernel()).unwrap());
    let views = lines.iter().filter_map(|line| line.strip_prefix("view: "));
    let own: Vec<_> = views
        .map(|view| {
            let view: Vec<&str> = view.split(' ').collect();
            let version = *VERSIONS.iter().find(|(version, _)| *version == view[1]).unwrap();
            let initrd = sum(&payload::probe_initrd(version.1).unwrap());
            assert_eq!(view[2..4], [&*kernel, &*initrd], "{}: the update itself is not safe", view[0]);
            (version, view[4] == "replayed")
        })
        .collect();
    let dirty = own.iter().any(|(_, dirty)| *dirty);
    let ends = [own.first(), own.last()].map(|view| view.map(|(version, _)| *version));
    assert_eq!((own.len(), ends, dirty), (disks.len(), VERSIONS.map(Some), true), "{own:?}");

    let changed = |disk: &PathBuf| fs::metadata(disk).unwrap().modified().unwrap();
    let before: Vec<_> = disks.iter().map(changed).collect();
    let words = "console=ttyS0 quiet firstlight.timeout=menu";
    let mut machine = Machine::new(name).firmware(Firmware::None).memory(2048).kernel(
        &debian().kernel(),
        initramfs(),
        words,
    );
    for disk in &disks {
        machine = machine.disk(Disk::new(disk).writable());
    }
    let guest = machine.start().unwrap();
    // Which disk has which letter is the kernel's matter: it may start drivers in any order.
    let mut seen = Vec::new();
    for (letter, _) in ('a'..).zip(&disks) {
        let device = format!("vd{letter}1");
        let volume = guest.wait_for_landmark("volume", &[("device", &device)], LIMIT).unwrap();
        let replayed = match volume.field("log") {
            "replayed" => true,
            "" => false,
            log => {
                // The screen says why.
                let _ = guest.wait_for_text(&format!("{device}: its log"), LIMIT);
                panic!("{device}: {log}: {}", guest.console().tail());
            }
        };
        let version = guest.wait(&format!("an entry on {device}"), LIMIT, |line| {
            VERSIONS.into_iter().find(|(version, _)| {
                let id = format!("system-{version}@{device}");
                line.whole && line.text.contains(&landmark::line("entry", &[("id", &id)]))
            })
        });
        seen.push((version.unwrap(), replayed));
    }
    drop(guest);
    assert_eq!(disks.iter().map(changed).collect::<Vec<_>>(), before, "a disk was written");
    println!("{name}: {writes} writes, seen by the system {own:?}, by firstlight {seen:?}");
    let count = |views: &[_], wanted| views.iter().filter(|view| **view == wanted).count();
    for version in VERSIONS {
        let all = |views: &[_]| count(views, (version, true)) + count(views, (version, false));
        assert_eq!(all(&seen), all(&own), "{version:?}");
        // How many logs are dirty is a matter of the update's speed.
        assert!(count(&seen, (version, true)) >= count(&own, (version, true)), "{version:?}");
    }
    // The first disk with the new version, and the last one.
    let first = own.iter().position(|(version, _)| *version == VERSIONS[1]).unwrap();
    for moment in [first, MOMENTS - 1] {
        boots(&disks[moment], &format!("{name}-{moment}"), own[moment].0);
    }
    disks.iter().for_each(|disk| fs::remove_file(disk).unwrap());
}

#[test]
fn after_a_power_cut_ext4_boots_what_its_own_system_would_see() {
    cut_at_moments(Filesystem::Ext4, "cut-ext4");
}

#[test]
fn after_a_power_cut_xfs_boots_what_its_own_system_would_see() {
    cut_at_moments(Filesystem::Xfs, "cut-xfs");
}

#[test]
fn without_snapshots_the_screen_says_that_the_log_was_not_replayed() {
    let name = "cut-unreplayed";
    let logged = updated(Filesystem::Ext4, name);
    let disk = place::directory("disks").unwrap().join("cut-unreplayed-end.img");
    logged.after(logged.count().unwrap(), &disk).unwrap();
    let initramfs = payload::firstlight_without_group(debian(), "dm").unwrap();
    let cmdline = "console=ttyS0 quiet firstlight.timeout=menu";
    let machine = Machine::new(name).firmware(Firmware::None).kernel(&debian().kernel(), &initramfs, cmdline);
    let guest = machine.disk(Disk::new(&disk)).start().unwrap();
    guest.wait_for_landmark("volume", &[("device", "vda1"), ("log", "unreplayed")], LIMIT).unwrap();
    guest.wait_for_text("vda1: its log was not replayed", LIMIT).unwrap();
    drop(guest);
    fs::remove_file(disk).unwrap();
}
