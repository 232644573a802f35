//! `scripts/run-qemu.sh`: boots a disk through firstlight, in the terminal or watched until its login prompt.
#![forbid(unsafe_code)]

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use initramfs::kernel::Architecture;
use lexopt::{Arg, Parser, ValueExt};
use qemu::accelerator::Accelerator;
use qemu::debian::{Debian, RELEASES, Release};
use qemu::firmware_images::Payload;
use qemu::machine::{BUSES, Bus, Disk, FIRMWARES, Firmware, Machine};
use qemu::{Error, Result, debian_arm64, demo, firmware_kernel, logical, payload};
use regex::Regex;
use serde_json::json;

const HELP: &str = "\
Usage: scripts/run-qemu.sh [OPTION]… [IMAGE]

Boots a disk through firstlight in QEMU, its serial console in your terminal. Without IMAGE the disk is a Debian that
the first run installs (a few minutes; it needs the network once); root logs in without a password.
Leave with Ctrl-A X. Ctrl-A C is QEMU's monitor.

IMAGE is a raw or qcow2 disk of yours. It is never written, unless you say so.

Options:
      --arch x86_64|aarch64
                        the machine (default x86_64). An aarch64 machine is always translated; its Debian takes some ten minutes
                        once, and firstlight's kernel is that of scripts/build-kernel.sh, which takes half an hour once
      --release 12|13   the Debian that is installed (default 12)
      --firmware bios|uefi|none|coreboot|flash|esp
                        bios (default): SeaBIOS starts firstlight's kernel through an option ROM
                        uefi: OVMF starts it through its EFI stub; the booted system finds UEFI's runtime services
                        none: qboot puts it into memory and offers nothing else; the fastest
                        In these three QEMU hands over firstlight's kernel and initramfs; in the next three they are
                        where a boot loader would be, with the kernel of scripts/build-kernel.sh:
                        coreboot: the payload of a coreboot ROM
                        flash: in OVMF's flash, in the place of its shell
                        esp: OVMF starts /EFI/BOOT/BOOTX64.EFI of a disk beside yours
                        For aarch64 there are none (default: QEMU starts the kernel itself), uefi and esp, with AAVMF
      --disk-bus virtio|nvme|ahci|usb|scsi
                        how the disk is attached (default virtio)
      --kernel FILE     firstlight's kernel, with its drivers built in (default on x86_64: Debian's, with modules)
      --append WORDS    more words for firstlight's kernel command line, firstlight.* among them
      --memory MIB      default 2048
      --cpus N          default 2
      --write           what the guest writes goes to the disk
      --headless        no keyboard: print the console until the login prompt, then stop
      --until REGEX     stop at a console line that matches this instead (implies --headless)
      --timeout S       give up after this many seconds of the machine (implies --headless; default 600)
      --prepare         make what is booted and stop
  -h, --help            this help

Exit code when headless: 0 it came; 1 time is up, or the machine panicked or went off; 2 wrong usage.

Examples:
  scripts/run-qemu.sh
  scripts/run-qemu.sh --firmware coreboot
  scripts/run-qemu.sh --arch aarch64 --firmware esp --release 13
  scripts/run-qemu.sh --headless --timeout 600
  scripts/run-qemu.sh --firmware uefi --disk-bus nvme my-disk.qcow2
  scripts/run-qemu.sh --append 'firstlight.timeout=30' --until '@jump'
";

/// The last line of getty.
const LOGIN: &str = "login: *$";

/// Where firstlight is.
#[derive(Clone, Copy)]
enum Place {
    /// Nowhere: QEMU hands it over to this firmware.
    Handed(Firmware),
    /// In an image that the builder makes.
    Inside(BootImage),
}

/// An image with firstlight in it.
#[derive(Clone, Copy)]
enum BootImage {
    Coreboot,
    Flash,
    Esp,
}

/// The names that the option takes beside those of firmwares.
const IMAGES: [(&str, BootImage); 3] =
    [("coreboot", BootImage::Coreboot), ("flash", BootImage::Flash), ("esp", BootImage::Esp)];

struct Request {
    architecture: Architecture,
    release: Release,
    image: Option<PathBuf>,
    place: Place,
    bus: Bus,
    kernel: Option<PathBuf>,
    append: String,
    memory: u32,
    cpus: u32,
    write: bool,
    prepare: bool,
    /// The text that is awaited, and for how long; without one, the console is in the terminal.
    watch: Option<(Regex, Duration)>,
}

