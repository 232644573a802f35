//! The Raspberry Pi's firmware: the one kernel that its configuration leads to, and the one it would try out.

use super::{
    finder::{Context, Finder, Findings, Note, NoteAction},
    place::Place,
};
use crate::{
    entry::{Entry, Format, Kind},
    formats::{
        lookup::Lookup,
        raspberry_pi::{Board, Configuration, Machine, initramfs_beside},
    },
};

const CONFIG: &str = "/config.txt";
const TRYBOOT: &str = "/tryboot.txt";
const AUTOBOOT: &str = "/autoboot.txt";

/// Files that only a volume from which the firmware boots has beside a configuration.
const EVIDENCE: [&str; 8] = [
    "/bootcode.bin",
    "/start.elf",
    "/start4.elf",
    "/cmdline.txt",
    "/kernel8.img",
    "/kernel_2712.img",
    "/kernel7.img",
    "/kernel.img",
];

/// Names of programs in the kernel's place: U-Boot, and UEFI for this board.
const LOADERS: [&str; 2] = ["u-boot", "rpi_efi"];

/// Finds what the firmware of a Raspberry Pi boots.
pub(super) struct RaspberryPi;

impl Finder for RaspberryPi {
    fn format(&self) -> Format {
        Format::RaspberryPi
    }

    fn find(&self, lookup: &dyn Lookup, volume: usize, context: &Context) -> Option<Findings> {
        let place = Place::of(lookup, volume, CONFIG)?;
        if !place.is_file(CONFIG) || !EVIDENCE.iter().any(|path| place.is_file(path)) {
            return None;
        }
        let partition = lookup.volumes().get(volume)?.device.partition.as_ref();
        let board = context.compatible.iter().find_map(|name| Board::named(name));
        let machine =
            Machine { board, partition: partition.map(|partition| partition.number), tryboot: false };
        let mut finding = Finding { place, findings: Findings::default() };
        let usual = finding.entry(CONFIG, CONFIG, machine)?;
        let tryboot = Machine { tryboot: true, ..machine };
        let (file, id) =
            if place.is_file(TRYBOOT) { (TRYBOOT, TRYBOOT) } else { (CONFIG, "/config.txt>tryboot") };
        let mut trial = finding.entry(file, id, tryboot)?;
        trial.title.push_str(", on trial");
        let is_other = [&trial.kernel, &trial.devicetree] != [&usual.kernel, &usual.devicetree]
            || trial.initrds != usual.initrds
            || trial.cmdline != usual.cmdline;
        if boots_from(&place, machine.partition) {
            finding.findings.default = Some(usual.id.clone());
            finding.findings.timeout = Some(0);
        }
        finding.findings.entries.push(usual);
        finding.findings.entries.extend(Some(trial).filter(|_| is_other));
        Some(finding.findings)
    }
}

/// Whether the firmware boots from this partition: autoboot.txt on the first partition of a disk may name another one.
fn boots_from(place: &Place<'_>, partition: Option<u32>) -> bool {
    let volumes = place.lookup.volumes();
    let disk = volumes.get(place.volume).map(|volume| &volume.device.disk);
    let beside = volumes.iter().enumerate().filter(|(_, volume)| Some(&volume.device.disk) == disk);
    let mut texts = beside.filter_map(|(volume, _)| Place { volume, ..*place }.read(AUTOBOOT).ok());
    let named = texts.next().and_then(|text| {
        let read = Configuration::read(&text, Machine::default(), &mut |_| None);
        read.get("boot_partition").and_then(|number| number.parse::<u32>().ok())
    });
    named.is_none_or(|named| named == 0 || Some(named) == partition)
}

struct Finding<'a> {
    place: Place<'a>,
    findings: Findings,
}

