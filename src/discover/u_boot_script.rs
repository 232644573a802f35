//! U-Boot's boot scripts, with the settings that they import: Armbian's armbianEnv.txt and its like.

use super::{
    finder::{Context, Deed, Finder, Findings, Note},
    place::Place,
};
use crate::{
    entry::{Entry, Format},
    formats::{
        lookup::{CONFIG_LIMIT, Lookup},
        text,
        u_boot_script::{self, Files},
    },
};

/// Where scripts stand, in U-Boot's order, and the directory that they take for their own.
const PLACES: [(&str, &str); 4] = [
    ("/boot.scr.uimg", "/"),
    ("/boot.scr", "/"),
    ("/boot/boot.scr.uimg", "/boot/"),
    ("/boot/boot.scr", "/boot/"),
];

/// Finds what U-Boot's script boots.
pub(super) struct UbootScript;

impl Finder for UbootScript {
    fn format(&self) -> Format {
        Format::UbootScript
    }

    fn find(&self, lookup: &dyn Lookup, volume: usize, _: &Context) -> Option<Findings> {
        let (path, prefix) = PLACES.iter().find(|(path, _)| lookup.is_file(volume, path))?;
        let place = Place::of(lookup, volume, path)?;
        let image = lookup.read(volume, path, CONFIG_LIMIT).unwrap_or_default();
        let mut findings = Findings::default();
        let partition = lookup.volumes().get(volume)?.device.partition.as_ref();
        let number = partition.map_or(1, |partition| partition.number).to_string();
        let variables =
            [("prefix", *prefix), ("devtype", "mmc"), ("devnum", "0"), ("distro_bootpart", number.as_str())];
        let script = u_boot_script::unwrap(&image).map(text::decode);
        let Some(boot) = script.and_then(|script| u_boot_script::run(&script, &variables, &place)) else {
            let message = "it boots nothing that is here, or is no script: its entry is lost".to_owned();
            findings.warnings.push(place.warning(path, None, message));
            return Some(findings);
        };
        let initrd = boot.initrd.map(|initrd| plain(&place, &initrd).unwrap_or(initrd));
        let mut entry = Entry {
            title: format!("U-Boot script, {}", boot.kernel),
            kernel: Some(place.reference(&boot.kernel)),
            initrds: initrd.iter().map(|initrd| place.reference(initrd)).collect(),
            devicetree: boot.devicetree.map(|tree| place.reference(&tree)),
            cmdline: boot.cmdline,
            ..Entry::new(*path, place.source(Format::UbootScript, path, None))
        };
        place.check(&mut entry);
        let head = |path: &String| lookup.read_at(volume, path, 0, 4).unwrap_or_default();
        if entry.problem.is_none()
            && initrd.as_ref().map(head).is_some_and(|head| head == u_boot_script::IMAGE)
        {
            let message =
                "its initrd is wrapped for U-Boot (uInitrd), and what it was made of is not beside it";
            entry.problem = Some(message.into());
        }
        findings.notes.push(Note {
            deed: Deed::Used,
            volume: place.device.to_owned(),
            path: (*path).to_owned(),
            message: "the script, run with the variables that it brings itself; what the board's U-Boot would add is not known, and overlays are not put on the device tree".into(),
        });
        findings.default = Some(entry.id.clone()).filter(|_| entry.problem.is_none());
        findings.timeout = findings.default.as_ref().map(|_| 0);
        findings.entries.push(entry);
        Some(findings)
    }
}

/// The initrd that an image for U-Boot was made of, where Debian's tools leave both: `uInitrd-V` and `initrd.img-V`.
fn plain(place: &Place<'_>, image: &str) -> Option<String> {
    let target = place.lookup.link(place.volume, image).unwrap_or_else(|| image.to_owned());
    let version = target.rsplit('/').next()?.strip_prefix("uInitrd-")?;
    let (directory, _) = image.rsplit_once('/')?;
    Some(format!("{directory}/initrd.img-{version}")).filter(|path| place.is_file(path))
}

impl Files for Place<'_> {
    fn is_file(&self, path: &str) -> bool {
        Place::is_file(self, path)
    }

    fn read(&self, path: &str) -> Option<String> {
        Place::read(self, path).ok()
    }

    fn partition_uuid(&self) -> Option<String> {
        self.lookup.volumes().get(self.volume)?.device.partition.as_ref()?.uuid.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        discover::testing::{tree, volume, volumes},
        entry::FilesystemKind,
    };

    /// What `mkimage -T script` makes of it, as far as it is looked at; the script is filled up to 256 bytes.
    fn image(script: &str) -> String {
        let (header, more) = ("\0".repeat(26), "\0".repeat(33));
        format!("'\u{5}\u{19}V{header}\u{6}{more}\0\0\u{1}\0\0\0\0\0{script:256}")
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
            assert_eq!(found.default.is_none(), has_problem);
        }
    }
}
