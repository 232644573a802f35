//! The words that an initrd needs to reach a root file system inside an encrypted container, a logical volume or an array: from
//! crypttab(5) and mdadm.conf(5), in the words of the tool that makes the distribution's initrds.

use super::system::{Family, System};
use crate::formats::{lines::lines, lookup::Lookup};

/// Words for the command line, each with the file that they come from.
pub(super) type Hints = Vec<(&'static str, String)>;

const CRYPTTAB: &str = "/etc/crypttab";

/// Hints for a root that fstab calls `source`; `is_plain` if it is known to be on a partition itself.
pub(super) fn of(lookup: &dyn Lookup, system: &System, source: &str, is_plain: bool) -> Hints {
    let mapped = source.strip_prefix("/dev/mapper/");
    let mut hints = Hints::new();
    if is_plain && mapped.is_none() {
        return hints;
    }
    let containers = system.read(lookup, CRYPTTAB).unwrap_or_default();
    let containers: Vec<(&str, &str)> = lines(&containers).filter_map(|(_, line)| container(line)).collect();
    let own = containers.iter().find(|(name, _)| Some(*name) == mapped);
    let needed = own.map_or(&containers[..], std::slice::from_ref);
    match system.family(lookup) {
        Family::Dracut => {
            for (_, uuid) in needed {
                hints.push((CRYPTTAB, format!("rd.luks.uuid=luks-{uuid}")));
            }
            hints.extend(logical_volume(source).filter(|_| own.is_none()).map(|name| ("/etc/fstab", name)));
            for path in ["/etc/mdadm.conf", "/etc/mdadm/mdadm.conf"] {
                let text = system.read(lookup, path).unwrap_or_default();
                for array in lines(&text).filter(|(_, line)| line.starts_with("ARRAY ")) {
                    let uuid = array.1.split_whitespace().find_map(|word| word.strip_prefix("UUID="));
                    hints.extend(uuid.map(|uuid| (path, format!("rd.md.uuid={uuid}"))));
                }
            }
        }
        Family::Arch => {
            let settings = system.read(lookup, "/etc/mkinitcpio.conf").unwrap_or_default();
            let hooks = lines(&settings).filter(|(_, line)| line.starts_with("HOOKS")).last();
            let by_systemd = hooks.is_some_and(|(_, line)| line.contains("sd-encrypt"));
            for (name, uuid) in needed {
                let word = match by_systemd {
                    true => format!("rd.luks.name={uuid}={name}"),
                    false => format!("cryptdevice=UUID={uuid}:{name}"),
                };
                hints.push((CRYPTTAB, word));
            }
        }
        Family::Alpine => {
            if let Some((name, uuid)) = needed.first() {
                hints.push((CRYPTTAB, format!("cryptroot=UUID={uuid} cryptdm={name}")));
            }
        }
        // Debian's initrds hold what crypttab says; of others nothing is known.
        Family::Debian | Family::Other => {}
    }
    hints
}

/// Name and UUID of a container that somebody or a key file opens at boot.
fn container(line: &str) -> Option<(&str, &str)> {
    let mut fields = line.split_whitespace();
    let (name, source) = (fields.next()?, fields.next()?);
    let options = fields.nth(1).unwrap_or_default();
    let later = options.split(',').any(|option| matches!(option, "noauto" | "swap" | "tmp"));
    Some((name, source.strip_prefix("UUID=")?.trim_matches('"'))).filter(|_| !later)
}

/// `/dev/mapper/GROUP-VOLUME`, where a dash in a name is doubled, or `/dev/GROUP/VOLUME`.
fn logical_volume(source: &str) -> Option<String> {
    let source = source.strip_prefix("/dev/")?;
    let name = match source.strip_prefix("mapper/") {
        Some(mapped) => {
            let (group, volume) = mapped
                .replace("--", "\0")
                .split_once('-')
                .map(|(group, volume)| (group.replace('\0', "-"), volume.replace('\0', "-")))?;
            format!("{group}/{volume}")
        }
        None if source.contains('/') && !source.starts_with("disk/") => source.to_owned(),
        None => return None,
    };
    Some(format!("rd.lvm.lv={name}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        discover::testing::{tree, volume, volumes},
        entry::FilesystemKind,
    };

    type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str, bool, &'a [&'a str]);

    #[test]
    fn each_distributions_initrd_gets_its_own_words() {
        let luks = (
            "etc/crypttab",
            "# name source key options\nluks-1 UUID=aa none discard\nswap /dev/sda3 /dev/urandom swap\ndata UUID=bb none noauto\n",
        );
        let array = ("etc/mdadm.conf", "MAILADDR root\nARRAY /dev/md/root level=raid1 UUID=1:2:3:4\n");
        let hooks = ("etc/mkinitcpio.conf", "#HOOKS=(encrypt)\nHOOKS=(base systemd sd-encrypt)\n");
        let cases: [Case<'_>; 9] = [
            (
                "fedora",
                &[luks],
                "/dev/mapper/fedora-root",
                false,
                &["rd.luks.uuid=luks-aa", "rd.lvm.lv=fedora/root"],
            ),
            ("fedora", &[luks], "/dev/mapper/luks-1", false, &["rd.luks.uuid=luks-aa"]),
            ("opensuse-leap", &[], "/dev/my--vg/root", false, &["rd.lvm.lv=my--vg/root"]),
            ("rhel", &[], "/dev/mapper/my--vg-lv--0", true, &["rd.lvm.lv=my-vg/lv-0"]),
            ("fedora", &[array], "UUID=1", false, &["rd.md.uuid=1:2:3:4"]),
            ("fedora", &[luks, array], "UUID=1", true, &[]),
            ("arch", &[luks], "/dev/mapper/luks-1", false, &["cryptdevice=UUID=aa:luks-1"]),
            ("arch", &[luks, hooks], "/dev/mapper/luks-1", false, &["rd.luks.name=aa=luks-1"]),
            ("debian", &[luks, array], "/dev/mapper/vg-root", false, &[]),
        ];
        for (id, files, source, is_plain, expected) in cases {
            let release = format!("ID={id}\n");
            let tree = tree(&[files, &[("etc/os-release", release.as_str())]].concat());
            let lookup = volumes(&[(&tree, volume("sda2", FilesystemKind::Ext4))]);
            let system = System { volume: 0, prefix: String::new() };
            let hints = of(&lookup, &system, source, is_plain);
            let words: Vec<&str> = hints.iter().map(|(_, words)| words.as_str()).collect();
            assert_eq!(words, expected, "{id} {source}");
        }
    }
}
