//! Which modules the groups come to on a certain kernel: what they name, and all that this needs.

use super::Group;
use super::tables::{Tables, module_name};
use firstlight::formats::modules::{Index, Modules};
use std::collections::BTreeSet;

/// The modules of one group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// The group's name.
    pub group: &'static str,
    /// Paths below the module tree, sorted; a module that several groups need is with the first.
    pub paths: Vec<String>,
    /// Modules of the group that the kernel has built in, sorted.
    pub built_in: Vec<String>,
}

/// The modules of all groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// Group by group, in the order of the table.
    pub groups: Vec<Chosen>,
    /// The tables of depmod(8), cut down to these modules: PID 1 reads them at each boot.
    pub tables: Tables,
}

/// Takes the modules that the groups name, with everything that they need, loaded before them or asked for beside them.
#[must_use]
pub fn select<'a>(tables: &Tables, groups: impl IntoIterator<Item = &'a Group>) -> Selection {
    let modules = parse(tables);
    let mut taken = BTreeSet::new();
    let mut groups_chosen = Vec::new();
    for group in groups {
        let named = tables.paths().map(module_name).filter(|name| group.takes(name));
        let files = named.filter_map(|name| modules.resolve(&name)).flatten();
        let paths: BTreeSet<String> =
            files.filter(|path| taken.insert(module_name(path))).map(str::to_owned).collect();
        let built_in: BTreeSet<String> =
            tables.builtin.lines().map(module_name).filter(|name| group.takes(name)).collect();
        groups_chosen.push(Chosen {
            group: group.name,
            paths: paths.into_iter().collect(),
            built_in: built_in.into_iter().collect(),
        });
    }
    selection(tables, groups_chosen)
}

/// Takes the modules that requests mean (names, or what devices are known by), with everything that they need.
#[must_use]
pub fn select_for(tables: &Tables, requests: &[String]) -> Selection {
    let modules = parse(tables);
    let paths: BTreeSet<&str> =
        requests.iter().filter_map(|request| modules.resolve(request)).flatten().collect();
    let wanted: BTreeSet<String> = requests.iter().map(|request| module_name(request)).collect();
    let built_in: BTreeSet<String> =
        tables.builtin.lines().map(module_name).filter(|name| wanted.contains(name)).collect();
    let chosen = Chosen {
        group: "machine",
        paths: paths.into_iter().map(str::to_owned).collect(),
        built_in: built_in.into_iter().collect(),
    };
    selection(tables, vec![chosen])
}

fn parse(tables: &Tables) -> Modules<'_> {
    Modules::parse(&Index {
        dependencies: &tables.dependencies,
        aliases: &tables.aliases,
        soft_dependencies: &tables.soft_dependencies,
        builtin: &tables.builtin,
        builtin_information: "",
    })
    .filed()
}

/// The chosen modules, with the tables cut down to them.
fn selection(tables: &Tables, groups: Vec<Chosen>) -> Selection {
    let files = groups.iter().flat_map(|chosen| chosen.paths.iter().map(|path| module_name(path)));
    let built_in = groups.iter().flat_map(|chosen| chosen.built_in.iter().cloned());
    let taken: BTreeSet<String> = files.chain(built_in).collect();
    Selection { groups, tables: tables.filtered(|module| taken.contains(module)) }
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
        let tables = Tables {
            dependencies: DEPENDENCIES.to_owned(),
            aliases: ALIASES.to_owned(),
            soft_dependencies: SOFT.to_owned(),
            builtin: BUILT_IN.to_owned(),
        };
        let groups = [
            group("file-systems", &["ext4", "xfs"]),
            group("checksums", &["crc32c_generic"]),
            group("input", &["xhci_pci", "atkbd"]),
        ];
        let selection = select(&tables, &groups);
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
        let expected = Tables {
            dependencies: DEPENDENCIES.replace(sound, ""),
            aliases: aliases.concat(),
            soft_dependencies: "softdep ext4 pre: crypto-crc32c\n".to_owned(),
            builtin: "kernel/drivers/input/keyboard/atkbd.ko\n".to_owned(),
        };
        assert_eq!(selection.tables, expected);
    }

    #[test]
    fn a_machine_gets_what_its_devices_and_file_systems_ask_for() {
        let tables = Tables {
            dependencies: DEPENDENCIES.to_owned(),
            aliases: ALIASES.to_owned(),
            soft_dependencies: SOFT.to_owned(),
            builtin: BUILT_IN.to_owned(),
        };
        let requests =
            ["pci:v00001B36d0000000Dsv00001AF4sd00001100bc0Csc03i30", "ext4", "atkbd", "usb:v1", "nvme"];
        let selection = select_for(&tables, &requests.map(str::to_owned));
        let expected = [Chosen {
            group: "machine",
            paths: strings(&[
                "kernel/arch/x86/crypto/crc32c-intel.ko.xz",
                "kernel/crypto/crc32c_generic.ko.xz",
                "kernel/drivers/usb/host/xhci-hcd.ko.xz",
                "kernel/drivers/usb/host/xhci-pci.ko.xz",
                "kernel/fs/ext4/ext4.ko.xz",
                "kernel/fs/jbd2/jbd2.ko.xz",
                "kernel/fs/mbcache.ko.xz",
                "kernel/lib/crc16.ko.xz",
            ]),
            built_in: strings(&["atkbd"]),
        }];
        assert_eq!(selection.groups, expected);
        assert!(!selection.tables.dependencies.contains("soundcore"));
        assert!(selection.tables.aliases.contains("xhci_pci"));
    }

    #[test]
    fn dependencies_in_a_circle_end() {
        let tables = Tables {
            dependencies: "a.ko: b.ko\nb.ko: a.ko\n".to_owned(),
            soft_dependencies: "softdep a post: a\n".to_owned(),
            ..Tables::default()
        };
        let selection = select(&tables, &[group("circle", &["a"])]);
        assert_eq!(selection.groups[0].paths, ["a.ko", "b.ko"]);
    }
}