fn main() -> ExitCode {
    let request = match parse(Parser::from_env()) {
        Ok(Some(request)) => request,
        Ok(None) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("run-qemu: {error}; --help tells the options");
            return ExitCode::from(2);
        }
    };
    match run(&request) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("run-qemu: {error}");
            ExitCode::FAILURE
        }
    }
}

impl Place {
    /// Whether machines of an architecture have it.
    fn exists_on(self, architecture: Architecture) -> bool {
        let everywhere =
            matches!(self, Self::Handed(Firmware::None | Firmware::Uefi) | Self::Inside(BootImage::Esp));
        everywhere || architecture == Architecture::X86_64
    }
}

/// `None` is a request for help.
fn parse(mut parser: Parser) -> std::result::Result<Option<Request>, lexopt::Error> {
    let mut request = Request {
        architecture: Architecture::X86_64,
        release: Release::default(),
        image: None,
        place: Place::Handed(Firmware::Bios),
        bus: Bus::Virtio,
        kernel: None,
        append: String::new(),
        memory: 2048,
        cpus: 2,
        write: false,
        prepare: false,
        watch: None,
    };
    let (mut place, mut headless, mut until, mut timeout) = (None, false, None, None);
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("arch") => request.architecture = parser.value()?.string()?.parse()?,
            Arg::Long("release") => request.release = one_of(&parser.value()?.string()?, &RELEASES)?,
            Arg::Long("firmware") => place = Some(one_of(&parser.value()?.string()?, &places())?),
            Arg::Long("disk-bus") => request.bus = one_of(&parser.value()?.string()?, &BUSES)?,
            Arg::Long("kernel") => request.kernel = Some(parser.value()?.into()),
            Arg::Long("append") => request.append = parser.value()?.string()?,
            Arg::Long("memory") => request.memory = parser.value()?.parse()?,
            Arg::Long("cpus") => request.cpus = parser.value()?.parse()?,
            Arg::Long("write") => request.write = true,
            Arg::Long("prepare") => request.prepare = true,
            Arg::Long("headless") => headless = true,
            Arg::Long("until") => until = Some(parser.value()?.parse_with(Regex::new)?),
            Arg::Long("timeout") => timeout = Some(Duration::from_secs(parser.value()?.parse()?)),
            Arg::Long("help") | Arg::Short('h') => return Ok(None),
            Arg::Value(image) if request.image.is_none() => request.image = Some(image.into()),
            _ => return Err(argument.unexpected()),
        }
    }
    request.place = match (place, request.architecture) {
        (Some(place), architecture) if !place.exists_on(architecture) => {
            return Err("aarch64 machines have the --firmware none, uefi and esp only".into());
        }
        (Some(place), _) => place,
        (None, Architecture::X86_64) => Place::Handed(Firmware::Bios),
        (None, Architecture::Aarch64) => Place::Handed(Firmware::None),
    };
    if headless || until.is_some() || timeout.is_some() {
        let login = || Regex::new(LOGIN).map_err(|error| error.to_string());
        let until = until.map_or_else(login, Ok)?;
        request.watch = Some((until, timeout.unwrap_or(Duration::from_secs(600))));
    }
    Ok(Some(request))
}

fn places() -> Vec<(&'static str, Place)> {
    let handed = FIRMWARES.into_iter().map(|(name, firmware)| (name, Place::Handed(firmware)));
    handed.chain(IMAGES.into_iter().map(|(name, image)| (name, Place::Inside(image)))).collect()
}

fn one_of<T: Copy>(word: &str, names: &[(&str, T)]) -> std::result::Result<T, lexopt::Error> {
    let found = names.iter().find(|(name, _)| *name == word);
    let all: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
    found.map(|(_, value)| *value).ok_or_else(|| format!("{word:?} is none of {}", all.join(", ")).into())
}

fn run(request: &Request) -> Result<()> {
    let machine = Machine::new("machine").memory(request.memory).processors(request.cpus);
    let (machine, image) = match request.architecture {
        Architecture::X86_64 => pc(request, machine)?,
        Architecture::Aarch64 => arm64(request, machine)?,
    };
    if request.prepare {
        return Ok(());
    }
    let disk = Disk::new(image).bus(request.bus);
    let machine = machine.disk(if request.write { disk.writable() } else { disk });
    match &request.watch {
        Some((until, timeout)) => watch(machine, until, *timeout, request.write),
        None => attach(&machine),
    }
}

