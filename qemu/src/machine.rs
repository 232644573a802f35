//! The parts of a machine, and the QEMU command line for it.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::accelerator::Accelerator;
use crate::error::{Context, Error};
use crate::guest::Guest;
use crate::pinned::{self, Tools};
use crate::{Result, arm64, place, tool};

/// The first code that the machine's processor runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Firmware {
    /// qboot: puts QEMU's kernel into memory and offers no services at all, neither BIOS nor UEFI. Boots no disk.
    None,
    /// SeaBIOS.
    #[default]
    Bios,
    /// OVMF, and AAVMF on arm64, with variables that forget.
    Uefi,
    /// OVMF with Secure Boot, whose keys are in its variables ([`crate::secure_boot`]). Only its own code in the processor's system
    /// management mode writes them.
    SecureBoot,
}

/// How a disk is attached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Bus {
    /// virtio-blk: `vda`.
    #[default]
    Virtio,
    /// `nvme0n1`.
    Nvme,
    /// The chipset's own SATA: `sda`.
    Ahci,
    /// A USB 3 stick: `sda`.
    Usb,
    /// virtio-scsi: `sda`.
    Scsi,
}

/// The names that options take.
pub const FIRMWARES: [(&str, Firmware); 3] =
    [("none", Firmware::None), ("bios", Firmware::Bios), ("uefi", Firmware::Uefi)];

/// The names that options take.
pub const BUSES: [(&str, Bus); 5] = [
    ("virtio", Bus::Virtio),
    ("nvme", Bus::Nvme),
    ("ahci", Bus::Ahci),
    ("usb", Bus::Usb),
    ("scsi", Bus::Scsi),
];

/// OVMF with 4 MiB of flash (Debian's package ovmf, [`pinned::DISKS`]).
const OVMF: &str = "/usr/share/OVMF/OVMF_CODE_4M.fd";

/// The same with Secure Boot.
const OVMF_SECURE_BOOT: &str = "/usr/share/OVMF/OVMF_CODE_4M.secboot.fd";

/// Its empty variable store.
pub(crate) const OVMF_VARIABLES: &str = "/usr/share/OVMF/OVMF_VARS_4M.fd";

/// A disk of a machine.
#[derive(Clone, Debug)]
pub struct Disk {
    image: PathBuf,
    bus: Bus,
    writable: bool,
    bytes_per_second: Option<u32>,
    boot_index: Option<u32>,
}

impl Disk {
    /// The disk in the file `image`, raw or qcow2, on virtio. What the guest writes is forgotten.
    #[must_use]
    pub fn new(image: impl Into<PathBuf>) -> Self {
        Self {
            image: image.into(),
            bus: Bus::default(),
            writable: false,
            bytes_per_second: None,
            boot_index: None,
        }
    }

    /// Attached in another way.
    #[must_use]
    pub fn bus(self, bus: Bus) -> Self {
        Self { bus, ..self }
    }

    /// The guest's writes go to the file.
    #[must_use]
    pub fn writable(self) -> Self {
        Self { writable: true, ..self }
    }

    /// It gives 64 bytes in a second, so that a driver that reads the partition table does not end its start.
    #[must_use]
    pub fn hanging(self) -> Self {
        Self { bytes_per_second: Some(64), ..self }
    }

    /// It gives 4 MiB in a second, so that what happens while a kernel is loaded from it can be seen.
    #[must_use]
    pub fn slow(self) -> Self {
        Self { bytes_per_second: Some(4 << 20), ..self }
    }

    /// The place in the firmware's boot order, lowest first.
    #[must_use]
    pub fn boot_index(self, index: u32) -> Self {
        Self { boot_index: Some(index), ..self }
    }
}

