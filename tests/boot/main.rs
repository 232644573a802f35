//! Whole boots in QEMU, each judged by what was really seen: landmarks on the serial console, or the probe's report.
//!
//! Most boot the probe, with Debian's kernel from small disks; only one test spends the time of a whole system.

mod boot_next;
mod buses;
mod demo;
mod fallback;
mod firmware;
mod hanging;
mod hypervisor;
mod kexec;
mod live;
mod loaders;
mod locked;
mod memory_test;
mod partitions;
mod power_cut;
mod rescue;
mod running;
mod session;
mod settings;
mod signatures;
mod slow;
mod state;
mod supervision;
mod untouched;

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use qemu::debian::Debian;
use qemu::disk::{Filesystem, Volume};
use qemu::machine::{Firmware, Machine};
use qemu::payload;

/// No single step of a boot takes that long, not even translated on a busy machine.
const LIMIT: Duration = Duration::from_secs(120);

/// From the jump to a whole system's login prompt: translated, beside other work, minutes.
const LOGIN_LIMIT: Duration = Duration::from_secs(400);

fn debian() -> &'static Debian {
    static DEBIAN: OnceLock<Debian> = OnceLock::new();
    DEBIAN.get_or_init(|| Debian::install().unwrap_or_else(|error| panic!("{error}")))
}

fn initramfs() -> &'static PathBuf {
    static INITRAMFS: OnceLock<PathBuf> = OnceLock::new();
    INITRAMFS.get_or_init(|| payload::firstlight(debian()).unwrap_or_else(|error| panic!("{error}")))
}

/// A machine that boots firstlight, without disks.
fn firstlight(name: &str) -> Machine {
    Machine::new(name).firmware(Firmware::None).kernel(&debian().kernel(), initramfs(), "console=ttyS0 quiet")
}

/// A file system with Debian's kernel, the probe as its initrd and this GRUB configuration, in which `@KERNEL` is
/// for the kernel's path and `@UUID` for the file system's.
fn bootable(filesystem: Filesystem, label: &str, configuration: &str) -> Volume {
    let uuid = Volume::uuid_of(label, filesystem);
    let configuration = configuration.replace("@KERNEL", "/boot/vmlinuz").replace("@UUID", &uuid);
    Volume::new(filesystem, label)
        .file("/boot/vmlinuz", debian().kernel())
        .file("/boot/initrd", payload::probe_initrd(label).unwrap())
        .file("/boot/grub/grub.cfg", configuration)
}

/// One entry that boots the probe at once.
const ONE_ENTRY: &str = "set timeout=0
menuentry 'The only one' --id only {
    search --no-floppy --fs-uuid --set=root @UUID
    linux @KERNEL root=UUID=@UUID ro console=ttyS0 quiet
    initrd /boot/initrd
}
";

/// The command line that [`ONE_ENTRY`] gives the kernel.
fn one_entry_cmdline(volume: &Volume) -> String {
    format!("BOOT_IMAGE=/boot/vmlinuz root=UUID={} ro console=ttyS0 quiet", volume.uuid())
}
