//! A worker that dies in the middle of its work, and PID 1 itself.

use std::io::{BufRead, BufReader, Write};

use qemu::console::Line;
use qemu::disk::{Filesystem, Image};
use qemu::guest::Guest;
use qemu::machine::{Disk, Firmware, Machine};
use qemu::payload;

use crate::{LIMIT, ONE_ENTRY, bootable, debian};

/// A machine that loads its first entry.
fn loading(name: &str) -> Guest {
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
    let image = Image::new().volume(bootable(Filesystem::Ext4, name, configuration)).build(name).unwrap();
    // The order must reach the guest before the load is done.
    let guest = with_killer(name).disk(Disk::new(image).slow()).start().unwrap();
    guest.wait_for_landmark("load", &[("id", "first")], LIMIT).unwrap();
    guest
}

/// A machine whose `rdinit` is the rig's `/kill-worker`, which leaves a child that does what the rig says, and becomes the
/// unchanged `/init`.
fn with_killer(name: &str) -> Machine {
    let initramfs = payload::firstlight_with_killer(debian()).unwrap();
    let cmdline = "console=ttyS0 quiet rdinit=/kill-worker";
    let machine = Machine::new(name).firmware(Firmware::None);
    machine.kernel(&debian().kernel(), &initramfs, cmdline).second_serial()
}

/// Has the child do something, and waits until it says so.
fn order(guest: &Guest, order: &str, answer: &str) {
    let mut port = guest.second_serial().unwrap();
    writeln!(port, "{order}").unwrap();
    port.set_read_timeout(Some(LIMIT)).unwrap();
    let mut answers = BufReader::new(port).lines().map(Result::unwrap);
    answers.find(|line| line.starts_with(answer)).unwrap();
}

/// Waits for the next kernel, which must be this entry's.
fn expect_boot(guest: &Guest, word: &str) {
    let report = guest.wait_for_report(LIMIT).unwrap();
    let cmdline = format!("BOOT_IMAGE=/boot/vmlinuz console=ttyS0 quiet {word}");
    assert_eq!((report.kexec, report.cmdline), (true, cmdline));
}

#[test]
fn a_worker_killed_while_it_loads_is_started_again_and_the_boot_completes() {
    let guest = loading("killed");
    order(&guest, "kill", "killed ");
    guest.wait_for_landmark("worker", &[("state", "died"), ("signal", "9")], LIMIT).unwrap();
    guest.wait_for_text("firstlight: the worker died: SIGKILL ended it", LIMIT).unwrap();
    // It died on the first entry, which is passed over.
    expect_boot(&guest, "second");
}

#[test]
fn a_volume_is_passed_over_after_the_worker_was_killed_while_it_searched_it() {
    let name = "killed-searching";
    // Two seconds of reading on a slow disk: the order reaches the guest before the search is done.
    let configuration = format!("source /boot/grub/long.cfg\n{ONE_ENTRY}");
    let long = "# a long comment\n".repeat((7 << 20) / 17);
    let searched = bootable(Filesystem::Ext4, "searched", &configuration).file("/boot/grub/long.cfg", long);
    let searched = Image::new().volume(searched).build(name).unwrap();
    let guest = with_killer(name).disk(Disk::new(searched).slow()).start().unwrap();
    guest.wait_for_landmark("volume", &[("device", "vda1")], LIMIT).unwrap();
    order(&guest, "kill", "killed ");
    let death = [("state", "died"), ("signal", "9"), ("passed-over", "vda1")];
    guest.wait_for_landmark("worker", &death, LIMIT).unwrap();
    // The kernel's own line about the death may stand in the middle of the landmark of the next worker, which shows this.
    guest.wait_for_text("vda1: passed over, because looking at it ended the last attempt", LIMIT).unwrap();
}

#[test]
fn a_fault_of_pid_1_starts_it_again_and_the_boot_completes() {
    let guest = loading("faulted");
    order(&guest, "break", "killed ");
    guest.wait_for_landmark("fail", &[("stage", "init")], LIMIT).unwrap();
    let address = |line: &str| {
        let (_, rest) = line.split_once("PID 1 crashed (signal 4 at 0x")?;
        u64::from_str_radix(rest.split_once(')')?.0, 16).ok()
    };
    let address = guest.wait("what PID 1 says of its crash", LIMIT, |line| address(&line.text)).unwrap();
    // PID 1 waits there: in poll, which the compiler may put into its caller.
    let symbols = symbols();
    let function = symbols.iter().find(|(_, range)| range.contains(&address)).unwrap();
    let waits = ["5event4poll", "4init4pid1"].iter().any(|name| function.0.contains(name));
    assert!(waits, "{address:#x} is in {function:?}");
    expect_boot(&guest, "first");
}

#[test]
fn a_panic_of_pid_1_says_where_and_why_and_the_boot_completes() {
    let symbols = symbols();
    let check = symbols.iter().find(|(name, _)| name.contains("9panicking18panic_bounds_check")).unwrap();
    let guest = loading("panicked");
    order(&guest, &format!("panic {:#x}", check.1.start), "killed ");
    // The threads that load modules wait in the same instructions: whichever wakes first panics.
    let parts = [
        "firstlight: PID 1 crashed (panicked at injected.rs:12:34 in thread m",
        ": index out of bounds: the len is 3 but the index is 7) and was started again (1)",
    ];
    let is_it = |line: &Line| parts.iter().all(|part| line.text.contains(part)).then_some(());
    guest.wait("the reason of the panic", LIMIT, is_it).unwrap();
    expect_boot(&guest, "first");
}

/// The functions of the image's binary with their addresses.
fn symbols() -> Vec<(String, std::ops::Range<u64>)> {
    let debug = initramfs::binary::build(&initramfs::binary::Options::default()).unwrap().debug;
    let bytes = std::fs::read(debug).unwrap();
    let elf = goblin::elf::Elf::parse(&bytes).unwrap();
    let named = |it: goblin::elf::Sym| {
        (elf.strtab.get_at(it.st_name).unwrap_or_default().to_owned(), it.st_value..it.st_value + it.st_size)
    };
    elf.syms.iter().map(named).collect()
}
