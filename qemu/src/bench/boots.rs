//! The same disk on the same machine by GRUB, by systemd-boot, and by firstlight in each place where a boot loader can be: when
//! firstlight starts, when the system's kernel speaks, and when its initrd runs, all since power-on.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Report;
use super::report::median;
use crate::cache::{Recipe, cached};
use crate::debian::Debian;
use crate::debian_kernel::DebianKernel;
use crate::disk::{Filesystem, Image, Volume};
use crate::error::Error;
use crate::firmware_images::{Payload, Tpm};
use crate::guest::Guest;
use crate::machine::{Disk, Firmware, Machine};
use crate::workshop::{self, Job};
use crate::{Result, demo, firmware_kernel, payload, pinned};

/// An odd number, of which the median counts.
const RUNS: usize = 5;

const LIMIT: Duration = Duration::from_secs(300);

/// The command line of firstlight's own kernel; it keeps silent so that the next kernel is the first to speak.
const QUIET: &str = "console=ttyS0,115200 quiet firstlight.timeout=0";

/// firstlight's first line.
const START: &str = "firstlight: @start";

/// The first words of every Linux.
const FIRST_LINE: &str = "Linux version ";

/// The release whose kernel the disk has.
const SUITE: &str = "trixie";

/// The kernel and the files that go onto the demo disk are on the second disk.
const PREPARE: &str = "\
mount -t ext4 /dev/vda3 /mnt
mkdir -p /parts /esp
mount -t ext4 /dev/vdb1 /parts
mount -t vfat /dev/vda2 /esp
";

