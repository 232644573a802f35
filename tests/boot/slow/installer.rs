//! `firstlight install` in a Debian that runs: put there by the package, tried, confirmed, updated with a kernel, cut off while that
//! is done, and taken away again, under UEFI; and as an entry of GRUB's under BIOS.

use qemu::console::Line;
use qemu::machine::Firmware;
use qemu::packages;

use super::pc::{Pc, by_firstlight, package};
use crate::session::Session;

/// What tells the firmware's boot options, and what it needs.
const SUGGESTED: [&str; 4] = ["efibootmgr_", "libefiboot1_", "libefivar1_", "libpopt0_"];

/// A new kernel: another flavour of the same release, which is the newer one by its name, and small.
const KERNEL: &str = "linux-image-6";

/// What must be as it was: every file of the ESP and of GRUB's scripts, with its hash, and what the installer keeps.
const FILES: &str = "cd /; find boot/efi boot/grub boot/firstlight etc/grub.d etc/default var/lib/firstlight -type d 2>/dev/null | sort; \
                     find boot/efi boot/grub etc/grub.d etc/default -type f ! -name grubenv | sort | xargs sha256sum";

/// What the boot loader said of itself, for bootctl: after the attributes, text in UTF-16.
const WHO_BOOTED: &str = "cd /sys/firmware/efi/efivars; for name in LoaderInfo LoaderImageIdentifier; do cat $name-* | tail -c +5 | tr -d '[:cntrl:]'; done; echo";

/// The firmware's boot options and their order, as efibootmgr tells them: what booted this time, and the rest.
fn entries(session: &mut Session) -> (String, Vec<String>) {
    let (current, rest): (Vec<_>, Vec<_>) =
        session.run("efibootmgr -v").into_iter().partition(|line| line.starts_with("BootCurrent: "));
    (current.concat().replace("BootCurrent: ", ""), rest)
}

/// The value of one of efibootmgr's first lines.
fn value<'a>(entries: &'a [String], name: &str) -> &'a str {
    entries.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).unwrap_or_default()
}

/// The line of a boot option; empty where there is none.
fn option_of<'a>(entries: &'a [String], number: &str) -> &'a str {
    entries.iter().find(|line| line.starts_with(&format!("Boot{number}"))).map_or("", String::as_str)
}

/// The steps that were printed, without sizes.
fn steps(lines: &[String]) -> Vec<&str> {
    lines.iter().map(|line| line.split(" (").next().unwrap_or_default()).collect()
}

