//! OVMF's flash without another loader. Debian comes up to its login prompt: the firmware's runtime services are alive, and its
//! variables stay when the machine is switched off. A kernel that is swapped boots.

use std::fs;
use std::path::Path;

use initramfs::{Node, Tree};
use qemu::disk::{Filesystem, Image, Volume};
use qemu::firmware_images::Payload;
use qemu::firmware_kernel::FirmwareKernel;
use qemu::guest::Guest;
use qemu::machine::{Disk, Machine};
use qemu::oracles::{EFIBOOTMGR, SYSTEMDS, available};
use qemu::{demo, firmware_kernel, payload};

use crate::{LIMIT, LOGIN_LIMIT, ONE_ENTRY, bootable, debian};

/// efibootmgr by the demo disk's own dynamic linker, with its libraries.
const EFIBOOTMGR_COMMAND: &str = "/lib64/ld-linux-x86-64.so.2 --library-path $(echo /mnt/lib/*-gnu /mnt/usr/lib/*-gnu | tr ' ' :) /mnt/efibootmgr";

/// The option that is made; its last words are those that are looked for.
const CREATE: &str =
    "--create-only --disk /dev/vda --part 2 --loader '\\EFI\\kept.efi' --label 'It was kept'";

/// Logs in and gives the shell `script`, whose last word is awaited on a line of its own.
fn log_in_and_run(guest: &mut Guest, script: &str, end: &str) {
    guest.wait_for_landmark("jump", &[("title", "Debian GNU/Linux")], LIMIT).unwrap();
    guest.wait_for_text("demo login: ", LOGIN_LIMIT).unwrap();
    guest.send("root\n").unwrap();
    guest.wait_for_text("root@demo:~#", LIMIT).unwrap();
    guest.send(&format!("mount /dev/vdb1 /mnt; {script}\n")).unwrap();
    let is_end = |text: &str| text.trim() == end;
    guest.wait(end, LIMIT, |line| is_end(&line.text).then_some(())).unwrap();
}

#[test]
fn debian_from_the_flash_writes_variables_that_stay() {
    let Some(root) = available(&EFIBOOTMGR, EFIBOOTMGR.root()) else { return };
    let mut tree = Tree::default();
    root.add_program(&mut tree, "/bin/efibootmgr", "/efibootmgr").unwrap();
    let mut tools = Volume::new(Filesystem::Ext4, "tools");
    for (path, node) in tree.nodes() {
        if let Node::File { bytes, .. } = node {
            tools = tools.file(&format!("/{path}"), bytes.clone());
        }
    }
    // It is of the demo disk's release, and finds its libraries there.
    let Some(systemd) = available(&SYSTEMDS[0], SYSTEMDS[0].root()) else { return };
    let bootctl = systemd.path().join("usr/bin/bootctl");
    let tools = Image::new().volume(tools.file("/bootctl", bootctl)).build("flash-tools").unwrap();

    let (kernel, initramfs) =
        (firmware_kernel::plain().unwrap(), payload::firstlight_without_modules().unwrap());
    let payload = Payload { kernel: &kernel, initramfs: &initramfs, cmdline: "console=ttyS0 quiet" };
    let [code, variables] = payload.split_flash("flash-login").unwrap();
    let sizes = [&code, &variables].map(|path| fs::metadata(path).unwrap().len());
    assert_eq!(sizes.iter().sum::<u64>(), 8 << 20);
    let area = |variables: &Path| fs::read(variables).unwrap()[..4 << 20].to_vec();
    let before = area(&variables);

    let disk = Disk::new(demo::disk(debian()).unwrap());
    let machine =
        Machine::new("flash-login").rom(code).variables(&variables).disk(disk).disk(Disk::new(tools));
    let mut guest = machine.start().unwrap();
    log_in_and_run(&mut guest, &format!("{EFIBOOTMGR_COMMAND} {CREATE} && echo made-it | tr - _"), "made_it");
    // bootctl knows the loader, and an entry for one boot can be named: the variable is gone after that boot.
    guest
        .send("/mnt/bootctl status 2>&1 | grep -iE 'Product:|counting|one-shot' | sed 's/^ */status: /'\n")
        .unwrap();
    for line in ["Product: firstlight ", "Boot counting", "One-shot entry control"] {
        guest.wait_for_text(line, LIMIT).unwrap();
    }
    let one_shot = "ls /sys/firmware/efi/efivars | grep -c LoaderEntryOneShot | sed 's/^/one-shot:/'";
    guest.send(&format!("/mnt/bootctl set-oneshot other.conf; {one_shot}\n")).unwrap();
    guest.wait_for_text("one-shot:1", LIMIT).unwrap();
    guest.send("poweroff -f -f\n").unwrap();
    guest.wait_off(LIMIT).unwrap();

    let mut guest = machine.start().unwrap();
    log_in_and_run(&mut guest, one_shot, "one-shot:0");
    guest.send(&format!("{EFIBOOTMGR_COMMAND} | grep -c 'It was kept' | sed 's/^/kept:/'\n")).unwrap();
    guest.wait_for_text("kept:1", LIMIT).unwrap();
    drop(guest);
    assert!(area(&variables) == before, "the firmware has written into the payload area");
}

/// The kernel that is in the flash first starts none that is signed by a stranger, as Debian's is; the one after it does.
#[test]
fn a_kernel_that_is_swapped_in_the_flash_boots() {
    let (kernels, initramfs) =
        (FirmwareKernel::build().unwrap(), payload::firstlight_without_modules().unwrap());
    let payload =
        Payload { kernel: &kernels.enforcing(), initramfs: &initramfs, cmdline: "console=ttyS0 quiet" };
    let enforcing = payload.flash("flash-swap-enforcing").unwrap();
    let plain = Payload::swap_kernel(&enforcing, &kernels.kernel(), "flash-swap-plain").unwrap();
    let disk =
        Image::new().volume(bootable(Filesystem::Ext4, "flash-swap", ONE_ENTRY)).build("flash-swap").unwrap();
    let machine = |rom| Machine::new("flash-swap").rom(rom).disk(Disk::new(&disk));

    let guest = machine(enforcing).start().unwrap();
    let failure = guest.wait_for_landmark("fail", &[("stage", "load"), ("id", "only")], LIMIT).unwrap();
    assert!(failure.field("reason").contains("(ENOKEY)"), "{failure:?}");
    drop(guest);
    assert!(machine(plain).start().unwrap().wait_for_report(LIMIT).unwrap().kexec);
}