/// Without a countdown, and with the newer kernel. Debian's initrd keeps its size, since every loader reads all of it, but its
/// init is the probe: in a second archive, which begins at a multiple of four bytes as the kernel wants it.
const BY_GRUB: &str = "\
release=$(ls /parts | sed -n 's/^vmlinuz-//p')
old=$(ls /mnt/boot | sed -n 's/^vmlinuz-//p')
initrd=/mnt/boot/initrd.img-$release
mv \"/mnt/boot/initrd.img-$old\" \"$initrd\"
truncate -s $((($(stat -c %s \"$initrd\") + 3) / 4 * 4)) \"$initrd\"
cat /parts/probe >> \"$initrd\"
rm \"/mnt/boot/vmlinuz-$old\"
cp \"/parts/vmlinuz-$release\" /mnt/boot/
sed -i -e \"s/$old/$release/g\" -e 's/set timeout=[0-9]*/set timeout=0/' /mnt/boot/grub/grub.cfg
umount /esp /parts /mnt
";

/// systemd-boot reads from the ESP only, so the same kernel and initrd are there, too.
const BY_SYSTEMD_BOOT: &str = "\
cp /parts/systemd-bootx64.efi /esp/EFI/BOOT/BOOTX64.EFI
mkdir -p /esp/loader/entries
cp /mnt/boot/vmlinuz-* /esp/linux
cp /mnt/boot/initrd.img-* /esp/initrd
options=$(sed -n 's/^[[:space:]]*linux[[:space:]]*[^ ]* //p' /mnt/boot/grub/grub.cfg | head -n 1)
printf 'title Debian\\nlinux /linux\\ninitrd /initrd\\noptions %s\\n' \"$options\" > /esp/loader/entries/debian.conf
echo 'timeout 0' > /esp/loader/loader.conf
umount /esp /parts /mnt
";

/// Below which other way's time a way must be, and by which factor.
type Bound = (&'static str, f64);

const BIOS_GRUB: &str = "bios-grub";
const UEFI_GRUB: &str = "uefi-grub";
const UEFI_SYSTEMD_BOOT: &str = "uefi-systemd-boot";

/// One way to the system, and what its time to the system's first line is at most.
struct Way {
    name: &'static str,
    machine: Machine,
    bounds: &'static [Bound],
}

pub(super) fn measure(report: &mut Report) -> Result<()> {
    let ways = ways()?;
    // In turns, so that what else this machine does meets all of them alike.
    let mut runs: Vec<Vec<Times>> = ways.iter().map(|_| Vec::new()).collect();
    for _ in 0..RUNS {
        for (way, times) in ways.iter().zip(&mut runs) {
            let time = boot(&way.machine)?;
            // Firmware may have found the disk's own loader first.
            if way.name.ends_with("firstlight") && time.start.is_none() {
                return Err(Error::Other(format!("{}: the disk was booted without firstlight", way.name)));
            }
            times.push(time);
        }
    }
    let median_of = |times: &[Times], which: fn(&Times) -> Option<Duration>| {
        let times: Vec<f64> = times.iter().filter_map(which).map(|time| time.as_secs_f64()).collect();
        (!times.is_empty()).then(|| median(times))
    };
    let kernel_by = |name: &str| {
        let place = ways.iter().position(|way| way.name == name)?;
        median_of(runs.get(place)?, |times| Some(times.kernel))
    };
    for (way, times) in ways.iter().zip(&runs) {
        if let Some(start) = median_of(times, |times| times.start) {
            report.add(&format!("boot-{}-start", way.name), start, "s", None);
        }
        let bounds = way.bounds.iter().filter_map(|(other, factor)| Some(kernel_by(other)? * factor));
        let kernel = kernel_by(way.name).unwrap_or(f64::INFINITY);
        report.add(&format!("boot-{}-kernel", way.name), kernel, "s", bounds.reduce(f64::min));
        let probe = median_of(times, |times| Some(times.probe)).unwrap_or(f64::INFINITY);
        report.add(&format!("boot-{}-probe", way.name), probe, "s", None);
    }
    Ok(())
}

fn ways() -> Result<Vec<Way>> {
    let debian = Debian::install()?;
    let parts = parts()?;
    let disk = made("bench", &debian, &demo::disk(&debian)?, &parts, BY_GRUB)?;
    let for_systemd_boot = made("bench-systemd-boot", &debian, &disk, &parts, BY_SYSTEMD_BOOT)?;
    let (kernel, initramfs) = (firmware_kernel::plain()?, payload::firstlight_without_modules()?);
    let own = Payload { kernel: &kernel, initramfs: &initramfs, cmdline: QUIET };
    let way = |name: &'static str, bounds| {
        let machine = Machine::new(&format!("bench-{name}"));
        let firmware = if name.starts_with("uefi") { Firmware::Uefi } else { Firmware::Bios };
        let disk = if name == UEFI_SYSTEMD_BOOT { &for_systemd_boot } else { &disk };
        Way { name, machine: machine.firmware(firmware).disk(Disk::new(disk)), bounds }
    };
    let with = |way: Way, change: &dyn Fn(Machine) -> Result<Machine>| {
        Ok::<_, Error>(Way { machine: change(way.machine)?, ..way })
    };
    Ok(vec![
        way(BIOS_GRUB, &[]),
        with(way("bios-firstlight", &[(BIOS_GRUB, 0.7)]), &|machine| {
            Ok(machine.kernel(own.kernel, own.initramfs, QUIET))
        })?,
        with(way("coreboot-firstlight", &[(BIOS_GRUB, 0.65)]), &|machine| {
            Ok(machine.rom(own.coreboot("bench-coreboot")?))
        })?,
        way(UEFI_GRUB, &[]),
        way(UEFI_SYSTEMD_BOOT, &[]),
        // The machine has no TPM, and OVMF's drivers wait for one: an image for such a machine leaves them out.
        with(way("uefi-flash-firstlight", &[(UEFI_GRUB, 0.9), (UEFI_SYSTEMD_BOOT, 1.0)]), &|machine| {
            Ok(machine.rom(own.flash_of("bench-flash", Tpm::Absent)?))
        })?,
        with(way("uefi-flash-with-tpm-drivers-firstlight", &[(UEFI_GRUB, 1.0)]), &|machine| {
            Ok(machine.rom(own.flash_of("bench-flash-with-tpm-drivers", Tpm::Present)?))
        })?,
    ])
}

/// A disk with what goes onto the demo disk: the kernel of [`SUITE`], the probe, systemd-boot.
fn parts() -> Result<PathBuf> {
    let kernel = DebianKernel::unpack(SUITE)?;
    let systemd_boot = pinned::tests()?.file("/usr/lib/systemd/boot/efi/systemd-bootx64.efi")?;
    let volume = Volume::new(Filesystem::Ext4, "parts")
        .file(&format!("/vmlinuz-{}", kernel.release()), kernel.image()?)
        .file("/probe", payload::probe_initrd("bench")?)
        .file("/systemd-bootx64.efi", systemd_boot);
    Image::new().volume(volume).build("bench-parts")
}

/// A copy of `base` that `script` has changed, with `parts` at hand.
fn made(name: &str, debian: &Debian, base: &Path, parts: &Path, script: &str) -> Result<PathBuf> {
    let script = format!("{PREPARE}{script}");
    let probe = payload::probe_initrd("bench")?;
    let recipe = Recipe::new(&script)
        .and(base.as_os_str().as_encoded_bytes())
        .and(&probe)
        .and(DebianKernel::unpack(SUITE)?.release());
    cached(name, &recipe, |image| {
        demo::copy(base, image)?;
        let job = Job {
            name: "workshop-bench",
            disks: &[image],
            sources: &[parts],
            modules: &["ext4", "vfat", "nls_cp437", "nls_ascii"],
            programs: &[],
            script: &script,
            limit: LIMIT,
        };
        workshop::run(debian, &job)
    })
}

/// Since power-on.
struct Times {
    /// firstlight's first line; `None` where it is not in the path.
    start: Option<Duration>,
    /// The first line of the system's kernel.
    kernel: Duration,
    /// The probe's report.
    probe: Duration,
}

fn boot(machine: &Machine) -> Result<Times> {
    let guest: Guest = machine.start()?;
    let kernel = guest.wait_for_text(FIRST_LINE, LIMIT)?;
    let probe = guest
        .wait("the probe's report", LIMIT, |line| line.text.contains("\"release\"").then_some(line.at))?;
    let lines = guest.console().lines();
    let start = lines.iter().find(|line| line.text.contains(START)).map(|line| line.at);
    Ok(Times { start, kernel, probe })
}
