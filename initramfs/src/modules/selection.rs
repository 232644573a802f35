//! Which modules the groups come to on a certain kernel: what they name, and all that this needs.

use super::{Group, Index};
use std::collections::BTreeSet;

/// What one group came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// The group's name.
    pub group: &'static str,
    /// Paths below the module tree, sorted; what several groups need stands with the first.
    pub paths: Vec<String>,
    /// Modules of the group that the kernel has built in, sorted.
    pub built_in: Vec<String>,
}

/// What all groups came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// Group by group, in the order of the table.
    pub groups: Vec<Chosen>,
    /// The tables of depmod(8), cut down to these modules: PID 1 reads them at each boot.
    pub tables: Vec<(&'static str, String)>,
}

/// Takes the modules that the groups name, with everything that they need, loaded before them or asked for beside them.
#[must_use]
pub fn select<'a>(index: &Index, groups: impl IntoIterator<Item = &'a Group>) -> Selection {
    let mut taken = BTreeSet::new();
    let mut built_in = BTreeSet::new();
    let mut chosen = Vec::new();
    for group in groups {
        let mut waiting: Vec<&str> =
            index.paths.keys().map(String::as_str).filter(|name| group.takes(name)).collect();
        let mut paths = BTreeSet::new();
        while let Some(module) = waiting.pop() {
            let Some(path) = index.paths.get(module).filter(|_| taken.insert(module.to_owned())) else {
                continue;
            };
            paths.insert(path.clone());
            waiting.extend(index.dependencies(module));
        }
        let inside: Vec<String> = index.built_in.iter().filter(|name| group.takes(name)).cloned().collect();
        built_in.extend(inside.iter().cloned());
        chosen.push(Chosen { group: group.name, paths: paths.into_iter().collect(), built_in: inside });
    }
    let tables = index.filtered(|module| taken.contains(module) || built_in.contains(module)).collect();
    Selection { groups: chosen, tables }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEPENDENCIES: &str = "\
kernel/fs/ext4/ext4.ko.xz: kernel/lib/crc16.ko.xz kernel/fs/mbcache.ko.xz kernel/fs/jbd2/jbd2.ko.xz
kernel/lib/crc16.ko.xz:
kernel/fs/mbcache.ko.xz:
kernel/fs/jbd2/jbd2.ko.xz:
kernel/arch/x86/crypto/crc32c-intel.ko.xz:
kernel/crypto/crc32c_generic.ko.xz:
kernel/drivers/usb/host/xhci-pci.ko.xz: kernel/drivers/usb/host/xhci-hcd.ko.xz
kernel/drivers/usb/host/xhci-hcd.ko.xz:
kernel/sound/soundcore.ko.xz:
";
    const SOFT: &str = "\
# Soft dependencies extracted from modules themselves.
softdep ext4 pre: crypto-crc32c
softdep snd_hda post: snd-codec
";
    const ALIASES: &str = "\
# Aliases extracted from modules themselves.
alias fs-ext4 ext4
alias crypto-crc32c crc32c_intel
alias crypto-crc32c crc32c_generic
alias pci:v*d*sv*sd*bc0Csc03i30* xhci_pci
alias char-major-14-* soundcore
";
    const BUILT_IN: &str = "kernel/drivers/input/keyboard/atkbd.ko\nkernel/mm/zswap.ko\n";

    const fn group(name: &'static str, modules: &'static [&'static str]) -> Group {
        Group { name, modules }
    }

    fn strings(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn brings_hard_and_soft_dependencies_and_cuts_the_tables_down() {
        let index = Index::parse(DEPENDENCIES, SOFT, ALIASES, BUILT_IN);
        let groups = [
            group("file-systems", &["ext4", "xfs"]),
            group("checksums", &["crc32c_generic"]),
            group("input", &["xhci_pci", "atkbd"]),
        ];
        let selection = select(&index, &groups);
        let expected = [
            Chosen {
                group: "file-systems",
                paths: strings(&[
                    "kernel/arch/x86/crypto/crc32c-intel.ko.xz",
                    "kernel/crypto/crc32c_generic.ko.xz",
                    "kernel/fs/ext4/ext4.ko.xz",
                    "kernel/fs/jbd2/jbd2.ko.xz",
                    "kernel/fs/mbcache.ko.xz",
                    "kernel/lib/crc16.ko.xz",
                ]),
                built_in: vec![],
            },
            Chosen { group: "checksums", paths: vec![], built_in: vec![] },
            Chosen {
                group: "input",
                paths: strings(&[
                    "kernel/drivers/usb/host/xhci-hcd.ko.xz",
                    "kernel/drivers/usb/host/xhci-pci.ko.xz",
                ]),
                built_in: strings(&["atkbd"]),
            },
        ];
        assert_eq!(selection.groups, expected);
        let sound = "kernel/sound/soundcore.ko.xz:\n";
        let aliases: Vec<_> = ALIASES.lines().skip(1).take(4).flat_map(|line| [line, "\n"]).collect();
        let tables = [
            ("modules.dep", DEPENDENCIES.replace(sound, "")),
            ("modules.softdep", "softdep ext4 pre: crypto-crc32c\n".to_owned()),
            ("modules.alias", aliases.concat()),
            ("modules.builtin", "kernel/drivers/input/keyboard/atkbd.ko\n".to_owned()),
        ];
        assert_eq!(selection.tables, tables);
    }

    #[test]
    fn dependencies_in_a_circle_end() {
        let index = Index::parse("a.ko: b.ko\nb.ko: a.ko\n", "softdep a post: a\n", "", "");
        let selection = select(&index, &[group("circle", &["a"])]);
        assert_eq!(selection.groups[0].paths, ["a.ko", "b.ko"]);
    }
}