impl Finding<'_> {
    /// The entry that a configuration makes; `None` if it cannot be read.
    fn entry(&mut self, file: &str, id: &str, machine: Machine) -> Option<Entry> {
        let place = self.place;
        let text = match place.read(file) {
            Ok(text) => text,
            Err(error) => {
                let message = format!("{error}: what it boots is lost");
                self.findings.warnings.push(place.warning(file, None, message));
                String::new()
            }
        };
        let read = Configuration::read(&text, machine, &mut |name| place.read(name).ok());
        for (line, filter) in read.undecided.iter().filter(|_| !machine.tryboot) {
            let message = format!(
                "line {line}: [{filter}] asks for what cannot be decided here; it is taken not to hold"
            );
            self.note(NoteAction::PassedOver, file, message);
        }
        let names =
            read.get("kernel").map_or(Board::kernels(machine.board, read.is_on("arm_64bit")), |_| &[]);
        let upstream = read.is_on("upstream_kernel") == Some(true);
        let prefix = read.get("os_prefix").unwrap_or(if upstream { "upstream/" } else { "" });
        let kernel_below = |prefix: &str| {
            let known = |name: &&str| place.is_file(&below(prefix, name));
            read.get("kernel").or_else(|| names.iter().copied().find(known)).filter(known)
        };
        // A prefix without a kernel is not taken.
        let prefix = if kernel_below(prefix).is_some() { prefix } else { "" };
        let kernel =
            kernel_below(prefix).or(read.get("kernel")).or(names.first().copied()).unwrap_or_default();
        let beside = initramfs_beside(kernel).filter(|_| read.is_on("auto_initramfs") == Some(true));
        let beside = beside.filter(|name| place.is_file(&below(prefix, name)));
        let mut initrds = read.initrds();
        initrds.extend(beside.as_deref().filter(|_| read.initrds().is_empty()));
        let cmdline = below(prefix, read.get("cmdline").unwrap_or("cmdline.txt"));
        let (words, lost) = match place.read(&cmdline) {
            Ok(words) => (words, None),
            Err(error) => (String::new(), Some(error).filter(|_| place.is_file(&cmdline))),
        };
        if !machine.tryboot {
            self.notes(file, &cmdline, machine, &read);
        }
        let kernel_path = below(prefix, kernel);
        let mut entry = Entry {
            title: format!("Raspberry Pi, {}", kernel_path.trim_start_matches('/')),
            kernel: Some(place.reference(&kernel_path)),
            initrds: initrds.iter().map(|name| place.reference(&below(prefix, name))).collect(),
            cmdline: words.lines().next().unwrap_or_default().trim().to_owned(),
            problem: lost.map(|message| format!("its command line cannot be read: {message}")),
            ..Entry::new(id, place.source(Format::RaspberryPi, file, None))
        };
        let name = kernel.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
        if LOADERS.iter().any(|loader| name.starts_with(loader)) {
            entry.kind = Kind::Chainload;
            entry.problem = Some(
                "a boot loader in the kernel's place; what its own configuration names is listed".into(),
            );
        }
        place.check(&mut entry);
        Some(entry)
    }

    fn notes(&mut self, file: &str, cmdline: &str, machine: Machine, read: &Configuration) {
        if machine.board.is_none() {
            let message = "this machine is no Raspberry Pi: no filter for a board holds, and a 64-bit kernel is preferred";
            self.note(NoteAction::Guessed, file, message.into());
        }
        let trees = ["device_tree", "dtoverlay", "dtparam"].map(|name| {
            read.settings.iter().filter(|(own, value)| *own == name && !value.is_empty()).count()
        });
        if trees != [0; 3] {
            let message = "device_tree, dtoverlay, dtparam: the firmware has put the device tree together already, and the running one is handed on";
            self.note(NoteAction::PassedOver, file, message.into());
        }
        let message = "the first line is the command line; what the firmware itself puts before it (the memory of the graphics processor, the display) and what it makes of console=serial0 is not known";
        self.note(NoteAction::Used, cmdline, message.into());
    }

    fn note(&mut self, action: NoteAction, path: &str, message: String) {
        let (volume, path) = (self.place.on(), path.to_owned());
        self.findings.notes.push(Note { action, volume, path, message });
    }
}

