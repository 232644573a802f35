//! U-Boot's boot scripts, with the settings that they import: Armbian's armbianEnv.txt and its like; and where there is no
//! script, the settings that boards read by themselves (uEnv.txt).

use super::{
    finder::{Context, Finder, Findings, Note, NoteAction},
    place::Place,
};
use crate::{
    entry::{Entry, Format},
    formats::{
        lookup::{CONFIG_LIMIT, Lookup},
        text,
        u_boot_script::{self, Boot, File, Files},
    },
};

/// Paths of scripts, in U-Boot's order, and the directory that they take for their own.
const PLACES: [(&str, &str); 4] = [
    ("/boot.scr.uimg", "/"),
    ("/boot.scr", "/"),
    ("/boot/boot.scr.uimg", "/boot/"),
    ("/boot/boot.scr", "/boot/"),
];

/// Settings that U-Boot itself, or a script that is not here, imports.
const SETTINGS: [&str; 3] = ["/uEnv.txt", "/boot/uEnv.txt", "/uEnv.ini"];

/// What reads such a file, and what it does with it.
struct Consumer {
    /// Whose it is.
    name: &'static str,
    /// One of these is set where a file is meant for it.
    keys: &'static [&'static str],
    script: &'static str,
    environment: &'static [(&'static str, &'static str)],
    /// Directories that its kernel may be in.
    directories: &'static [&'static str],
}

/// All that are known. The first that a file is meant for counts.
const CONSUMERS: [Consumer; 3] = [
    Consumer {
        name: "Amlogic's boot scripts (aml_autoscript, s905_autoscript)",
        keys: &["LINUX", "APPEND"],
        // Where one of the files is missing, they boot nothing.
        script: "load mmc 0 ${env_addr} ${settings} && env import -t ${env_addr}\nsetenv bootargs ${APPEND}\n\
                 if load mmc 0 ${loadaddr} ${LINUX}; then\n\
                 if test -z \"${INITRD}\" || load mmc 0 ${rdaddr} ${INITRD}; then\n\
                 if test -z \"${FDT}\" || load mmc 0 ${fdtaddr} ${FDT}; then\n\
                 booti ${loadaddr} ${rdaddr} ${fdtaddr}\nfi\nfi\nfi",
        environment: &[],
        directories: &[""],
    },
    Consumer {
        name: "the older of Amlogic's boot scripts",
        keys: &["dtb_name"],
        script: "load mmc 0 ${env_addr} ${settings} && env import -t ${env_addr}\n\
                 if load mmc 0 ${loadaddr} zImage; then if load mmc 0 ${rdaddr} uInitrd; then\n\
                 load mmc 0 ${fdtaddr} ${dtb_name}\nbooti ${loadaddr} ${rdaddr} ${fdtaddr}\nfi\nfi",
        environment: &[],
        directories: &[""],
    },
    Consumer {
        name: "BeagleBoard's and TI's U-Boot",
        keys: &[
            "uname_r",
            "uenvcmd",
            "dtb",
            "uuid",
            "optargs",
            "cmdline",
            "bootargs",
            "mmcroot",
            "mmcargs",
            "mmcrootfstype",
            "loadimage",
            "bootfile",
            "loadfdt",
            "enable_uboot_overlays",
        ],
        script: BOARD,
        environment: ENVIRONMENT,
        directories: &["", "/boot"],
    },
];

/// The script of a board of TI's (U-Boot, include/env/ti/mmc.env, and the environment of BeagleBoard's images): the command that
/// the settings bring, or else the kernel of the version that they tell, or else the one with the usual name.
const BOARD: &str = r#"
load mmc 0 ${env_addr} ${settings} && env import -t ${env_addr}
test -n "${uenvcmd}" && run uenvcmd
test -n "${dtb}" && setenv fdtfile ${dtb}
if test -n "${uname_r}"; then
    setenv bootfile vmlinuz-${uname_r}
    setenv rdfile initrd.img-${uname_r}
    setenv fdtdir ${bootdir}/dtbs/${uname_r}
fi
run loadimage || load mmc 0 ${loadaddr} ${bootdir}/zImage || load mmc 0 ${loadaddr} ${bootdir}/Image
run loadrd
run loadfdt
test -z "${bootargs}" && run mmcargs
bootz ${loadaddr} ${rdaddr} ${fdtaddr}
"#;

