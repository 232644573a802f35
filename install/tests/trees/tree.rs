//! Directory trees that look like installed systems, with a real partition table, variables as a firmware has them, and devices as
//! sysfs shows them.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use install::arguments::{Action, Options, Request};
use install::facts::{Facts, survey};
use install::plan::Plan;
use install::run;
use install::system::{GLOBAL, System};
use qemu::disk::{PartitionKind, Table, partition};
use qemu::pinned;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// The ESP of [`Distribution`]s' disks, as sfdisk makes it: the first partition, from 1 MiB, of 200 MiB.
pub const ESP_UUID: &str = "f1257116-0000-4000-8000-000000000001";

/// A distribution's layout.
pub struct Distribution {
    pub id: &'static str,
    /// Where the ESP is mounted.
    pub esp: &'static str,
    /// Its loader on the ESP.
    pub loader: &'static str,
    pub release: &'static str,
    /// The kernel's file.
    pub kernel: &'static str,
    /// Files of its boot loader.
    pub files: &'static [&'static str],
}

pub const DEBIAN: Distribution = Distribution {
    id: "debian",
    esp: "/boot/efi",
    loader: "EFI/debian/shimx64.efi",
    release: "6.1.0-18-amd64",
    kernel: "boot/vmlinuz-6.1.0-18-amd64",
    files: &["boot/grub/grub.cfg", "etc/grub.d/10_linux", "usr/sbin/grub-mkconfig"],
};

pub const UBUNTU: Distribution = Distribution {
    id: "ubuntu",
    loader: "EFI/ubuntu/shimx64.efi",
    release: "6.8.0-31-generic",
    kernel: "boot/vmlinuz-6.8.0-31-generic",
    ..DEBIAN
};

pub const FEDORA: Distribution = Distribution {
    id: "fedora",
    esp: "/boot/efi",
    loader: "EFI/fedora/shimx64.efi",
    release: "6.8.5-301.fc40.x86_64",
    kernel: "usr/lib/modules/6.8.5-301.fc40.x86_64/vmlinuz",
    files: &[
        "boot/loader/entries/f1257116547000000000000000000001-6.8.5-301.fc40.x86_64.conf",
        "boot/grub2/grub.cfg",
        "etc/grub.d/10_linux",
        "usr/sbin/grub2-mkconfig",
    ],
};

pub const ARCH: Distribution = Distribution {
    id: "arch",
    esp: "/efi",
    loader: "EFI/systemd/systemd-bootx64.efi",
    release: "6.9.1-arch1-1",
    kernel: "usr/lib/modules/6.9.1-arch1-1/vmlinuz",
    files: &["efi/loader/entries/arch.conf", "efi/loader/loader.conf"],
};

/// Arch with its ESP at /boot.
pub const ARCH_BOOT: Distribution = Distribution {
    esp: "/boot",
    files: &["boot/loader/entries/arch.conf", "boot/loader/loader.conf"],
    ..ARCH
};

/// A tree.
pub struct Machine {
    pub directory: TempDir,
    pub system: System,
}

impl Machine {
    pub fn new(distribution: &Distribution) -> Self {
        let directory = TempDir::new().unwrap();
        let machine = Self { system: System::new(directory.path(), None), directory };
        let Distribution { id, esp, loader, release, kernel, files } = distribution;
        machine.file("etc/os-release", format!("ID={id}\n"));
        machine.file("etc/machine-id", "f1257116547000000000000000000001\n");
        machine.file("var/lib/dpkg/status", "");
        machine.file("proc/cmdline", "root=/dev/sda2 ro console=ttyS0,115200\n");
        machine.file("proc/sys/kernel/osrelease", format!("{release}\n"));
        machine.file("usr/lib/firstlight/init", "\x7fELF");
        let stub = pinned::tests().unwrap().file("/usr/lib/systemd/boot/efi/linuxx64.efi.stub").unwrap();
        // Any EFI program is a kernel to whoever puts it in.
        let stub = fs::read(stub).unwrap();
        machine.file("usr/lib/systemd/boot/efi/linuxx64.efi.stub", &stub);
        machine.file(kernel, &stub);
        machine.modules(release);
        files.iter().for_each(|file| machine.file(file, format!("{id}\n")));
        machine.file(&format!("{}/{loader}", &esp[1..]), "the loader");

        machine.disk("sda", "pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0/block/sda", (8, 0));
        machine.mounts(&[("8:1", esp, "vfat"), ("8:2", "/", "ext4")]);
        machine.file("sys/firmware/efi/fw_platform_size", "64\n");
        fs::create_dir_all(&machine.system.efivars).unwrap();
        machine.variable("Boot0000", &option("UiApp", None));
        machine
            .variable("Boot0001", &option(id, Some((ESP_UUID, &format!("\\{}", loader.replace('/', "\\"))))));
        machine.variable("BootOrder", &[1, 0, 0, 0]);
        machine.variable("BootCurrent", &[1, 0]);
        machine.variable("SecureBoot", &[0]);
        machine
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.directory.path().join(path.trim_start_matches('/'))
    }