#[test]
fn under_uefi_it_is_tried_confirmed_updated_with_a_kernel_and_removed_without_a_trace() {
    let wanted = ["linux-image-cloud-amd64", "efibootmgr"];
    let names = [&SUGGESTED[..], &[KERNEL]].concat();
    let files = packages::fetch("bookworm", &wanted, &names).unwrap();
    let place =
        |name: &&str| if *name == KERNEL { "/kernel.deb".into() } else { format!("/suggested/{name}.deb") };
    let mut files: Vec<_> = names.iter().map(place).zip(files).collect();
    files.push(("/firstlight.deb".into(), package()));
    let pc = Pc::new("installer-uefi", Firmware::Uefi, &files);
    let mut session = pc.boot();
    session.run("dpkg -i /mnt/suggested/*.deb");
    session.run("grub-install --target=x86_64-efi --efi-directory=/boot/efi");
    // A smaller initrd is made in less time.
    session.run("echo MODULES=dep >/etc/initramfs-tools/conf.d/modules");
    session.run("dpkg -i /mnt/firstlight.deb");
    let (_, before) = entries(&mut session);
    let grub = value(&before, "BootOrder").split(',').next().unwrap().to_owned();
    assert!(option_of(&before, &grub).contains("debian"), "{before:?}");
    let files = session.run(FILES);
    let cmdline = session.run("cat /proc/cmdline");

    let printed = session.run("firstlight install");
    let (_, tried) = entries(&mut session);
    let own = value(&tried, "BootNext").to_owned();
    let expected = [
        "write /var/lib/firstlight/install.json".to_owned(),
        "make the directory /boot/efi/EFI/firstlight".into(),
        "make the directory /boot/efi/EFI/firstlight/a".into(),
        "write /boot/efi/EFI/firstlight/a/firstlight.efi".into(),
        format!(r"make the boot option Boot{own}: firstlight, \EFI\firstlight\a\firstlight.efi"),
        format!("put {own} at the end of BootOrder"),
        format!("set BootNext to {own}: the next boot tries it, once"),
        "write /var/lib/firstlight/install.json".into(),
        "the next boot tries firstlight, once; it becomes the default when that boot has come up".into(),
    ];
    assert_eq!(steps(&printed), expected);
    assert_eq!(value(&tried, "BootOrder"), format!("{},{own}", value(&before, "BootOrder")));
    session.power_off();

    let mut session = pc.boot();
    assert!(by_firstlight(&session), "{}", session.guest.console().tail());
    assert_eq!(session.run("cat /proc/cmdline"), cmdline);
    assert_eq!(
        session.run(WHO_BOOTED),
        [concat!("firstlight ", env!("CARGO_PKG_VERSION"), r"\EFI\firstlight\a\firstlight.efi")]
    );
    session.run("systemctl start firstlight-confirm");
    let (current, confirmed) = entries(&mut session);
    let first = format!("{own},{}", value(&before, "BootOrder"));
    assert_eq!(
        (&*current, value(&confirmed, "BootOrder"), value(&confirmed, "BootNext")),
        (&*own, &*first, "")
    );

    // The kernel's package has firstlight's hook write a new program, and the power is cut meanwhile.
    session.start("dpkg -i /mnt/kernel.deb");
    let written = "rig| make the directory /boot/efi/EFI/firstlight/b";
    session.wait(written, |line: &Line| line.text.contains(written).then_some(()));
    drop(session);

    // What booted before boots; the package's own way goes on where it was cut off.
    let mut session = pc.boot();
    assert!(by_firstlight(&session), "{}", session.guest.console().tail());
    let (current, cut) = entries(&mut session);
    assert_eq!((&current, &cut), (&own, &confirmed));
    let updated = session.run("dpkg --configure -a").join("\n");
    assert!(updated.contains("write /boot/efi/EFI/firstlight/b/firstlight.efi"), "{updated}");
    let (_, tried) = entries(&mut session);
    let newer = value(&tried, "BootNext").to_owned();
    assert_eq!(value(&tried, "BootOrder"), format!("{first},{newer}"));
    session.power_off();

    let mut session = pc.boot();
    assert!(by_firstlight(&session), "{}", session.guest.console().tail());
    assert!(session.run("uname -r").concat().ends_with("-cloud-amd64"));
    session.run("systemctl start firstlight-confirm");
    let (current, confirmed) = entries(&mut session);
    let first = format!("{newer},{}", value(&before, "BootOrder"));
    assert_eq!(
        (&*current, value(&confirmed, "BootOrder"), option_of(&confirmed, &own)),
        (&*newer, &*first, "")
    );
    let state = session.run("cat /var/lib/firstlight/install.json").concat();
    assert!(state.contains("cloud-amd64"), "{state}");
    session.run("dpkg -r firstlight");
    // The kernel's package has changed GRUB's menu meanwhile.
    let without_menu = |lines: Vec<String>| {
        lines.into_iter().filter(|line| !line.ends_with("/grub.cfg")).collect::<Vec<_>>()
    };
    assert_eq!(without_menu(session.run(FILES)), without_menu(files));
    session.power_off();

    let mut session = pc.boot();
    assert!(!by_firstlight(&session), "{}", session.guest.console().tail());
    assert_eq!(entries(&mut session), (grub, before));
    session.power_off();
}

#[test]
fn under_bios_it_is_an_entry_of_grubs_menu_that_boots_and_is_removed_without_a_trace() {
    let pc = Pc::new("installer-bios", Firmware::Bios, &[("/firstlight.deb".into(), package())]);
    let mut session = pc.boot();
    session.run("dpkg -i /mnt/firstlight.deb");
    // As this system writes it: its disk was made elsewhere.
    session.run("update-grub");
    let files = session.run(FILES);
    let cmdline = session.run("cat /proc/cmdline");
    let refused = "firstlight install: this machine was started by a BIOS, which has no boot entries: `firstlight install --recovery` \
                   makes an entry in the menu of the loader that is installed";
    assert_eq!(session.result("firstlight install"), ("1".into(), vec![refused.to_owned()]));
    let printed = session.run("firstlight install --recovery");
    let expected = [
        "write /var/lib/firstlight/install.json",
        "make the directory /boot/firstlight",
        "make the directory /boot/firstlight/a",
        "write /boot/firstlight/a/vmlinuz",
        "write /boot/firstlight/a/initramfs.img",
        "write /etc/grub.d/42_firstlight",
        "run grub-mkconfig -o /boot/grub/grub.cfg",
        "write /var/lib/firstlight/install.json",
    ];
    assert_eq!(steps(&printed), expected);
    session.run("grub-script-check /boot/grub/grub.cfg");
    // What a person does who chooses it in the menu.
    session.run("grub-reboot firstlight");
    session.power_off();

    let mut session = pc.boot();
    assert!(by_firstlight(&session), "{}", session.guest.console().tail());
    assert_eq!(session.run("cat /proc/cmdline"), cmdline);
    session.run("firstlight install --remove");
    assert_eq!(session.run(FILES), files);
    session.power_off();
}