/// The environment of such a board, as far as settings call or change it.
const ENVIRONMENT: &[(&str, &str)] = &[
    ("devtype", "mmc"),
    ("devnum", "0"),
    ("mmcdev", "0"),
    ("console", "ttyS0,115200n8"),
    ("mmcrootfstype", "ext4 rootwait"),
    ("loadimage", "load mmc 0 ${loadaddr} ${bootdir}/${bootfile}"),
    ("loadrd", "load mmc 0 ${rdaddr} ${bootdir}/${rdfile}"),
    ("loadfdt", "load mmc 0 ${fdtaddr} ${fdtdir}/${fdtfile}"),
    (
        "mmcargs",
        "test -n \"${uuid}\" && setenv mmcroot UUID=${uuid} ro; setenv bootargs console=${console} ${optargs} \
         root=${mmcroot} rootfstype=${mmcrootfstype} ${cmdline}",
    ),
];

/// Finds what U-Boot's script boots.
pub(super) struct UbootScript;

impl Finder for UbootScript {
    fn format(&self) -> Format {
        Format::UbootScript
    }

    fn find(&self, lookup: &dyn Lookup, volume: usize, _: &Context) -> Option<Findings> {
        let Some((path, prefix)) = PLACES.iter().find(|(path, _)| lookup.is_file(volume, path)) else {
            return settings(lookup, volume);
        };
        let place = Place::of(lookup, volume, path)?;
        let image = lookup.read(volume, path, CONFIG_LIMIT).unwrap_or_default();
        let partition = lookup.volumes().get(volume)?.device.partition.as_ref();
        let number = partition.map_or(1, |partition| partition.number).to_string();
        let variables =
            [("prefix", *prefix), ("devtype", "mmc"), ("devnum", "0"), ("distro_bootpart", number.as_str())];
        let lost = |message: String| {
            Some(Findings { warnings: vec![place.warning(path, None, message)], ..Findings::default() })
        };
        let Some(script) = u_boot_script::unwrap(&image).map(text::decode) else {
            return lost("no script of U-Boot's: its entry is lost".into());
        };
        let outcome = u_boot_script::run(&script, &variables, &place);
        let Some(boot) = outcome.boot else {
            let passed_over = outcome.passed_over.map(|what| format!("; passed over was {what}"));
            let passed_over = passed_over.unwrap_or_default();
            return lost(format!("it boots nothing that is here: its entry is lost{passed_over}"));
        };
        let message = "the script, run with the variables that it brings itself; what the board's U-Boot would add is not known, and overlays are not put on the device tree";
        Some(booted(&place, path, boot, message))
    }
}

/// The entries of boards that boot by settings alone; `None` where there are no settings.
fn settings(lookup: &dyn Lookup, volume: usize) -> Option<Findings> {
    let mut lost = None;
    for path in SETTINGS {
        let Some(place) = Place::of(lookup, volume, path).filter(|place| place.is_file(path)) else {
            continue;
        };
        let text = place.read(path).unwrap_or_default();
        let has = |key: &&str| u_boot_script::settings(&text).any(|(name, _)| name == *key);
        let Some(consumer) = CONSUMERS.iter().find(|consumer| consumer.keys.iter().any(has)) else {
            let message = "settings of a U-Boot whose way to boot is not known here";
            lost.get_or_insert_with(|| passed_over(&place, path, message));
            continue;
        };
        for directory in consumer
            .directories
            .iter()
            .filter(|directory| !path.starts_with("/boot") || !directory.is_empty())
        {
            let root = root(&place, directory).unwrap_or_default();
            let own =
                [("settings", path), ("bootdir", *directory), ("fdtdir", *directory), ("mmcroot", &root)];
            let outcome = u_boot_script::run(consumer.script, &[consumer.environment, &own].concat(), &place);
            let Some(boot) = outcome.boot else { continue };
            let message = format!(
                "the settings, used as {} does; what else the board's environment holds is not known, and overlays are not put on the device tree",
                consumer.name
            );
            let has_no_root = boot.cmdline.split_whitespace().any(|word| word == "root=");
            let mut findings = booted(&place, path, boot, &message);
            if has_no_root {
                let problem =
                    "its settings name no root file system, and which one the board's own are is not known";
                findings.entries.iter_mut().for_each(|entry| {
                    entry.problem.get_or_insert_with(|| problem.into());
                });
                (findings.default, findings.timeout) = (None, None);
            }
            return Some(findings);
        }
        let message = format!("settings for {}, which boot nothing that is here", consumer.name);
        lost.get_or_insert_with(|| passed_over(&place, path, &message));
    }
    lost
}

