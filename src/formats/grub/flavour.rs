//! What the distributions' builds of GRUB do differently.

/// One build's ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flavour {
    /// Whose it is.
    pub name: &'static str,
    /// `default` names an id first, then a title, and a number last; else a number comes before all names.
    pub id_before_number: bool,
    /// `\xHH` in unquoted text and in the kernel's arguments stays as it is.
    pub keep_hex_escapes: bool,
    /// `blscfg` puts entries in the order of their `version`, if every one of them has it, before that of their names.
    pub sorts_by_version: bool,
}

/// Words that tell a distribution whose GRUB is not upstream's: in os-release(5), in a path or in a configuration.
const WORDS: [(&str, &Flavour); 13] = [
    ("platform:el8", &RHEL8),
    ("suse", &SUSE),
    ("btrfs_relative_path", &SUSE),
    ("fedora", &FEDORA),
    ("rhel", &FEDORA),
    ("redhat", &FEDORA),
    ("centos", &FEDORA),
    ("rocky", &FEDORA),
    ("almalinux", &FEDORA),
    ("blscfg", &FEDORA),
    ("menu_auto_hide", &FEDORA),
    ("($root)/grub2", &FEDORA),
    ("/boot/grub2", &FEDORA),
];

impl Flavour {
    /// The build that words of a text tell, in whatever case; `None` if none does.
    #[must_use]
    pub fn by_words(text: &str) -> Option<&'static Self> {
        let text = text.to_ascii_lowercase();
        WORDS.iter().find(|(word, _)| text.contains(word)).map(|(_, flavour)| *flavour)
    }

    /// The build of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        [&UPSTREAM, &FEDORA, &RHEL8, &SUSE].into_iter().find(|flavour| flavour.name == name)
    }
}

/// GNU GRUB, and Debian, Ubuntu, Arch and whoever else builds it as it is.
pub const UPSTREAM: Flavour =
    Flavour { name: "upstream", id_before_number: false, keep_hex_escapes: false, sorts_by_version: false };

/// Fedora, RHEL and their kin.
pub const FEDORA: Flavour =
    Flavour { name: "fedora", id_before_number: true, keep_hex_escapes: true, ..UPSTREAM };

/// RHEL 8 and what is built from it.
pub const RHEL8: Flavour = Flavour { name: "rhel8", sorts_by_version: true, ..FEDORA };

/// openSUSE and SLE.
pub const SUSE: Flavour = Flavour { name: "suse", keep_hex_escapes: true, ..UPSTREAM };