/// A machine that has not been started. Its name names its console's file.
#[derive(Clone, Debug)]
pub struct Machine {
    pub(crate) name: String,
    pub(crate) echo: bool,
    pub(crate) second_serial: bool,
    arm64: bool,
    firmware: Firmware,
    accelerator: Option<Accelerator>,
    emulator: Option<&'static Tools>,
    memory: u32,
    processors: u32,
    rom: Option<PathBuf>,
    variables: Option<PathBuf>,
    kernel: Option<PathBuf>,
    initrd: Option<PathBuf>,
    cmdline: String,
    disks: Vec<Disk>,
    options: Vec<OsString>,
}

impl Machine {
    /// A q35 machine with one processor, 1024 MiB, a VGA card and a serial port, without disks and network.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            echo: false,
            second_serial: false,
            arm64: false,
            firmware: Firmware::default(),
            accelerator: None,
            emulator: None,
            memory: 1024,
            processors: 1,
            rom: None,
            variables: None,
            kernel: None,
            initrd: None,
            cmdline: String::new(),
            disks: Vec::new(),
            options: Vec::new(),
        }
    }

    /// An arm64 machine instead: QEMU's own, translated. Its firmware is AAVMF or none: then a device tree describes it, and QEMU
    /// starts its kernel.
    #[must_use]
    pub fn arm64(self) -> Self {
        Self { arm64: true, ..self }
    }

    /// With this firmware.
    #[must_use]
    pub fn firmware(self, firmware: Firmware) -> Self {
        Self { firmware, ..self }
    }

    /// With this image in its flash, whatever firmware that is; with [`Self::variables`], these are in a flash below it.
    #[must_use]
    pub fn rom(self, image: impl Into<PathBuf>) -> Self {
        Self { rom: Some(image.into()), ..self }
    }

    /// With UEFI's variables in this file, which keeps them; it is made empty where there is none.
    #[must_use]
    pub fn variables(self, file: impl Into<PathBuf>) -> Self {
        Self { variables: Some(file.into()), ..self }
    }

    /// With this accelerator, instead of the faster one that works here.
    #[must_use]
    pub fn accelerator(self, accelerator: Accelerator) -> Self {
        Self { accelerator: Some(accelerator), ..self }
    }

    /// By the QEMU of this root, instead of this machine's own.
    #[must_use]
    pub fn emulator(self, emulator: &'static Tools) -> Self {
        Self { emulator: Some(emulator), ..self }
    }

    /// With this much memory, in MiB.
    #[must_use]
    pub fn memory(self, memory: u32) -> Self {
        Self { memory, ..self }
    }

    /// With this many processors.
    #[must_use]
    pub fn processors(self, processors: u32) -> Self {
        Self { processors, ..self }
    }

    /// QEMU hands this kernel and initrd to the firmware, which starts the kernel with `cmdline`.
    #[must_use]
    pub fn kernel(self, kernel: &Path, initrd: &Path, cmdline: &str) -> Self {
        Self {
            kernel: Some(kernel.to_owned()),
            initrd: Some(initrd.to_owned()),
            cmdline: cmdline.to_owned(),
            ..self
        }
    }

    /// And this disk, after those before it.
    #[must_use]
    pub fn disk(mut self, disk: Disk) -> Self {
        self.disks.push(disk);
        self
    }

    /// The console is also written to standard output.
    #[must_use]
    pub fn echo(self) -> Self {
        Self { echo: true, ..self }
    }

    /// With a second serial port, which [`Guest::second_serial`] speaks through.
    #[must_use]
    pub fn second_serial(self) -> Self {
        Self { second_serial: true, ..self }
    }

    /// More options for QEMU, as they are.
    #[must_use]
    pub fn options<A: Into<OsString>>(mut self, options: impl IntoIterator<Item = A>) -> Self {
        self.options.extend(options.into_iter().map(Into::into));
        self
    }

    /// Switches it on.
    ///
    /// # Errors
    /// When QEMU or a file that it needs is missing.
    pub fn start(&self) -> Result<Guest> {
        Guest::start(self)
    }

    /// The QEMU command line, without what the serial port is connected to. QEMU dies with the thread that starts it.
    ///
    /// # Errors
    /// When a file that it needs is missing.
    pub fn command(&self) -> Result<Command> {
        self.command_with(match self.accelerator {
            // The other architecture's are translated, whatever this machine has.
            None if !self.arm64 => Accelerator::detect()?,
            given => given.unwrap_or(Accelerator::Tcg),
        })
    }

    fn command_with(&self, accelerator: Accelerator) -> Result<Command> {
        let mut qemu = self.emulator.map_or_else(|| tool::command("setpriv"), |root| root.command("setpriv"));
        if self.emulator.is_some() {
            // A guest's writes go to a temporary file, by default in /var/tmp, which a root lacks.
            qemu.env("TMPDIR", place::directory("machines")?);
        }
        qemu.args(["--pdeathsig", "KILL", "--"]);
        if self.arm64 {
            qemu.args(["qemu-system-aarch64", "-accel", "tcg", "-machine", "virt", "-cpu", "cortex-a57"]);
        } else {
            qemu.arg("qemu-system-x86_64").args(accelerator.options());
            qemu.args(["-machine", "q35", "-vga", "std"]);
        }
        qemu.args(["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"]);
        qemu.args(["-m", &self.memory.to_string(), "-smp", &self.processors.to_string()]);
        qemu.args(["-name", &self.name]);
        if self.firmware == Firmware::None && !self.arm64 && self.rom.is_none() {
            qemu.args(["-bios", "qboot.rom"]);
        }
        for (unit, (file, mode)) in self.flashes()?.iter().enumerate() {
            let file = file.display().to_string().replace(',', ",,");
            qemu.arg("-drive").arg(format!("if=pflash,unit={unit},format=raw,file={file}{mode}"));
        }
        if self.firmware == Firmware::SecureBoot {
            // Only the firmware writes its variables, in a mode that a sleep state of the machine would have to bring back.
            qemu.args(["-global", "driver=cfi.pflash01,property=secure,value=on"]);
            qemu.args(["-global", "ICH9-LPC.disable_s3=1"]);
        }
        let rom = self.rom.as_ref().filter(|_| self.variables.is_none());
        for (option, file) in
            [("-bios", rom), ("-kernel", self.kernel.as_ref()), ("-initrd", self.initrd.as_ref())]
        {
            if let Some(file) = file {
                present(file)?;
                qemu.arg(option).arg(file);
            }
        }
        if self.kernel.is_some() {
            qemu.args(["-append", &self.cmdline]);
        }
        self.attach(&mut qemu)?;
        qemu.args(&self.options);
        Ok(qemu)
    }

    /// The code and the variables of a UEFI firmware, each in a flash of its own, with how QEMU opens its file.
    fn flashes(&self) -> Result<Vec<(PathBuf, &'static str)>> {
        let code = match (&self.rom, &self.variables, self.firmware) {
            (None, _, Firmware::Uefi) if self.arm64 => arm64::firmware()?,
            _ if self.arm64 => return Ok(Vec::new()),
            (Some(rom), Some(_), _) => rom.clone(),
            (None, _, Firmware::Uefi) => pinned::disks()?.file(OVMF)?,
            (None, _, Firmware::SecureBoot) => pinned::disks()?.file(OVMF_SECURE_BOOT)?,
            _ => return Ok(Vec::new()),
        };
        present(&code)?;
        let empty = match self.arm64 {
            true => arm64::variables()?,
            false => pinned::disks()?.file(OVMF_VARIABLES)?,
        };
        let variables = match &self.variables {
            None => (empty, ",snapshot=on"),
            Some(file) => {
                if !file.exists() {
                    fs::copy(&empty, file).context(|| format!("writing {}", file.display()))?;
                }
                (file.clone(), "")
            }
        };
        Ok(vec![(code, ",readonly=on"), variables])
    }

    fn attach(&self, qemu: &mut Command) -> Result<()> {
        let has = |bus| self.disks.iter().any(|disk| disk.bus == bus);
        if has(Bus::Ahci) && self.arm64 {
            // PCs have it in the chipset. Its ports get their names from its own.
            qemu.args(["-device", "ich9-ahci,id=ide"]);
        }
        if has(Bus::Usb) {
            qemu.args(["-device", "qemu-xhci"]);
        }
        if has(Bus::Scsi) {
            qemu.args(["-device", "virtio-scsi-pci"]);
        }
        let mut sata_port = 0;
        for (index, disk) in self.disks.iter().enumerate() {
            present(&disk.image)?;
            let mut drive =
                OsString::from(format!("if=none,id=disk{index},format={},file=", format(&disk.image)?));
            // QEMU reads a doubled comma as one.
            drive.push(disk.image.to_string_lossy().replace(',', ",,"));
            drive.push(if disk.writable { ",discard=unmap" } else { ",snapshot=on" });
            if let Some(bytes) = disk.bytes_per_second {
                drive.push(format!(",throttling.bps-total={bytes}"));
            }
            let mut device = match disk.bus {
                Bus::Virtio => format!("virtio-blk-pci,drive=disk{index}"),
                Bus::Nvme => format!("nvme,serial=rig{index},drive=disk{index}"),
                Bus::Ahci => {
                    sata_port += 1;
                    format!("ide-hd,bus=ide.{},drive=disk{index}", sata_port - 1)
                }
                Bus::Usb => format!("usb-storage,drive=disk{index}"),
                Bus::Scsi => format!("scsi-hd,drive=disk{index}"),
            };
            if let Some(boot_index) = disk.boot_index {
                device += &format!(",bootindex={boot_index}");
            }
            qemu.arg("-drive").arg(drive).args(["-device", &device]);
        }
        Ok(())
    }
}