/// A PC with firstlight, and the disk that it boots.
fn pc(request: &Request, machine: Machine) -> Result<(Machine, PathBuf)> {
    let debian = Debian::install_release(request.release)?;
    let image = match &request.image {
        Some(image) => image.clone(),
        None => demo::disk(&debian)?,
    };
    let cmdline = cmdline("console=tty0 console=ttyS0,115200 quiet", request);
    let machine = match request.place {
        Place::Handed(firmware) => {
            let kernel = request.kernel.clone().unwrap_or_else(|| debian.kernel());
            let initramfs = payload::firstlight(&debian)?;
            machine.firmware(firmware).kernel(&kernel, &initramfs, &cmdline)
        }
        Place::Inside(image) => {
            let kernel = request.kernel.clone().map_or_else(firmware_kernel::plain, Ok)?;
            let initramfs = payload::firstlight_without_modules()?;
            put_into(machine, image, &kernel, &initramfs, &cmdline)?
        }
    };
    // Tests want a second disk of the release that they are made for.
    if request.prepare && request.release == Release::default() {
        logical::disk(&debian)?;
        Accelerator::detect()?;
    }
    Ok((machine, image))
}

/// The same for arm64.
fn arm64(request: &Request, machine: Machine) -> Result<(Machine, PathBuf)> {
    let image = match &request.image {
        Some(image) => image.clone(),
        None => debian_arm64::disk(request.release)?,
    };
    let cmdline = cmdline("console=ttyAMA0,115200 quiet", request);
    let initramfs = payload::firstlight_without_modules_for(Architecture::Aarch64)?;
    let kernel = match &request.kernel {
        Some(kernel) => kernel.clone(),
        None => {
            let kernel = firmware_kernel::plain_for(Architecture::Aarch64)?;
            // QEMU itself starts no kernel that decompresses itself.
            if matches!(request.place, Place::Handed(Firmware::None)) {
                kernel.plain_image()
            } else {
                kernel.image()
            }
        }
    };
    let machine = machine.arm64();
    let machine = match request.place {
        Place::Handed(firmware) => machine.firmware(firmware).kernel(&kernel, &initramfs, &cmdline),
        Place::Inside(image) => put_into(machine, image, &kernel, &initramfs, &cmdline)?,
    };
    Ok((machine, image))
}

fn cmdline(words: &str, request: &Request) -> String {
    format!("{words} {}", request.append).trim_end().to_owned()
}

/// Puts firstlight where a boot loader is.
fn put_into(
    machine: Machine,
    image: BootImage,
    kernel: &Path,
    initramfs: &Path,
    cmdline: &str,
) -> Result<Machine> {
    let payload = Payload { kernel, initramfs, cmdline };
    Ok(match image {
        BootImage::Coreboot => machine.rom(payload.coreboot("machine")?),
        BootImage::Flash => machine.rom(payload.flash("machine")?),
        BootImage::Esp => {
            machine.firmware(Firmware::Uefi).disk(Disk::new(payload.esp("machine-esp")?).boot_index(0))
        }
    })
}

/// Gives the terminal to QEMU.
fn attach(machine: &Machine) -> Result<()> {
    eprintln!("run-qemu: Ctrl-A X leaves; root logs in without a password on the demo disk");
    let mut qemu = machine.command()?;
    let source = qemu.args(["-serial", "mon:stdio"]).exec();
    Err(Error::Start { program: "setpriv".into(), source })
}

fn watch(machine: Machine, until: &Regex, timeout: Duration, write: bool) -> Result<()> {
    let begun = Instant::now();
    let mut guest = machine.echo().start()?;
    let awaited = format!("line that matches \"{until}\"");
    let seen = guest.wait(&awaited, timeout, |line| until.is_match(&line.text).then(|| line.text.clone()))?;
    println!("\nrun-qemu: after {:.1} s: {seen}", begun.elapsed().as_secs_f64());
    if write {
        // Its file systems shall be clean; a system that is not up yet does not listen.
        guest.monitor()?.execute("system_powerdown", &json!({}))?;
        let _ = guest.wait_off(Duration::from_secs(60));
    }
    Ok(())
}
