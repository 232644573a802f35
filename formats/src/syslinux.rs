//! Configurations of SYSLINUX, EXTLINUX, ISOLINUX and PXELINUX (the Syslinux Project's syslinux.txt, menu.txt), and
//! U-Boot's dialect of them (U-Boot, boot/pxe_utils.c).

mod include;
mod modules;
mod parser;
pub mod saved;
mod u_boot;
pub mod words;

use parser::{LABEL_LIMIT, Parser};
use u_boot::UbootParser;

use crate::{
    entry::{Lock, Password},
    lookup::Include,
    name_table::NameTable,
};

/// Whose rules a configuration is read by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// The Syslinux Project's loaders.
    Syslinux,
    /// U-Boot's, and of those who imitate it.
    Uboot,
}

/// The bit for `FSUUID=`, the UUID of the file system that the configuration is on.
pub const FSUUID: u32 = 1 << 18;

/// The bits for `ip=` and `BOOTIF=`, which are known where the network booted.
pub const NETWORK: u32 = 3;

/// The program of a label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Program {
    /// A kernel.
    Linux(String),
    /// A module of the loader (`chain.c32`, `mboot.c32`), or a boot sector.
    Other(String),
    /// Another configuration, read in place of this one.
    Configuration(String),
    /// The same, which a menu shows.
    Menu(String),
    /// The next boot device, as the firmware counts.
    LocalBoot,
}

/// A label: one entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Its name.
    pub name: String,
    /// Title in the menu.
    pub title: String,
    /// Titles of the menus around it, outermost first.
    pub path_in_menu: Vec<String>,
    /// Its program.
    pub program: Program,
    /// Its arguments: its own, or those for all labels.
    pub append: String,
    /// Its initrds, in order.
    pub initrds: Vec<String>,
    /// Device tree.
    pub devicetree: Option<String>,
    /// Directory that U-Boot takes the device tree for its board from.
    pub devicetree_directory: Option<String>,
    /// U-Boot puts overlays on the device tree.
    pub has_overlays: bool,
    /// Which words about the machine the loader adds to the command line, one bit each ([`FSUUID`] and its like).
    pub system_words: u32,
    /// The menu does not show it.
    pub hidden: bool,
    /// The menu keeps it as its choice when a person chooses it.
    pub is_kept: bool,
    /// The menu asks for a password before it boots it.
    pub lock: Option<Lock>,
    /// The file that it is in, as [`read`] was given it or as it was included.
    pub file: String,
    /// Line on which it begins, from 1.
    pub line: u32,
}

/// A configuration with all that it includes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Configuration {
    /// Labels in the order of the menu.
    pub labels: Vec<Label>,
    /// Name of the label that boots on its own.
    pub default: Option<String>,
    /// Seconds until it does; `None` waits for a person.
    pub timeout: Option<u32>,
    /// The menu shows itself only when a key is pressed.
    pub is_hidden: bool,
    /// The menu asks for a password before its prompt and its editor.
    pub lock: Option<Lock>,
    /// The passwords to which the locks refer.
    pub passwords: Vec<Password>,
    /// The menu remembers what was chosen last.
    pub keeps_choice: bool,
    /// What could not be read, with its place: files that are included, and labels beyond the limit.
    pub lost: Vec<(String, u32, String)>,
}

impl Configuration {
    /// Whether there is room for one more label; the first one for which there is none is noted.
    fn has_room(&mut self, file: &str, line: u32) -> bool {
        if self.labels.len() < LABEL_LIMIT {
            return true;
        }
        let message = format!("only the first {LABEL_LIMIT} labels are read");
        if !self.lost.iter().any(|(.., known)| *known == message) {
            self.lost.push((file.to_owned(), line, message));
        }
        false
    }
}

/// The names of a configuration's labels, which may be thousands.
#[derive(Default)]
struct LabelNames(NameTable<Named>);

/// The labels of one name, by their places in the list.
struct Named {
    count: usize,
    first: usize,
    last: usize,
}