fn passed_over(place: &Place<'_>, path: &str, message: &str) -> Findings {
    let note = Note {
        action: NoteAction::PassedOver,
        volume: place.lookup.volume_reference(place.volume),
        path: path.to_owned(),
        message: message.to_owned(),
    };
    Findings { notes: vec![note], ..Findings::default() }
}

/// The root file system that TI's environment computes (`finduuid`): the partition whose `/boot` the kernel comes from.
fn root(place: &Place<'_>, directory: &str) -> Option<String> {
    let volume = place.lookup.volumes().get(place.volume).filter(|_| directory == "/boot")?;
    let uuid = volume.device.partition.as_ref()?.uuid.as_ref()?;
    Some(format!("PARTUUID={uuid} ro"))
}

/// The one entry of a script or of settings.
fn booted(place: &Place<'_>, path: &str, boot: Boot, message: &str) -> Findings {
    let mut findings = Findings::default();
    let initrd = boot.initrd.map(|(number, path)| {
        let place = beside(place, number);
        let path = plain(&place, &path).unwrap_or(path);
        (place, path)
    });
    let reference = |(number, path): &File| beside(place, *number).reference(path);
    let mut entry = Entry {
        title: format!("U-Boot, {}", boot.kernel.1),
        kernel: Some(reference(&boot.kernel)),
        initrds: initrd.iter().map(|(place, path)| place.reference(path)).collect(),
        devicetree: boot.devicetree.as_ref().map(reference),
        cmdline: boot.cmdline,
        ..Entry::new(path, place.source(Format::UbootScript, path, None))
    };
    place.check(&mut entry);
    let head = |(place, path): &(Place<'_>, String)| {
        place.lookup.read_at(place.volume, path, 0, 4).unwrap_or_default()
    };
    if entry.problem.is_none() && initrd.as_ref().map(head).is_some_and(|head| head == u_boot_script::IMAGE) {
        let message = "its initrd is wrapped for U-Boot (uInitrd), and what it was made of is not beside it";
        entry.problem = Some(message.into());
    }
    findings.notes.push(Note {
        action: NoteAction::Used,
        volume: place.on(),
        path: path.to_owned(),
        message: message.to_owned(),
    });
    (findings.default, findings.timeout) = (Some(entry.id.clone()), Some(0));
    findings.entries.push(entry);
    findings
}

/// The initrd that an image for U-Boot was made of, where Debian's tools leave both: `uInitrd-V` and `initrd.img-V`.
fn plain(place: &Place<'_>, image: &str) -> Option<String> {
    let target = place.lookup.link(place.volume, image).unwrap_or_else(|| image.to_owned());
    let version = target.rsplit('/').next()?.strip_prefix("uInitrd-")?;
    let (directory, _) = image.rsplit_once('/')?;
    Some(format!("{directory}/initrd.img-{version}")).filter(|path| place.is_file(path))
}

/// The partition with this number on the same disk; the place itself where there is none, or it is 0.
fn beside<'a>(place: &Place<'a>, number: u32) -> Place<'a> {
    let volumes = place.lookup.volumes();
    let disk = volumes.get(place.volume).map(|volume| &volume.device.disk);
    let found = volumes.iter().enumerate().find(|(_, volume)| {
        Some(&volume.device.disk) == disk
            && volume.device.partition.as_ref().is_some_and(|partition| partition.number == number)
    });
    found.map_or(*place, |(index, volume)| Place { volume: index, device: &volume.device.name, ..*place })
}

