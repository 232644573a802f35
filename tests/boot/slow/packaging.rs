//! The package in a Debian that runs, by its own dpkg and systemd: an installation that fails leaves kexec-tools' program in its
//! place, and a restart goes into the kernel that the settings name.

use qemu::machine::Firmware;
use qemu::packages;

use super::pc::{Pc, package, settle};
use crate::session::Session;

/// kexec-tools, and what it depends on that the demo disk lacks.
const KEXEC_TOOLS: [&str; 12] = [
    "kexec-tools_",
    "libxencall1_",
    "libxendevicemodel1_",
    "libxenevtchn1_",
    "libxenforeignmemory1_",
    "libxengnttab1_",
    "libxenhypfs1_",
    "libxenmisc4.17_",
    "libxenstore4_",
    "libxentoolcore1_",
    "libxentoollog1_",
    "libyajl2_",
];

/// Makes a package that brings one of our files, too: dpkg refuses to overwrite it.
const RIVAL: &str = "mkdir -p rival/DEBIAN rival/usr/lib/firstlight; \
                     printf \"Package: rival\\nVersion: 1\\nArchitecture: all\\nMaintainer: nobody\\nDescription: rival\\n\" \
                     >rival/DEBIAN/control; touch rival/usr/lib/firstlight/load-kernel; dpkg-deb --build rival";

/// How the kernel that runs was started: kexec-tools' number and ours, of all loaders' (kernel: Documentation/arch/x86/boot.rst).
const LOADER: &str = "cat /proc/sys/kernel/bootloader_type";

/// kexec's number there.
const BY_KEXEC: &str = "208";

/// Whose program `kexec` is, by what it says of itself.
fn kexec(session: &mut Session) -> String {
    session.run("kexec --version").concat()
}

/// Restarts by a command, without the firmware: the machine would end where its firmware is asked to restart it.
fn restart(session: &mut Session, command: &str) {
    session.guest.send(&format!("{command}\n")).unwrap();
    settle(session);
    assert_eq!(session.run(LOADER), [BY_KEXEC], "{command}");
}

#[test]
fn a_failed_installation_leaves_kexec_and_a_restart_goes_into_the_kernel_that_the_settings_name() {
    let tools = packages::fetch("bookworm", &["kexec-tools"], &KEXEC_TOOLS).unwrap();
    let names = KEXEC_TOOLS.iter().map(|name| format!("/kexec-tools/{name}.deb"));
    let mut files: Vec<_> = names.zip(tools).collect();
    files.push(("/firstlight.deb".into(), package()));
    let pc = Pc::new("packaging", Firmware::Bios, &files);
    let mut session = pc.boot();
    session.run("DEBIAN_FRONTEND=noninteractive dpkg -i /mnt/kexec-tools/*.deb");
    let theirs = kexec(&mut session);
    assert!(theirs.starts_with("kexec-tools ") && !theirs.contains("firstlight"), "{theirs}");
    let diversions = session.run("dpkg-divert --list");
    session.run(RIVAL);
    session.run("dpkg -i rival.deb");
    let (status, said) = session.result("dpkg -i /mnt/firstlight.deb");
    let said = said.join("\n");
    assert!(status == "1" && said.contains("which is also in package rival"), "{said}");
    assert_eq!(
        (kexec(&mut session), session.run("dpkg-divert --list")),
        (theirs.clone(), diversions.clone())
    );

    session.run("dpkg -r rival");
    session.run("dpkg -i /mnt/firstlight.deb");
    let ours = kexec(&mut session);
    assert!(ours.contains("firstlight"), "{ours}");
    // An upgrade that fails leaves the version that is there.
    session.run("dpkg -i --force-overwrite rival.deb");
    let (status, said) = session.result("dpkg -i /mnt/firstlight.deb");
    let said = said.join("\n");
    assert!(status == "1" && said.contains("which is also in package rival"), "{said}");
    assert_eq!(kexec(&mut session), ours);
    session.run("dpkg -r rival");
    session.run("dpkg -r firstlight");
    assert_eq!((kexec(&mut session), session.run("dpkg-divert --list")), (theirs, diversions));
    session.run("dpkg -i /mnt/firstlight.deb");
    // With kexec-tools' own scripts a restart might be theirs.
    session.run("dpkg --purge kexec-tools");
    assert_eq!(kexec(&mut session), ours);

    assert_ne!(session.run(LOADER), [BY_KEXEC]);
    session.run("echo LOAD_KEXEC=\\\"true\\\" >>/etc/default/firstlight");
    session.run("systemctl start firstlight-load");
    restart(&mut session, "systemctl reboot");
    assert_eq!(session.run("cat /sys/kernel/kexec_loaded"), ["1"]);
    restart(&mut session, "systemctl kexec");
    assert_eq!(session.run("tail -n 1 /etc/default/firstlight"), ["LOAD_KEXEC=\"true\""]);
    session.power_off();
}