fn present(file: &Path) -> Result<()> {
    if file.exists() {
        return Ok(());
    }
    Err(Error::Other(format!("{}: no such file; scripts/setup.sh installs what is missing", file.display())))
}

/// QEMU would guess a raw disk's format from its first bytes too, but warn and refuse writes to the boot sector.
fn format(image: &Path) -> Result<&'static str> {
    use std::io::Read as _;
    let mut magic = [0; 4];
    let read = fs::File::open(image).and_then(|mut file| file.read_exact(&mut magic));
    match read {
        Err(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => {
            Err(error).context(|| format!("reading {}", image.display()))
        }
        _ => Ok(if magic == *b"QFI\xfb" { "qcow2" } else { "raw" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_qcow2_file_is_recognised() {
        let directory = std::env::temp_dir();
        for (name, content, expected) in [
            ("q", &b"QFI\xfb\0\0\0\x03"[..], "qcow2"),
            ("r", &[0; 512][..], "raw"),
            ("short", &b"x"[..], "raw"),
        ] {
            let path = directory.join(format!("firstlight-format-{name}"));
            fs::write(&path, content).unwrap();
            assert_eq!(format(&path).unwrap(), expected, "{name}");
        }
    }

    #[test]
    fn disks_of_all_buses_go_to_the_command_line_in_order() {
        let image = std::env::temp_dir().join("firstlight-disk,with comma");
        fs::write(&image, [0; 512]).unwrap();
        let mut machine = Machine::new("m");
        for (_, bus) in BUSES {
            machine = machine.disk(Disk::new(&image).bus(bus).boot_index(0));
        }
        let command = machine.command_with(Accelerator::Tcg).unwrap();
        let words: Vec<String> = command.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
        let devices: Vec<&str> = words
            .iter()
            .filter_map(|word| word.split_once(",drive=disk").map(|(device, _)| device))
            .collect();
        assert_eq!(
            devices,
            ["virtio-blk-pci", "nvme,serial=rig1", "ide-hd,bus=ide.0", "usb-storage", "scsi-hd"]
        );
        assert!(words.iter().any(|word| word.contains("disk,,with comma,snapshot=on")), "{words:?}");
    }
}