    pub fn file(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub fn variable(&self, name: &str, value: &[u8]) {
        let content = [&[7, 0, 0, 0], value].concat();
        fs::write(self.system.efivars.join(format!("{name}-{GLOBAL}")), content).unwrap();
    }

    /// The firmware starts what it would, by its variables.
    pub fn boot(&self, started: u16) {
        self.variable("BootCurrent", &started.to_le_bytes());
        let _ = fs::remove_file(self.system.efivars.join(format!("BootNext-{GLOBAL}")));
    }

    /// Modules of a kernel: one for each device of the machine and each of its file systems, and others.
    pub fn modules(&self, release: &str) {
        let base = format!("usr/lib/modules/{release}");
        let modules = ["ahci", "libahci", "sd_mod", "ext4", "vfat", "atkbd", "nvme", "snd", "xfs", "usbhid"];
        let mut dependencies = String::new();
        for module in modules {
            self.file(&format!("{base}/kernel/{module}.ko"), module);
            let needs = if module == "ahci" { " kernel/libahci.ko" } else { "" };
            dependencies += &format!("kernel/{module}.ko:{needs}\n");
        }
        self.file(&format!("{base}/modules.dep"), dependencies);
        let aliases = "alias pci:v*d*sv*sd*bc01sc06i01* ahci\nalias scsi:t-0x00* sd_mod\nalias pci:v*bc01sc08i02* nvme\n";
        self.file(&format!("{base}/modules.alias"), aliases);
    }

    /// A disk with an ESP and another partition, as the kernel shows it.
    pub fn disk(&self, name: &str, place: &str, number: (u32, u32)) {
        let image = self.path("dev").join(name);
        fs::create_dir_all(image.parent().unwrap()).unwrap();
        partition(&image, Table::Gpt, &[(1, 200, PartitionKind::Esp), (201, 10, PartitionKind::Linux)])
            .unwrap();
        let device = format!("sys/devices/{place}");
        let controller = place.split('/').take(2).collect::<Vec<_>>().join("/");
        self.file(
            &format!("sys/devices/{controller}/modalias"),
            "pci:v00008086d00002922sv00001AF4sd00001100bc01sc06i01\n",
        );
        self.file(&format!("{device}/../../modalias"), "scsi:t-0x00\n");
        self.file(&format!("{device}/size"), "434176\n");
        self.file(&format!("{device}/dev"), format!("{}:{}\n", number.0, number.1));
        fs::create_dir_all(self.path("sys/class/block")).unwrap();
        let link = |below: &str, name: &str| {
            symlink(Path::new("../../devices").join(below), self.path("sys/class/block").join(name)).unwrap();
        };
        link(place, name);
        for part in 1..=2 {
            let partition = format!("{place}/{name}{part}");
            self.file(&format!("sys/devices/{partition}/partition"), format!("{part}\n"));
            self.file(&format!("sys/devices/{partition}/size"), "2048\n");
            self.file(&format!("sys/devices/{partition}/dev"), format!("{}:{}\n", number.0, number.1 + part));
            link(&partition, &format!("{name}{part}"));
        }
    }

    pub fn mounts(&self, mounts: &[(&str, &str, &str)]) {
        let line = |(number, point, kind): &(&str, &str, &str)| {
            format!("30 1 {number} / {point} rw shared:1 - {kind} /dev/x rw\n")
        };
        self.file("proc/self/mountinfo", mounts.iter().map(line).collect::<String>());
        mounts.iter().for_each(|(_, point, _)| fs::create_dir_all(self.path(point)).unwrap());
    }

    pub fn facts(&self) -> Facts {
        survey(&self.system).unwrap()
    }

    pub fn plan(&self, action: Action, options: Options) -> Result<Plan, String> {
        let request = Request { action, options, ..Request::default() };
        run::plan(&self.system, &self.facts(), &request).map_err(|error| error.to_string())
    }

    /// Plans and carries out.
    pub fn run(&self, action: Action, options: Options) -> Plan {
        let plan = self.plan(action, options).unwrap();
        run::execute(&self.system, &plan, &mut |_| {}).unwrap();
        plan
    }

    /// Every file, link and directory with its mode and the hash of its content.
    pub fn snapshot(&self) -> BTreeMap<String, (u32, String)> {
        let mut found = BTreeMap::new();
        let mut directories = vec![self.directory.path().to_owned()];
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
                let metadata = entry.metadata().unwrap();
                let path = entry.path();
                let name = path.strip_prefix(self.directory.path()).unwrap().to_str().unwrap().to_owned();
                let content = if metadata.is_dir() {
                    directories.push(path);
                    Vec::new()
                } else if metadata.is_symlink() {
                    fs::read_link(path).unwrap().into_os_string().into_encoded_bytes()
                } else if name.starts_with("dev/") {
                    Vec::new()
                } else {
                    fs::read(path).unwrap()
                };
                // A directory in the place of efivarfs: a firmware has no unfinished variables.
                if !(name.starts_with("sys/firmware") && name.ends_with(".new")) {
                    let hash =
                        Sha256::digest(content).iter().take(4).map(|byte| format!("{byte:02x}")).collect();
                    found.insert(name, (metadata.permissions().mode(), hash));
                }
            }
        }
        found
    }

    /// The variables of the boot, in hex.
    pub fn variables(&self) -> BTreeMap<String, String> {
        let hex = |value: Vec<u8>| value.iter().map(|byte| format!("{byte:02x}")).collect();
        self.system.variables().into_iter().map(|(name, value)| (name, hex(value))).collect()
    }
}

/// A boot option of a firmware's: without a partition it is one of its own programs.
pub fn option(description: &str, file: Option<(&str, &str)>) -> Vec<u8> {
    use firstlight::formats::efi_boot::{HardDrive, boot_option};
    let (uuid, file) = file.unwrap_or(("00000000-0000-0000-0000-000000000000", "\\"));
    let drive = HardDrive { number: 1, start: 2048, size: 409_600, uuid: uuid.into() };
    boot_option(description, &drive, file).unwrap()
}

/// The texts of a plan's steps, without sizes.
pub fn texts(plan: &Plan) -> Vec<String> {
    let without_size = |text: String| match text.split_once(" (") {
        Some((text, _)) if text.starts_with("write") => text.to_owned(),
        _ => text,
    };
    plan.steps.iter().map(|step| without_size(step.to_string())).collect()
}