impl Files for Place<'_> {
    fn is_file(&self, (number, path): &File) -> bool {
        Place::is_file(&beside(self, *number), path)
    }

    fn read(&self, (number, path): &File) -> Option<String> {
        Place::read(&beside(self, *number), path).ok()
    }

    fn partition_uuid(&self, number: u32) -> Option<String> {
        let volume = beside(self, number).volume;
        self.lookup.volumes().get(volume)?.device.partition.as_ref()?.uuid.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        discover::testing::{tree, volume, volumes},
        entry::FilesystemKind,
    };

    /// The output of `mkimage -T script`, as far as it is read; the script is filled up to 256 bytes.
    fn image(script: &str) -> String {
        let (header, more) = ("\0".repeat(26), "\0".repeat(33));
        format!("'\u{5}\u{19}V{header}\u{6}{more}\0\0\u{2}\0\0\0\0\0{script:512}")
    }

    const SCRIPT: &str = "load mmc 0 ${load_addr} ${prefix}Env.txt; env import -t ${load_addr}\n\
                          setenv bootargs \"root=${rootdev}  quiet\"\nload mmc 0 1 ${prefix}uInitrd\n\
                          load mmc 0 2 ${prefix}Image\n";

    #[test]
    fn a_script_is_run_with_its_settings_and_the_initrd_taken_unwrapped() {
        let script = image(&format!("{SCRIPT}booti 2 1"));
        let files: &[(&str, &str)] = &[
            ("boot/boot.scr", &script),
            ("boot/Env.txt", "rootdev=UUID=1\n"),
            ("boot/Image", ""),
            ("boot/uInitrd", "-> uInitrd-6.6.1"),
            ("boot/uInitrd-6.6.1", "'\u{5}\u{19}V and so on"),
        ];
        for (more, initrd, has_problem) in [
            (&[("boot/initrd.img-6.6.1", "")][..], "/boot/initrd.img-6.6.1", false),
            (&[], "/boot/uInitrd", true),
        ] {
            let tree = tree(&[files, more].concat());
            let open = volumes(&[(&tree, volume("sda1", FilesystemKind::Ext4))]);
            let found = UbootScript.find(&open, 0, &Context::default()).unwrap();
            let entry = &found.entries[0];
            assert_eq!(entry.kernel.as_ref().unwrap().path, "/boot/Image");
            assert_eq!(entry.initrds[0].path, initrd);
            assert_eq!(
                (entry.cmdline.as_str(), entry.problem.is_some()),
                ("root=UUID=1  quiet", has_problem)
            );
            assert_eq!(found.default.as_deref(), Some("/boot/boot.scr"));
        }
    }

    #[test]
    fn a_script_reaches_the_other_partitions_of_its_disk() {
        let script = image(
            "part uuid mmc 0:2 root\nsetenv bootargs root=PARTUUID=${root}\nif itest.b *0x28 == 2; then false; \
             else load mmc 0:1 3 a.dtb; fi\next4load mmc 0:2 1 boot/Image && load mmc 0:2 2 /boot/initrd\nbooti 1 2:9 3\n",
        );
        let boot = tree(&[("boot.scr", &script), ("a.dtb", "")]);
        let root = tree(&[("boot/Image", ""), ("boot/initrd", "")]);
        let other = tree(&[]);
        let open = volumes(&[
            (&other, volume("sda2", FilesystemKind::Ext4)),
            (&boot, volume("sdb1", FilesystemKind::Vfat)),
            (&root, volume("sdb2", FilesystemKind::Ext4)),
        ]);
        let found = UbootScript.find(&open, 1, &Context::default()).unwrap();
        let entry = &found.entries[0];
        let files: Vec<_> = entry.kernel.iter().chain(&entry.initrds).chain(&entry.devicetree).collect();
        let files: Vec<_> = files.iter().map(|file| format!("{}:{}", file.volume, file.path)).collect();
        assert_eq!(files, ["sdb2:/boot/Image", "sdb2:/boot/initrd", "sdb1:/a.dtb"]);
        assert_eq!((entry.cmdline.as_str(), entry.problem.as_deref()), ("root=PARTUUID=part-sdb2", None));
    }

    #[test]
    fn without_a_script_a_board_boots_by_its_settings_alone() {
        let bone = "#Docs: http://elinux.org/Beagleboard\n\nuname_r=5.10.168-ti-r71\n#uuid=\n#dtb=\n\
                    cmdline=coherent_pool=1M net.ifnames=0 quiet\nenable_uboot_overlays=1\n";
        let system = [
            ("boot/vmlinuz-5.10.168-ti-r71", ""),
            ("boot/initrd.img-5.10.168-ti-r71", ""),
            ("boot/dtbs/5.10.168-ti-r71/am335x-boneblack.dtb", ""),
        ];
        let tree = "/boot/dtbs/5.10.168-ti-r71/am335x-boneblack.dtb";
        let version = ("/boot/vmlinuz-5.10.168-ti-r71", Some("/boot/initrd.img-5.10.168-ti-r71"));
        let with = |more: &str| format!("{bone}{more}");
        let command = "bootfile=zImage\nfdtfile=am335x-boneblack.dtb\nloadaddr=0x80007fc0\nfdtaddr=0x80F80000\n\
                       loadfdt=fatload mmc 0:1 ${fdtaddr} ${fdtfile}\nloaduimage=fatload mmc 0:1 ${loadaddr} ${bootfile}\n\
                       console=ttyO0,115200n8\nmmcroot=/dev/mmcblk0p2\nmmcrootfstype=ext2\n\
                       uenvcmd=mmc rescan; run loaduimage; run loadfdt; run fdtboot\n\
                       fdtboot=run mmc_args; run mmcargs; bootz ${loadaddr} - ${fdtaddr}\n\
                       mmc_args=setenv bootargs console=${console} ${optargs} root=${mmcroot} rw\n\
                       mmcargs=echo\n";
        type Case<'a> =
            (&'a str, String, &'a [(&'a str, &'a str)], (&'a str, Option<&'a str>), Option<&'a str>, &'a str);
        let words = "rootfstype=ext4 rootwait coherent_pool=1M net.ifnames=0 quiet";
        let cases: [Case<'_>; 5] = [
            (
                "boot/uEnv.txt",
                bone.into(),
                &system,
                version,
                None,
                &format!("console=ttyS0,115200n8 root=PARTUUID=part-sda1 ro {words}"),
            ),
            (
                "boot/uEnv.txt",
                with("uuid=12-34\ndtb=am335x-boneblack.dtb\nconsole=ttyO0,115200n8\n"),
                &system,
                version,
                Some(tree),
                &format!("console=ttyO0,115200n8 root=UUID=12-34 ro {words}"),
            ),
            (
                "uEnv.txt",
                command.into(),
                &[("zImage", ""), ("am335x-boneblack.dtb", "")],
                ("/zImage", None),
                Some("/am335x-boneblack.dtb"),
                "console=ttyO0,115200n8 root=/dev/mmcblk0p2 rw",
            ),
            (
                "uEnv.txt",
                "bootargs=root=LABEL=x  ro\n".into(),
                &[("Image", "")],
                ("/Image", None),
                None,
                "root=LABEL=x  ro",
            ),
            (
                "uEnv.txt",
                "optargs=quiet\n".into(),
                &[("boot/zImage", "")],
                ("/boot/zImage", None),
                None,
                "console=ttyS0,115200n8 quiet root=PARTUUID=part-sda1 ro rootfstype=ext4 rootwait",
            ),
        ];
        for (path, text, files, (kernel, initrd), devicetree, cmdline) in cases {
            let found = find(&[&[(path, text.as_str())], files].concat()).unwrap();
            let entry = &found.entries[0];
            let path_of = |file: &crate::entry::FileReference| file.path.clone();
            assert_eq!(entry.kernel.as_ref().map(path_of).as_deref(), Some(kernel), "{text}");
            assert_eq!(entry.initrds.first().map(path_of).as_deref(), initrd, "{text}");
            assert_eq!(entry.devicetree.as_ref().map(path_of).as_deref(), devicetree, "{text}");
            assert_eq!(entry.cmdline, cmdline, "{text}");
            assert_eq!((found.default.as_deref(), &found.warnings[..]), (Some(entry.id.as_str()), &[][..]));
        }
        let none = find(&[("boot/uEnv.txt", bone)]).unwrap();
        let message = "settings for BeagleBoard's and TI's U-Boot, which boot nothing that is here";
        assert_eq!((none.entries.len(), none.notes[0].message.as_str()), (0, message));
        let script = image("false");
        let both =
            find(&[("boot.scr", script.as_str()), ("uEnv.txt", "uname_r=1\n"), ("zImage", "")]).unwrap();
        assert_eq!((both.entries.len(), both.warnings.len()), (0, 1), "the script comes first");
    }

    /// The settings of Amlogic's images (their aml_autoscript: `setenv bootargs ${APPEND}`, then the three files).
    #[test]
    fn settings_are_read_as_what_they_are_meant_for_reads_them() {
        let amlogic = "LINUX=/zImage\nINITRD=/uInitrd\nFDT=/dtb/amlogic/a.dtb\n\
                       APPEND=root=UUID=1 rootflags=data=writeback rw  console=ttyAML0,115200n8\n";
        let files = [
            ("zImage", ""),
            ("uInitrd", "-> initrd"),
            ("initrd", ""),
            ("dtb/amlogic/a.dtb", ""),
            ("boot/zImage", ""),
        ];
        let older = "dtb_name=/dtb/amlogic/a.dtb\nbootargs=root=LABEL=ROOTFS rw\n";
        let cmdline = "root=UUID=1 rootflags=data=writeback rw console=ttyAML0,115200n8";
        for (path, text, expected) in [
            ("uEnv.txt", amlogic, cmdline),
            ("uEnv.ini", amlogic, cmdline),
            ("uEnv.ini", older, "root=LABEL=ROOTFS rw"),
        ] {
            let found = find(&[&files[..], &[(path, text)]].concat()).unwrap();
            let entry = &found.entries[0];
            let path_of = |file: &crate::entry::FileReference| file.path.clone();
            let all: Vec<_> =
                entry.kernel.iter().chain(&entry.initrds).chain(&entry.devicetree).map(path_of).collect();
            assert_eq!(all, ["/zImage", "/uInitrd", "/dtb/amlogic/a.dtb"], "{text}");
            assert_eq!((entry.cmdline.as_str(), found.default.is_some()), (expected, true), "{text}");
        }
        // What names a file that is not there boots nothing, and what nobody is known to read is guessed by nobody.
        for (text, message) in [
            (
                &*amlogic.replace("/uInitrd", "/gone"),
                "settings for Amlogic's boot scripts (aml_autoscript, s905_autoscript), which boot nothing that is here",
            ),
            (
                "kernel=zImage\nroot=/dev/mmcblk0p2\n",
                "settings of a U-Boot whose way to boot is not known here",
            ),
        ] {
            let found = find(&[&files[..], &[("uEnv.txt", text)]].concat()).unwrap();
            assert_eq!((found.entries.len(), found.notes[0].message.as_str()), (0, message));
        }
    }

    #[test]
    fn a_root_that_nothing_names_is_no_default() {
        let found = find(&[("uEnv.txt", "optargs=quiet\n"), ("zImage", "")]).unwrap();
        let problem = found.entries[0].problem.as_deref();
        let reason = "its settings name no root file system, and which one the board's own are is not known";
        assert_eq!((problem, found.default), (Some(reason), None));
    }

    #[test]
    fn a_script_that_boots_in_a_loop_is_run_and_what_it_lacks_is_told() {
        let text = "for devnum in 2 1 0; do\nif test -e mmc ${devnum} uEnv.txt; then\nload mmc ${devnum} ${loadaddr} uEnv.txt\n\
                    env import -t ${loadaddr} ${filesize}\nsetenv bootargs ${APPEND}\n\
                    if printenv mac; then setenv bootargs ${bootargs} mac=${mac}; fi\n\
                    if load mmc ${devnum} ${kernel_addr_r} ${LINUX}; then\n\
                    booti ${kernel_addr_r} - ${fdt_addr_r}\nfi\nfi\ndone\n";
        let settings = ("uEnv.txt", "LINUX=/Image\nAPPEND=root=UUID=1\n");
        let script = image(text);
        let found = find(&[("boot.scr", &script), settings, ("Image", "")]).unwrap();
        assert_eq!((found.entries[0].cmdline.as_str(), found.default.is_some()), ("root=UUID=1", true));
        for (text, message) in [
            (
                "bootefi 1 2",
                "it boots nothing that is here: its entry is lost; passed over was “bootefi 1 2”",
            ),
            ("true", "it boots nothing that is here: its entry is lost"),
        ] {
            let found = find(&[("boot.scr", &image(text))]).unwrap();
            assert_eq!(found.warnings[0].message, message);
        }
        let found = find(&[("boot.scr", "echo")]).unwrap();
        assert_eq!(found.warnings[0].message, "no script of U-Boot's: its entry is lost");
    }

    fn find(files: &[(&str, &str)]) -> Option<Findings> {
        let tree = tree(files);
        let open = volumes(&[(&tree, volume("sda1", FilesystemKind::Ext4))]);
        UbootScript.find(&open, 0, &Context::default())
    }
}
