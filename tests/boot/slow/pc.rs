//! A PC with a Debian, whose disk and firmware's variables keep what is written to them, and a second disk with packages.

use std::fs;
use std::path::PathBuf;

use qemu::debian::Debian;
use qemu::disk::{Filesystem, Image, Volume};
use qemu::machine::{Disk, Firmware, Machine};
use qemu::{demo, disk, place, tool};

use crate::debian;
use crate::session::{RIG, Session};

/// The PC, while it is off. Its files go with it.
pub struct Pc {
    name: &'static str,
    firmware: Firmware,
    disk: PathBuf,
    packages: PathBuf,
    variables: PathBuf,
}

impl Pc {
    /// With the demo disk, and these files on a second one, by their paths.
    pub fn new(name: &'static str, firmware: Firmware, files: &[(String, PathBuf)]) -> Self {
        let directory = place::directory("disks").unwrap();
        let (disk, variables) =
            (directory.join(format!("{name}.img")), directory.join(format!("{name}.variables")));
        demo::copy(&demo::disk(debian()).unwrap(), &disk).unwrap();
        let _ = fs::remove_file(&variables);
        disk::write_into_ext(&disk, Debian::root_offset(), &[("/root/rig", RIG.as_bytes())]).unwrap();
        let volume = Volume::new(Filesystem::Ext4, name);
        let volume = files.iter().fold(volume, |volume, (path, file)| volume.file(path, file.clone()));
        let packages = Image::new().volume(volume).build(&format!("{name}-packages")).unwrap();
        Self { name, firmware, disk, packages, variables }
    }

    /// Switches it on, and waits until the whole system is up; the packages are at `/mnt` then.
    pub fn boot(&self) -> Session {
        let machine = Machine::new(self.name).firmware(self.firmware);
        let machine = match self.firmware {
            Firmware::Uefi => machine.variables(&self.variables),
            _ => machine,
        };
        let machine = machine.disk(Disk::new(&self.disk).writable()).disk(Disk::new(&self.packages));
        let mut session = Session::new(machine.start().unwrap());
        settle(&mut session);
        session.run("mount -o ro /dev/vdb1 /mnt");
        session
    }
}

impl Drop for Pc {
    fn drop(&mut self) {
        for file in [&self.disk, &self.packages, &self.variables] {
            let _ = fs::remove_file(file);
        }
    }
}

/// Logs in, and waits until the system is up: from then on nothing else writes on the console.
pub fn settle(session: &mut Session) {
    session.log_in();
    session.run("dmesg --console-off");
    session.result("systemctl is-system-running --wait");
}

/// Whether the boot went through firstlight.
pub fn by_firstlight(session: &Session) -> bool {
    session.guest.landmarks().iter().any(|landmark| landmark.name == "jump")
}

/// firstlight's package, built now.
pub fn package() -> PathBuf {
    let script = place::workspace().join("scripts/package.sh");
    let printed = tool::run(script.to_str().unwrap(), [""; 0]).unwrap();
    place::workspace().join(printed.trim().lines().last().unwrap())
}