/// A file that the prefix of the operating system's files applies to.
fn below(prefix: &str, name: &str) -> String {
    if name.starts_with('/') { name.to_owned() } else { format!("/{prefix}{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        discover::testing::{tree, volume, volumes},
        entry::FilesystemKind,
    };

    const BOARD: &str = "raspberrypi,4-model-b";

    fn find(files: &[(&str, &str)], board: &str) -> Option<Findings> {
        let files = tree(files);
        let open = volumes(&[(&files, volume("sda1", FilesystemKind::Vfat))]);
        RaspberryPi.find(&open, 0, &Context { compatible: vec![board.into()], ..Context::default() })
    }

    /// Kernel, initrds, command line and problem of each entry.
    fn shown(found: &Findings) -> Vec<(&str, Vec<&str>, &str, Option<&str>)> {
        found
            .entries
            .iter()
            .map(|entry| {
                (
                    entry.kernel.as_ref().unwrap().path.as_str(),
                    entry.initrds.iter().map(|file| file.path.as_str()).collect(),
                    entry.cmdline.as_str(),
                    entry.problem.as_deref(),
                )
            })
            .collect()
    }

    #[test]
    fn each_board_boots_its_own_kernel_with_the_initrd_beside_it() {
        let files = [
            ("config.txt", "auto_initramfs=1\n[pi3]\narm_64bit=0\n[all]\ndtoverlay=vc4-kms-v3d\n"),
            ("cmdline.txt", "console=tty1 root=PARTUUID=1-02 rootwait\nnot this\n"),
            ("kernel8.img", ""),
            ("initramfs8", ""),
            ("kernel_2712.img", ""),
            ("initramfs_2712", ""),
            ("kernel7.img", ""),
        ];
        let words = "console=tty1 root=PARTUUID=1-02 rootwait";
        for (board, kernel, initrds) in [
            (BOARD, "/kernel8.img", vec!["/initramfs8"]),
            ("raspberrypi,5-model-b", "/kernel_2712.img", vec!["/initramfs_2712"]),
            ("raspberrypi,3-model-b", "/kernel7.img", vec![]),
            ("acme,board", "/kernel8.img", vec!["/initramfs8"]),
        ] {
            let found = find(&files, board).unwrap();
            assert_eq!(shown(&found), [(kernel, initrds, words, None)], "{board}");
            assert_eq!((found.default.as_deref(), found.timeout), (Some("/config.txt"), Some(0)));
        }
    }

    #[test]
    fn a_prefix_counts_where_a_kernel_is_and_a_trial_is_an_entry_of_its_own() {
        let files = [
            (
                "config.txt",
                "kernel=vmlinuz\ninitramfs initrd.img followkernel\ncmdline=/cmdline.txt\n[all]\n\
                 os_prefix=current/\n[tryboot]\nos_prefix=new/\n",
            ),
            ("cmdline.txt", "root=LABEL=writable"),
            ("current/vmlinuz", ""),
            ("current/initrd.img", ""),
            ("new/vmlinuz", ""),
        ];
        let found = find(&files, BOARD).unwrap();
        let expected = [
            ("/current/vmlinuz", vec!["/current/initrd.img"], "root=LABEL=writable", None),
            (
                "/new/vmlinuz",
                vec!["/new/initrd.img"],
                "root=LABEL=writable",
                Some("there is no /new/initrd.img"),
            ),
        ];
        assert_eq!(shown(&found), expected);
        assert_eq!(found.entries[1].id, "/config.txt>tryboot");
        let files = [("config.txt", "os_prefix=gone/\n"), ("kernel8.img", ""), ("gone/cmdline.txt", "x")];
        assert_eq!(shown(&find(&files, BOARD).unwrap()), [("/kernel8.img", vec![], "", None)]);
    }

    #[test]
    fn a_boot_loader_in_the_kernels_place_is_what_the_firmware_starts() {
        let files = [("config.txt", "kernel=u-boot.bin\n"), ("start4.elf", ""), ("u-boot.bin", "")];
        let found = find(&files, BOARD).unwrap();
        assert_eq!((found.entries[0].kind, found.default.as_deref()), (Kind::Chainload, Some("/config.txt")));
        assert!(found.entries[0].problem.is_some());
        assert_eq!(find(&[("config.txt", "a=b\n")], BOARD), None);
    }

    #[test]
    fn autoboot_says_which_partition_is_booted() {
        let first = tree(&[("autoboot.txt", "[all]\nboot_partition=3\n[tryboot]\nboot_partition=2\n")]);
        let system = tree(&[("config.txt", ""), ("cmdline.txt", "x"), ("kernel8.img", "")]);
        let own = |name: &str| volume(name, FilesystemKind::Vfat);
        let open = volumes(&[(&first, own("sda1")), (&system, own("sda2")), (&system, own("sda3"))]);
        let context = Context { compatible: vec![BOARD.into()], ..Context::default() };
        let found = [0, 1, 2].map(|place| RaspberryPi.find(&open, place, &context));
        assert_eq!(found[0], None);
        let defaults = [&found[1], &found[2]].map(|found| found.as_ref().unwrap().default.as_deref());
        assert_eq!(defaults, [None, Some("/config.txt")]);
    }
}