impl LabelNames {
    /// Notes the name of the label at a place; gives how many have it by now.
    fn note(&mut self, name: &str, place: usize) -> usize {
        if let Some(named) = self.0.get_mut(name) {
            (named.count, named.last) = (named.count.saturating_add(1), place);
            return named.count;
        }
        self.0.insert(name.to_owned(), Named { count: 1, first: place, last: place });
        1
    }

    fn first(&self, name: &str) -> Option<usize> {
        self.0.get(name).map(|named| named.first)
    }

    fn last(&self, name: &str) -> Option<usize> {
        self.0.get(name).map(|named| named.last)
    }
}

/// Reads a configuration; `is_shown`: a menu was told to show it. `include` gives the text of further files, named as they are in the
/// configuration.
pub fn read(file: &str, text: &str, dialect: Dialect, is_shown: bool, include: Include<'_>) -> Configuration {
    match dialect {
        Dialect::Syslinux => {
            let mut parser = Parser::new(include, is_shown);
            parser.file(file, text);
            parser.finish()
        }
        Dialect::Uboot => {
            let mut parser = UbootParser::new(include);
            parser.file(file, text);
            parser.finish()
        }
    }
}

#[cfg(test)]
pub(in crate::syslinux) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::lookup::LookupError;

    pub fn label(name: &str, program: Program, append: &str, line: u32) -> Label {
        Label {
            name: name.into(),
            title: name.into(),
            path_in_menu: vec![],
            program,
            append: append.into(),
            initrds: vec![],
            devicetree: None,
            devicetree_directory: None,
            has_overlays: false,
            system_words: 0,
            hidden: false,
            is_kept: false,
            lock: None,
            file: "syslinux.cfg".into(),
            line,
        }
    }

    pub fn linux(path: &str) -> Program {
        Program::Linux(path.into())
    }

    pub fn read_alone(text: &str, dialect: Dialect) -> Configuration {
        read("syslinux.cfg", text, dialect, false, &mut |_| Err(LookupError::Missing))
    }

    #[test]
    fn labels_take_their_own_arguments_or_those_for_all() {
        let text = "# comment\r\nDEFAULT linux\nPROMPT 0\nAPPEND all\nLABEL linux\n  kernel vmlinuz\n  append root=/dev/sda1  ro \n\
                    label bare\n  LINUX ../vmlinuz.c32\nlabel none\n kernel /k\n append -\n initrd a,b\nlabel k2\n\
                    LABEL local\n LOCALBOOT 0x80\nlabel chain\n com32 chain.c32\n append hd0\nlabel auto\n kernel memtest.bin\n";
        let expected = Configuration {
            labels: vec![
                label("linux", linux("vmlinuz"), "root=/dev/sda1  ro", 5),
                label("bare", linux("../vmlinuz.c32"), "all", 8),
                Label { initrds: vec!["a".into(), "b".into()], ..label("none", linux("/k"), "", 10) },
                label("k2", linux("k2"), "all", 14),
                label("local", Program::LocalBoot, "all", 15),
                label("chain", Program::Other("chain.c32".into()), "hd0", 17),
                label("auto", Program::Other("memtest.bin".into()), "all", 20),
            ],
            default: Some("linux".into()),
            timeout: Some(0),
            is_hidden: false,
            lock: None,
            passwords: Vec::new(),
            keeps_choice: false,
            lost: vec![],
        };
        assert_eq!(read_alone(text, Dialect::Syslinux), expected);
    }

    #[test]
    fn menus_have_titles_submenus_and_a_default_of_their_own() {
        let text = "UI vesamenu.c32\nTIMEOUT 55\nMENU TITLE Boot\nDEFAULT a\n\
                    LABEL a\nMENU LABEL ^Alpha\nKERNEL k\nTEXT HELP\nlabel nothing\nENDTEXT\n\
                    MENU BEGIN more\nMENU TITLE More ^things\nLABEL b\nMENU LABEL Be^ta\nMENU DEFAULT\nKERNEL k\n\
                    MENU END\nLABEL c\nMENU HIDE\nKERNEL k\nLABEL d\nMENU DISABLE\nMENU SEPARATOR\n";
        let expected = Configuration {
            labels: vec![
                Label { title: "Alpha".into(), ..label("a", linux("k"), "", 5) },
                Label {
                    title: "Beta".into(),
                    path_in_menu: vec!["More things".into()],
                    ..label("b", linux("k"), "", 13)
                },
                Label { hidden: true, ..label("c", linux("k"), "", 18) },
            ],
            default: Some("a".into()),
            timeout: Some(6),
            is_hidden: false,
            lock: None,
            passwords: Vec::new(),
            keeps_choice: false,
            lost: vec![],
        };
        assert_eq!(read_alone(text, Dialect::Syslinux), expected);
    }

    #[test]
    fn labels_may_be_other_menus_or_no_entries_at_all() {
        let text = "MENU HIDDEN\nui menu.c32\nsysappend 0x40000\nlabel sub\n kernel vesamenu.c32\n append more.cfg\n\
                    label config\n config /other.cfg\nlabel back\n menu goto top\nlabel out\n menu exit\n\
                    label again\n com32 /boot/menu.c32\n append ~\nlabel alone\n kernel menu.c32\n ipappend 3\nMENU SAVE\n";
        let expected = Configuration {
            labels: vec![
                Label {
                    system_words: FSUUID,
                    ..label("sub", Program::Menu("more.cfg".into()), "more.cfg", 4)
                },
                Label {
                    system_words: FSUUID,
                    ..label("config", Program::Configuration("/other.cfg".into()), "", 7)
                },
                Label {
                    system_words: FSUUID,
                    ..label("again", Program::Other("/boot/menu.c32".into()), "~", 13)
                },
                Label {
                    system_words: NETWORK,
                    is_kept: true,
                    ..label("alone", Program::Other("menu.c32".into()), "", 16)
                },
            ],
            default: Some("sub".into()),
            timeout: None,
            is_hidden: true,
            lock: None,
            passwords: Vec::new(),
            keeps_choice: true,
            lost: vec![],
        };
        assert_eq!(read_alone(text, Dialect::Syslinux), expected);
    }

    /// Syslinux 6.03, com32/elflink/ldlinux/readconfig.c (`record`, `new_menu`) and com32/menu/menumain.c (`KEY_ENTER`).
    #[test]
    fn a_menu_keeps_what_is_chosen_in_it_as_its_menus_and_labels_say() {
        let labels = "label a\n kernel k\n menu nosave\nlabel b\n kernel k\n menu save\nlabel c\n kernel k\n\
                      label locked\n kernel k\n menu save\n menu passwd x\n\
                      menu begin\nlabel d\n kernel k\nmenu nosave\nlabel e\n kernel k\nmenu end\nlabel f\n kernel k\n\
                      menu begin\nmenu nosave\nlabel g\n kernel k\nmenu end\n";
        for (head, is_shown, expected) in [
            ("ui menu.c32\n", false, "b"),
            ("ui menu.c32\nmenu save\n", false, "b c e f"),
            ("menu save\n", true, "b c e f"),
            // Its prompt keeps nothing.
            ("menu save\n", false, ""),
        ] {
            let text = format!("{head}{labels}");
            let found = read("x.cfg", &text, Dialect::Syslinux, is_shown, &mut |_| Err(LookupError::Missing));
            let kept = found.labels.iter().filter(|label| label.is_kept).map(|label| label.name.as_str());
            let kept = kept.collect::<Vec<_>>().join(" ");
            assert_eq!((&*kept, found.keeps_choice), (expected, !expected.is_empty()), "{head} {is_shown}");
        }
    }

    #[test]
    fn modules_that_only_choose_or_load_come_to_what_they_choose_or_load() {
        let text = "default start\nlabel start\n com32 boot/ifcpu64.c32\n append big more -- small\n\
                    label big\n kernel k\n append a\n initrd i\nlabel small\n kernel s\n\
                    label cpu\n kernel ifcpu.c32\n append pae 64 -- small -- big\n\
                    label host\n com32 IFCPU.c32 hypervisor -- small -- other x  y\n\
                    label sys\n com32 whichsys.c32\n append -pxe- no -sys- small quiet -iso- no\n\
                    label load\n com32 linux.c32 other initrd=j\n\
                    label round\n com32 ifcpu64.c32 about\nlabel about\n com32 ifcpu64.c32 round\n\
                    label none\n com32 ifcpu64.c32\n";
        let found = read_alone(text, Dialect::Syslinux);
        let shown: Vec<_> = found
            .labels
            .iter()
            .map(|it| (it.name.as_str(), it.program.clone(), it.append.as_str(), it.initrds.join(",")))
            .collect();
        let module = |name: &str| Program::Other(name.into());
        let expected = [
            ("start", linux("k"), "a more", "i"),
            ("big", linux("k"), "a", "i"),
            ("small", linux("s"), "", ""),
            ("cpu", linux("s"), "", ""),
            ("host", linux("other"), "x y", ""),
            ("sys", linux("s"), "quiet", ""),
            ("load", linux("other"), "initrd=j", ""),
            ("round", module("ifcpu64.c32"), "about", ""),
            ("about", module("ifcpu64.c32"), "round", ""),
            ("none", module("ifcpu64.c32"), "", ""),
        ];
        assert_eq!(
            shown,
            expected.map(|(name, program, append, initrds)| (name, program, append, initrds.into()))
        );
        assert_eq!((found.default.as_deref(), found.timeout), (Some("start"), Some(0)));
        // A label that leads to a menu is followed to it.
        for (menu, default, timeout) in [
            ("label sys\n config sys.cfg\n", "sys", Some(0)),
            ("timeout 30\nlabel a\n kernel k\n menu default\nlabel sys\n com32 menu.c32\n", "a", Some(3)),
        ] {
            let start = "default start\nlabel start\n com32 whichsys.c32 -iso- no -sys- sys\n";
            let found = read_alone(&format!("{start}{menu}"), Dialect::Syslinux);
            assert_eq!((found.default.as_deref(), found.timeout), (Some(default), timeout), "{menu}");
        }
    }

    #[test]
    fn labels_that_lead_to_a_long_one_take_no_more_memory_than_a_file() {
        let lead = "label a\ncom32 ifcpu64.c32 long\n".repeat(1000);
        let text = format!("label long\nkernel k\nappend {}\n{lead}", "x".repeat(100_000));
        let found = read_alone(&text, Dialect::Syslinux);
        let long = found.labels.iter().filter(|label| label.append.len() == 100_000).count();
        assert_eq!((found.labels.len(), long), (1001, 11));
    }

    #[test]
    fn files_are_included_and_loops_end() {
        let mut include = |path: &str| match path {
            "a.cfg" => Ok("label a\nkernel k\ninclude syslinux.cfg\n".into()),
            "syslinux.cfg" => Ok("include a.cfg\n".into()),
            _ => Err(LookupError::Missing),
        };
        let text = "include a.cfg\nmenu include gone.cfg Other\n";
        let found = read("syslinux.cfg", text, Dialect::Syslinux, false, &mut include);
        assert_eq!(found.labels.len(), 1);
        assert_eq!(found.labels[0].file, "a.cfg");
        assert_eq!(
            found.lost.last(),
            Some(&("syslinux.cfg".into(), 2, "gone.cfg: no such file: the file's entries are lost".into()))
        );
    }

    #[test]
    fn the_prompt_and_a_raw_command_decide_what_boots() {
        for (text, default, timeout) in [
            ("label a\nkernel k", Some("a"), None),
            ("default a\nlabel a\nkernel k", Some("a"), Some(0)),
            ("default a\nprompt 1\ntimeout 100\nlabel a\nkernel k", Some("a"), Some(10)),
            ("default a\nprompt 1\nlabel a\nkernel k", Some("a"), None),
            ("default menu.c32\nlabel a\nkernel k", Some("a"), None),
            ("ui menu.c32\ntimeout 1\nontimeout b\nlabel a\nkernel k\nlabel b\nkernel k", Some("b"), Some(1)),
            ("default vmlinuz root=/dev/sda1\nlabel a\nkernel k", Some("vmlinuz"), Some(0)),
            ("", None, None),
        ] {
            let found = read_alone(text, Dialect::Syslinux);
            assert_eq!((found.default.as_deref(), found.timeout), (default, timeout), "{text}");
        }
        let raw = read_alone("default vmlinuz root=/dev/sda1\nlabel a\nkernel k", Dialect::Syslinux);
        let expected = Label {
            title: "vmlinuz root=/dev/sda1".into(),
            ..label("vmlinuz", linux("vmlinuz"), "root=/dev/sda1", 1)
        };
        assert_eq!(raw.labels.last(), Some(&expected));
    }

    #[test]
    fn the_menu_that_is_shown_first_decides_what_boots() {
        let inner = "label b\nkernel k\nmenu begin\nlabel c\nkernel k\nmenu default\nmenu end\n";
        for (text, default, timeout) in [
            // A menu inside has a default of its own.
            ("default menu.c32", "b", None),
            ("default menu.c32\nmenu start", "b", None),
            ("default menu\nprompt 0\ntimeout 200\nontimeout b", "b", Some(20)),
            (
                "default menu.c32\nmenu begin\nmenu start\ntimeout 30\nlabel d\nkernel k\nmenu end",
                "d",
                Some(3),
            ),
            ("ui menu.c32\ntimeout 90\ntotaltimeout 50\ndefault c", "c", Some(5)),
            ("ui gfxboot bootlogo\ndefault b", "b", None),
            ("gfxboot bootlogo\ndefault b", "b", None),
            // The timeout of an outer menu is that of those inside, too.
            ("timeout 20\nontimeout b\nui menu.c32\ndefault c", "b", Some(2)),
            // A label may show the menu that it stands in.
            ("default m\ntimeout 10\nlabel m\nmenu hide\nkernel vesamenu.c32", "b", Some(1)),
            // A command boots after the timeout: a label's, one like it, or none of them.
            ("timeout 10\nontimeout k x\nui menu.c32\nlabel x\nkernel k\nappend x", "x", Some(1)),
            ("timeout 10\nontimeout b y\nui menu.c32", "b y", Some(1)),
            ("timeout 10\nontimeout k y\nui menu.c32", "k", Some(1)),
            ("ontimeout c\nui menu.c32", "b", None),
        ] {
            let found = read_alone(&format!("{text}\n{inner}"), Dialect::Syslinux);
            assert_eq!((found.default.as_deref(), found.timeout), (Some(default), timeout), "{text}");
        }
        let found = read_alone(
            "timeout 9\nontimeout a y\nui menu.c32\nlabel a\nlinux k\nappend x",
            Dialect::Syslinux,
        );
        let added = Label { title: "a y".into(), hidden: true, ..label("a y", linux("k"), "x y", 2) };
        assert_eq!(found.labels, [label("a", linux("k"), "x", 4), added]);
    }

    #[test]
    fn names_have_blanks_and_kernels_arguments() {
        let found = read_alone("label Live CD\nkernel k one\nappend two\n", Dialect::Syslinux);
        assert_eq!(found.labels, [label("Live CD", linux("k"), "one two", 1)]);
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text: String, lines in prop::collection::vec("(?i)(label|menu|kernel|append|include|text help|default|timeout|menu begin|menu end|initrd) .{0,8}", 0..20)) {
            for dialect in [Dialect::Syslinux, Dialect::Uboot] {
                let _ = read("a", &format!("{text}\n{}", lines.join("\n")), dialect, true, &mut |_| Ok(text.clone()));
            }
        }
    }
}
